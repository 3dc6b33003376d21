"""Where a layer of cloud is and how thick: Perlin noise cut at the quantile of its cover."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from math import floor, log2

import cv2
import numpy as np

from ..datasets.pair import CloudParams
from ..datasets.tile import BoolArray, FloatArray
from .blocks import exp, log
from .lattice import Fold
from .perlin import random_offset
from .terrain import shading
from .views import Shift, Views
from .warp import Field, WarpedPlane, Window

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
        sun_shifts: the same as the sun sees the layer: from a cloud to its shadows.
        sun_step: pixels of those views are so many of the tile wide, where the penumbra blurs
            what is finer.
    """

    def __init__(
        self,
        layer: CloudParams,
        valid: BoolArray,
        gsd_m: float,
        shifts: Iterable[Shift] = (),
        sun_shifts: Iterable[Shift] = (),
        sun_step: int = 1,
    ) -> None:
        self.layer, self.sun_step = layer, sun_step
        self._form = _FORMS[layer.kind]
        self._gsd_m = gsd_m
        rng = np.random.default_rng(layer.seed)
        self._places = random_offset(rng), random_offset(rng)
        bent = WarpedPlane.drawn(rng, layer.scale_m / gsd_m, self._form.reach_cells)
        heading = layer.heading_deg
        if layer.stretch < _ROUND:
            heading = 90.0 * round(heading / 90)
        self._plane = replace(bent, stretch=layer.stretch, heading_deg=heading)

        shape = valid.shape[0], valid.shape[1]
        near = {(0.0, 0.0), *shifts}
        self._views = Views(self._thickness, shape, near if sun_step > 1 else {*near, *sun_shifts})
        canvas = self._views.canvases[0]
        height = self._height(canvas)
        here = self._views.cut(height, canvas)
        count = round(layer.cover * np.count_nonzero(valid))
        self._cloudy, self._floor = _highest(here, valid, count)
        rise = self._rise(height)
        mean = cv2.mean(self._views.cut(rise, canvas), self._cloudy.view(np.uint8))[0]
        self._gain = max(layer.tau_550 - TAU_EDGE, 0.0) / mean if mean > 0 else 0.0
        self._views.keep(canvas, self._thickness_of(height, rise))
        coarse = -(-shape[0] // sun_step), -(-shape[1] // sun_step)
        small = ((down / sun_step, across / sun_step) for down, across in sun_shifts)
        self._sun_views = self._views if sun_step == 1 else Views(self._coarse, coarse, small)

    @cached_property
    def above_tile(self) -> FloatArray:
        """(y, x) float32 tau_550 over the tile; above 0 on exactly the asked share of pixels."""
        return np.where(self._cloudy, self._views((0.0, 0.0)), np.float32(0))

    def displaced(self, shift: Shift) -> FloatArray:
        """(y, x) float32 tau_550 of the layer as a view shows it that displaces it by ``shift``.

        Pixels that do not count for cover are clouded here too: geometry goes on there.
        """
        return self._views(shift)

    def towards_sun(self, shift: Shift) -> FloatArray:
        """The same on pixels of ``sun_step``: what stands between each and the sun.

        ``shift`` is that from a cloud to its shadow, in pixels of the tile.
        """
        return self._sun_views((shift[0] / self.sun_step, shift[1] / self.sun_step))

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

    def _thickness_of(self, height: FloatArray, rise: FloatArray | None = None) -> FloatArray:
        """(y, x) tau_550 of noise of this ``height``; ``rise``, if it is known, is overwritten."""
        tau = np.zeros(height.shape, np.float32)
        if self._floor == np.inf:
            return tau
        rise = self._rise(height) if rise is None else rise
        rise *= np.float32(self._gain)
        rise += np.float32(min(TAU_EDGE, self.layer.tau_550))
        np.minimum(rise, np.float32(TAU_PEAK * self.layer.tau_550), out=rise)
        cv2.copyTo(rise, (height >= np.float32(self._floor)).view(np.uint8), tau)
        return tau

    def _thickness(self, window: Window) -> FloatArray:
        """(y, x) tau_550 in a window of the plane."""
        return self._thickness_of(self._height(window))

    def _coarse(self, window: Window) -> FloatArray:
        """The same for a window of pixels of ``sun_step``."""
        return self._thickness_of(self._height(window, self.sun_step))

    def _height(self, window: Window, step: int = 1) -> FloatArray:
        """(y, x) height of the noise, in pixels of ``step``: what is highest is cloud."""
        layer, form = self.layer, self._form
        plane = replace(self._plane, period_px=self._plane.period_px / step)
        period = plane.period_px
        octaves = max(1, min(layer.octaves, 1 + floor(log2(max(period / _FINEST_PX, 1.0)))))
        place, other = self._places
        fields = [Field(period, place, octaves, layer.persistence, form.fold)]
        if form.heaps:
            most = max(1, min(4, octaves - 2))
            fields.append(Field(period / 3, other, most, layer.persistence, "ridged", form.heaps))
        if form.swell:
            fields.append(Field(4 * period, other, octaves=2, weight=form.swell))
        middle = (step - 1) / (2 * step)  # of a coarse pixel, from that of its first fine one
        return plane.noise((window[0] + middle, window[1] + middle, *window[2:]), fields)


def _power(base: FloatArray, exponent: float) -> FloatArray:
    """``max(base, 1e-9) ** exponent`` in place: exp and log are vectorised, power is not."""
    log(np.maximum(base, np.float32(1e-9), out=base))
    base *= np.float32(exponent)
    return exp(base)


def _highest(height: FloatArray, valid: BoolArray, count: int) -> tuple[BoolArray, float]:
    """The ``count`` highest valid pixels, exactly, and the height of the lowest of them.

    Equal heights go by position. The height is infinite if there are none.
    """
    if count == 0:
        return np.zeros(height.shape, bool), np.inf
    cut = height[valid]
    if count == cut.size:
        return valid.copy(), float(cut.min())
    cut.partition(cut.size - count)
    limit = cut[cut.size - count]
    chosen: BoolArray = (height > limit) & valid
    ties = np.flatnonzero((height == limit) & valid)[: count - np.count_nonzero(chosen)]
    chosen.ravel()[ties] = True
    return chosen, float(limit)
