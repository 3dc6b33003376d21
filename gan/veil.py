"""Thin cloud and shadow laid over clear pixels, with optics drawn at random.

A small model for fits on one scene: wide ranges matter more than exact optics, because what is
learnt has to hold for a cloud nobody knows. ``kumosan.synthesis`` is the careful painter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..datasets.bands import BandSet
from ..datasets.tile import FloatArray
from ..synthesis.perlin import fractal_noise, random_offset

VeilKind = Literal["thin", "shadow"]


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

    def over(self, values: FloatArray, strength: FloatArray, bands: list[int]) -> FloatArray:
        """``values`` (band, ...) of the bands numbered ``bands`` below this veil.

        Args:
            strength: (...) the field at the same pixels.
        """
        out = np.empty_like(values)
        for row, i in enumerate(bands):
            if self.kind == "thin":
                lost = 1 - np.exp(-np.float32(self.exponent[i]) * strength)
            else:
                lost = np.float32(self.exponent[i]) * strength
            out[row] = values[row] + lost * (np.float32(self.radiance[i]) - values[row])
        return out


def draw_veil(
    kind: VeilKind, shape: tuple[int, int], bands: BandSet, rng: np.random.Generator, toa: bool
) -> Veil:
    """Draw the form and the optics of a veil.

    Thin cloud: rho' = rho exp(-tau) + C (1 - exp(-tau)), tau falling with wavelength by
    Angstrom's law, C the cloud's own reflectance, darker in the short-wave infrared.
    Shadow: rho' = path + (rho - path) (1 - T_lost E_dir / (E_dir + E_dif)); the diffuse share of
    the light falls with wavelength, so shadows are blue.

    Args:
        shape: (height, width) of the field.
        toa: top-of-atmosphere reflectance, where light from the air remains in shadow.
    """
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
    else:
        strength = np.clip(height / rng.uniform(0.03, 0.4), 0, 1) * (1 - rng.uniform(0, 0.3) * rank)
        exponent, radiance = _shade(bands, rng, toa)
    return Veil(kind, np.asarray(strength, np.float32), exponent, radiance)


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
