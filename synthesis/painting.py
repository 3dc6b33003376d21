"""Brushes of the image model: shadow on the ground, and one layer of cloud over what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..datasets.bands import Band
from ..datasets.pair import CloudParams
from ..datasets.tile import BoolArray, FloatArray, Tile
from . import optics
from .atmosphere import ozone_transmittance, path_reflectance, vapour_transmittance
from .blocks import Block, blocks, exp
from .clouds import CloudPlane
from .sunlight import Sunlight
from .views import Shift

LAPSE_K_PER_M = 0.0065
"""Fall of temperature with height, for cloud in thermal bands (standard atmosphere)."""
SHADOW_COOLING_K = 5.0
"""Ground without any sun cools by this; a rough mean for land."""


@dataclass(frozen=True)
class Shade:
    """Shadow on the pixels of a block."""

    block: Block
    """Where it lies."""
    sun: Sunlight
    """The sun below the clouds there."""
    strength: FloatArray
    """Share of the darkening that is painted, as ``block`` reads it."""
    nir: FloatArray
    """Shadow factor where shadows are judged, for thermal bands."""


def paint_shadow(plane: FloatArray, band: Band, tile: Tile, shades: Sequence[Shade]) -> None:
    """Darken one band in place.

    Args:
        plane: (y, x) values of ``band``.
        band: whose they are. The cirrus band does not see the ground and is left alone.
        tile: top-of-atmosphere tiles keep the light that never reached the ground.
        shades: where, and by how much.
    """
    nm = band.center_nm
    for shade in shades:
        here = shade.block.read(plane)
        if band.kind == "thermal":
            lost = np.float32(SHADOW_COOLING_K) * (1 - shade.nir)
        elif band.kind in ("reflective", "vapour"):
            zenith_deg = shade.sun.sun_zenith_deg
            lost = shade.sun.factor(nm)
            np.subtract(1, lost, out=lost)
            lost *= shade.strength
            ground = here
            if tile.acquired.level == "TOA":
                air = path_reflectance(nm, zenith_deg) * ozone_transmittance(nm, zenith_deg, "TOA")
                ground = here - np.float32(air)
            lost *= np.maximum(ground, 0)  # noise must not turn a shadow into light
        else:
            return
        shade.block.write(plane, np.subtract(here, lost, out=lost))


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


@dataclass(frozen=True)
class _Patch:
    """One layer of cloud on the pixels of a block; fields as ``block`` reads them."""

    block: Block
    tau_550: FloatArray
    lit: FloatArray | None
    """Light on the tops of heaps over that on flat ones; None for sheets."""
    sun: Sunlight | None
    """The sun below higher layers; None where nothing stands before it."""


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
    seen: dict[Shift, list[_Patch]] = {}
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
            seen[shift] = _patches(plane, tau, shift, sun)
        patches = seen[shift]
        if not patches:
            continue
        if band.kind == "thermal":
            _paint_cold(data[i], patches, layer)
        else:
            above = vapour_transmittance(band, layer.base_m, tile.acquired.vapour_cm)
            above *= ozone_transmittance(band.center_nm, layer.sun_zenith_deg, tile.acquired.level)
            white = above * optics.whiteness(band.center_nm, layer)
            mean = around(data[i])
            for patch in patches:
                _paint_veil(data[i], patch, mean, white, band.center_nm, layer)
    return widest


def _patches(
    plane: CloudPlane, tau_550: FloatArray, shift: Shift, sun: Sunlight | None
) -> list[_Patch]:
    """``plane`` displaced by ``shift``, where its (y, x) ``tau_550`` is above 0."""
    painted = blocks(tau_550 > 0)
    lit = plane.light_on_top(shift) if painted else None
    return [
        _Patch(
            block,
            block.read(tau_550),
            None if lit is None else block.read(lit),
            None if sun is None else sun.at(block),
        )
        for block in painted
    ]


def _paint_veil(
    plane: FloatArray,
    patch: _Patch,
    around: FloatArray,
    white: float,
    nm: float,
    layer: CloudParams,
) -> None:
    """rho = t rho_below + rho_cloud, the part of rho_below that is not sharp being ``around``.

    With p = 1 - R what passes once and e the straight share (``optics``), t = p^2 and sharp =
    e / p: p (p around + e (below - around)) + (1 - p) w, w being ``white``, that of a layer
    without end and of what absorbs above it, in the light that falls on it.
    """
    g = layer.asymmetry
    angstrom = (nm / 550.0) ** -layer.alpha
    half = np.float32(2 / ((1 - g) * angstrom))  # the thickness that half passes
    passed = patch.tau_550 + half
    np.divide(half, passed, out=passed)  # 1 - R = 2 / (2 + (1-g) tau)
    straight = patch.tau_550 * np.float32((g * g - 1) * angstrom)
    exp(straight)
    mean = patch.block.read(around)
    seen = patch.block.read(plane) - mean
    seen *= straight
    seen += np.multiply(mean, passed, out=straight)
    own: FloatArray | np.float32 = np.float32(white)
    if patch.sun is not None:
        own = patch.sun.factor(nm, white)
    if patch.lit is not None:
        own = np.multiply(patch.lit, own, out=straight)
    seen -= own
    seen *= passed
    seen += own
    patch.block.write(plane, seen)


def _paint_cold(plane: FloatArray, patches: Sequence[_Patch], layer: CloudParams) -> None:
    """Thermal emission of the layer: the scene's median less the lapse rate times its height.

    Emissivity 1 - exp(-tau_IR), tau_IR about half of tau_550, none for fine haze.
    """
    finite = plane[np.isfinite(plane)]
    if not finite.size:
        return
    cold = np.float32(np.median(finite) - LAPSE_K_PER_M * layer.base_m)
    share = 0.0 if layer.phase == "aerosol" else 0.5
    for patch in patches:
        below = patch.block.read(plane)
        emissivity = 1 - np.exp(np.float32(-share) * patch.tau_550)
        patch.block.write(plane, below + emissivity * (cold - below))
