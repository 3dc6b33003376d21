"""Haze taken off as the slow part of the light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..datasets.tile import FloatArray
from .haze import HazeRule, Hazy, box_mean

FLOOR = 0.003
"""Smallest reflectance whose logarithm is taken."""
WIDE = 4
"""The level of clear ground is sought this many times further than that of the haze."""


@dataclass(frozen=True)
class Homomorphic(HazeRule):
    """Homomorphic filter (Mitchell, Delp, Chen 1977, IEEE Trans. Geosci. Electron. 15(3)).

    Of the logarithm of each band the slow part, its mean over a window, is the haze's, the rest is
    the ground's. The slow part is replaced by that of the clear ground near. Weak: the slow part
    of the ground goes with that of the haze.
    """

    doubt: ClassVar[float] = 0.7
    window_px: int = 61
    """Side of the window that parts slow from fast."""

    def correct(self, hazy: Hazy) -> FloatArray:
        """See :meth:`HazeRule.correct`."""
        out = np.empty((len(hazy.reflective), np.count_nonzero(hazy.thin)), np.float32)
        for row, i in enumerate(hazy.reflective):
            light = np.log(np.maximum(hazy.plane(i), FLOOR))
            slow = box_mean(light, hazy.thin, self.window_px)[hazy.thin]
            ground = box_mean(light, hazy.clear, WIDE * self.window_px)[hazy.thin]
            ground = np.where(np.isnan(ground), light[hazy.clear].mean(), ground)
            out[row] = np.exp(light[hazy.thin] - slow + ground)
        return out
