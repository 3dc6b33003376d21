"""Hollstein's ready-to-use decision tree for Sentinel-2 Level-1C."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..datasets.bands import (
    BLUE,
    CIRRUS,
    COASTAL,
    GREEN,
    NIR_NARROW,
    RED_EDGE_1,
    RED_EDGE_2,
    RED_EDGE_3,
    SWIR1,
    VAPOUR,
    BandSet,
)
from ..datasets.tile import CLEAR, SHADOW, THICK, THIN, CloudMask, Tile


@dataclass(frozen=True)
class Hollstein:
    """A tree of thresholds, fitted to Sentinel-2 pixels that people had classified.

    It tells cloud (thick), cirrus (thin) and shadow; its classes water and snow are clear.
    Where the tree divides two bands, the comparison is multiplied out, so that a zero in the
    denominator decides like a very large ratio instead of giving NaN.

    Source: Hollstein, Segl, Guanter, Brell, Enesco (2016), Ready-to-use methods for the
    detection of clouds, cirrus, snow, shadow, water and clear sky pixels in Sentinel-2 MSI
    images, Remote Sens. 8, 666, tree of Figure 6 (band mathematics).
    """

    bands: ClassVar[BandSet] = BandSet(
        (
            COASTAL,
            BLUE,
            GREEN,
            RED_EDGE_1,
            RED_EDGE_2,
            RED_EDGE_3,
            NIR_NARROW,
            VAPOUR,
            CIRRUS,
            SWIR1,
        )
    )
    pixelwise: ClassVar[bool] = True

    def mask(self, tile: Tile) -> CloudMask:
        """Classify every valid pixel into clear, thick, thin and shadow."""
        b01, b02, b03, b05, b06, b07, b8a, b09, b10, b11 = tile.pick(self.bands)
        f = np.float32
        dark = np.where(
            b03 - b07 < f(0.027),
            np.where(b09 - b11 < f(-0.097), CLEAR, SHADOW),
            np.where(b09 - b11 < f(0.021), CLEAR, SHADOW),  # clear: water
        )
        cirrus = (b02 < f(14.689) * b10) & (b02 >= f(0.788) * b09)
        low = np.where(b8a < f(0.166), dark, np.where(cirrus, THIN, CLEAR))
        cold = np.where(
            b11 - b10 < f(0.255),
            np.where(b06 - b07 < f(-0.016), THICK, THIN),
            np.where(b01 < f(0.3), CLEAR, THICK),
        )
        bright = np.where(
            b03 < f(0.525),
            np.where(b01 < f(1.184) * b05, CLEAR, SHADOW),
            CLEAR,  # snow
        )
        high = np.where(b05 < f(4.33) * b11, cold, bright)
        return CloudMask.like(tile, np.where(b03 < f(0.319), low, high))
