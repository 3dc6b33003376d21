"""Where a spectral fill is hardly trusted, the surroundings take over without a step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..datasets.bands import BandSet
from ..datasets.protocols import Filler
from ..datasets.tile import NODATA, SPATIAL, SPECTRAL, CloudMask, FilledTile, Tile
from .common import fillable_bands
from .relation import least_confidence

FADE = 0.15
"""Above the least confidence by this, a pixel is spectral alone; from there down to it, the spatial
fill takes over smoothly."""


@dataclass(frozen=True)
class Faded:
    """A spectral filler, mixed with a spatial one where its confidence nears its limit.

    Provenance names the larger part; what the spectral filler leaves stays unfillable.
    """

    bands: ClassVar[BandSet] = BandSet(())

    spectral: Filler
    spatial: Filler
    min_confidence: float
    """Limit of ``spectral``."""

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill by ``spectral``, then mix."""
        done = self.spectral.fill(tile, mask)
        limit = least_confidence(mask.classes, self.min_confidence)
        share = np.clip((done.confidence - limit) / FADE, 0, 1)
        fading = done.filled & (share < 1)
        if not fading.any():
            return done
        other = np.where(mask.contaminated & ~fading, NODATA, mask.classes).astype(np.uint8)
        around = self.spatial.fill(tile, replace(mask, classes=other))
        fading &= around.filled
        weight = share[fading]
        data = done.tile.data.copy()
        for i in fillable_bands(tile):
            new, old = data[i][fading], around.tile.data[i][fading]
            data[i][fading] = np.where(np.isnan(new), new, old + weight * (new - old))
        sure, provenance = done.confidence.copy(), done.provenance.copy()
        theirs = around.confidence[fading]
        sure[fading] = theirs + weight * (sure[fading] - theirs)
        provenance[fading] = np.where(weight >= 0.5, SPECTRAL, SPATIAL)
        return FilledTile(tile.with_data(data), provenance, sure)
