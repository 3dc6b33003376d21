"""Noise on a plane that is turned, stretched and bent: the grain of streaks, the rags of rims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import ceil, cos, floor, radians, sin
from operator import add

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.tile import FloatArray
from .lattice import Fold, Octaves, draw
from .perlin import plan

Window = tuple[float, float, int, int]
"""First row and column (pixels, any real numbers), height and width of a view of the plane."""
Wave = tuple[float, float, float, float]
"""Waves a cell down and across, phase (radians) and height (cells)."""
_WAVES, _LONGEST, _OCTAVES = 8, 1.3, 2.0
# Waves for each axis, the length of the longest in cells, and how many times the shortest goes
# into it, as a power of 2.
_SAMPLES = 24
# Coarse pixels a cell on which bends are computed: ten on the shortest wave.
BLOCK_PX = 2048
"""Side of the largest window that is drawn at once: OpenCV reads grids up to 32767 pixels wide,
and a turned window needs the square around it."""


@dataclass(frozen=True)
class Field:
    """Fractal noise of a plane: one term of a sum. Fields as in ``fractal_noise``."""

    period_px: float
    offset: tuple[float, float]
    octaves: int = 6
    persistence: float = 0.5
    fold: Fold = "none"
    weight: float = 1.0
    """What it is multiplied with."""

    def planned(self, shape: tuple[int, int], corner: tuple[int, int]) -> Octaves:
        """Its octaves on a grid of ``shape`` whose first pixel is at (row, column) ``corner``."""
        row, col = (
            start + at / self.period_px for start, at in zip(self.offset, corner, strict=True)
        )
        planned = plan(
            shape, self.period_px, (row, col), self.octaves, self.persistence, fold=self.fold
        )
        return planned * self.weight


@dataclass(frozen=True)
class WarpedPlane:
    """Coordinates u across and v along rows of an endless plane, bent by random waves.

    Domain warping: noise is read at x + w(x), w smooth and random. Lines that were straight on
    the lattice become curls, and the lattice is no longer seen.
    """

    period_px: float
    """Size of a cell of noise, pixels."""
    waves: tuple[tuple[Wave, ...], ...] = ()
    """The waves that bend u, and those that bend v; empty leaves the plane flat."""
    stretch: float = 1.0
    """Length of structures over their width."""
    heading_deg: float = 0.0
    """Direction of the stretch, clockwise from the top of the image."""

    @classmethod
    def drawn(cls, rng: np.random.Generator, period_px: float, reach_cells: float) -> WarpedPlane:
        """A plane bent by at most ``reach_cells`` cells, by waves drawn with ``rng``."""
        length = np.exp2(rng.uniform(-_OCTAVES, 0, (2, _WAVES))) * _LONGEST
        turn, phase = rng.uniform(0, 2 * np.pi, (2, 2, _WAVES))
        height = length * (reach_cells / length.sum(1, keepdims=True))
        waves = np.stack([np.cos(turn) / length, np.sin(turn) / length, phase, height], 2)
        return cls(period_px, tuple(tuple(map(tuple, axis)) for axis in waves.tolist()))

    def coordinates(self, window: Window) -> tuple[FloatArray, FloatArray]:
        """(y, x) float32 each, pixels: u along the stretch (to the top if it is 0), and v.

        The bends are smooth: all is computed for every ``step``-th pixel and enlarged. Those
        pixels are the same whatever the window, so that windows agree.
        """
        row, col, height, width = window
        step = max(1, floor(self.period_px / _SAMPLES)) if self.waves else 1
        (top, y), (left, x) = _every(step, row, height), _every(step, col, width)
        turn = radians(self.heading_deg)
        s, c = round(sin(turn), 12), round(cos(turn), 12)
        # The stretch goes into the axes: there it costs nothing.
        u = np.subtract.outer(y * (-c / self.stretch), x * (-s / self.stretch)).astype(np.float32)
        v = np.add.outer(y * s, x * c).astype(np.float32)
        if self.waves:
            bend_u, bend_v = self._bend(y, x)
            u += bend_u * np.float32(1 / self.stretch)
            v += bend_v
        if step > 1:
            size = x.size * step, y.size * step
            u, v = (
                np.asarray(cv2.resize(a, size, interpolation=cv2.INTER_LINEAR), np.float32)
                for a in (u, v)
            )
        part = np.s_[top : top + height, left : left + width]
        return u[part], v[part]

    def _bend(self, y: NDArray[np.float64], x: NDArray[np.float64]) -> FloatArray:
        """(2, y, x) float32 pixels by which u and v are bent: sums of waves."""
        down, right, phase, height = np.array(self.waves).transpose(2, 0, 1)[..., None]
        rows = (y * (2 * np.pi / self.period_px) * down + phase).transpose(0, 2, 1)
        cols = x * (2 * np.pi / self.period_px) * right
        height = height.transpose(0, 2, 1) * self.period_px
        # sin(a + b) = sin a cos b + cos a sin b: no sine for each pixel
        along_y = np.concatenate([np.sin(rows) * height, np.cos(rows) * height], 2)
        along_x = np.concatenate([np.cos(cols), np.sin(cols)], 1)
        bends = along_y.astype(np.float32) @ along_x.astype(np.float32)
        return np.asarray(bends, np.float32)

    def noise(self, window: Window, fields: Sequence[Field]) -> FloatArray:
        """(y, x) sum of ``fields``: drawn on a straight grid and read where the window lies."""
        row, col, height, width = window
        if max(height, width) > BLOCK_PX:
            out = np.empty((height, width), np.float32)
            for r in range(0, height, BLOCK_PX):
                for c in range(0, width, BLOCK_PX):
                    part = out[r : r + BLOCK_PX, c : c + BLOCK_PX]
                    part[:] = self.noise((row + r, col + c, *part.shape), fields)
            return out
        u, v = self.coordinates(window)
        u0, v0 = floor(float(u.min())), floor(float(v.min()))
        shape = ceil(float(v.max())) - v0 + 2, ceil(float(u.max())) - u0 + 2
        grid = draw(reduce(add, (field.planned(shape, (v0, u0)) for field in fields)))
        read = cv2.remap(grid, u - np.float32(u0), v - np.float32(v0), cv2.INTER_LINEAR)
        return np.asarray(read, np.float32)


def _every(step: int, start: float, count: int) -> tuple[int, NDArray[np.float64]]:
    """Middles of coarse pixels of ``step`` around ``count`` pixels from ``start``.

    Coarse pixels begin at multiples of ``step``. Returned first: where among the fine pixels of
    the coarse ones the asked ones begin.
    """
    whole = floor(start)
    first, last = whole // step - (step > 1), (whole + count - 1) // step + (step > 1)
    coarse = np.arange(first, last + 1, dtype=np.float64)
    return whole - first * step, start - whole + (step - 1) / 2 + step * coarse
