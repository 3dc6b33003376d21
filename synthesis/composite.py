"""A clear tile becomes a cloudy one: rho = t * S * rho_surface + rho_cloud, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import floor

import cv2
import numpy as np

from ..datasets.bands import NIR, BandSet
from ..datasets.errors import BandError, ValueRangeError
from ..datasets.pair import CloudParams, CloudyPair
from ..datasets.tile import (
    CLEAR,
    SHADOW,
    THICK,
    THIN,
    BoolArray,
    ByteArray,
    CloudMask,
    FloatArray,
    Tile,
)
from .adjacency import glow, spectrum
from .atmosphere import ozone_transmittance
from .blocks import blocks
from .clouds import CloudPlane
from .painting import Shade, paint_layer, paint_shadow
from .parallax import band_shifts
from .sampler import CloudSampler
from .shadows import penumbra_px, pixel_size_m, shadow_shift
from .sunlight import Sunlight

THICK_TAU = 3.6
"""Optical thickness from which a cloud counts as thick (thin below: ISCCP's limit, Rossow &
Schiffer 1999); two thirds of the surface's contrast are gone there."""
SHADOW_LIMIT = 0.85
"""A shadow is painted, and labelled, where less than this share of near-infrared light is left."""
SHADOW_FULL = 0.75
"""From here on it is painted in full; between the two it fades, so that it has no hard edge."""


def cloudify(
    tile: Tile,
    clouds: CloudParams | Sequence[CloudParams] | CloudSampler | np.random.Generator,
    preset: str = "mixed",
    rng: np.random.Generator | None = None,
) -> CloudyPair:
    """Paint clouds and their shadows on ``tile``.

    Args:
        tile: reflectance without clouds. Invalid pixels stay as they are, but clouds over them
            cast shadows beside them. Values below 0 or above 1 are taken as they are.
        clouds: the layers; or a sampler to draw them with ``rng``; or a generator to draw them
            of ``preset`` with. The sun of what is drawn is the tile's, where it is known.
        preset: key of ``PRESETS``; used with a generator only.
        rng: source of randomness; used with a sampler only.

    Returns:
        The pair. Clear pixels equal the input bit for bit; where ``tile.stored`` is set, new
        values are encoded into it and read back, as a product would hold them.

    Raises:
        GridError: the tile's pixel size is not known.
        BandError: a spectral band has no wavelength.
        ValueRangeError: layers under different suns, a sun below the horizon, or a sampler
            without a generator.
        UsageError: there is no such preset.
    """
    _check_wavelengths(tile)
    layers = _layers(tile, clouds, preset, rng)
    gsd_m = pixel_size_m(tile)
    parallax = [band_shifts(layer.base_m * layer.parallax, tile) for layer in layers]
    planes = []
    for i, (layer, shifts) in enumerate(zip(layers, parallax, strict=True)):
        floors = (0.0, *(lower.base_m for lower in layers[:i]))
        shadows = {shadow_shift(layer, tile, above_m) for above_m in floors}
        step = max(1, floor(penumbra_px(layer, gsd_m, floors[-1])))
        planes.append(CloudPlane(layer, tile.valid, gsd_m, shifts, shadows, step))

    data = tile.data.copy()
    factor = _paint_shadows(data, tile, planes, gsd_m)
    rim = _paint_glow(data, tile, planes, gsd_m)
    thickness, widest = np.zeros((2, *tile.shape), np.float32)
    for i, (plane, shifts) in enumerate(zip(planes, parallax, strict=True)):
        widest += paint_layer(data, tile, plane, planes[i + 1 :], shifts, gsd_m)
        thickness += plane.above_tile

    classes = np.full(tile.shape, CLEAR, np.uint8)
    classes[rim] = THIN
    classes[factor < 1] = SHADOW
    classes[widest > 0] = THIN
    classes[widest >= THICK_TAU] = THICK
    cloudy = _store(tile, data, classes != CLEAR)
    _forget_unchanged(classes, factor, cloudy, tile, (thickness == 0) & (classes != CLEAR))
    return CloudyPair(cloudy, tile, CloudMask.like(tile, classes), thickness, factor, layers)


def cloudify_all(tiles: Iterable[Tile], sampler: CloudSampler, seed: int) -> Iterator[CloudyPair]:
    """Pairs of many tiles; tile number i is painted with ``generator(seed, i)``.

    A pair depends on its own number only: any split among workers gives the same bytes.
    """
    for number, tile in enumerate(tiles):
        yield cloudify(tile, sampler, rng=generator(seed, number))


def generator(seed: int, number: int) -> np.random.Generator:
    """The generator of image ``number`` of the run ``seed``, whatever was drawn before it."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))


def _layers(
    tile: Tile,
    clouds: CloudParams | Sequence[CloudParams] | CloudSampler | np.random.Generator,
    preset: str,
    rng: np.random.Generator | None,
) -> tuple[CloudParams, ...]:
    """The layers, lowest first, checked to be under one sun."""
    if isinstance(clouds, np.random.Generator):
        rng = clouds
        clouds = CloudSampler((preset,))
    if isinstance(clouds, CloudSampler):
        if rng is None:
            raise ValueRangeError(
                "a cloud sampler without a generator", "a NumPy generator", "pass rng="
            )
        layers = clouds.sample(rng, tile.acquired)
    else:
        layers = (clouds,) if isinstance(clouds, CloudParams) else tuple(clouds)
    suns = {(layer.sun_zenith_deg, layer.sun_azimuth_deg) for layer in layers}
    if len(suns) > 1:
        raise ValueRangeError(
            f"layers under {len(suns)} suns", "one sun for all", "give all the same sun angles"
        )
    return tuple(sorted(layers, key=lambda layer: layer.base_m))


def _check_wavelengths(tile: Tile) -> None:
    lost = [tile.bands[i].name for i in tile.optical if not tile.bands[i].center_nm > 0]
    if lost:
        raise BandError(
            f"bands {', '.join(lost)} without a wavelength",
            "a centre in nanometres: clouds are painted by wavelength",
            "read the scene with --sensor or --bands",
        )


def _paint_shadows(
    data: FloatArray, tile: Tile, planes: Sequence[CloudPlane], gsd_m: float
) -> FloatArray:
    """Darken ``data`` in place; returns the shadow factor at the label wavelength."""
    factor = np.ones(tile.shape, np.float32)
    if not planes:
        return factor
    strength = np.zeros(tile.shape, np.float32)
    sun, nm = Sunlight.below(planes, tile, gsd_m), label_wavelength_nm(tile.bands)
    for block in blocks(tile.valid):
        here = sun.at(block)
        if here is None:
            continue
        left = here.factor(nm)
        share = (np.float32(SHADOW_LIMIT) - left) / np.float32(SHADOW_LIMIT - SHADOW_FULL)
        block.write(strength, np.clip(share, 0, 1, out=share))
        block.write(factor, 1 - share * (1 - left))
    shades = []
    for block in blocks(factor < 1):
        here = sun.at(block)
        if here is not None:
            shades.append(Shade(block, here, block.read(strength), block.read(factor)))
    with np.errstate(invalid="ignore"):  # of infinite values where the tile is not valid
        for plane, band in zip(data, tile.bands, strict=True):
            paint_shadow(plane, band, tile, shades)
    return factor


def label_wavelength_nm(bands: BandSet) -> float:
    """Where shadows are judged: the near-infrared band, else the reddest below 1 um, else any."""
    nir = bands.find(NIR)
    if nir is not None:
        return bands[nir].center_nm
    centers = [b.center_nm for b in bands if b.kind == "reflective"]
    return max((nm for nm in centers if nm <= 1000), default=max(centers, default=NIR.center_nm))


def _paint_glow(
    data: FloatArray, tile: Tile, planes: Sequence[CloudPlane], gsd_m: float
) -> BoolArray:
    """Brighten ``data`` beside thick cloud in place; returns where."""
    added = glow(planes, tile.shape, gsd_m)
    if added is None:
        return np.zeros(tile.shape, bool)
    added *= tile.valid
    sun_zenith_deg, level = planes[0].layer.sun_zenith_deg, tile.acquired.level
    for i, band in enumerate(tile.bands):
        if band.kind == "reflective":
            left = ozone_transmittance(band.center_nm, sun_zenith_deg, level)
            cv2.scaleAdd(added, left * spectrum(band.center_nm), data[i], data[i])
    return added > 0


def _store(tile: Tile, data: FloatArray, changed: BoolArray) -> Tile:
    """``tile`` with the values of ``data`` where ``changed``, quantised as it was stored."""
    if tile.stored is None:
        return tile.with_data(data)
    where = np.flatnonzero(changed & tile.valid)
    n = len(tile.bands)
    coded = tile.encoding.encode(data.reshape(n, -1)[:, where, None])
    stored, out = tile.stored.copy(), tile.data.copy()
    stored.reshape(n, -1)[:, where] = coded[..., 0]
    out.reshape(n, -1)[:, where] = tile.encoding.decode(coded)[..., 0]
    return replace(tile, data=out, stored=stored)


def _forget_unchanged(
    classes: ByteArray, factor: FloatArray, cloudy: Tile, clear: Tile, weak: BoolArray
) -> None:
    """Unlabel ``weak`` pixels where nothing came of them: black ground, steps of the encoding.

    In place; the shadow factor there is set back to 1.
    """
    lost = np.flatnonzero(weak)
    for after, before in zip(cloudy.data, clear.data, strict=True):
        new, old = after.ravel()[lost], before.ravel()[lost]
        lost = lost[(new == old) | np.isnan(old)]
        if not lost.size:
            return
    classes.ravel()[lost] = CLEAR
    factor.ravel()[lost] = 1
