"""Luo-Trishchenko-Khlopenkov: scene classes by blue, red, near infrared and SWIR1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..datasets.bands import BLUE, NIR, RED, SWIR1, BandSet
from ..datasets.tile import BoolArray, CloudMask, FloatArray, Tile
from .thickness import thin_or_thick


@dataclass(frozen=True)
class Ltk:
    """Bare ground, snow and water are taken out first; cloud is what is bright of the rest.

    The rule knows no shadow; thin and thick are told apart by brightness (``thickness``).

    Source: Luo, Trishchenko, Khlopenkov (2008), Developing clear-sky, cloud and cloud shadow
    mask for producing clear-sky composites at 250-meter spatial resolution for the seven MODIS
    land bands over Canada and North America, Remote Sens. Environ. 112, 4167-4185, with the
    thresholds modified for Landsat by Oreopoulos, Wilson, Varnai (2011), Implementation on
    Landsat data of a simple cloud-mask algorithm developed for MODIS land bands, IEEE
    Geosci. Remote Sens. Lett. 8, 597-601.
    """

    bands: ClassVar[BandSet] = BandSet((BLUE, RED, NIR, SWIR1))
    pixelwise: ClassVar[bool] = True

    min_blue: float = 0.15
    """Blue reflectance above which a remaining pixel is cloud."""
    min_red: float = 0.18
    """Red reflectance above which a remaining pixel is cloud."""
    min_swir1: float = 0.12
    """SWIR1 reflectance that cloud exceeds."""

    def mask(self, tile: Tile) -> CloudMask:
        """Classify every valid pixel into clear, thick and thin cloud."""
        blue, red, nir, swir1 = tile.pick(self.bands)
        surface = _bare(blue, red, nir, swir1) | _snow(red, nir, swir1)
        surface |= _water(blue, red, nir, swir1)
        bright = ((blue > self.min_blue) | (red > self.min_red)) & (swir1 > self.min_swir1)
        cloud = ~surface & bright & (np.maximum(blue, red) > np.float32(0.67) * swir1)
        return CloudMask.like(tile, thin_or_thick(tile, cloud))


def _bare(b: FloatArray, r: FloatArray, n: FloatArray, s: FloatArray) -> BoolArray:
    rising = (b < r) & (r < n) & (n < 1.07 * s) & (s < 0.65)
    dim = (0.8 * b < r) & (r < 0.8 * n) & (n < s) & (r < 0.22)
    out: BoolArray = rising | dim
    return out


def _snow(r: FloatArray, n: FloatArray, s: FloatArray) -> BoolArray:
    bright = (r > 0.24) & (s < 0.16)
    dim = (r > 0.18) & (r < 0.24) & (s < r - np.float32(0.08))
    out: BoolArray = (r > n) & (bright | dim)
    return out


def _water(b: FloatArray, r: FloatArray, n: FloatArray, s: FloatArray) -> BoolArray:
    above = r > 0.67 * s
    turbid = (r > n) & above & (b < 0.30) & (r < 0.20)
    dark = (r > 0.8 * n) & above & (r < 0.06)
    out: BoolArray = turbid | dark
    return out
