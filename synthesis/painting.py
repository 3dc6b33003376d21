"""Brushes of the image model: shadow on the ground, and one layer of cloud over what is there."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.bands import Band
from ..datasets.pair import CloudParams
from ..datasets.tile import BoolArray, FloatArray, Tile
from . import optics
from .atmosphere import ozone_transmittance, path_reflectance, sunlight, vapour_transmittance
from .clouds import CloudPlane
from .shadows import shadow_shift, soften
from .views import Shift

LAPSE_K_PER_M = 0.0065
"""Fall of temperature with height, for cloud in thermal bands (standard atmosphere)."""
SHADOW_COOLING_K = 5.0
"""Ground without any sun cools by this; a rough mean for land."""
_LEAST = 1e-6
_CHUNK = 1 << 15
# Pixels painted at a time: the dozen steps of the model then stay in the processor's cache.

Places = NDArray[np.intp]


class Sunlight:
    """The direct sun below layers of cloud, at any wavelength.

    Args:
        sun_zenith_deg: angle of the sun from the vertical.
        logs: of every layer its Angstrom exponent and the logarithm (n,) of the share of the
            sun that passes it at 550 nm.
    """

    def __init__(self, sun_zenith_deg: float, logs: Sequence[tuple[float, FloatArray]]) -> None:
        self.sun_zenith_deg = sun_zenith_deg
        self._logs = logs

    @classmethod
    def below(
        cls, planes: Sequence[CloudPlane], tile: Tile, gsd_m: float, above_m: float = 0.0
    ) -> Sunlight:
        """What passes ``planes`` (one at least), at ``above_m`` over the ground of ``tile``."""
        logs = []
        for plane in planes:
            layer = plane.layer
            tau = plane.towards_sun(shadow_shift(layer, tile, above_m))
            share = optics.sun_transmittance(tau, layer)
            step = plane.sun_step
            share = soften(share, layer, gsd_m * step, above_m)
            if step > 1:
                size = share.shape[1] * step, share.shape[0] * step
                share = np.asarray(cv2.resize(share, size, interpolation=cv2.INTER_LINEAR))
                share = np.ascontiguousarray(share[: tile.shape[0], : tile.shape[1]])
            np.log(np.maximum(share, np.float32(_LEAST), out=share), out=share)
            logs.append((layer.alpha, share.ravel()))
        return cls(planes[0].layer.sun_zenith_deg, logs)

    def factor(self, nm: float, where: slice) -> FloatArray:
        """Light at ``nm`` over that without cloud, for the pixels ``where`` of the flat image.

        T(lambda) comes from T(550 nm) as for an exponential: T^((lambda/550)^-alpha).
        """
        beam, sky = sunlight(nm, self.sun_zenith_deg)
        total: FloatArray | None = None
        for alpha, log in self._logs:
            part = log[where] * np.float32((nm / 550.0) ** -alpha)
            total = part if total is None else np.add(total, part, out=total)
        if total is None:
            return np.ones(1, np.float32)
        np.exp(total, out=total)
        total *= np.float32(beam / (beam + sky))  # as shadow_factor, in place
        total += np.float32(sky / (beam + sky))
        return total

    def at(self, where: Places) -> Sunlight | None:
        """The same for the flat indices ``where`` only; None if nothing stands between there."""
        logs = [(alpha, log.take(where)) for alpha, log in self._logs]
        return (
            Sunlight(self.sun_zenith_deg, logs)
            if any(g.min(initial=0) < 0 for _, g in logs)
            else None
        )


def paint_shadow(
    plane: FloatArray,
    band: Band,
    tile: Tile,
    sun: Sunlight,
    strength: FloatArray,
    nir: FloatArray,
    where: Places,
) -> None:
    """Darken the pixels ``where`` of one band in place.

    Args:
        plane: (y, x) values of ``band``.
        band: whose they are. The cirrus band does not see the ground and is left alone.
        tile: top-of-atmosphere tiles keep the light that never reached the ground.
        sun: the light that is left on the pixels ``where``.
        strength: (n,) share of the darkening that is painted.
        nir: (n,) shadow factor where shadows are judged, for thermal bands.
        where: (n,) flat indices.
    """
    flat = plane.reshape(-1)
    if band.kind == "thermal":
        flat[where] -= np.float32(SHADOW_COOLING_K) * (1 - nir)
    elif band.kind in ("reflective", "vapour"):
        air = 0.0
        if tile.acquired.level == "TOA":
            air = path_reflectance(band.center_nm, sun.sun_zenith_deg)
            air *= ozone_transmittance(band.center_nm, sun.sun_zenith_deg, "TOA")
        for start in range(0, where.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            here = flat.take(where[part])
            ground = here - np.float32(air)
            np.maximum(ground, 0, out=ground)  # noise must not turn a shadow into light
            lost = sun.factor(band.center_nm, part)
            np.subtract(1, lost, out=lost)
            lost *= strength[part]
            ground *= lost
            here -= ground
            flat[where[part]] = here


class Surroundings:
    """Mean of the valid values around each pixel, Gaussian of sigma ``reach_px``.

    Light scattered below a cloud comes from there. Computed on a coarser grid.
    """

    def __init__(self, valid: BoolArray, reach_px: float) -> None:
        self._valid = None if valid.all() else valid
        coarse = max(1, int(reach_px / 2))
        self._every = max(1, coarse // 4)  # sixteen pixels of a coarse one tell its mean
        self._full = valid.shape[::-1]
        self._size = tuple(max(1, -(-n // coarse)) for n in self._full)
        self._sigma = max(reach_px / coarse, 0.3)
        if self._valid is not None:
            weight = self._blur(valid.astype(np.float32))
            self._weight = np.maximum(weight, np.float32(1e-6))

    def _blur(self, plane: FloatArray) -> FloatArray:
        few = np.ascontiguousarray(plane[:: self._every, :: self._every])
        small = cv2.resize(few, self._size, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), self._sigma, borderType=cv2.BORDER_REFLECT)
        return np.asarray(small, np.float32)

    def __call__(self, plane: FloatArray) -> FloatArray:
        """(y, x) float32 means of ``plane``."""
        if self._valid is None:
            mean = self._blur(plane)
        else:
            known = np.where(self._valid, plane, np.float32(0)).astype(np.float32, copy=False)
            mean = np.asarray(self._blur(known) / self._weight, np.float32)
        full = cv2.resize(mean, self._full, interpolation=cv2.INTER_LINEAR)
        return np.asarray(full, np.float32)


def paint_layer(
    data: FloatArray,
    tile: Tile,
    plane: CloudPlane,
    higher: Sequence[CloudPlane],
    shifts: Sequence[Shift],
    gsd_m: float,
) -> FloatArray:
    """Lay one layer over ``data`` in place.

    Args:
        data: (band, y, x) what is below it.
        tile: bands and valid pixels.
        plane: the layer.
        higher: layers above, whose shadows fall on this one.
        shifts: a band's parallax each, pixels.
        gsd_m: pixel size in metres.

    Returns:
        (y, x) float32 greatest tau_550 that any band sees in each pixel.
    """
    layer = plane.layer
    around = Surroundings(tile.valid, min(0.5 * layer.base_m, 1000.0) / gsd_m)
    widest = plane.above_tile
    seen: dict[Shift, tuple[Places, FloatArray, FloatArray | None, Sunlight | None]] = {}
    sun = Sunlight.below(higher, tile, gsd_m, layer.base_m) if higher else None
    for i, band in enumerate(tile.bands):
        if band.kind == "other":
            continue
        shift = shifts[i]
        if shift not in seen:
            tau = plane.displaced(shift) * tile.valid if any(shift) else plane.above_tile
            if any(shift):
                widest = np.maximum(widest, tau)
                seen.clear()  # neighbours share a shift; all of them would not fit in memory
            where = np.flatnonzero(tau)
            lit = plane.light_on_top(shift) if where.size else None
            lit = None if lit is None else lit.ravel().take(where)
            here = None if sun is None else sun.at(where)
            seen[shift] = where, tau.ravel().take(where), lit, here
        where, thickness, lit, here = seen[shift]
        if not where.size:
            continue
        flat = data[i].reshape(-1)
        if band.kind == "thermal":
            _paint_cold(flat, where, thickness, layer, data[i])
        else:
            above = vapour_transmittance(band, layer.base_m, tile.acquired.vapour_cm)
            above *= ozone_transmittance(band.center_nm, layer.sun_zenith_deg, tile.acquired.level)
            white = above * optics.whiteness(band.center_nm, layer)
            mean = around(data[i])
            _paint_veil(flat, where, thickness, lit, mean, here, white, band.center_nm, layer)
    return widest


def _paint_veil(
    flat: FloatArray,
    where: Places,
    tau_550: FloatArray,
    lit: FloatArray | None,
    around: FloatArray,
    sun: Sunlight | None,
    white: float,
    nm: float,
    layer: CloudParams,
) -> None:
    """rho = t rho_below + rho_cloud, the part of rho_below that is not sharp being ``around``.

    With p = 1 - R what passes once and e the straight share (``optics``), t = p^2 and sharp =
    e / p: p (p around + e (below - around)) + (1 - p) white, ``white`` that of a layer without
    end and of what absorbs above it.
    """
    g = layer.asymmetry
    angstrom = (nm / 550.0) ** -layer.alpha
    half = np.float32((1 - g) * angstrom / 2)
    extinction = np.float32((g * g - 1) * angstrom)
    mean = around.reshape(-1)
    for start in range(0, where.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        at, tau = where[part], tau_550[part]
        passed = tau * half
        passed += 1
        np.reciprocal(passed, out=passed)  # 1 - R = 2 / (2 + (1-g) tau)
        straight = tau * extinction
        np.exp(straight, out=straight)
        diffuse = mean.take(at)
        seen = flat.take(at)
        seen -= diffuse
        seen *= straight
        diffuse *= passed
        seen += diffuse
        seen *= passed
        own = np.subtract(1, passed, out=passed)
        own *= np.float32(white)
        if lit is not None:
            own *= lit[part]
        if sun is not None:
            own *= sun.factor(nm, part)
        seen += own
        flat[at] = seen


def _paint_cold(
    flat: FloatArray, where: Places, tau_550: FloatArray, layer: CloudParams, plane: FloatArray
) -> None:
    """Thermal emission of the layer: the scene's median less the lapse rate times its height.

    Emissivity 1 - exp(-tau_IR), tau_IR about half of tau_550, none for fine haze.
    """
    finite = plane[np.isfinite(plane)]
    if not finite.size:
        return
    cold = np.float32(np.median(finite) - LAPSE_K_PER_M * layer.base_m)
    share = 0.0 if layer.phase == "aerosol" else 0.5
    emissivity = 1 - np.exp(-np.float32(share) * tau_550)
    flat[where] += emissivity * (cold - flat[where])
