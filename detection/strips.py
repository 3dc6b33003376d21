"""Masks of scenes too large to hold, as strips of rows from top to bottom."""

from __future__ import annotations

from collections.abc import Generator
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from rasterio.windows import Window

from ..datasets.coarse import averaged
from ..datasets.opening import check_size
from ..datasets.protocols import Detector
from ..datasets.regrid import repeat
from ..datasets.scene import Scene
from ..datasets.tile import NODATA, ByteArray, Tile

ROWS = 512
"""Rows that a mask is handed on with."""
_COLUMNS = 1024


class Strip(NamedTuple):
    """Some rows of a mask before its clean-up."""

    classes: ByteArray
    """(y, x) uint8."""
    percent: ByteArray | None
    """(4, y, x) uint8 probabilities in percent, 255 nodata; None if the detector knows none."""


def pixelwise_strips(detector: Detector, scene: Scene) -> Generator[Strip, None, None]:
    """By windows, for a detector to whom each pixel speaks for itself: exactly the whole mask.

    Such a detector says so by an attribute ``pixelwise = True``.
    """
    height, width = scene.shape
    check_size(scene.path, width, height, 1, scene.max_pixels)
    for top in range(0, height, ROWS):
        rows = min(ROWS, height - top)
        parts = [
            detector.mask(scene.read(Window(left, top, min(_COLUMNS, width - left), rows))).classes
            for left in range(0, width, _COLUMNS)
        ]
        yield Strip(np.concatenate(parts, axis=1), None)


def coarse_strips(detector: Detector, scene: Scene, factor: int) -> Generator[Strip, None, None]:
    """For a detector that looks at the whole scene: it sees fewer, coarser pixels.

    They are the means of ``factor`` x ``factor`` pixels each; the mask is brought back by repeating
    its pixels. Fine pixels without data are nodata.
    """
    height, width = scene.shape
    check_size(scene.path, width, height, 1, scene.max_pixels)
    empty = np.zeros((height, -(-width // 8)), np.uint8)  # a bit for each pixel

    def note(window: Window, tile: Tile) -> None:
        rows = slice(window.row_off, window.row_off + window.height)
        first = window.col_off // 8
        packed = np.packbits(~tile.valid, axis=1)
        empty[rows, first : first + packed.shape[1]] = packed

    coarse = averaged(scene, factor, seen=note)
    classes = detector.mask(coarse).classes
    del coarse
    step = max(ROWS // factor, 1)
    for top in range(0, len(classes), step):
        fine = repeat(classes[top : top + step], factor)
        first = top * factor
        part = empty[first : first + len(fine)]
        fine = fine[: len(part), :width]
        fine[np.unpackbits(part, axis=1, count=width).astype(bool)] = NODATA
        yield Strip(fine, None)


def coarsening_for(scene: Scene, samples: int) -> int:
    """How many pixels, along each side, are averaged so that ``samples`` do."""
    height, width = scene.shape
    return max(1, ceil(sqrt(height * width * len(scene.bands) / samples)))
