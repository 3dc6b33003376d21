"""Fill from other dates: the same ground, seen clear before or after.

Each reference is brought to the radiometry of the scene by a linear relation per band, learnt
where both are clear; every pixel takes the best reference that sees it; the seams are blended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timezone
from math import inf, isnan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..datasets.bands import Band, BandSet
from ..datasets.errors import BandError, UsageError
from ..datasets.tile import TEMPORAL, BoolArray, CloudMask, FilledTile, FloatArray, Tile
from .blend import Seam
from .common import MIN_CLEAR, Area, assemble, fillable_bands, sample, untouched

SAMPLE = 50_000
"""Pixels that a relation is fitted to, at most."""
RESIDUAL_SCALE = 0.05
"""Residual (reflectance) at which the confidence has fallen to 1/e."""
RESIDUAL_SCALE_K = 5.0
"""The same for thermal bands, kelvin."""
_ROUNDS, _TRIM, _SIGMA = 20, 2.5, 1.4826
_FLOAT32 = 1e-6
"""Differences that float32 values of this size cannot tell."""
_EQUAL = 0.05
"""Steps of the relative residual within which references are equally good, and time decides."""


class Relation(NamedTuple):
    """target = gain * reference + offset, in one band."""

    gain: float
    offset: float
    residual: float
    """Standard deviation of what the relation leaves unexplained, in the band's unit, estimated
    from the median so that changed ground does not count."""


@dataclass(frozen=True)
class _Guide:
    """A reference that was brought to the radiometry of the scene."""

    tile: Tile
    match: dict[int, int]
    """Band index of the reference for each band index of the scene."""
    relations: dict[int, Relation]
    usable: BoolArray
    """(y, x) bool: clear, and with data in every band that the scene has data in."""
    error: float
    """Mean over the bands of residual / RESIDUAL_SCALE."""
    gap_s: float
    """Seconds between the two acquisitions; inf where one is not known."""

    def band(self, i: int) -> NDArray[np.float64]:
        """(y, x) estimate of the scene's band ``i``."""
        relation = self.relations[i]
        values = self.tile.data[self.match[i]].astype(np.float64)
        out: NDArray[np.float64] = relation.gain * values + relation.offset
        return out


@dataclass(frozen=True)
class Temporal:
    """Fill from reference scenes of the same place.

    A reference is used where it is clear itself, if at least 200 pixels are clear in both. The
    best one per pixel is that with the lowest residual; among equals the nearest in time.
    Confidence of a pixel: exp(-e), where e is the mean over the bands of the residual of its
    reference's relations, in units of 0.05 reflectance (5 K for thermal bands).
    """

    references: Sequence[Tile] = ()
    """Scenes on the same grid, with all bands that are to be filled."""
    reference_masks: Sequence[CloudMask] | None = None
    """One mask for each reference, in the same order; without, every valid pixel of a reference
    is taken to be clear."""
    min_confidence: float = 0.4
    """A reference that fits the target worse is not used at all: it shows another place, or
    ground that has changed."""

    bands: BandSet = BandSet(())  # noqa: RUF009 (immutable); no band is indispensable

    def __post_init__(self) -> None:
        if not self.references:
            raise UsageError(
                "the filler 'temporal' without another date",
                "at least one reference scene of the same place",
                "pass --reference SCENE (repeatable), or choose another filler",
            )
        masks = self.reference_masks
        if masks is not None and len(masks) != len(self.references):
            raise UsageError(
                f"{len(masks)} reference masks for {len(self.references)} references",
                "one mask for each reference",
                "give as many masks as references, or none",
            )

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill every cloudy pixel that a usable reference sees clear.

        Raises:
            GridError: a reference or mask is not on the grid of ``tile``.
            BandError: a reference lacks a band of ``tile``.
        """
        area = Area.of(tile, mask)
        guides = sorted(self._guides(tile, area), key=_order)
        source = np.full(tile.shape, -1, np.int32)
        for k, guide in enumerate(guides):
            source[(source < 0) & area.todo & guide.usable] = k
        filled = source >= 0
        if not filled.any():
            return untouched(tile, area)
        values = np.full((len(tile.bands), int(filled.sum())), np.nan, np.float32)
        seam = Seam(source, area.clear, [g.usable for g in guides])
        for i in guides[0].relations:
            planes = [g.band(i) for g in guides]
            data = np.isfinite(tile.data[i])
            if data[area.valid].all():
                values[i] = _paste(source, planes, tile.data[i], seam)
                continue
            # A thermal band may lack data where the optical ones have it: walls of its own.
            part = np.where(data, source, -1)
            own = Seam(part, area.clear & data, [g.usable & data for g in guides])
            values[i, data[filled]] = _paste(part, planes, tile.data[i], own)
        error = np.array([g.error for g in guides])
        return assemble(tile, area, filled, values, np.exp(-error[source[filled]]), TEMPORAL)

    def _guides(self, tile: Tile, area: Area) -> Iterator[_Guide]:
        masks = self.reference_masks
        for k, reference in enumerate(self.references):
            name = f"the reference {reference.path or 'scene'}"
            tile.grid.check(
                reference.grid, name, "the scene", "resample the reference to the scene's grid"
            )
            match = _match_bands(tile, reference)
            seen = reference.valid.copy()
            if masks is not None:
                seen &= Area.of(reference, masks[k]).clear
            guide = _fit_guide(tile, reference, match, area, seen)
            if guide is not None and np.exp(-guide.error) >= self.min_confidence:
                yield guide


def fit_relation(reference: NDArray[np.floating], target: NDArray[np.floating]) -> Relation:
    """Robust straight line through pairs of values, both (n,) and finite, n > 0.

    Starts from the median slope between pairs half the sample apart (after Theil 1950 and Sen
    1968), then repeats least squares on the pairs whose residual is within 2.5 robust standard
    deviations (1.4826 times the median absolute residual) until the choice stands. About a
    quarter of the pairs may be changed ground or missed cloud. A reference without contrast
    gives a gain of 1.
    """
    x, y = reference.astype(np.float64), target.astype(np.float64)
    gain = _median_slope(x, y)
    offset = float(np.median(y - gain * x))
    kept = np.zeros(x.size, bool)
    for _ in range(_ROUNDS):
        size = np.abs(y - (gain * x + offset))
        now = size <= max(_TRIM * _SIGMA * float(np.median(size)), _FLOAT32)
        if np.array_equal(now, kept):
            break
        kept = now
        mean_x, mean_y = x[kept].mean(), y[kept].mean()
        spread = float(((x[kept] - mean_x) ** 2).sum())
        if spread > kept.sum() * _FLOAT32**2:
            gain = float(((x[kept] - mean_x) * (y[kept] - mean_y)).sum()) / spread
        offset = float(mean_y - gain * mean_x)
    residual = _SIGMA * float(np.median(np.abs(y - (gain * x + offset))))
    return Relation(gain, offset, residual)


def _median_slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    order = np.argsort(x, kind="stable")
    half = x.size // 2
    low, high = order[:half], order[half : 2 * half]
    run = x[high] - x[low]
    steep = run > _FLOAT32
    return float(np.median((y[high] - y[low])[steep] / run[steep])) if steep.any() else 1.0


def _paste(
    source: NDArray[np.integer],
    planes: list[NDArray[np.float64]],
    target: FloatArray,
    seam: Seam,
) -> NDArray[np.float64]:
    """(n,) blended values at the n pixels of ``source >= 0``."""
    chosen = source[source >= 0]
    pasted = np.zeros(chosen.size)
    for k, plane in enumerate(planes):
        pasted[chosen == k] = plane[source == k]
    out: NDArray[np.float64] = pasted + seam.correct(target, planes)
    return out


def _fit_guide(
    tile: Tile, reference: Tile, match: dict[int, int], area: Area, seen: BoolArray
) -> _Guide | None:
    """Relations of one reference, or None where too few pixels are clear in both."""
    usable = seen.copy()
    for i, j in match.items():
        usable &= np.isfinite(reference.data[j]) | ~np.isfinite(tile.data[i])
    relations, errors = {}, []
    rng = np.random.default_rng(0)  # the same scene gives the same bytes
    for i, j in match.items():
        learn = area.clear & np.isfinite(tile.data[i])
        if learn.sum() < MIN_CLEAR:
            continue  # no reference can be related to this band
        learn &= usable
        if learn.sum() < MIN_CLEAR:
            return None
        at = sample(learn, SAMPLE, rng)
        relations[i] = fit_relation(reference.data[j].ravel()[at], tile.data[i].ravel()[at])
        thermal = tile.bands[i].kind == "thermal"
        errors.append(relations[i].residual / (RESIDUAL_SCALE_K if thermal else RESIDUAL_SCALE))
    if not relations:
        return None
    gap = _gap_s(tile, reference)
    return _Guide(reference, match, relations, usable, float(np.mean(errors)), gap)


def _order(guide: _Guide) -> tuple[int, float]:
    """Best first: lowest residual, and among equals the nearest in time."""
    return round(guide.error / _EQUAL), guide.gap_s


def _gap_s(a: Tile, b: Tile) -> float:
    if a.acquired.time is None or b.acquired.time is None:
        return inf
    one, other = (
        t if t.tzinfo else t.replace(tzinfo=timezone.utc)
        for t in (a.acquired.time, b.acquired.time)
    )
    return abs((one - other).total_seconds())


def _match_bands(tile: Tile, reference: Tile) -> dict[int, int]:
    """Index of the reference's band for every band of ``tile`` that is filled.

    The same name counts unless the wavelengths contradict it; else the nearest wavelength.
    """
    match, missing = {}, []
    for i in fillable_bands(tile):
        j = same_band(tile.bands[i], reference.bands)
        if j is None:
            missing.append(str(tile.bands[i]))
        else:
            match[i] = j
    if missing:
        raise BandError(
            f"the reference {reference.path or 'scene'} has no band {', '.join(missing)}",
            "every band that is to be filled, by name or wavelength",
            "give a reference with these bands",
        )
    return match


def same_band(band: Band, others: BandSet) -> int | None:
    """Index of the band that is ``band`` by name, unless wavelengths contradict it, or by them."""
    for j, other in enumerate(others):
        unknown = isnan(band.center_nm) or isnan(other.center_nm)
        fits = band.accepts(other) or (unknown and other.kind == band.kind)
        if other.name == band.name and fits:
            return j
    return others.find(band)
