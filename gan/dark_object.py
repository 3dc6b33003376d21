"""Haze taken off by the dark objects below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..datasets.tile import FloatArray
from .haze import HazeRule, Hazy, box_mean, box_minimum

WINDOW_PX = 25
"""Side of the window that holds a dark object."""
SCATTERING = ((0.06, 4.0), (0.08, 2.0), (0.105, 1.0), (0.13, 0.7), (np.inf, 0.5))
"""Haze in the shortest band up to which the scattering falls with that power of the wavelength.

Chavez's limits, 55, 75, 95 and 115 in the numbers of Landsat TM band 1, in reflectance for a sun
55 degrees high."""


@dataclass(frozen=True)
class DarkObject(HazeRule):
    """Dark object subtraction with one starting band (Chavez 1988, Remote Sens. Environ. 24).

    The darkest pixel near a hazy one would be as dark as the darkest near a clear one; what it has
    beyond that in the shortest band is haze. In other bands it is less, by a power of the
    wavelength that depends on how dense the haze is. Chavez takes one dark object
    for a scene; here each window of 25 pixels has its own, since haze is never even.
    """

    doubt: ClassVar[float] = 1.3

    def correct(self, hazy: Hazy) -> FloatArray:
        """See :meth:`HazeRule.correct`."""
        nm = np.array([hazy.tile.bands[i].center_nm for i in hazy.reflective])
        plane = hazy.plane(hazy.reflective[int(nm.argmin())])
        dark = box_mean(box_minimum(plane, hazy.thin, WINDOW_PX), hazy.thin, WINDOW_PX)
        usual = float(np.median(box_minimum(plane, hazy.clear, WINDOW_PX)[hazy.clear]))
        excess = np.maximum(dark[hazy.thin] - usual, 0)
        # The table is of the whole path radiance, clear air included.
        at = np.searchsorted([limit for limit, _ in SCATTERING[:-1]], dark[hazy.thin])
        power = np.array([p for _, p in SCATTERING])[at]
        fall = (nm[:, None] / nm.min()) ** -power
        seen = hazy.tile.data[hazy.reflective][:, hazy.thin]
        return np.asarray(seen - excess * fall, np.float32)
