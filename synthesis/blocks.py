"""Which pixels are painted, a block of rows at a time."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.tile import BoolArray, FloatArray

BLOCK_PX = 1 << 15
"""Pixels painted at a time: the dozen steps of the model then stay in the processor's cache."""
_FEW = 0.3
# Up to this share of a block its pixels are gathered and scattered one by one. That takes as long
# as twenty steps of arithmetic, so of other blocks all pixels are computed and some are written.


@dataclass(frozen=True)
class Block:
    """Pixels of an image to paint together."""

    where: slice | NDArray[np.intp]
    """Whole rows, or (n,) flat indices within the image."""
    inside: NDArray[np.uint8] | None = None
    """(rows, x) not 0 where to paint in whole rows; None for all."""

    def read(self, plane: FloatArray) -> FloatArray:
        """Values of the (y, x) ``plane`` that the brush needs: (n,), or (rows, x), a view."""
        if isinstance(self.where, slice):
            return plane[self.where]
        return plane.reshape(-1).take(self.where)

    def write(self, plane: FloatArray, values: FloatArray) -> None:
        """Put ``values``, shaped as those read, where to paint."""
        if not isinstance(self.where, slice):
            plane.reshape(-1)[self.where] = values
        elif self.inside is None:
            plane[self.where] = values
        else:
            cv2.copyTo(values, self.inside, plane[self.where])  # far faster than np.copyto


def blocks(painted: BoolArray) -> list[Block]:
    """Those that hold the pixels where the (y, x) ``painted`` is True; none for none."""
    height, width = painted.shape
    step = max(1, BLOCK_PX // max(width, 1))
    found, places = [], []
    for start in range(0, height, step):
        part = painted[start : start + step]
        count = np.count_nonzero(part)
        rows = slice(start, start + step)
        if count == part.size:
            found.append(Block(rows))
        elif count > _FEW * part.size:
            found.append(Block(rows, inside=part.view(np.uint8)))
        elif count:
            places.append(np.flatnonzero(part) + start * width)
    few = np.concatenate(places) if places else np.empty(0, np.intp)
    found += [Block(few[k : k + BLOCK_PX]) for k in range(0, few.size, BLOCK_PX)]
    return found


def exp(values: FloatArray) -> FloatArray:
    """e to the power of ``values``, in place: OpenCV takes half the time of NumPy."""
    cv2.exp(values, values)
    return values


def log(values: FloatArray) -> FloatArray:
    """Natural logarithm of ``values``, which are above 0, in place."""
    cv2.log(values, values)
    return values
