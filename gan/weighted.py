"""Spatial fills by the clear spectra round about: a mixture of many, or the nearest one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ..datasets.errors import ValueRangeError
from ..datasets.tile import BoolArray, FloatArray
from .spatial import Hole, Spatial

RIM_PX = 8.0
"""Clear pixels this near to a hole are its sources: a broad rim, so that a missed cloud edge is
outvoted."""
MAX_SOURCES = 200_000
_BLOCK = 100_000


@dataclass(frozen=True)
class InverseDistance(Spatial):
    """Inverse-distance weighting (Shepard 1968, Proc. 23rd ACM National Conference, 517-524).

    A pixel becomes the mean of the nearest clear pixels of the rim, weighted by 1 / d^2. All
    bands share the weights, so the result is a mixture of real spectra: no colour appears that
    the surroundings do not have, and no value leaves their range, which band-wise methods such
    as Telea's do not promise.
    """

    neighbours: int = 48
    """Clear pixels that are mixed."""

    def check(self) -> None:
        """Raise ValueRangeError without neighbours."""
        if self.neighbours < 1:
            raise ValueRangeError(f"{self.neighbours} neighbours", "1 or more", "give more")

    def estimate(
        self, data: FloatArray, bands: list[int], source: BoolArray, hole: Hole
    ) -> FloatArray:
        """Mixtures of the spectra of ``source``."""
        rows, columns = _rim(source)
        tree = cKDTree(np.column_stack([rows, columns]))
        spectra = data[bands][:, rows, columns]
        wanted = np.column_stack(np.nonzero(hole.target))
        count = min(self.neighbours, len(rows))
        out = np.empty((len(bands), len(wanted)), np.float32)
        for begin in range(0, len(wanted), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            far, near = tree.query(wanted[part], k=count)
            far, near = far.reshape(-1, count), near.reshape(-1, count)
            weight = 1 / far.astype(np.float32) ** 2  # a target is no source: far > 0
            weight /= weight.sum(axis=1, keepdims=True)
            for i, band in enumerate(spectra):
                out[i, part] = np.einsum("nk,nk->n", band[near], weight)
        return out


@dataclass(frozen=True)
class Nearest(Spatial):
    """The spectrum of the nearest clear pixel, at any distance: a baseline to beat."""

    max_distance_m: float | None = None
    max_distance_px: float = np.inf

    def estimate(
        self, data: FloatArray, bands: list[int], source: BoolArray, hole: Hole
    ) -> FloatArray:
        """Copies of clear spectra."""
        nearest: NDArray[np.intp] = ndimage.distance_transform_edt(
            ~source, return_distances=False, return_indices=True
        )
        rows, columns = nearest[:, hole.target]
        return data[bands][:, rows, columns]


def far() -> InverseDistance:
    """The filler ``idw-far``: `InverseDistance` at any distance from clear ground."""
    return InverseDistance(max_distance_m=None, max_distance_px=np.inf)


def _rim(source: BoolArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the sources near anything that is none, thinned out where many."""
    near = source if source.all() else source & (ndimage.distance_transform_edt(source) <= RIM_PX)
    rows, columns = np.nonzero(near)
    chequered = (rows + columns) % 2 == 0
    if chequered.sum() > 1000:
        rows, columns = rows[chequered], columns[chequered]
    step = max(1, len(rows) // MAX_SOURCES)
    return rows[::step], columns[::step]
