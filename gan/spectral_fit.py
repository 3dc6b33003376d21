"""Fill from places of this date that looked alike on another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..datasets.tile import FloatArray, Tile
from .common import Area, fillable_bands, sample
from .dates import Guide, Placed
from .features import feature_bands

SOURCES = 50_000
"""Clear pixels that are looked through, at most."""
PROBES = 2_000
"""Clear pixels that the error is measured on."""


@dataclass(frozen=True)
class ClosestSpectralFit(Placed):
    """Closest spectral fit (Meng, Borders, Cieszewski, Madden 2009, PE&RS 75(5), 569-576).

    The spectrum of a cloudy pixel on another date is compared with those of the pixels that are
    clear on both; the value is this date's at the place with the closest one. So the dates need
    not have the same radiometry, and no seam is blended. Of bands beyond 13, as many spread over
    the spectrum are compared, each in units of its spread. The confidence is that of the error for
    clear pixels treated as cloudy.
    """

    def taken(
        self, tile: Tile, area: Area, guide: Guide, at: NDArray[np.intp]
    ) -> tuple[FloatArray, float]:
        """See :meth:`Placed.taken`."""
        rng = np.random.default_rng(0)  # the same scene gives the same bytes
        compared = [i for i in feature_bands(tile.bands, cirrus=False) if i in guide.match]
        flat = tile.data.reshape(len(tile.bands), -1)
        other = guide.tile.data.reshape(len(guide.tile.bands), -1)
        looked = other[[guide.match[i] for i in compared or guide.match]]
        fillable = fillable_bands(tile)
        known = area.clear & guide.usable & np.isfinite(tile.data[fillable]).all(axis=0)
        if not known.any():
            known = area.clear & guide.usable
        source = sample(known, SOURCES, rng)
        spread = np.maximum(looked[:, source].std(axis=1, keepdims=True), 1e-6)
        spectra = (looked / spread).T
        tree = cKDTree(spectra[source])
        _, nearest = tree.query(spectra[at])
        reflective = [i for i, b in enumerate(tile.bands) if b.kind == "reflective"] or fillable
        probe = sample(known, PROBES, rng)
        _, two = tree.query(spectra[probe], k=min(2, source.size))
        two = source[two.reshape(probe.size, -1)]
        other_one = np.where(two[:, 0] == probe, two[:, -1], two[:, 0])
        off = flat[reflective][:, other_one] - flat[reflective][:, probe]
        return flat[:, source[nearest]], float(np.sqrt(np.mean(off.astype(np.float64) ** 2)))
