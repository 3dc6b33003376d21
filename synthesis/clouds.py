"""Where a layer of cloud is and how thick: Perlin noise cut at the quantile of its cover."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, floor, log2

import cv2
import numpy as np

from ..datasets.pair import CloudParams
from ..datasets.tile import BoolArray, FloatArray
from .perlin import Fold, random_offset
from .terrain import shading
from .warp import WarpedPlane, Window

TAU_EDGE = 0.03
"""Least optical thickness of a cloudy pixel: thinner is subvisual (Sassen & Cho 1992)."""
TAU_PEAK = 2.5
"""Greatest optical thickness of a layer over its ``tau_550``; peaks are cut there."""
TOP_CONTRAST = 0.35
"""Share of the contrast of sunlit and shaded slopes that shows on the top of a heap."""
_FINEST_PX = 3.0
# Octaves of smaller cells are left out: no imager resolves them.
_ROUND = 1.5
# Below this stretch the heading is one of the axes: a turned plane is twice the work to draw.
_CANVAS_COST_PX = 30_000
# Beginning a canvas takes as long as drawing so many of its pixels.

Shift = tuple[float, float]
"""(rows, columns) in pixels by which a view shows the cloud displaced."""
Canvas = tuple[int, int, int, int]
"""First row and column, height and width of a window of whole pixels."""


@dataclass(frozen=True)
class _Form:
    """How the height of a kind of cloud is summed from noise."""

    reach_cells: float
    """How far the plane is bent, in cells of the first octave: ragged rims, curled streaks."""
    fold: Fold = "none"
    heaps: float = 0.0
    """Weight of ridged noise of a third of the scale on top: the towers of heaps."""
    swell: float = 0.0
    """Weight of smooth noise of four times the scale: where cells close and where they open."""
    relief: bool = False
    """Whether tops have slopes that sun and shade show on."""


_FORMS = {
    "cumulus": _Form(0.06, heaps=0.30, relief=True),
    "stratus": _Form(0.20),
    "broken": _Form(0.12, fold="billow", swell=0.6, relief=True),
    "cirrus": _Form(0.30),
    "haze": _Form(0.15),
    "fog": _Form(0.10),
}


class CloudPlane:
    """The endless plane of one layer of cloud; views of it are seen from above or by the sun.

    All are the same function of position, so a shadow fits its cloud, and clouds outside the
    tile cast shadows into it. Views that lie near each other are cut from one canvas.

    Args:
        layer: the cloud.
        valid: (y, x) pixels of the tile that count for cover.
        gsd_m: pixel size in metres.
        shifts: displaced views that will be asked for (others work, but cost more).
    """

    def __init__(
        self, layer: CloudParams, valid: BoolArray, gsd_m: float, shifts: Iterable[Shift] = ()
    ) -> None:
        self.layer = layer
        self._form = _FORMS[layer.kind]
        self._gsd_m = gsd_m
        rng = np.random.default_rng(layer.seed)
        self._offset, self._puffs = random_offset(rng), random_offset(rng)
        period = layer.scale_m / gsd_m
        bent = WarpedPlane.drawn(rng, period, self._form.reach_cells)
        heading = layer.heading_deg
        if layer.stretch < _ROUND:
            heading = 90.0 * round(heading / 90)
        self._plane = replace(bent, stretch=layer.stretch, heading_deg=heading)
        self._octaves = max(1, min(layer.octaves, 1 + floor(log2(max(period / _FINEST_PX, 1.0)))))

        self._shape = valid.shape[0], valid.shape[1]
        self._canvases = _canvases(self._shape, shifts)
        height = self._height(self._canvases[0])
        here = self._cut(height, self._canvases[0])
        self._cloudy = _highest(here, valid, round(layer.cover * int(valid.sum())))
        heights = here[self._cloudy]
        self._floor = float(heights.min()) if heights.size else np.inf
        mean = float(np.mean(self._rise(heights))) if heights.size else 0.0
        self._gain = max(layer.tau_550 - TAU_EDGE, 0.0) / mean if mean > 0 else 0.0
        self._painted = {self._canvases[0]: self._thickness(height)}

    @cached_property
    def above_tile(self) -> FloatArray:
        """(y, x) float32 tau_550 over the tile; above 0 on exactly the asked share of pixels."""
        canvas = self._canvases[0]
        return np.where(self._cloudy, self._cut(self._painted[canvas], canvas), np.float32(0))

    def displaced(self, shift: Shift) -> FloatArray:
        """(y, x) float32 tau_550 of the layer as a view shows it that displaces it by ``shift``.

        With the shift from a cloud to its shadow it is what stands between each pixel and the
        sun. Pixels that do not count for cover are clouded here too: geometry goes on there.
        """
        for canvas in self._canvases:
            if _holds(canvas, self._shape, shift):
                if canvas not in self._painted:
                    self._painted[canvas] = self._thickness(self._height(canvas))
                return self._cut(self._painted[canvas], canvas, shift)
        return self._thickness(self._height((-shift[0], -shift[1], *self._shape)))

    def light_on_top(self, shift: Shift = (0.0, 0.0)) -> FloatArray | None:
        """(y, x) float32 light on the cloud's top over that on a flat one; None for sheets."""
        if not self._form.relief:
            return None
        return self._relief(self.displaced(shift))

    def _relief(self, tau_550: FloatArray) -> FloatArray:
        """Light on tops that stand (tau / 16)^(3/5) * 350 m above the base.

        Tau grows with the 5/3 power of an adiabatic cloud's depth (Brenguier et al. 2000, J.
        Atmos. Sci. 57). Light scattered within the cloud evens slopes out, so only a part of
        their contrast is left.
        """
        depth = _power(tau_550 * np.float32(1 / 16), 0.6)
        depth *= np.float32(350)
        smooth = cv2.GaussianBlur(depth, (0, 0), max(40.0 / self._gsd_m, 0.3))
        sun = self.layer.sun_zenith_deg, self.layer.sun_azimuth_deg
        light = shading(np.asarray(smooth, np.float32), self._gsd_m, *sun)
        light -= 1
        light *= np.float32(TOP_CONTRAST)
        light += 1
        return np.asarray(np.clip(light, 0.7, 1.12, out=light), np.float32)

    def _rise(self, height: FloatArray) -> FloatArray:
        """Height above the cut, bent by ``edge``: the profile of optical thickness."""
        return _power(height - np.float32(self._floor), self.layer.edge)

    def _thickness(self, height: FloatArray) -> FloatArray:
        tau = np.zeros(height.shape, np.float32)
        cloudy = height >= np.float32(self._floor)
        least = min(TAU_EDGE, self.layer.tau_550)
        inside = self._rise(height[cloudy])
        inside *= np.float32(self._gain)
        inside += np.float32(least)
        tau[cloudy] = np.minimum(inside, TAU_PEAK * self.layer.tau_550)
        return tau

    def _height(self, window: Window) -> FloatArray:
        """(y, x) height of the noise: what is highest is cloud."""
        plane, form, weight = self._plane, self._form, self.layer.persistence
        at = plane.coordinates(window)
        height = plane.noise(
            at, self._offset, octaves=self._octaves, persistence=weight, fold=form.fold
        )
        if form.heaps:
            heaps = plane.noise(
                at, self._puffs, period_px=plane.period_px / 3, fold="ridged",
                octaves=max(1, min(4, self._octaves - 2)), persistence=weight,
            )  # fmt: skip
            heaps *= np.float32(form.heaps)
            height += heaps
        if form.swell:
            swell = plane.noise(at, self._puffs, period_px=4 * plane.period_px, octaves=2)
            swell *= np.float32(form.swell)
            height += swell
        return height

    def _cut(self, field: FloatArray, canvas: Canvas, shift: Shift = (0.0, 0.0)) -> FloatArray:
        """The tile's part of a field on ``canvas``, displaced by ``shift`` (linear)."""
        rows, cols = self._shape
        row, col = -shift[0] - canvas[0], -shift[1] - canvas[1]
        r, c = floor(row), floor(col)
        part = field[r : r + rows + 1, c : c + cols + 1]
        down, right = np.float32(row - r), np.float32(col - c)
        part = part[:rows] if down == 0 else part[:rows] + down * (part[1:] - part[:rows])
        if right == 0:
            return part[:, :cols]
        return np.asarray(part[:, :cols] + right * (part[:, 1:] - part[:, :cols]), np.float32)


def _power(base: FloatArray, exponent: float) -> FloatArray:
    """``base ** exponent`` in place, 0 up to 1e-9: exp and log are vectorised, power is not."""
    small = base <= 1e-9
    np.log(np.maximum(base, np.float32(1e-9), out=base), out=base)
    base *= np.float32(exponent)
    np.exp(base, out=base)
    base[small] = 0
    return base


def _canvases(shape: tuple[int, int], shifts: Iterable[Shift]) -> list[Canvas]:
    """Windows that hold the tile (the first) and the displaced views, few and not too large."""
    canvases: list[Canvas] = [(0, 0, *shape)]
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


def _highest(height: FloatArray, valid: BoolArray, count: int) -> BoolArray:
    """The ``count`` highest valid pixels, exactly; equal heights go by position."""
    if count == 0:
        return np.zeros(height.shape, bool)
    cut = height[valid]
    if count == cut.size:
        return valid.copy()
    limit = np.partition(cut, cut.size - count)[cut.size - count]
    chosen: BoolArray = (height > limit) & valid
    ties = np.flatnonzero((height == limit) & valid)[: count - int(chosen.sum())]
    chosen.ravel()[ties] = True
    return chosen
