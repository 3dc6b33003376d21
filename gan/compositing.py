"""One unclouded image of several dates, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import MissingExtraError
from ..datasets.tile import NODATA, SHADOW, THICK, THIN, BoolArray, ByteArray, FloatArray

Method = Literal["median", "best", "geomedian"]
NONE = -1
"""No date."""
REACH_PX, SLOPE, DAYS = 50.0, 0.2, 30.0
"""Of the score: pixels of 30 m from cloud beyond which more does not count, the steepness of its
rise, and the standard deviation of the days."""
_LANDSAT_M = 30.0
_WORSE = {THIN: 0, SHADOW: 1, THICK: 2}


@dataclass(frozen=True, eq=False)
class Composite:
    """A composite, or a window of it."""

    values: FloatArray
    """(band, y, x) reflectance; NaN where no date is clear."""
    date: NDArray[np.int32]
    """(y, x) index of the date that the pixel is from (`best`), else of that whose spectrum is
    nearest to it; -1 where none is clear."""
    count: NDArray[np.int32]
    """(y, x) number of clear dates."""


def composite(
    data: FloatArray, clear: BoolArray, method: Method, optical: tuple[int, ...], score: FloatArray
) -> Composite:
    """Composite of several dates.

    ``median``: of every band by itself. ``geomedian``: the spectrum with the least sum of distances
    to those seen (Roberts et al. 2017), so that bands stay related; bands without reflectance by
    their median. ``best``: the whole pixel of the date with the highest score.

    Args:
        data: (date, band, y, x) float32; NaN where there is none.
        clear: (date, y, x) where a date is clear and has data in all optical bands.
        method: see above.
        optical: indices of the bands that hold reflectance.
        score: (date, y, x) float32, see `pixel_score`; used by ``best`` only.

    Raises:
        MissingExtraError: ``geomedian`` without the package geomad.
    """
    count = clear.sum(axis=0, dtype=np.int32)
    seen = count > 0
    if method == "best":
        rank = np.where(clear, score, -np.inf)
        date = np.where(seen, rank.argmax(axis=0), NONE).astype(np.int32)
        values = np.take_along_axis(data, np.maximum(date, 0)[None, None], axis=0)[0]
        values[:, ~seen] = np.nan
        return Composite(values, date, count)
    values = _median(data, clear)
    if method == "geomedian":
        values[list(optical)] = _geomedian(data[:, list(optical)], clear)
    return Composite(values, _nearest(data, clear, values, optical), count)


def _median(data: FloatArray, clear: BoolArray) -> FloatArray:
    """(band, y, x) median over the dates that are clear; the mean of the two in the middle."""
    out = np.empty(data.shape[1:], np.float32)
    for b in range(data.shape[1]):
        known = np.sort(np.where(clear, data[:, b], np.nan), axis=0)  # NaN last
        n = np.isfinite(known).sum(axis=0)
        low, high = np.maximum(n - 1, 0) // 2, n // 2
        high = np.minimum(high, np.maximum(n - 1, 0))
        pair = (np.take_along_axis(known, k[None], axis=0)[0] for k in (low, high))
        out[b] = sum(pair) / np.float32(2)
    return out


def _geomedian(data: FloatArray, clear: BoolArray) -> FloatArray:
    try:
        from geomad import nangeomedian_pcm
    except ImportError as error:
        raise MissingExtraError("the geometric median", "composite") from error
    stack = np.where(clear[:, None], data, np.nan).transpose(2, 3, 1, 0)
    out: FloatArray = nangeomedian_pcm(np.ascontiguousarray(stack), num_threads=1)
    return out.transpose(2, 0, 1)


def _nearest(
    data: FloatArray, clear: BoolArray, values: FloatArray, optical: tuple[int, ...]
) -> NDArray[np.int32]:
    away = np.full(clear.shape, np.inf, np.float32)
    for k, (date, seen) in enumerate(zip(data, clear, strict=True)):
        square = sum((date[i] - values[i]) ** 2 for i in optical)
        away[k] = np.where(seen, square, np.inf)
    date = away.argmin(axis=0)
    return np.where(clear.any(axis=0), date, NONE).astype(np.int32)


def pixel_score(contaminated: BoolArray, gsd_m: float | None, days: float | None) -> FloatArray:
    """(y, x) how good one date's pixels are: far from cloud and shadow, near to the wanted day.

    The sum of two of the scores of Griffiths et al. 2013, as White et al. 2014 use them: a logistic
    function of the distance to cloud and shadow up to 50 pixels of 30 m, and a Gaussian of the days
    from the target.

    Args:
        contaminated: (y, x) cloud and shadow, with `reach_px` pixels round about what is wanted.
        gsd_m: pixel size in metres; 30 if it is not known.
        days: from the target, None if it is not known.
    """
    import cv2

    clear = (~contaminated).astype(np.uint8)
    distance = np.full(clear.shape, REACH_PX, np.float32)
    if contaminated.any():
        pixels = cv2.distanceTransform(clear, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        distance = np.minimum(pixels * np.float32((gsd_m or _LANDSAT_M) / _LANDSAT_M), REACH_PX)
    far = 1 / (1 + np.exp(-SLOPE * (distance - REACH_PX / 2)))
    near = 0.0 if days is None else float(np.exp(-0.5 * (days / DAYS) ** 2))
    score: FloatArray = (far + near).astype(np.float32)
    return score


def reach_px(gsd_m: float | None) -> int:
    """Pixels within which clouds count for `pixel_score`."""
    return int(np.ceil(REACH_PX * _LANDSAT_M / (gsd_m or _LANDSAT_M)))


def least_bad(
    data: FloatArray, classes: NDArray[np.uint8], days: Sequence[float]
) -> tuple[FloatArray, ByteArray]:
    """Of pixels that no date saw clear, the observation that a filler can make most of.

    Thin cloud before shadow before thick cloud; among equals the day nearest to the target.

    Args:
        data: (date, band, y, x) float32.
        classes: (date, y, x) class codes.
        days: distance of each date to the target; 0 where it is not known.

    Returns:
        (band, y, x) values, NaN without any data, and (y, x) their class.
    """
    rank = np.full(classes.shape, np.inf)
    order = np.argsort(np.argsort(days, kind="stable"), kind="stable") / (len(days) + 1)
    for code, worse in _WORSE.items():
        rank = np.where(classes == code, worse + order[:, None, None], rank)
    first = rank.argmin(axis=0)[None]
    values = np.take_along_axis(data, first[None], axis=0)[0]
    code = np.take_along_axis(classes, first, axis=0)[0]
    lost = ~np.isfinite(rank.min(axis=0))
    values[:, lost] = np.nan
    return values, np.where(lost, NODATA, code).astype(np.uint8)
