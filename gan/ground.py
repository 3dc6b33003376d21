"""A sample of the clear ground of a scene too large to hold, for fillers that learn from it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from rasterio.windows import Window

from ..datasets.tile import CLEAR, NODATA, CloudMask, Tile
from .windows import Classes, Pixels

SIDE_PX = 384
"""Side of a piece: that of the windows that `regression.Regression` paints."""
GAP_PX = 64
"""Nodata between pieces: nobody looks further than that to the neighbour."""
MAX_SAMPLES = 40_000_000
"""Samples (pixels x bands) of all pieces: 160 MB of float32."""
MAX_CELLS = 4
"""Cells along each side of the scene, one piece from each."""
_TRIES = 4


def clear_ground(
    pixels: Pixels, classes: Classes, shape: tuple[int, int], bands: int
) -> tuple[Tile, CloudMask]:
    """The clearest pieces of all parts of a scene, one below the other with nodata between.

    A scene no larger than the sample comes whole.

    Args:
        pixels: reads a window of the scene.
        classes: reads a window of its mask.
        shape: (height, width) of the scene.
        bands: number of its bands.
    """
    side = min(SIDE_PX, int((MAX_SAMPLES / bands) ** 0.5))
    cells = min(MAX_CELLS, int((MAX_SAMPLES / bands) ** 0.5) // side)
    height, width = shape
    if height * width <= (cells * side) ** 2:
        whole = Window(0, 0, width, height)
        return pixels(whole), classes(whole)
    windows = [
        _clearest(classes, y, x)
        for y in _cells(height, side, cells)
        for x in _cells(width, side, cells)
    ]
    tiles, masks = [pixels(w) for w in windows], [classes(w) for w in windows]
    wide = max(tile.shape[1] for tile in tiles)
    tall = sum(tile.shape[0] + GAP_PX for tile in tiles) - GAP_PX
    data = np.full((bands, tall, wide), np.nan, np.float32)
    codes = np.full((tall, wide), NODATA, np.uint8)
    top = 0
    for tile, mask in zip(tiles, masks, strict=True):
        rows, columns = slice(top, top + tile.shape[0]), slice(tile.shape[1])
        data[:, rows, columns], codes[rows, columns] = tile.data, mask.classes
        top += tile.shape[0] + GAP_PX
    sample = replace(tiles[0], data=data, stored=None, quality=None)
    return sample, CloudMask(codes, sample.transform, sample.crs)


def _cells(n: int, side: int, cells: int) -> list[list[slice]]:
    """Places of a piece along one axis, in each cell from its start to its end."""
    side = min(side, n)
    edges = np.linspace(0, n - side, cells + 1)
    tries = [np.linspace(a, b, _TRIES, endpoint=False) for a, b in pairwise(edges)]
    return [[slice(int(at), int(at) + side) for at in cell] for cell in tries]


def _clearest(classes: Classes, rows: list[slice], columns: list[slice]) -> Window:
    """The window with most clear pixels of all pairs of places."""
    windows = [
        Window(x.start, y.start, x.stop - x.start, y.stop - y.start) for y in rows for x in columns
    ]
    return max(windows, key=lambda w: int((classes(w).classes == CLEAR).sum()))
