"""What all rule-based fillers share: who is to be filled, from whom, and how the result is made.

A pixel is *valid* where the tile has optical data and the mask is not nodata; valid pixels
are *clear* (a source) or *to fill*. Invalid pixels are neither filled nor a source.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..datasets.errors import ValueRangeError
from ..datasets.side_by_side import side_by_side
from ..datasets.tile import (
    CLEAR,
    NODATA,
    OBSERVED,
    UNFILLABLE,
    BoolArray,
    CloudMask,
    FilledTile,
    FloatArray,
    Tile,
)

T = TypeVar("T")
R = TypeVar("R")

MIN_CLEAR = 200
"""Clear pixels below which no relation is fitted, spectral or between dates."""
HEADROOM = 0.1
"""Filled values may leave the range of the clear pixels by this share of it."""

Limits = tuple[float, float] | None
"""Smallest and largest value that may be written into a band; None: nothing may."""


@dataclass(frozen=True)
class Area:
    """The parts of a tile, each (y, x) bool."""

    valid: BoolArray
    """Data in the tile and in the mask."""
    clear: BoolArray
    """Valid and clear: what a fill may learn from."""
    todo: BoolArray
    """Valid and cloudy or shadowed: what a fill may change."""

    @classmethod
    def of(cls, tile: Tile, mask: CloudMask) -> Area:
        """Split ``tile`` by ``mask``; GridError unless they share a grid."""
        mask.check_grid(tile)
        valid = tile.valid & mask.valid
        return cls(valid, valid & (mask.classes == CLEAR), valid & mask.contaminated)


def fillable_bands(tile: Tile) -> list[int]:
    """Indices of the bands that are filled: all but those of kind ``other``."""
    return [i for i, b in enumerate(tile.bands) if b.kind != "other"]


def plausible_range(tile: Tile, band: int, clear: BoolArray) -> Limits:
    """Limits of the values that may be written into ``band``, or None without clear data.

    The range of the clear pixels, widened by HEADROOM of its width on both sides;
    reflectance never below 0, kelvin never below 0.
    """
    plane = np.asarray(tile.data[band], np.float32)
    known = clear & np.isfinite(plane)
    if not known.any():
        return None
    low, high, _, _ = cv2.minMaxLoc(plane, known.view(np.uint8))
    room = HEADROOM * (high - low)
    return max(low - room, 0.0), max(high + room, 0.0)


def assemble(
    tile: Tile,
    area: Area,
    filled: BoolArray,
    values: FloatArray,
    confidence: NDArray[np.floating],
    code: int,
    limits: Sequence[Limits] | None = None,
) -> FilledTile:
    """Write ``values`` where ``filled``, and nowhere else.

    Args:
        filled: (y, x) bool; only pixels that are also ``area.todo`` count.
        values: (band, n) float32 for the n pixels of ``filled`` in row-major order. A band of
            kind ``other``, a value that is not finite and a band without data at a pixel
            leave what was observed.
        confidence: (n,) in [0, 1].
        code: provenance of the filled pixels.
        limits: of each band; the plausible range of the tile's own clear pixels if None.
    """
    provenance = np.where(area.valid, OBSERVED, NODATA).astype(np.uint8)
    provenance[area.todo] = UNFILLABLE
    sure = np.where(area.valid, 1, np.nan).astype(np.float32)
    sure[area.todo] = 0
    keep = area.todo[filled]
    filled = filled & area.todo
    if not filled.any():
        return FilledTile(tile, provenance, sure)
    data, at = tile.data.copy(order="C"), np.flatnonzero(filled)
    for i in fillable_bands(tile):
        allowed = plausible_range(tile, i, area.clear) if limits is None else limits[i]
        put(data[i], at, values[i] if keep.all() else values[i][keep], allowed)
    provenance[filled] = code
    sure[filled] = np.clip(confidence[keep], 0, 1)
    return FilledTile(tile.with_data(data), provenance, sure)


def put(plane: FloatArray, at: NDArray[np.intp], new: FloatArray, allowed: Limits) -> None:
    """Write ``new`` within limits at row-major positions of a (y, x) plane; what is not finite, and
    what has no data there, stays."""
    if allowed is None:
        return
    flat = plane.reshape(-1)
    observed = flat.take(at)
    usable = np.isfinite(observed) & np.isfinite(new)
    flat[at] = np.where(usable, np.clip(new, *allowed), observed)


def untouched(tile: Tile, area: Area) -> FilledTile:
    """The tile as it is, with everything cloudy marked unfillable."""
    none = np.zeros((len(tile.bands), 0), np.float32)
    return assemble(tile, area, np.zeros(tile.shape, bool), none, np.zeros(0), UNFILLABLE)


def distance_px(area: Area) -> FloatArray:
    """(y, x) distance of every pixel to the nearest clear one, in pixels; inf without any."""
    if not area.clear.any():
        return np.full(area.clear.shape, np.inf, np.float32)
    hidden = (~area.clear).view(np.uint8)
    distance = cv2.distanceTransform(hidden, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, np.float32)


def reach_px(tile: Tile, max_distance_m: float | None, max_distance_px: float) -> float:
    """How far a fill may reach: ``max_distance_m`` where the pixel size is known, else pixels.

    Raises:
        ValueRangeError: a distance is not positive.
    """
    for value in (max_distance_m, max_distance_px):
        if value is not None and not value > 0:
            raise ValueRangeError(
                f"a largest distance of {value}", "a number above 0", "give a longer distance"
            )
    gsd = tile.gsd_m
    if max_distance_m is None or gsd is None or gsd <= 0:
        return max_distance_px
    return max(max_distance_m / gsd, 1.0)


def sample(where: BoolArray, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Row-major positions of at most ``count`` pixels of ``where``, drawn without return."""
    found = np.flatnonzero(where)
    if found.size <= count:
        return found
    return np.sort(rng.choice(found, count, replace=False))


def blocks(shape: tuple[int, int], side: int) -> list[tuple[slice, slice]]:
    """Rows and columns of squares that together cover ``shape``, the last ones smaller."""
    return [
        (slice(y, min(y + side, shape[0])), slice(x, min(x + side, shape[1])))
        for y in range(0, shape[0], side)
        for x in range(0, shape[1], side)
    ]


def one_thread() -> AbstractContextManager[object]:
    """Within it matrix products are not spread over threads: small ones side by side are faster,
    many times so if another process is busy."""
    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def beside(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """What ``work`` makes of each item, in order; two at a time, for work outside of Python.

    The items are taken in the caller's thread, so those that are drawn at random stay the same.
    One at a time where OMP_NUM_THREADS says 1, as in the processes of a batch.
    """
    alone = os.environ.get("OMP_NUM_THREADS") == "1" or os.cpu_count() == 1
    for _, found in side_by_side(work, items, 1 if alone else 2):
        yield found
