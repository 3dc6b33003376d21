"""Where a layer of cloud is and how thick: Perlin noise cut at the quantile of its cover."""

from __future__ import annotations

from math import ceil, cos, floor, log2, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.pair import CloudParams
from ..datasets.tile import BoolArray, FloatArray
from .perlin import fractal_noise, random_offset
from .terrain import shading

TAU_EDGE = 0.03
"""Least optical thickness of a cloudy pixel: thinner is subvisual (Sassen & Cho 1992)."""
TAU_PEAK = 2.5
"""Greatest optical thickness of a layer over its ``tau_550``; peaks are cut there."""
TOP_CONTRAST = 0.35
"""Share of the contrast of sunlit and shaded slopes that shows on the top of a heap."""
_WARP_CELLS = {"cumulus": 0.06, "cirrus": 0.30, "haze": 0.15}
# How far the plane is bent, in cells of the first octave: ragged rims, curled streaks.

Window = tuple[float, float, int, int]
"""First row and column (pixels, any real numbers), height and width of a view of the plane."""


class CloudPlane:
    """The endless plane of one layer of cloud; windows of it are seen from above or by the sun.

    Both are the same function of position, so a shadow fits its cloud, and clouds outside the
    tile cast shadows into it, without a larger canvas.

    Args:
        layer: the cloud.
        valid: (y, x) pixels of the tile that count for cover.
        gsd_m: pixel size in metres.
    """

    def __init__(self, layer: CloudParams, valid: BoolArray, gsd_m: float) -> None:
        self.layer = layer
        rng = np.random.default_rng(layer.seed)
        self._offset, self._puffs = random_offset(rng), random_offset(rng)
        self._bend = random_offset(rng), random_offset(rng)
        self._gsd_m = gsd_m
        self._period = layer.scale_m / gsd_m
        self._octaves = max(1, min(layer.octaves, 1 + floor(log2(max(self._period / 1.5, 1.0)))))

        height = self._height((0.0, 0.0, *valid.shape))
        self._cloudy = _highest(height, valid, round(layer.cover * int(valid.sum())))
        self._height_here = height
        heights = height[self._cloudy]
        self._floor = float(heights.min()) if heights.size else np.inf
        mean = float(np.mean(self._rise(heights))) if heights.size else 0.0
        self._gain = max(layer.tau_550 - TAU_EDGE, 0.0) / mean if mean > 0 else 0.0

    def above_tile(self) -> FloatArray:
        """(y, x) float32 tau_550 over the tile; above 0 on exactly the asked share of pixels."""
        return self._thickness(self._height_here, self._cloudy)

    def sunlit_tops(self, tau_550: FloatArray) -> FloatArray:
        """(y, x) float32 light on the cloud's top over that on a flat one; 1 for sheets.

        The top of a heap stands (tau / 16)^(3/5) * 350 m above its base: tau grows with the 5/3
        power of an adiabatic cloud's depth (Brenguier et al. 2000, J. Atmos. Sci. 57). Light
        scattered within the cloud evens slopes out, so only a part of their contrast is left.
        """
        layer = self.layer
        if layer.kind != "cumulus":
            return np.ones(tau_550.shape, np.float32)
        depth = np.float32(350) * (tau_550 / np.float32(16)) ** np.float32(0.6)
        smooth = cv2.GaussianBlur(depth, (0, 0), max(40.0 / self._gsd_m, 0.3))
        light = shading(
            np.asarray(smooth, np.float32), self._gsd_m, layer.sun_zenith_deg, layer.sun_azimuth_deg
        )
        tops = 1 + np.float32(TOP_CONTRAST) * (light - 1)
        return np.asarray(np.clip(tops, 0.7, 1.12), np.float32)

    def seen_by_sun(self, shift: tuple[float, float]) -> FloatArray:
        """(y, x) float32 tau_550 of what stands between each pixel of the tile and the sun.

        Args:
            shift: (rows, columns) from a cloud to its shadow, pixels.
        """
        height = self._height((-shift[0], -shift[1], *self._cloudy.shape))
        return self._thickness(height, height >= self._floor)

    def _rise(self, height: FloatArray) -> FloatArray:
        """Height above the cut, bent by ``edge``: the profile of optical thickness."""
        above = np.maximum(height - np.float32(self._floor), 0)
        return np.asarray(above ** np.float32(self.layer.edge), np.float32)

    def _thickness(self, height: FloatArray, cloudy: BoolArray) -> FloatArray:
        tau = np.zeros(height.shape, np.float32)
        least = min(TAU_EDGE, self.layer.tau_550)
        inside = least + np.float32(self._gain) * self._rise(height[cloudy])
        tau[cloudy] = np.minimum(inside, TAU_PEAK * self.layer.tau_550)
        return tau

    def _height(self, window: Window) -> FloatArray:
        """(y, x) height of the noise: what is highest is cloud."""
        u, v = self._along_and_across(window)
        height = self._sample(u, v, self._offset, self._period, self._octaves, False)
        if self.layer.kind == "cumulus":  # heaps on top of the larger structure
            heaps = self._sample(u, v, self._puffs, self._period / 3, self._octaves - 1, True)
            height += np.float32(0.30) * heaps
        return height

    def _along_and_across(self, window: Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coordinates of every pixel of ``window`` along and across the stretch, bent."""
        row, col, height, width = window
        layer, period = self.layer, self._period
        reach = _WARP_CELLS[layer.kind] * period
        start = row / period, col / period
        bend_u, bend_v = (
            reach * fractal_noise(
                (height, width), period / 1.5, octaves=min(4, self._octaves),
                offset=(o[0] + 1.5 * start[0], o[1] + 1.5 * start[1]),
            )
            for o in self._bend
        )  # fmt: skip
        y, x = row + np.arange(height)[:, None], col + np.arange(width)[None, :]
        turn = radians(layer.heading_deg)
        u = (x * sin(turn) - y * cos(turn) + bend_u) / layer.stretch
        v = x * cos(turn) + y * sin(turn) + bend_v
        return u, v

    def _sample(
        self,
        u: NDArray[np.float64],
        v: NDArray[np.float64],
        offset: tuple[float, float],
        period: float,
        octaves: int,
        billow: bool,
    ) -> FloatArray:
        """Noise at (u, v): drawn on the grid that holds them all, then interpolated."""
        u0, v0 = floor(u.min()), floor(v.min())
        shape = ceil(v.max()) - v0 + 2, ceil(u.max()) - u0 + 2
        grid = fractal_noise(
            shape, period, offset=(offset[0] + v0 / period, offset[1] + u0 / period),
            octaves=max(octaves, 1), persistence=self.layer.persistence, billow=billow,
        )  # fmt: skip
        to_u, to_v = (u - u0).astype(np.float32), (v - v0).astype(np.float32)
        return np.asarray(cv2.remap(grid, to_u, to_v, cv2.INTER_LINEAR), np.float32)


def _highest(height: FloatArray, valid: BoolArray, count: int) -> BoolArray:
    """The ``count`` highest valid pixels, exactly; equal heights go by position."""
    chosen = np.zeros(height.size, bool)
    candidates = np.flatnonzero(valid)
    if count:
        cut = height.ravel()[candidates]
        limit = np.partition(cut, cut.size - count)[cut.size - count]
        above = cut > limit
        ties = np.flatnonzero(cut == limit)[: count - int(above.sum())]
        chosen[candidates[above]] = True
        chosen[candidates[ties]] = True
    return chosen.reshape(height.shape)
