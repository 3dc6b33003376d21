"""Cirrus taken off by the band that sees nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..datasets.bands import CIRRUS, BandSet
from ..datasets.tile import FloatArray
from .haze import HazeRule, Hazy, dark_rise

FAINTEST = 0.002
"""Reflectance at 1.38 um, above that of the clear ground, from which a pixel has cirrus."""


@dataclass(frozen=True)
class CirrusCorrection(HazeRule):
    """Cirrus correction (Gao, Kaufman, Han, Wiscombe 1998, J. Geophys. Res. 103(D24)).

    At 1.38 um water vapour hides the ground, and what is seen is cirrus, dimmed by the vapour above
    it. Elsewhere it adds rho_1.38 / K: 1 / K is the slope with which the darkest pixels of a band
    brighten with rho_1.38, fitted band by band, and so also holds where ice absorbs. Thin cloud
    that the band does not see, low haze, is left unfillable.
    """

    bands: ClassVar[BandSet] = BandSet((CIRRUS,))

    def correct(self, hazy: Hazy) -> FloatArray:
        """See :meth:`HazeRule.correct`."""
        (band,) = hazy.tile.bands.locate(self.bands)
        plane = hazy.tile.data[band]
        cirrus = plane[hazy.thin] - np.float32(np.median(plane[hazy.clear]))
        seen = cirrus > FAINTEST
        out = np.full((len(hazy.reflective), cirrus.size), np.nan, np.float32)
        if not seen.any():
            return out
        for row, i in enumerate(hazy.reflective):
            values = hazy.tile.data[i][hazy.thin]
            at, rise = dark_rise(hazy.tile.data[i][hazy.clear], values[seen], cirrus[seen])
            slope = max(float((at * rise).sum() / (at**2).sum()), 0.0)  # through clear ground
            out[row] = np.where(seen, values - np.float32(slope) * cirrus, np.nan)
        return out
