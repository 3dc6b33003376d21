"""Other dates of a scene: whether they fit, and how they are brought to its radiometry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..datasets.acquisition import utc
from ..datasets.bands import Band, BandSet
from ..datasets.errors import BandError, UsageError
from ..datasets.tile import TEMPORAL, BoolArray, CloudMask, FilledTile, FloatArray, Tile
from .common import MIN_CLEAR, Area, assemble, fillable_bands, sample, untouched
from .relation import HALF_TRUST, confidence

SAMPLE = 50_000
"""Pixels that a relation is fitted to, at most."""
RESIDUAL_SCALE = HALF_TRUST
"""Residual of reflectance at which the confidence is one half."""
RESIDUAL_SCALE_K = 5.0
"""The same for thermal bands, kelvin."""
_ROUNDS, _TRIM, _SIGMA = 20, 2.5, 1.4826
_FLOAT32 = 1e-6
"""Differences that float32 values of this size cannot tell."""


class Relation(NamedTuple):
    """target = gain * reference + offset, in one band."""

    gain: float
    offset: float
    residual: float
    """Standard deviation of what the relation leaves unexplained, in the band's unit, estimated
    from the median so that changed ground does not count."""


@dataclass(frozen=True)
class Guide:
    """A reference that was brought to the radiometry of the scene."""

    tile: Tile
    match: dict[int, int]
    """Band index of the reference for each band index of the scene."""
    relations: dict[int, Relation]
    usable: BoolArray
    """(y, x) bool: clear, and with data in every band that the scene has data in."""
    error: float
    """Mean over the bands of residual / RESIDUAL_SCALE: 1 / (1 + error) is the confidence."""
    gap_s: float
    """Seconds between the two acquisitions; inf where one is not known."""

    def band(self, i: int) -> NDArray[np.float64]:
        """(y, x) estimate of the scene's band ``i``."""
        relation = self.relations[i]
        values = self.tile.data[self.match[i]].astype(np.float64)
        out: NDArray[np.float64] = relation.gain * values + relation.offset
        return out


@dataclass(frozen=True)
class Dated:
    """What fills from other dates share.

    A reference is used where it is clear itself, if at least 200 pixels are clear in both, and if
    it fits: a straight line a band is fitted between both dates, and what it leaves unexplained is
    the error that the confidence tells.
    """

    bands: ClassVar[BandSet] = BandSet(())

    references: Sequence[Tile] = ()
    """Scenes on the same grid, with all bands that are to be filled."""
    reference_masks: Sequence[CloudMask] | None = None
    """One mask for each reference, in the same order; without, every valid pixel of a reference
    is taken to be clear."""
    min_confidence: float = 0.5
    """A reference that fits the target worse is not used at all: it shows another place, or
    ground that has changed."""

    def __post_init__(self) -> None:
        if not self.references:
            raise UsageError(
                f"the filler {type(self).__name__} without another date",
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

    def guides(self, tile: Tile, area: Area) -> Iterator[Guide]:
        """The references that fit ``tile``.

        Raises:
            GridError: a reference or mask is not on the grid of ``tile``.
            BandError: a reference lacks a band of ``tile``.
        """
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
            guide = fit_guide(tile, reference, match, area, seen)
            if guide is not None and 1 / (1 + guide.error) >= self.min_confidence:
                yield guide


@dataclass(frozen=True)
class Placed(Dated):
    """What fills share that take values of this date from other places, which another date tells.

    The references come in the order of their error; each gives what those before it left. The
    confidence is that of the error for clear pixels treated as cloudy.
    """

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill every cloudy pixel that a usable reference sees clear.

        Raises:
            GridError: a reference or mask is not on the grid of ``tile``.
            BandError: a reference lacks a band of ``tile``.
        """
        area = Area.of(tile, mask)
        left = area.todo.copy()
        planes = np.full((len(tile.bands), *tile.shape), np.nan, np.float32)
        sure = np.zeros(tile.shape, np.float32)
        for guide in sorted(self.guides(tile, area), key=lambda g: g.error):
            here = left & guide.usable
            if here.any():
                planes[:, here], error = self.taken(tile, area, guide, np.flatnonzero(here))
                sure[here] = confidence(np.full(1, error, np.float32))
                left &= ~here
        done = area.todo & ~left
        if not done.any():
            return untouched(tile, area)
        return assemble(tile, area, done, planes[:, done], sure[done], TEMPORAL)

    def taken(
        self, tile: Tile, area: Area, guide: Guide, at: NDArray[np.intp]
    ) -> tuple[FloatArray, float]:
        """(band, n) values for the pixels ``at``, NaN in bands that are not filled, and the error
        of reflectance to expect."""
        raise NotImplementedError


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


def fit_guide(
    tile: Tile, reference: Tile, match: dict[int, int], area: Area, seen: BoolArray
) -> Guide | None:
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
    return Guide(reference, match, relations, usable, float(np.mean(errors)), gap)


def _gap_s(a: Tile, b: Tile) -> float:
    if a.acquired.time is None or b.acquired.time is None:
        return inf
    return abs((utc(a.acquired.time) - utc(b.acquired.time)).total_seconds())


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
    for j, other in enumerate(others):
        unknown = isnan(band.center_nm) or isnan(other.center_nm)
        fits = band.accepts(other) or (unknown and other.kind == band.kind)
        if other.name == band.name and fits:
            return j
    return others.find(band)
