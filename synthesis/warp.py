"""Noise on a plane that is turned, stretched and bent: the grain of streaks, the rags of rims."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, cos, floor, radians, sin

import cv2
import numpy as np

from ..datasets.tile import FloatArray
from .perlin import Fold, fractal_axes, fractal_noise, random_offset

Window = tuple[float, float, int, int]
"""First row and column (pixels, any real numbers), height and width of a view of the plane."""
_BEND_OCTAVES = 3


@dataclass(frozen=True)
class WarpedPlane:
    """Coordinates u across and v along rows of an endless plane, bent by noise of their own.

    Domain warping: noise is read at x + w(x), w itself noise. Lines that were straight on the
    lattice become curls, and the lattice is no longer seen.
    """

    period_px: float
    """Size of a cell of noise, pixels."""
    bends: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Row offsets of the two fields that bend it, and their column offset."""
    reach_cells: float = 0.0
    """How far the plane is bent at most, in cells; 0 leaves it flat."""
    stretch: float = 1.0
    """Length of structures over their width."""
    heading_deg: float = 0.0
    """Direction of the stretch, clockwise from the top of the image."""

    @classmethod
    def drawn(cls, rng: np.random.Generator, period_px: float, reach_cells: float) -> WarpedPlane:
        """A plane bent by fields drawn with ``rng``."""
        return cls(period_px, (*random_offset(rng), random_offset(rng)[0]), reach_cells)

    def coordinates(self, window: Window) -> tuple[FloatArray, FloatArray]:
        """(y, x) float32 each, pixels: u along the stretch (to the top if it is 0), and v."""
        row, col, height, width = window
        y = np.float32(row) + np.arange(height, dtype=np.float32)[:, None]
        x = np.float32(col) + np.arange(width, dtype=np.float32)[None, :]
        turn = radians(self.heading_deg)
        s, c = np.float32(round(sin(turn), 12)), np.float32(round(cos(turn), 12))
        u, v = x * s - y * c, x * c + y * s
        if self.reach_cells:
            for coordinate, bend in zip((u, v), self._bend(window), strict=True):
                coordinate += bend * np.float32(self.reach_cells * self.period_px)
        u /= np.float32(self.stretch)
        return u, v

    def _bend(self, window: Window) -> tuple[FloatArray, FloatArray]:
        """Two smooth fields, drawn together on every ``step``-th pixel and enlarged."""
        row, col, height, width = window
        period = self.period_px / 1.5
        step = max(1, floor(period / 2**_BEND_OCTAVES / 2))
        middle = (step - 1) / 2  # OpenCV puts a coarse pixel in the middle of the fine ones
        down = (row + middle + step * np.arange(ceil(height / step) + 1)) / period
        right = (col + middle + step * np.arange(ceil(width / step) + 1)) / period
        down = np.concatenate([self.bends[0] + down, self.bends[1] + down])
        octave = np.arange(_BEND_OCTAVES, dtype=np.float64)
        frequencies, weights = np.exp2(octave), np.exp2(-octave)
        both = fractal_axes(down, self.bends[2] + right, frequencies, weights / weights.sum())
        size = right.size * step, down.size // 2 * step

        def enlarged(half: FloatArray) -> FloatArray:
            if step > 1:
                half = np.asarray(
                    cv2.resize(half, size, interpolation=cv2.INTER_LINEAR), np.float32
                )
            return half[:height, :width]

        middle_row = down.size // 2
        u, v = enlarged(both[:middle_row]), enlarged(both[middle_row:])
        return u, v

    def noise(
        self,
        at: tuple[FloatArray, FloatArray],
        offset: tuple[float, float],
        *,
        period_px: float | None = None,
        octaves: int = 6,
        persistence: float = 0.5,
        fold: Fold = "none",
    ) -> FloatArray:
        """Fractal noise at ``coordinates``: drawn on the grid that holds them, interpolated."""
        u, v = at
        period = self.period_px if period_px is None else period_px
        u0, v0 = floor(float(u.min())), floor(float(v.min()))
        shape = ceil(float(v.max())) - v0 + 2, ceil(float(u.max())) - u0 + 2
        start = offset[0] + v0 / period, offset[1] + u0 / period
        grid = fractal_noise(
            shape, period, offset=start, octaves=octaves, persistence=persistence, fold=fold
        )
        read = cv2.remap(grid, u - np.float32(u0), v - np.float32(v0), cv2.INTER_LINEAR)
        return np.asarray(read, np.float32)
