"""Shadow relit to the level of its surroundings: two errors that do not know of each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np

from ..datasets.bands import BandSet
from ..datasets.protocols import Filler
from ..datasets.tile import (
    NODATA,
    SHADOW,
    SPATIAL,
    SPECTRAL,
    BoolArray,
    CloudMask,
    FilledTile,
    FloatArray,
    Tile,
)
from .common import Area, fillable_bands, plausible_range
from .relation import confidence, expected_error

SMOOTH_PX = 8.0
"""Standard deviation of what is added: the level of the surroundings, not their texture."""


@dataclass(frozen=True)
class Levelled:
    """A spectral filler whose shadows are moved towards the spatial fill.

    A relit shadow has the texture of its ground, but is too bright or too dark over wide parts; a
    fill from the surroundings has no texture, but about the right level. Weighed by the inverse
    squares of the errors that both expect, their difference, smoothed over SMOOTH_PX within the
    shadow, is added to the first. The error to expect is that of the weighted mean of two
    independent estimates. Thin cloud stays as the spectral filler has it: there the gain was not
    told from none.

    Provenance names the larger part. What the spectral filler leaves stays unfillable.
    """

    bands: ClassVar[BandSet] = BandSet(())

    spectral: Filler
    spatial: Filler
    """One that reaches any distance: the further in, the less it counts."""

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill by ``spectral``, then move the level of shadows."""
        done = self.spectral.fill(tile, mask)
        shadow = done.filled & (mask.classes == SHADOW)
        if not shadow.any():
            return done
        other = np.where(mask.contaminated & ~shadow, NODATA, mask.classes).astype(np.uint8)
        around = self.spatial.fill(tile, replace(mask, classes=other))
        shadow &= around.filled
        own = expected_error(done.confidence[shadow]).astype(np.float64)
        theirs = expected_error(around.confidence[shadow]).astype(np.float64)
        both = np.maximum(own**2 + theirs**2, 1e-12)
        share = (own**2 / both).astype(np.float32)
        data, clear = done.tile.data.copy(), Area.of(tile, mask).clear
        for i in fillable_bands(tile):
            old, allowed = data[i][shadow], plausible_range(tile, i, clear)
            new = old + _smooth(share * (around.tile.data[i][shadow] - old), shadow)
            if allowed is not None:
                new = np.clip(new, np.minimum(old, allowed[0]), np.maximum(old, allowed[1]))
            data[i][shadow] = new
        sure, provenance = done.confidence.copy(), done.provenance.copy()
        sure[shadow] = confidence((own * theirs / np.sqrt(both)).astype(np.float32))
        provenance[shadow] = np.where(share > 0.5, SPATIAL, SPECTRAL)
        return FilledTile(tile.with_data(data), provenance, sure)


def _smooth(values: FloatArray, where: BoolArray) -> FloatArray:
    """(n,) Gaussian means of the finite ``values`` of the n pixels of ``where``; 0 for others."""
    known = np.isfinite(values)
    plane, weight = np.zeros((2, *where.shape), np.float32)
    plane[where], weight[where] = np.where(known, values, 0), known
    total, there = (
        cv2.GaussianBlur(a, (0, 0), SMOOTH_PX, borderType=cv2.BORDER_CONSTANT)[where]
        for a in (plane, weight)
    )
    return np.asarray(np.where(known, total / np.maximum(there, 1e-6), 0), np.float32)
