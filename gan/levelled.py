"""Shadow relit to the level of its surroundings: two errors that do not know of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

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
from .common import Area, Limits, beside, fillable_bands, plausible_range, put
from .relation import confidence, expected_error
from .spatial import carried

SMOOTH_PX = 8.0
"""Standard deviation of what is added: the level of the surroundings, not their texture."""
CELL_PX = 4
"""Pixels that are averaged before."""


@dataclass(frozen=True)
class Levelled:
    """A spectral filler, its shadows moved towards the spatial fill, which fills the rest as well.

    A relit shadow has the texture of its ground, but is too bright or too dark over wide parts; a
    fill from the surroundings has no texture, but about the right level. Weighed by the inverse
    squares of the errors that both expect, their difference, smoothed over SMOOTH_PX within the
    shadow, is added to the first. The error to expect is that of the weighted mean of two
    independent estimates. Thin cloud stays as the spectral filler has it: there the gain was not
    told from none.

    Provenance names the larger part. What neither fills stays unfillable.
    """

    bands: ClassVar[BandSet] = BandSet(())

    spectral: Filler
    spatial: Filler
    """Reaches shadows at any distance: the further in, the less it counts."""

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill by ``spectral``, move the level of shadows, and fill what is left by ``spatial``."""
        done = self.spectral.fill(tile, mask)
        relit = done.filled & (mask.classes == SHADOW)
        lifted = np.where(done.filled & ~relit, NODATA, mask.classes)  # and no source
        left = replace(mask, classes=lifted.astype(np.uint8))
        around = carried(self.spatial, done.tile, left, relit)
        if not around.where.any():
            return done
        ours = not np.shares_memory(done.tile.data, tile.data)
        data = done.tile.data if ours else done.tile.data.copy()
        data = np.require(data, requirements=["C", "W"])
        provenance, sure = done.provenance.copy(), done.confidence.copy()
        area = Area.of(tile, left)
        limits = [plausible_range(tile, i, area.clear) for i in range(len(tile.bands))]
        both = relit & around.where
        mine = both[around.where]
        if mine.any():
            own = expected_error(sure[both])
            theirs = expected_error(around.confidence[mine])
            total = np.maximum(own**2 + theirs**2, 1e-12)
            share = own**2 / total
            levelled(tile, data, both, share, around.values[:, mine], limits)
            sure[both] = confidence(own * theirs / np.sqrt(total))
            provenance[both] = np.where(share > 0.5, SPATIAL, SPECTRAL)
        rest = around.where & ~both
        at = np.flatnonzero(rest)
        for i in fillable_bands(tile):
            put(data[i], at, around.values[i][~mine], limits[i])
        sure[rest], provenance[rest] = around.confidence[~mine], SPATIAL
        return FilledTile(tile.with_data(data), provenance, sure)


def levelled(
    tile: Tile,
    data: FloatArray,
    shadow: BoolArray,
    share: FloatArray,
    around: FloatArray,
    limits: Sequence[Limits],
) -> None:
    """Move shadows in place towards their surroundings.

    Args:
        data: (band, y, x) as relit; changed.
        shadow: (y, x) the n pixels.
        share: (n,) of the surroundings.
        around: (band, n) what they tell; NaN moves nothing.
        limits: of each band.
    """
    smooth = Smooth.over(shadow)

    def level(i: int) -> None:
        plane, allowed = data[i].reshape(-1), limits[i]
        old = plane.take(smooth.at)
        new = old + smooth(share * (around[i] - old))
        if allowed is not None:
            new = np.clip(new, np.minimum(old, allowed[0]), np.maximum(old, allowed[1]))
        plane[smooth.at] = new

    for _ in beside(level, fillable_bands(tile)):
        pass


@dataclass(frozen=True)
class Smooth:
    """Gaussian means within an area; by cells, since what is so smooth needs no more."""

    where: BoolArray
    """(y, x)"""
    at: NDArray[np.intp]
    """(n,) row-major positions of its pixels."""
    share: FloatArray
    """(n,) of the area round about each."""

    @classmethod
    def over(cls, where: BoolArray) -> Smooth:
        """For the pixels of ``where``."""
        at = np.flatnonzero(where)
        return cls(where, at, _blurred(where.astype(np.float32)).ravel()[at])

    def __call__(self, values: FloatArray) -> FloatArray:
        """(n,) means of the finite ``values`` of the n pixels; 0 for others."""
        known = np.isfinite(values)
        share = self.share
        if not known.all():
            values = np.where(known, values, 0)
            share = _blurred(self._plane(known.astype(np.float32))).ravel()[self.at]
        total = _blurred(self._plane(values)).ravel()[self.at]
        return np.asarray(np.where(known, total / np.maximum(share, 1e-6), 0), np.float32)

    def _plane(self, values: FloatArray) -> FloatArray:
        plane = np.zeros(self.where.shape, np.float32)
        plane.ravel()[self.at] = values
        return plane


def _blurred(plane: FloatArray) -> FloatArray:
    height, width = plane.shape
    cells = cv2.resize(
        plane,
        (max(round(width / CELL_PX), 1), max(round(height / CELL_PX), 1)),
        interpolation=cv2.INTER_AREA,
    )
    cells = cv2.GaussianBlur(cells, (0, 0), SMOOTH_PX / CELL_PX, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(cv2.resize(cells, (width, height)), np.float32)
