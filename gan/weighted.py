"""Spatial fills by the clear spectra round about: a mixture of many, or the nearest one."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..datasets.tile import BoolArray, FloatArray
from .common import beside
from .spatial import Hole, Spatial

RIM_PX = 8.0
"""Clear pixels this near to a hole are its sources: a broad rim, so that a missed cloud edge is
outvoted."""
FADE = 0.25
"""How much less each level of the pyramid counts than the finer one; with the four times wider area
that it is spread over, weights fall with the fourth power of the distance."""


@dataclass(frozen=True)
class InverseDistance(Spatial):
    """Inverse-distance weighting (Shepard 1968, Proc. 23rd ACM National Conference, 517-524).

    A pixel becomes the mean of the clear pixels of the rim, weighted by about 1 / d^4. All bands
    share the weights, so the result is a mixture of real spectra: no colour appears that the
    surroundings do not have, and no value leaves their range, which band-wise methods such as
    Telea's do not promise.

    A power of the distance is a sum of bells, each twice as wide as the one before, so sums over
    all sources are made by a pyramid (Burt, Adelson 1983, IEEE Trans. Commun. 31(4):532-540) in a
    time that neither their number nor the size of a hole adds to.
    """

    def estimate(
        self, data: FloatArray, bands: list[int], source: BoolArray, hole: Hole
    ) -> FloatArray:
        """Mixtures of the spectra of ``source``."""
        rim = (source & _near(~source)).view(np.uint8)
        at = np.flatnonzero(hole.target)
        weight = spread(rim.astype(np.float32)).ravel()[at]

        def mixed(band: int) -> FloatArray:
            found = spread(_only(data[band], rim)).ravel()[at] / weight
            low, high, _, _ = cv2.minMaxLoc(data[band], rim)
            return np.asarray(np.clip(found, low, high, out=found), np.float32)

        return np.stack(list(beside(mixed, bands)))


def spread(plane: FloatArray) -> FloatArray:
    """(y, x) the sum over pixels of their value times a weight of about 1 / distance^4."""
    levels = [plane]
    while max(levels[-1].shape) > 1:
        levels.append(np.asarray(cv2.pyrDown(levels[-1]), np.float32))
    total = levels.pop()
    while levels:
        fine = levels.pop()
        wide = cv2.pyrUp(total, dstsize=fine.shape[::-1])
        total = np.asarray(cv2.scaleAdd(wide, FADE, fine), np.float32)
    return total


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


def _near(hole: BoolArray) -> BoolArray:
    """(y, x) whether a pixel lies within RIM_PX of ``hole``; everywhere if there is none."""
    if not hole.any():
        return ~hole
    outside = (~hole).view(np.uint8)
    return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5) <= RIM_PX)


def _only(plane: FloatArray, where: NDArray[np.uint8]) -> FloatArray:
    """The plane where the mask says so, else 0."""
    return np.asarray(cv2.copyTo(plane, where, np.zeros(plane.shape, np.float32)), np.float32)
