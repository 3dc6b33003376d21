"""Displaced views of an endless field: which windows to draw so that all of them can be cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil, floor

import numpy as np

from ..datasets.tile import FloatArray

Shift = tuple[float, float]
"""(rows, columns) in pixels by which a view shows the field displaced."""
Canvas = tuple[int, int, int, int]
"""First row and column, height and width of a window of whole pixels."""
_CANVAS_COST_PX = 20_000
# Beginning a canvas takes as long as drawing so many of its pixels.


class Views:
    """Views of one size of an endless field; those that lie near each other share a canvas.

    Args:
        draw: (first row, first column, height, width) to the field there; rows and columns may
            be any real numbers.
        shape: (height, width) of a view, pixels.
        shifts: views that will be asked for (others work, but cost more).
    """

    def __init__(
        self,
        draw: Callable[[tuple[float, float, int, int]], FloatArray],
        shape: tuple[int, int],
        shifts: Iterable[Shift] = (),
    ) -> None:
        self._draw, self._shape = draw, shape
        self.canvases = _canvases(shape, shifts)
        self._drawn: dict[Canvas, FloatArray] = {}

    def __call__(self, shift: Shift) -> FloatArray:
        """(y, x) view displaced by ``shift``: pixel p shows the field at p - shift (linear)."""
        for canvas in self.canvases:
            if _holds(canvas, self._shape, shift):
                if canvas not in self._drawn:
                    self._drawn[canvas] = self._draw(canvas)
                return self.cut(self._drawn[canvas], canvas, shift)
        return self._draw((-shift[0], -shift[1], *self._shape))

    def keep(self, canvas: Canvas, field: FloatArray) -> None:
        """Take ``field`` as what is drawn on ``canvas``."""
        self._drawn[canvas] = field

    def cut(self, field: FloatArray, canvas: Canvas, shift: Shift = (0.0, 0.0)) -> FloatArray:
        """A view out of a field on ``canvas``, displaced by ``shift`` (linear)."""
        rows, cols = self._shape
        row, col = -shift[0] - canvas[0], -shift[1] - canvas[1]
        r, c = floor(row), floor(col)
        part = field[r : r + rows + 1, c : c + cols + 1]
        down, right = np.float32(row - r), np.float32(col - c)
        part = part[:rows] if down == 0 else part[:rows] + down * (part[1:] - part[:rows])
        if right == 0:
            return part[:, :cols]
        return np.asarray(part[:, :cols] + right * (part[:, 1:] - part[:, :cols]), np.float32)


def _canvases(shape: tuple[int, int], shifts: Iterable[Shift]) -> list[Canvas]:
    """Windows that hold the displaced views, few and not too large, the nearest view first."""
    canvases: list[Canvas] = []
    for down, across in sorted(shifts, key=lambda s: s[0] ** 2 + s[1] ** 2):
        top, left = floor(-down), floor(-across)
        bottom, right = ceil(-down) + shape[0], ceil(-across) + shape[1]
        for i, (t, le, height, width) in enumerate(canvases):
            t2, l2 = min(t, top), min(le, left)
            both = t2, l2, max(t + height, bottom) - t2, max(le + width, right) - l2
            apart = height * width + shape[0] * shape[1] + _CANVAS_COST_PX
            if both[2] * both[3] <= apart:
                canvases[i] = both
                break
        else:
            canvases.append((top, left, bottom - top, right - left))
    return canvases


def _holds(canvas: Canvas, shape: tuple[int, int], shift: Shift) -> bool:
    """Whether ``canvas`` holds the view displaced by ``shift``."""
    top, left, height, width = canvas
    return (
        top <= floor(-shift[0])
        and ceil(-shift[0]) + shape[0] <= top + height
        and left <= floor(-shift[1])
        and ceil(-shift[1]) + shape[1] <= left + width
    )
