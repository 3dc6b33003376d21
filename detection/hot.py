"""Haze optimised transform: cloud and haze by how blue a pixel is for its red."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import ClassVar

import numpy as np

from ..datasets.bands import BLUE, RED, SWIR1, BandSet
from ..datasets.tile import CloudMask, Tile
from .thickness import thin_or_thick


@dataclass(frozen=True)
class Hot:
    """HOT = blue sin(theta) - red cos(theta): 0 along a line in the (blue, red) plane.

    Clear land lies near that line, cloud and haze lift blue off it. The rule knows no shadow;
    thin and thick are told apart by brightness (``thickness``). Snow passes it, unless a
    SWIR1 band tells it apart.

    The angle is that of Fmask's haze test (blue - red / 2) and is not fitted to the scene as
    in the original: a patch that is mostly cloud has no clear line to fit (balanced accuracy
    on hand-labelled Landsat tiles: .61 fitted, .82 fixed).

    Source: Zhang, Guindon, Cihlar (2002), An image transform to characterize and compensate
    for spatial variations in thin cloud contamination of Landsat images, Remote Sens.
    Environ. 82, 173-187; angle after Zhu, Woodcock (2012), equation 3.
    """

    bands: ClassVar[BandSet] = BandSet((BLUE, RED))
    pixelwise: ClassVar[bool] = True

    theta_deg: float = 63.435
    """Angle of the clear line: tan(theta) = 2 makes HOT proportional to blue - red / 2."""
    threshold: float = 0.107
    """HOT above which a pixel is cloud: 0.12 in units of blue - red / 2."""
    min_swir1: float = 0.10
    """Cloud must be brighter than this in SWIR1, where the tile has it; 0 switches it off."""

    def mask(self, tile: Tile) -> CloudMask:
        """Classify every valid pixel into clear, thick and thin cloud."""
        blue, red = tile.pick(self.bands)
        theta = radians(self.theta_deg)
        cloud = blue * np.float32(sin(theta)) - red * np.float32(cos(theta)) > self.threshold
        swir1 = tile.find(SWIR1)
        if swir1 is not None and self.min_swir1 > 0:
            cloud &= swir1 > self.min_swir1
        return CloudMask.like(tile, thin_or_thick(tile, cloud))
