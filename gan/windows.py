"""A fill window by window: a scene of any size with the memory of one window.

The scene is cut into square cores. Each core that holds cloud or shadow is read with a margin
round about and filled. Neighbouring windows overlap, and over the first pixels of each core the
values pass linearly from the neighbour's to its own; a filler that looks no further than the margin
gives both the same values there. Cores without cloud or shadow are never computed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple

import numpy as np
from rasterio.windows import Window

from ..datasets.ahead import ahead
from ..datasets.errors import ValueRangeError
from ..datasets.protocols import Filler
from ..datasets.tile import SPECTRAL, TEMPORAL, CloudMask, FilledTile, FloatArray, Tile
from .common import Area, fillable_bands, untouched
from .features import CELL_PX

MAX_SAMPLES = 25_000_000
"""Samples (pixels x bands) of a window with its margin: 100 MB of float32, of which a fill takes
some ten times as much."""
UNIT_PX = 256
"""Cores are multiples of it."""
REACH_M = 300.0
"""How far the spatial fillers look for clear ground, metres."""
NEAR_PX = 64
"""How far the spectral fillers look at surroundings, and spatial ones beyond their reach."""
_KINDS = TEMPORAL - SPECTRAL + 1

Pixels = Callable[[Window], Tile]
Classes = Callable[[Window], CloudMask]


@dataclass(frozen=True)
class Cut:
    """How a scene is cut into windows."""

    core_px: int = 1024
    """Side of what a window gives."""
    margin_px: int = 128
    """What it sees beyond, on each side."""
    ramp_px: int = 32
    """Pixels over which neighbours are blended; part of the margin."""

    def __post_init__(self) -> None:
        if not 0 < self.ramp_px <= min(self.margin_px, self.core_px):
            raise ValueRangeError(
                f"cores of {self.core_px} pixels with margins of {self.margin_px} and ramps of "
                f"{self.ramp_px}",
                "ramps of at least 1 and at most the others", "correct the cut",
            )  # fmt: skip

    @classmethod
    def fitting(cls, bands: int, gsd_m: float | None) -> Cut:
        """The largest windows within MAX_SAMPLES, with room for what fillers look at.

        Args:
            bands: number of bands of the scene.
            gsd_m: pixel size in metres, None where it is not known.
        """
        reach = min(ceil(REACH_M / gsd_m), 2 * UNIT_PX) if gsd_m else 0
        margin = cls.ramp_px + NEAR_PX + max(reach, cls.ramp_px)
        margin += -margin % CELL_PX  # windows begin where a cell of the whole scene does
        side = int((MAX_SAMPLES / bands) ** 0.5) - 2 * margin
        return cls(UNIT_PX * min(max(side // UNIT_PX, 1), 4), margin)


class Part(NamedTuple):
    """One core, done."""

    window: Window
    before: Tile
    """As it came."""
    filled: FilledTile
    computed: bool
    """Whether the filler was asked."""


def fill_windows(
    pixels: Pixels, classes: Classes, shape: tuple[int, int], filler: Filler, cut: Cut
) -> Generator[Part, None, None]:
    """Fill a scene core by core, row by row from the top left; every pixel comes once.

    Where windows are blended, a pixel counts as filled if windows of half of the weight or more
    filled it. Values and confidence are weighted means, the provenance is that of most weight.

    Args:
        pixels: reads a window of the scene.
        classes: reads a window of its mask.
        shape: (height, width) of the scene.
        filler: fills one window at a time.
        cut: sizes of the windows.
    """
    ramp = cut.ramp_px
    below: FloatArray | None = None  # what the cores above gave to the rows below them
    above: FloatArray | None = None
    beside: FloatArray | None = None  # what the core to the left gave to the columns here
    with closing(ahead(_read(pixels, classes, shape, cut), 1)) as read:
        for rows, columns, tile, mask, done in read:
            if columns.core.start == 0:
                above, below, beside = below, None, None
            total = None if mask is None else _weighted(filler.fill(tile, mask), rows, columns)
            before, (height, width) = done.tile, done.tile.shape
            parts = [] if total is None else [total[:, :height, :width]]
            if beside is not None:
                parts.append(beside)
            if above is not None:
                parts.append(above[:, :height, columns.core])
            beside = None
            if total is not None:
                beside = total[:, :height, width:].copy()
                if below is None:
                    below = np.zeros((len(total), ramp, shape[1]), np.float32)
                below[:, : total.shape[1] - height, columns.given] += total[:, height:]
            core = _window(rows.core, columns.core)
            yield Part(core, before, _merged(done, parts), total is not None)


class _Given(NamedTuple):
    """One core, read."""

    rows: _Line
    columns: _Line
    tile: Tile
    """With its margin, if it holds clouds."""
    mask: CloudMask | None
    """Of the tile; None without clouds."""
    core: FilledTile
    """Nothing is filled yet."""


def _read(
    pixels: Pixels, classes: Classes, shape: tuple[int, int], cut: Cut
) -> Generator[_Given, None, None]:
    """The cores row by row."""
    for rows in _lines(shape[0], cut):
        for columns in _lines(shape[1], cut):
            core, mask = _window(rows.core, columns.core), None
            if classes(_window(rows.given, columns.given)).contaminated.any():
                outer = _window(rows.outer, columns.outer)
                tile, mask = pixels(outer), classes(outer)
                kept = _cropped(tile, rows, columns)
            else:
                tile = kept = pixels(core)
            done = untouched(kept, Area.of(kept, classes(core)))
            yield _Given(rows, columns, tile, mask, done)


class _Line(NamedTuple):
    """One core along one axis, in pixels of the scene."""

    core: slice
    given: slice
    """The core and what it gives to the next."""
    outer: slice
    """What is read."""
    weight: FloatArray
    """Of each pixel of ``given``."""


def _lines(n: int, cut: Cut) -> list[_Line]:
    found = []
    rise = (np.arange(cut.ramp_px, dtype=np.float32) + np.float32(0.5)) / cut.ramp_px
    for start in range(0, n, cut.core_px):
        stop = min(start + cut.core_px, n)
        end = min(stop + cut.ramp_px, n)
        outer = slice(max(start - cut.margin_px, 0), min(stop + cut.margin_px, n))
        weight = np.ones(end - start, np.float32)
        if start:
            weight[: cut.ramp_px] = rise[: stop - start]
        weight[stop - start :] = 1 - rise[: end - stop]
        found.append(_Line(slice(start, stop), slice(start, end), outer, weight))
    return found


def _window(rows: slice, columns: slice) -> Window:
    return Window(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)


def _inside(part: slice, line: _Line) -> slice:
    return slice(part.start - line.outer.start, part.stop - line.outer.start)


def _cropped(tile: Tile, rows: _Line, columns: _Line) -> Tile:
    """The core of a window."""
    y, x = _inside(rows.core, rows), _inside(columns.core, columns)
    return replace(
        tile,
        data=tile.data[:, y, x],
        stored=None if tile.stored is None else tile.stored[:, y, x],
        transform=tile.grid.at(top=y.start, left=x.start),
        quality=None,
    )


def _weighted(done: FilledTile, rows: _Line, columns: _Line) -> FloatArray:
    """(band + 1 + kind, y, x): values, confidence and 1 for the kind of fill of each pixel that
    is given, times its weight; 0 where the window filled nothing."""
    y, x = _inside(rows.given, rows), _inside(columns.given, columns)
    filled = done.filled[y, x]
    n = len(done.tile.bands)
    weight = np.where(filled, rows.weight[:, None] * columns.weight, 0)
    out = np.zeros((n + 1 + _KINDS, *filled.shape), np.float32)
    for plane, values in zip(out, (*done.tile.data, done.confidence), strict=False):
        np.multiply(values[y, x], weight, out=plane, where=filled)
    for k in range(_KINDS):
        np.copyto(out[n + 1 + k], weight, where=done.provenance[y, x] == SPECTRAL + k)
    return out


def _merged(done: FilledTile, parts: list[FloatArray]) -> FilledTile:
    """``done``, an untouched core, with the sum of what windows filled of it.

    Args:
        done: provenance and confidence are changed in place.
        parts: as from `_weighted`; the later ones are of the first rows or columns only.
    """
    n, shape = len(done.tile.bands), done.tile.shape
    if not any(part[n + 1 :].any() for part in parts):
        return done
    total = np.zeros((n + 1 + _KINDS, *shape), np.float32)
    for part in parts:
        total[:, : part.shape[1], : part.shape[2]] += part
    kinds = total[n + 1 :]
    weight = kinds.sum(axis=0)
    filled = weight >= 0.5
    data = done.tile.data.copy()
    for i in fillable_bands(done.tile):
        data[i][filled] = total[i][filled] / weight[filled]
    done.provenance[filled] = SPECTRAL + kinds[:, filled].argmax(axis=0)
    done.confidence[filled] = total[n][filled] / weight[filled]
    return FilledTile(done.tile.with_data(data), done.provenance, done.confidence)
