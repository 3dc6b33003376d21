"""Spatial fill by inverse-distance weighting: a mixture of the clear spectra round about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ..datasets.bands import BandSet
from ..datasets.errors import ValueRangeError
from ..datasets.tile import SPATIAL, BoolArray, CloudMask, FilledTile, FloatArray, Tile
from .common import Area, assemble, distance_px, fillable_bands, reach_px, untouched
from .inpaint import CONFIDENCE_AT_CLEAR, CONFIDENCE_AT_REACH

RIM_PX = 8.0
"""Clear pixels this near to a hole are its sources: a broad rim, so that a missed cloud edge is
outvoted."""
MAX_SOURCES = 200_000
_BLOCK = 100_000


@dataclass(frozen=True)
class InverseDistance:
    """Inverse-distance weighting (Shepard 1968, Proc. 23rd ACM National Conference, 517-524).

    A pixel becomes the mean of the nearest clear pixels of the rim, weighted by 1 / d^2. All
    bands share the weights, so the result is a mixture of real spectra: no colour appears that
    the surroundings do not have, and no value leaves their range, which band-wise methods such
    as Telea's do not promise. The confidence falls with the distance as that of ``Telea``.
    """

    max_distance_m: float | None = 300.0
    """Pixels further from clear ground are not filled; metres, used where the pixel size is
    known."""
    max_distance_px: float = 15.0
    """The same in pixels, where it is not known."""
    neighbours: int = 48
    """Clear pixels that are mixed."""

    bands: BandSet = BandSet(())  # noqa: RUF009 (immutable); no band is indispensable

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill what lies within reach of clear ground.

        Raises:
            GridError: ``mask`` is not on the grid of ``tile``.
            ValueRangeError: a setting is not positive.
        """
        if self.neighbours < 1:
            raise ValueRangeError(f"{self.neighbours} neighbours", "1 or more", "give more")
        area = Area.of(tile, mask)
        distance = distance_px(area)
        reach = reach_px(tile, self.max_distance_m, self.max_distance_px)
        target = area.todo & (distance <= reach)
        if not target.any():
            return untouched(tile, area)
        values = np.full((len(tile.bands), int(target.sum())), np.nan, np.float32)
        fillable = fillable_bands(tile)
        optical = [i for i in tile.optical if i in fillable]
        groups = [optical, *([i] for i in fillable if i not in optical)]
        for group in filter(None, groups):  # thermal may lack data where the optical bands have it
            source = area.clear & np.isfinite(tile.data[group]).all(axis=0)
            if source.any():
                values[group] = self._mix(tile.data[group], source, target)
        share = distance[target] / reach
        confidence = CONFIDENCE_AT_CLEAR + (CONFIDENCE_AT_REACH - CONFIDENCE_AT_CLEAR) * share
        return assemble(tile, area, target, values, confidence, SPATIAL)

    def _mix(self, data: FloatArray, source: BoolArray, target: BoolArray) -> FloatArray:
        """(band, n) mixtures of the spectra of ``source`` at the n pixels of ``target``."""
        rows, columns = _rim(source)
        tree = cKDTree(np.column_stack([rows, columns]))
        spectra = data[:, rows, columns]
        wanted = np.column_stack(np.nonzero(target))
        count = min(self.neighbours, len(rows))
        out = np.empty((len(data), len(wanted)), np.float32)
        for begin in range(0, len(wanted), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            far, near = tree.query(wanted[part], k=count)
            far, near = far.reshape(-1, count), near.reshape(-1, count)
            weight = 1 / far.astype(np.float32) ** 2  # a target is no source: far > 0
            weight /= weight.sum(axis=1, keepdims=True)
            for i, band in enumerate(spectra):
                out[i, part] = np.einsum("nk,nk->n", band[near], weight)
        return out


def _rim(source: BoolArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the sources near anything that is none, thinned out where many."""
    near = source if source.all() else source & (ndimage.distance_transform_edt(source) <= RIM_PX)
    rows, columns = np.nonzero(near)
    chequered = (rows + columns) % 2 == 0
    if chequered.sum() > 1000:
        rows, columns = rows[chequered], columns[chequered]
    step = max(1, len(rows) // MAX_SOURCES)
    return rows[::step], columns[::step]
