"""A clear tile becomes a cloudy one: rho = t * S * rho_surface + rho_cloud, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.bands import NIR, BandSet
from ..datasets.pair import CloudParams, CloudyPair
from ..datasets.tile import CLEAR, SHADOW, THICK, THIN, BoolArray, CloudMask, FloatArray, Tile
from . import optics
from .atmosphere import path_reflectance, vapour_transmittance
from .clouds import CloudPlane
from .presets import sample_clouds
from .shadows import pixel_size_m, shadow_factor, shadow_shift, soften

THICK_TAU = 3.6
"""Optical thickness from which a cloud counts as thick (thin below: ISCCP's limit, Rossow &
Schiffer 1999); two thirds of the surface's contrast are gone there."""
SHADOW_LIMIT = 0.85
"""A shadow is painted, and labelled, where less than this share of near-infrared light is left."""
LAPSE_K_PER_M = 0.0065
"""Fall of temperature with height, for cloud in thermal bands (standard atmosphere)."""
SHADOW_COOLING_K = 5.0
"""Ground without any sun cools by this; a rough mean for land."""


def cloudify(
    tile: Tile,
    clouds: CloudParams | Sequence[CloudParams] | np.random.Generator,
    preset: str = "mixed",
) -> CloudyPair:
    """Paint clouds and their shadows on ``tile``.

    Args:
        tile: reflectance without clouds. Invalid pixels stay as they are.
        clouds: the layers, or a generator to draw them of ``preset`` with.
        preset: key of ``PRESETS``; used with a generator only.

    Returns:
        The pair. Clear pixels equal the input bit for bit; where ``tile.stored`` is set, new
        values are encoded into it and read back, as a product would hold them.

    Raises:
        GridError: the tile's pixel size is not known.
        UsageError: there is no such preset.
    """
    if isinstance(clouds, np.random.Generator):
        layers = sample_clouds(preset, clouds, tile.acquired)
    else:
        layers = (clouds,) if isinstance(clouds, CloudParams) else tuple(clouds)
    layers = tuple(sorted(layers, key=lambda layer: layer.base_m))
    gsd_m = pixel_size_m(tile)

    data = tile.data.copy()
    thickness = np.zeros(tile.shape, np.float32)
    planes = [CloudPlane(layer, tile.valid, gsd_m) for layer in layers]
    factor = _paint_shadows(data, tile, planes, gsd_m)
    for plane in planes:
        above = plane.above_tile()
        _paint_layer(data, tile, above, plane, gsd_m)
        thickness += above

    classes = np.full(tile.shape, CLEAR, np.uint8)
    classes[factor < 1] = SHADOW
    classes[thickness > 0] = THIN
    classes[thickness >= THICK_TAU] = THICK
    cloudy = _store(tile, data, classes != CLEAR)
    return CloudyPair(cloudy, tile, CloudMask.like(tile, classes), thickness, factor, layers)


def _paint_shadows(
    data: FloatArray, tile: Tile, planes: Sequence[CloudPlane], gsd_m: float
) -> FloatArray:
    """Darken ``data`` in place; returns the shadow factor at the label wavelength."""
    passing = []
    for plane in planes:
        tau = plane.seen_by_sun(shadow_shift(plane.layer, tile))
        passing.append(soften(optics.sun_transmittance(tau, plane.layer), plane.layer, gsd_m))

    def factor_at(nm: float, where: NDArray[np.intp] | slice) -> FloatArray:
        # T(lambda) from T(550 nm) as for an exponential: T^((lambda/550)^-alpha).
        direct = np.ones(1, np.float32)
        for plane, share in zip(planes, passing, strict=True):
            power = np.float32((nm / 550.0) ** -plane.layer.alpha)
            direct = direct * share.ravel()[where] ** power
        return shadow_factor(direct, nm, planes[0].layer.sun_zenith_deg)

    factor = np.ones(tile.shape, np.float32)
    if not planes:
        return factor
    everywhere = factor_at(label_wavelength_nm(tile.bands), slice(None)).reshape(tile.shape)
    dark = np.flatnonzero((everywhere < SHADOW_LIMIT) & tile.valid)
    factor.ravel()[dark] = everywhere.ravel()[dark]
    for i, band in enumerate(tile.bands):
        plane_flat = data[i].reshape(-1)
        if band.kind == "thermal":
            plane_flat[dark] -= np.float32(SHADOW_COOLING_K) * (1 - factor.ravel()[dark])
        elif band.kind in ("reflective", "vapour"):  # the cirrus band does not see the ground
            air = 0.0
            if tile.acquired.level == "TOA":  # light that never reached the ground stays
                air = path_reflectance(band.center_nm, planes[0].layer.sun_zenith_deg)
            ground = np.maximum(plane_flat[dark] - np.float32(air), 0)
            plane_flat[dark] -= (1 - factor_at(band.center_nm, dark)) * ground
    return factor


def label_wavelength_nm(bands: BandSet) -> float:
    """Where shadows are judged: the near-infrared band, else the reddest below 1 um, else any."""
    nir = bands.find(NIR)
    if nir is not None:
        return bands[nir].center_nm
    centers = [b.center_nm for b in bands if b.kind == "reflective"]
    return max((nm for nm in centers if nm <= 1000), default=max(centers, default=NIR.center_nm))


def _paint_layer(
    data: FloatArray, tile: Tile, tau_550: FloatArray, plane: CloudPlane, gsd_m: float
) -> None:
    """Lay the layer of ``plane`` over ``data`` in place."""
    layer = plane.layer
    where = np.flatnonzero(tau_550 > 0)
    if not where.size:
        return
    lit = plane.sunlit_tops(tau_550).ravel()[where]
    tau_550 = tau_550.ravel()[where]
    reach_px = min(0.5 * layer.base_m, 1000.0) / gsd_m
    for i, band in enumerate(tile.bands):
        below = data[i].reshape(-1)[where]
        if band.kind == "thermal":
            cold = np.float32(np.nanmedian(data[i]) - LAPSE_K_PER_M * layer.base_m)
            data[i].reshape(-1)[where] = below + _emissivity(tau_550, layer) * (cold - below)
        elif band.kind != "other":
            nm = band.center_nm
            tau = optics.thickness_at(tau_550, nm, layer.alpha)
            sharp = optics.sharpness(tau, layer.asymmetry)
            around = surroundings(data[i], tile.valid, reach_px).ravel()[where]
            own = optics.cloud_reflectance(tau_550, nm, layer)
            own *= lit * np.float32(vapour_transmittance(band, layer.base_m))
            seen = around + sharp * (below - around)
            data[i].reshape(-1)[where] = optics.transmittance(tau_550, nm, layer) * seen + own


def _emissivity(tau_550: FloatArray, layer: CloudParams) -> FloatArray:
    """Thermal emissivity 1 - exp(-tau_IR), tau_IR about half of tau_550, none for fine haze."""
    share = 0.0 if layer.phase == "aerosol" else 0.5
    return np.asarray(1 - np.exp(-np.float32(share) * tau_550), np.float32)


def surroundings(plane: FloatArray, valid: BoolArray, reach_px: float) -> FloatArray:
    """(y, x) mean of the valid values around each pixel, Gaussian of sigma ``reach_px``.

    Light scattered below a cloud comes from there. Computed on a coarser grid.
    """
    coarse = max(1, int(reach_px / 2))
    size = tuple(max(1, -(-n // coarse)) for n in plane.shape[::-1])
    weight = valid.astype(np.float32)
    planes = (np.where(valid, plane, 0).astype(np.float32), weight)
    small = [cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in planes]
    sigma = max(reach_px / coarse, 0.3)
    small = [cv2.GaussianBlur(p, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) for p in small]
    mean = small[0] / np.maximum(small[1], np.float32(1e-6))
    full = cv2.resize(mean, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32)


def _store(tile: Tile, data: FloatArray, changed: BoolArray) -> Tile:
    """``tile`` with the values of ``data`` where ``changed``, quantised as it was stored."""
    if tile.stored is None:
        return tile.with_data(data)
    stored = np.where(changed, tile.encoding.encode(data), tile.stored)
    data = np.where(changed, tile.encoding.decode(stored), tile.data)
    return replace(tile, data=data, stored=stored)
