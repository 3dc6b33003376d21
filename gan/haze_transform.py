"""Haze taken off level by level, as the haze optimised transform tells the levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..datasets.bands import BLUE, RED, BandSet
from ..datasets.tile import FloatArray
from .haze import HazeRule, Hazy, dark_rise


@dataclass(frozen=True)
class HazeTransform(HazeRule):
    """Compensation by HOT (Zhang, Guindon, Cihlar 2002, Remote Sens. Environ. 82).

    Clear pixels lie along a line in the plane of blue and red; how far a pixel lies off it, HOT =
    blue sin(theta) - red cos(theta), tells how hazy it is, whatever the ground. The darkest
    values of each level of HOT would be those of the clear pixels: what they have beyond is taken
    off all pixels of that level, band by band. The line is the principal axis of the clear pixels.
    """

    bands: ClassVar[BandSet] = BandSet((BLUE, RED))
    doubt: ClassVar[float] = 0.75

    def correct(self, hazy: Hazy) -> FloatArray:
        """See :meth:`HazeRule.correct`."""
        blue, red = (hazy.tile.data[i] for i in hazy.tile.bands.locate(self.bands))
        index = _index(blue[hazy.clear], red[hazy.clear], blue[hazy.thin], red[hazy.thin])
        out = np.empty((len(hazy.reflective), index.size), np.float32)
        for row, i in enumerate(hazy.reflective):
            seen = hazy.tile.data[i][hazy.thin]
            at, rise = dark_rise(hazy.tile.data[i][hazy.clear], seen, index)
            rise = np.maximum.accumulate(np.maximum(rise, 0))
            out[row] = seen - np.interp(index, at, rise)
        return out


def _index(
    clear_blue: FloatArray, clear_red: FloatArray, blue: FloatArray, red: FloatArray
) -> FloatArray:
    """(n,) HOT of pixels, from the line of the clear ones."""
    spread = np.cov(np.stack([clear_blue, clear_red]).astype(np.float64))
    theta = 0.5 * np.arctan2(2 * spread[0, 1], spread[0, 0] - spread[1, 1])
    return np.asarray(blue * np.sin(theta) - red * np.cos(theta), np.float32)
