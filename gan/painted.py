"""What fits on one scene learn from: its clear pixels, with cloud or shadow painted on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..datasets.bands import BandSet
from ..datasets.tile import CLEAR, SHADOW, THIN, BoolArray, FloatArray, Tile
from ..synthesis.composite import cloudify
from ..synthesis.sampler import CloudSampler
from .common import MIN_CLEAR, beside, fillable_bands, sample
from .features import MAX_BANDS, feature_bands, features, known_bands
from .spectrum import Spectrum
from .veil import Veil, VeilKind, draw_veil

FLOOR = 0.003
"""Smallest reflectance whose logarithm is taken."""
KINDS: tuple[tuple[int, VeilKind], ...] = ((THIN, "thin"), (SHADOW, "shadow"))
"""What can be learnt: mask class and name."""
HALF_COVER = (0.2, 0.8)
CLOUDS = (
    CloudSampler(("haze",), cover=HALF_COVER, tau_550=(0.15, 3.0)),
    CloudSampler(("cirrus",), cover=HALF_COVER, tau_550=(0.2, 5.0)),
    CloudSampler(("fog",), cover=HALF_COVER, tau_550=(0.3, 8.0)),
    CloudSampler(("stratus", "broken", "cumulus"), cover=(0.15, 0.6), tau_550=(1.0, 20.0)),
)
"""Types of cloud that are painted in turn, each far thinner and thicker than its preset: what is
learnt has to hold for a cloud nobody knows."""
UNKNOWN_GSD_M = 20.0
"""Pixel size that clouds are painted with where none is known; it only sets their scale."""
SPECTRA = 10_000
"""Clear spectra that components are made of, about."""
_FEWEST = 20


@dataclass(frozen=True)
class Painted:
    """Features (n, feature), veiled and clear values (n, band) of painted pixels."""

    x: FloatArray
    seen: FloatArray
    truth: FloatArray

    @classmethod
    def join(cls, parts: list[Painted]) -> Painted:
        return cls(
            np.concatenate([p.x for p in parts]),
            np.concatenate([p.seen for p in parts]),
            np.concatenate([p.truth for p in parts]),
        )


@dataclass(frozen=True)
class Canvas:
    """The clear ground of a scene, and the bands that matter for one kind of veil."""

    tile: Tile
    kind: VeilKind
    clear: BoolArray
    """(y, x) clear pixels with data in every band looked at or learnt."""
    looked: list[int]
    """Bands that features are made of."""
    targets: list[int]
    """Bands whose values are learnt."""
    level: FloatArray
    """(looked,) mean of the clear ground, scaled."""
    spectrum: Spectrum
    """What features are made of beside single bands."""

    @classmethod
    def of(
        cls,
        tile: Tile,
        clear: BoolArray,
        kind: VeilKind,
        wanted: list[int] | None = None,
        components: int = 0,
    ) -> Canvas | None:
        """The canvas for ``wanted`` bands (all that are filled if None); None if too small.

        Args:
            components: of the spectrum, where there are more bands than are looked at singly.
        """
        looked = feature_bands(tile.bands, cirrus=kind == "thin")
        known = [np.isfinite(tile.data[i]) for i in range(len(tile.bands))]
        # A band that lacks data in much of the clear ground cannot be learnt; one with gaps can.
        enough = 0.75 * clear.sum()
        asked = fillable_bands(tile) if wanted is None else wanted
        targets = [i for i in asked if known[i][clear].sum() > enough]
        clear = np.logical_and.reduce([clear, *(known[i] for i in {*targets, *looked})])
        if np.count_nonzero(clear) < MIN_CLEAR:
            return None
        level = scaled(np.stack([tile.data[i][clear] for i in looked]), kind).mean(axis=1)
        spectrum = _spectrum(tile, clear, kind, components)
        return cls(tile, kind, clear, looked, targets, level, spectrum)

    @property
    def reflective(self) -> list[bool]:
        """Whether a target band holds reflectance of the ground."""
        return [self.tile.bands[i].kind == "reflective" for i in self.targets]


def scaled(values: FloatArray, kind: VeilKind) -> FloatArray:
    """Reflectance for cloud, which adds; its logarithm for shadow, which multiplies."""
    if kind == "thin":
        return values
    return np.asarray(np.log(np.maximum(values, FLOOR)), np.float32)


def _spectrum(tile: Tile, clear: BoolArray, kind: VeilKind, components: int) -> Spectrum:
    """Of the clear ground; none where every band is looked at singly, or too few have data."""
    bands = known_bands(tile.bands, cirrus=kind == "thin")
    if components == 0 or len(bands) <= MAX_BANDS:
        return Spectrum.none()
    at = np.flatnonzero(clear)
    at = at[:: max(at.size // SPECTRA, 1)]
    values = tile.data.reshape(len(tile.bands), -1)[bands][:, at]
    there = np.isfinite(values).mean(axis=1) > 0.75
    values = values[there]
    values = values[:, np.isfinite(values).all(axis=0)]
    if values.shape[1] < MIN_CLEAR:
        return Spectrum.none()
    bands = [i for i, is_there in zip(bands, there, strict=True) if is_there]
    return Spectrum.of(bands, scaled(values, kind).T, components)


def under_veils(
    canvas: Canvas, count: int, each: int, side_px: int, rng: np.random.Generator
) -> Iterator[Painted]:
    """Clear pixels under ``count`` veils of :mod:`kumosan.gan.veil`, at most ``each`` of one.

    Args:
        side_px: side of the windows of a large scene that are painted.
    """
    tile, kind, targets = canvas.tile, canvas.kind, canvas.targets

    def drawn() -> Iterator[tuple[tuple[slice, slice], Veil, BoolArray, BoolArray]]:
        for _ in range(count):
            window = _window(canvas.clear, side_px, rng)
            open_ = canvas.clear[window]
            veil = draw_veil(kind, tile, open_.shape, rng)
            veiled = open_ & (veil.strength > 0)
            chosen = np.zeros_like(veiled)
            chosen.ravel()[sample(veiled, each, rng)] = True
            yield window, veil, veiled, chosen

    def painted(
        window: tuple[slice, slice], veil: Veil, veiled: BoolArray, chosen: BoolArray
    ) -> Painted:
        data = tile.data[(slice(None), *window)]
        around = canvas.clear[window] & ~veiled
        # What the veil makes of pixels that are not clear is never looked at.
        planes = veil.over(data[canvas.looked], canvas.looked)
        x = features(scaled(planes, kind), veiled, around, chosen, canvas.level)
        at = np.nonzero(chosen)
        bands = canvas.spectrum.bands
        spectra = veil.over(_picked(data, bands, *at), bands, at)
        x = canvas.spectrum.beside(x, scaled(spectra, kind))
        truth = _picked(data, targets, *at)
        return Painted(x, veil.over(truth, targets, at).T, truth.T)

    yield from beside(lambda drawn: painted(*drawn), drawn())


def _picked(
    data: FloatArray, bands: list[int], y: NDArray[np.intp], x: NDArray[np.intp]
) -> FloatArray:
    """(band, n) values of some bands at n pixels."""
    return np.asarray([data[i][y, x] for i in bands], np.float32).reshape(len(bands), len(y))


def under_clouds(
    canvas: Canvas, count: int, each: int, side_px: int, rng: np.random.Generator
) -> Iterator[Painted]:
    """The same under ``count`` skies that ``synthesis`` paints (CLOUDS): the pixels that its mask
    calls thin cloud, or shadow. Skies that leave next to none are passed over."""
    code = {kind: code for code, kind in KINDS}[canvas.kind]
    parts = (canvas.looked, canvas.targets, canvas.spectrum.bands)
    bands = sorted(set().union(*parts))
    looked, targets, spectral = ([bands.index(i) for i in some] for some in parts)
    tile = canvas.tile
    gsd_m = tile.gsd_m or UNKNOWN_GSD_M
    placed = BandSet(tuple(replace(tile.bands[i], gsd_m=gsd_m) for i in bands))
    for number in range(count):
        rows, cols = _window(canvas.clear, side_px, rng)
        open_ = canvas.clear[rows, cols]
        data = np.where(open_, tile.data[:, rows, cols][bands], np.float32(np.nan))
        ground = Tile(data, placed, acquired=tile.acquired)
        pair = cloudify(ground, CLOUDS[number % len(CLOUDS)], rng=rng)
        veiled = open_ & (pair.mask.classes == code)
        chosen = np.zeros_like(veiled)
        chosen.ravel()[sample(veiled, each, rng)] = True
        if np.count_nonzero(chosen) < _FEWEST:
            continue
        seen = pair.cloudy.data
        around = open_ & (pair.mask.classes == CLEAR)
        x = features(scaled(seen[looked], canvas.kind), veiled, around, chosen, canvas.level)
        x = canvas.spectrum.beside(x, scaled(seen[spectral][:, chosen], canvas.kind))
        yield Painted(x, seen[targets][:, chosen].T, data[targets][:, chosen].T)


def _window(clear: BoolArray, side_px: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """The clearest of a few random windows of at most ``side_px`` a side."""
    sides = [min(n, side_px) for n in clear.shape]
    tries = 1 if clear.shape == tuple(sides) else 4
    best: tuple[int, tuple[slice, slice]] | None = None
    for _ in range(tries):
        corner = [int(rng.integers(n - s + 1)) for n, s in zip(clear.shape, sides, strict=True)]
        window = (slice(corner[0], corner[0] + sides[0]), slice(corner[1], corner[1] + sides[1]))
        count = int(np.count_nonzero(clear[window]))
        if best is None or count > best[0]:
            best = (count, window)
    if best is None:
        raise AssertionError("no window was tried")
    return best[1]
