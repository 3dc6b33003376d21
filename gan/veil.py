"""Thin cloud and shadow laid over clear pixels, with optics drawn at random.

A small model for fits on one scene: wide ranges matter more than exact optics, because what is
learnt has to hold for a cloud nobody knows. ``kumosan.synthesis`` is the careful painter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.bands import BandSet
from ..datasets.tile import FloatArray, Tile
from ..synthesis.parallax import band_shifts, view_tangents
from ..synthesis.perlin import fractal_noise, random_offset

VeilKind = Literal["thin", "shadow"]
HEIGHT_M = (300.0, 8000.0)
"""Of clouds, for sensors whose bands look in different directions."""


@dataclass(frozen=True)
class Veil:
    """value -> gain * value + offset in each band, both driven by one field of strength."""

    kind: VeilKind
    strength: FloatArray
    """(y, x) in [0, 1]: optical thickness over its maximum, or depth of the shadow."""
    exponent: NDArray[np.float64]
    """(band,) thin: optical thickness at full strength; shadow: share of light that is lost."""
    radiance: NDArray[np.float64]
    """(band,) what takes the place of the light that is lost: reflectance (kelvin if thermal)."""
    shifts: tuple[tuple[float, float], ...] = ()
    """(band, 2) rows and columns by which each band sees the field displaced; none: not at all."""

    def over(self, values: FloatArray, bands: list[int], at: Any = ...) -> FloatArray:
        """``values`` (band, ...) of the bands numbered ``bands`` below this veil.

        Args:
            values: at the pixels ``at``.
            bands: their numbers.
            at: index of these pixels in the field; all of it if left out.
        """
        out = np.empty_like(values)
        for row, i in enumerate(bands):
            strength = self._seen(i)[at]
            if self.kind == "thin":
                lost = 1 - np.exp(-np.float32(self.exponent[i]) * strength)
            else:
                lost = np.float32(self.exponent[i]) * strength
            out[row] = values[row] + lost * (np.float32(self.radiance[i]) - values[row])
        return out

    def _seen(self, band: int) -> FloatArray:
        """(y, x) the field as the band sees it."""
        down, right = self.shifts[band] if self.shifts else (0.0, 0.0)
        if down == right == 0:
            return self.strength
        move = np.array([[1, 0, right], [0, 1, down]], np.float64)
        size = self.strength.shape[::-1]
        return np.asarray(
            cv2.warpAffine(self.strength, move, size, borderMode=cv2.BORDER_REPLICATE), np.float32
        )


def draw_veil(kind: VeilKind, tile: Tile, shape: tuple[int, int], rng: np.random.Generator) -> Veil:
    """Draw the form and the optics of a veil.

    Thin cloud: rho' = rho exp(-tau) + C (1 - exp(-tau)), tau falling with wavelength by
    Angstrom's law, C the cloud's own reflectance, darker in the short-wave infrared.
    Shadow: rho' = path + (rho - path) (1 - T_lost E_dir / (E_dir + E_dif)); the diffuse share of
    the light falls with wavelength, so shadows are blue.

    A cloud is seen displaced from band to band where the sensor is known to do so
    (`synthesis.parallax`): without it, the edges of real clouds are no such mixtures of ground and
    cloud as the fit has learnt.

    Args:
        kind: cloud or shadow.
        tile: gives bands, level, sensor and pixel size.
        shape: (height, width) of the field.
        rng: of all chance.
    """
    bands, toa = tile.bands, tile.acquired.level != "SR"
    shifts: tuple[tuple[float, float], ...] = ()
    period = float(np.exp(rng.uniform(np.log(24), np.log(200))))
    noise = fractal_noise(shape, period, offset=random_offset(rng))
    rank = np.empty(noise.size)
    rank[np.argsort(noise, axis=None)] = np.arange(noise.size)
    rank = rank.reshape(shape) / max(noise.size - 1, 1)
    cover = rng.uniform(0.2, 0.8)
    height = np.clip((rank - (1 - cover)) / cover, 0, 1)
    if kind == "thin":
        strength = height ** rng.uniform(0.4, 1.5)
        exponent, radiance = _cloud(bands, rng)
        shifts = _parallax(tile, rng)
    else:
        strength = np.clip(height / rng.uniform(0.03, 0.4), 0, 1) * (1 - rng.uniform(0, 0.3) * rank)
        exponent, radiance = _shade(bands, rng, toa)
    return Veil(kind, np.asarray(strength, np.float32), exponent, radiance, shifts)


def _parallax(tile: Tile, rng: np.random.Generator) -> tuple[tuple[float, float], ...]:
    """What a cloud of random height is displaced by; nothing where no parallax is known."""
    if not tile.gsd_m or not any(view_tangents(tile)):
        return ()
    height = float(np.exp(rng.uniform(*np.log(HEIGHT_M))))
    return band_shifts(height if rng.random() < 0.5 else -height, tile)


def _cloud(
    bands: BandSet, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    nm = np.array([b.center_nm for b in bands])
    haze = rng.random() < 0.4
    alpha = rng.uniform(0.7, 1.7) if haze else rng.uniform(-0.1, 0.3)
    tau = rng.uniform(0.15, 2.0) * (nm / 550) ** -alpha
    swir1 = rng.uniform(0.4, 1.05)
    swir2 = swir1 * rng.uniform(0.5, 1.0)
    dark = np.interp(nm, (1000, 1610, 2200), (1, swir1, swir2))
    bright = rng.uniform(0.3, 0.95) * (nm / 550) ** rng.uniform(-0.25, 0.15) * dark
    height = rng.random()  # of the vapour below the cloud that dims these two bands
    colder = rng.uniform(230, 285)
    for i, band in enumerate(bands):
        if band.kind in ("cirrus", "vapour"):
            bright[i] *= height
        if band.kind == "thermal":
            tau[i], bright[i] = (0.0 if haze else rng.uniform(0.1, 1.0)), colder
    return tau, bright


def _shade(
    bands: BandSet, rng: np.random.Generator, toa: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    nm = np.array([b.center_nm for b in bands])
    sky = np.clip(rng.uniform(0.08, 0.4) * (nm / 550) ** -rng.uniform(0.5, 2.5), 0, 0.9)
    lost = rng.uniform(0.25, 1.0) * (1 - sky)
    path = (rng.uniform(0.0, 0.1) if toa else 0.0) * (nm / 480) ** -3.5
    for i, band in enumerate(bands):
        if band.kind == "cirrus":
            lost[i] = 0
        if band.kind == "thermal":
            lost[i], path[i] = rng.uniform(0, 0.01), 0
    return lost, path
