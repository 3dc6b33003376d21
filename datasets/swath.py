"""As many whole square patches as fit in the valid pixels of a swath, without overlap.

A swath lies rotated in its rectangle, so a plain grid of patches wastes much of its edge. Here
every horizontal band of ``size`` rows starts at any row, and its patches slide to any column:

- Within one band the patches are intervals of equal length, so taking the leftmost valid one,
  again and again, gives the most (interval scheduling, Kleinberg & Tardos 2005, section 4.1).
- Over the bands, with count(y) patches in the band whose top row is y, the most from row y on
  is f(y) = max(f(y + 1), count(y) + f(y + size)).

The result is the optimum of all packings in row bands, which hold every grid at every offset.
The same is done for vertical bands of ``size`` columns, and the better of both is kept. One
pass down the rows serves both, with the last ``size`` rows in memory and no more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import GridError, ValueRangeError

IntArray = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Packing:
    """Where the patches lie, and how good that is."""

    size: int
    """Side of a patch in pixels."""
    squares: tuple[tuple[int, int], ...]
    """(row, column) of the upper left pixel of every patch, in that order."""
    direction: Literal["rows", "columns"]
    """Whether horizontal or vertical bands slide."""
    plain: int
    """Patches of the grid that starts at the scene's corner."""
    one_offset: int
    """Patches of the best grid with one offset for the whole scene."""
    bound: int
    """No packing has more: the valid pixels, divided by those that a patch must have."""
    valid: int
    """Number of valid pixels of the scene."""


def pixels_needed(size: int, min_valid: float) -> int:
    """Valid pixels that a patch must have, at least one.

    Raises:
        ValueRangeError: ``size`` is below 1 or ``min_valid`` not in (0, 1].
    """
    if size < 1:
        raise ValueRangeError(f"patches of {size} pixels", "1 or more", "choose a larger --size")
    if not 0 < min_valid <= 1:
        raise ValueRangeError(
            f"a valid share of {min_valid}", "above 0, at most 1", "correct --min-valid"
        )
    return max(1, ceil(round(min_valid * size * size, 6)))  # 0.07 x 100 is 7, not 7.0000000001


def pack(valid: NDArray[np.bool_], size: int, min_valid: float = 1.0) -> Packing:
    """Place patches in a mask that is in memory; see `pack_rows`.

    Args:
        valid: (y, x) bool, True where a pixel is valid.
        size: side of a patch in pixels.
        min_valid: share of valid pixels that a patch must have, in (0, 1].
    """
    return pack_rows([valid], valid.shape, size, min_valid)


def pack_rows(
    blocks: Iterable[NDArray[np.bool_]],
    shape: tuple[int, int],
    size: int,
    min_valid: float = 1.0,
) -> Packing:
    """Place patches in a mask that comes in blocks of rows, top to bottom.

    Args:
        blocks: (any number of rows, width) bool, True where a pixel is valid.
        shape: (height, width) of the scene.
        size: side of a patch in pixels.
        min_valid: share of valid pixels that a patch must have, in (0, 1].

    Raises:
        GridError: the scene is smaller than a patch, or the blocks do not make up ``shape``.
        ValueRangeError: ``size`` is below 1 or ``min_valid`` not in (0, 1].
    """
    needed = pixels_needed(size, min_valid)
    height, width = shape
    if min(shape) < size:
        raise GridError(
            f"a scene of {width} x {height} pixels",
            f"at least {size} x {size}, one patch",
            "choose a smaller --size",
        )
    rows, columns = _RowBands(width, size), _ColumnBands(width, size)
    grids = _Grids(width, size)
    sums = _WindowSums(width, size)
    for block in blocks:
        if block.ndim != 2 or block.shape[1] != width:
            raise GridError(f"rows of shape {block.shape}", f"(any, {width})", "pass whole rows")
        for row in block.view(np.uint8):
            inside = sums.add(row)
            if inside is None:
                continue
            fits = inside >= needed
            top = sums.rows - size
            rows.add(top, fits)
            columns.add(top, fits)
            grids.add(top, fits)
    if sums.rows != height:
        raise GridError(f"{sums.rows} rows", f"{height}", "pass the whole scene")
    counts = grids.counts()
    found = [(rows.best(height), "rows"), (columns.best(), "columns")]
    squares, direction = max(found, key=lambda pair: len(pair[0]))  # the first of equals
    return Packing(
        size=size,
        squares=tuple(sorted(squares)),
        direction="rows" if direction == "rows" else "columns",
        plain=int(counts[0, 0]),
        one_offset=int(counts.max()),
        bound=sums.valid // needed,
        valid=sums.valid,
    )


def best_bands(counts: IntArray, size: int) -> list[int]:
    """Starts of disjoint bands of ``size`` pixels with the largest sum of ``counts``.

    Args:
        counts: (n,) what a band that starts at each pixel holds.
        size: pixels of a band; starts lie at least so far apart.
    """
    worth = counts.tolist()
    n = len(worth)
    total = [0] * (n + size)
    for y in range(n - 1, -1, -1):
        total[y] = max(total[y + 1], worth[y] + total[y + size])
    starts, y = [], 0
    while y < n:
        if total[y] == total[y + 1]:
            y += 1
        else:
            starts.append(y)
            y += size
    return starts


class _WindowSums:
    """Valid pixels of every size x size window, for one top row after the other."""

    def __init__(self, width: int, size: int) -> None:
        self._last = np.zeros((size, width), np.uint8)  # ring of the last rows
        self._columns = np.zeros(width, np.int32)  # sums down the last rows
        self._size = size
        self.rows = 0
        self.valid = 0

    def add(self, row: NDArray[np.uint8]) -> IntArray | None:
        """Take the next row; (width - size + 1,) sums of the windows that end with it.

        None where there is no such window yet, or all are empty.
        """
        place = self._last[self.rows % self._size]
        self._columns += row
        self._columns -= place
        place[:] = row
        self.rows += 1
        self.valid += int(np.count_nonzero(row))
        if self.rows < self._size or not self._columns.any():
            return None
        return running_sums(self._columns, self._size)


def running_sums(values: IntArray, size: int) -> IntArray:
    """(n - size + 1,) sums of ``size`` neighbours, put together from sums of 1, 2, 4, ...

    Some 2 log2(size) additions of whole arrays, which take a quarter of the time of a
    cumulative sum, in which every addition waits for the one before.
    """
    n = len(values) - size + 1
    total = np.zeros(n, values.dtype)
    power, length, done = values, 1, 0  # power[i] is the sum of ``length`` values from i on
    while True:
        if size & length:
            total += power[done : done + n]
            done += length
        if done == size:
            return total
        power = power[:-length] + power[length:]
        length *= 2


class _RowBands:
    """Patches of every horizontal band, placed from the left."""

    def __init__(self, width: int, size: int) -> None:
        self._size = size
        self._padded = np.zeros(width - size + 3, bool)  # False before the first and the last
        self._placed: dict[int, list[range]] = {}

    def add(self, top: int, fits: NDArray[np.bool_]) -> None:
        """Take the windows with this top row: (width - size + 1,) which of them fit."""
        self._padded[1:-1] = fits
        edges = np.flatnonzero(self._padded[1:] != self._padded[:-1]).tolist()
        starts, ends = edges[::2], edges[1::2]  # of the runs of windows that fit
        placed, at, run = [], 0, 0
        while run < len(starts):
            first = max(at, starts[run])
            columns = range(first, ends[run], self._size)
            placed.append(columns)
            at = columns[-1] + self._size
            run = bisect_right(ends, at, run + 1)  # the first run that reaches beyond ``at``
        if placed:
            self._placed[top] = placed

    def best(self, height: int) -> list[tuple[int, int]]:
        """(row, column) of the patches of the best bands."""
        counts = np.zeros(height - self._size + 1, np.int64)
        for top, runs in self._placed.items():
            counts[top] = sum(len(columns) for columns in runs)
        tops = best_bands(counts, self._size)
        return [(y, x) for y in tops for columns in self._placed[y] for x in columns]


class _ColumnBands:
    """Patches of every vertical band, placed from the top as the rows come."""

    def __init__(self, width: int, size: int) -> None:
        self._size = size
        self._free = np.zeros(width - size + 1, np.int32)  # first row that is not taken yet
        self._counts = np.zeros(width - size + 1, np.int32)
        self._placed: list[tuple[int, IntArray]] = []

    def add(self, top: int, fits: NDArray[np.bool_]) -> None:
        """Take the windows with this top row: (width - size + 1,) which of them fit."""
        columns = np.flatnonzero(fits & (self._free <= top))
        if len(columns):
            self._free[columns] = top + self._size
            self._counts[columns] += 1
            self._placed.append((top, columns.astype(np.int32)))

    def best(self) -> list[tuple[int, int]]:
        """(row, column) of the patches of the best bands."""
        chosen = np.zeros(len(self._counts), bool)
        chosen[best_bands(self._counts, self._size)] = True
        return [(y, x) for y, columns in self._placed for x in columns[chosen[columns]].tolist()]


class _Grids:
    """Patches of the grids that have one offset for the whole scene, for comparison."""

    def __init__(self, width: int, size: int) -> None:
        self._size = size
        self._starts = width - size + 1
        across = -(-self._starts // size)
        self._sums = np.zeros((size, across * size), np.int32)

    def add(self, top: int, fits: NDArray[np.bool_]) -> None:
        """Take the windows with this top row: (width - size + 1,) which of them fit."""
        self._sums[top % self._size, : self._starts] += fits

    def counts(self) -> IntArray:
        """(size, size) patches of the grid that starts at each row and column."""
        out: IntArray = self._sums.reshape(self._size, -1, self._size).sum(axis=1)
        return out
