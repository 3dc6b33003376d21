"""Haze taken off by the prior that some visible band is dark somewhere near every clear pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..datasets.bands import GREEN, RED, BandSet
from ..datasets.tile import BoolArray, FloatArray
from .haze import HazeRule, Hazy, box_mean, box_minimum

PATCH_PX = 15
KEPT = 0.95
"""Share of the haze that is taken off."""
LEAST = 0.1
"""Transmittance below which nothing is divided."""
VISIBLE_NM = 700.0
LONGEST_NM = 1000.0
"""Bands beyond are left: the transmittance of the visible bands is not theirs."""
BRIGHTEST = 0.001
"""Share of the veiled pixels, the haziest, that tell the colour of the haze."""
GUIDED_PX, GUIDED_EPSILON = 61, 1e-3
"""Window and smoothing of the guided filter; of the image scaled to [0, 1]."""


@dataclass(frozen=True)
class DarkChannel(HazeRule):
    """Dark channel prior (He, Sun, Tang 2011, IEEE Trans. Pattern Anal. Mach. Intell. 33(12)).

    I = J t + A (1 - t): the transmittance is t = 1 - 0.95 min(I / A), the least of all visible
    bands in 15 x 15 pixels (their equation 12), refined by a guided filter (He et al. 2013, in the
    place of their soft matting); J = (I - A) / max(t, 0.1) + A (equation 22). A is the mean
    spectrum of the 0.1 % of cloudy pixels with the brightest dark channel. Bright ground has no
    dark channel and is darkened.
    """

    bands: ClassVar[BandSet] = BandSet((GREEN, RED))
    doubt: ClassVar[float] = 1.1

    def correct(self, hazy: Hazy) -> FloatArray:
        """See :meth:`HazeRule.correct`."""
        data, bands, known = hazy.tile.data, hazy.tile.bands, hazy.clear | hazy.thin
        visible = [i for i in hazy.reflective if bands[i].center_nm < VISIBLE_NM]
        dark = np.minimum.reduce([hazy.plane(i) for i in visible])
        dark = box_minimum(dark, known, PATCH_PX)
        n = max(1, round(BRIGHTEST * np.count_nonzero(hazy.thin)))
        haziest = np.argpartition(dark[hazy.thin], -n)[-n:]
        air = {i: float(data[i][hazy.thin][haziest].mean()) for i in hazy.reflective}
        ratio = [hazy.plane(i) / np.float32(max(air[i], 1e-3)) for i in visible]
        least = box_minimum(np.minimum.reduce(ratio), known, PATCH_PX)
        guide = np.mean(ratio, axis=0)
        through = 1 - KEPT * _guided(guide, np.where(known, least, 0), known)[hazy.thin]
        through = np.clip(through, LEAST, 1)
        out = data[hazy.reflective][:, hazy.thin]
        for row, i in enumerate(hazy.reflective):
            if bands[i].center_nm <= LONGEST_NM:
                out[row] = (out[row] - air[i]) / through + air[i]
        return out


def _guided(guide: FloatArray, plane: FloatArray, where: BoolArray) -> FloatArray:
    """``plane`` with the edges of ``guide`` (He, Sun, Tang 2013, equations 5, 6 and 8)."""
    guide = np.where(where, guide, np.float32(0)).astype(np.float32)
    plane = plane.astype(np.float32)
    mean, level, both, square = (
        box_mean(p, where, GUIDED_PX) for p in (guide, plane, guide * plane, guide * guide)
    )
    slope: FloatArray = ((both - mean * level) / (square - mean**2 + GUIDED_EPSILON)).astype("f4")
    offset: FloatArray = (level - slope * mean).astype("f4")
    slope, offset = (box_mean(p, where, GUIDED_PX) for p in (slope, offset))
    smooth: FloatArray = (slope * guide + offset).astype("f4")
    return smooth
