"""Inpainting: fronts that march inwards, and the biharmonic surface.

Pixels without data are never filled, and nothing is read from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..datasets.errors import ValueRangeError
from ..datasets.tile import BoolArray, FloatArray
from .common import Area, beside
from .spatial import Hole, Spatial

MAX_PLANES = 16
"""Bands above which the principal components of the clear spectra are filled instead."""
_PCA_SAMPLE = 20_000
_SCALE = 1e6
"""OpenCV's Telea adds up to 1.9 units to every value, in whatever unit the image is (it was
made for 8 bits); with this many units between the lowest and the highest value that is noise."""

Planes = NDArray[np.float64]
Solver = Callable[[Planes, BoolArray], Planes]
"""Fills (plane, y, x) values where the (y, x) mask says so."""


@dataclass(frozen=True)
class Inpainting(Spatial):
    """Band by band; of many bands, their principal components."""

    def estimate(
        self, data: FloatArray, bands: list[int], source: BoolArray, hole: Hole
    ) -> FloatArray:
        """See :meth:`Spatial.estimate`."""
        unknown = self.unknown(hole) | (hole.area.clear & ~source)
        return _fill_bands(data, bands, source, hole.target, unknown, self.solve)

    def unknown(self, hole: Hole) -> BoolArray:
        """(y, x) bool: what is solved for, at least the target."""
        return hole.target

    def solve(self, planes: Planes, unknown: BoolArray) -> Planes:
        """(plane, y, x) values, with those of ``unknown`` filled in."""
        raise NotImplementedError


@dataclass(frozen=True)
class Telea(Inpainting):
    """Inpainting by fast marching (Telea 2004, J. Graphics Tools 9(1):23-34), band by band.

    A pixel becomes the weighted mean of the known ones within ``radius_px``, from the rim
    inwards.
    """

    radius_px: int = 5
    """Neighbourhood of a pixel."""
    method: ClassVar[str] = "INPAINT_TELEA"

    def check(self) -> None:
        """Raise ValueRangeError for a radius below 1."""
        if self.radius_px < 1:
            raise ValueRangeError(
                f"a radius of {self.radius_px} pixels", "at least 1", "give a larger radius"
            )

    def unknown(self, hole: Hole) -> BoolArray:
        """A ring twice as wide as the reach.

        The front also starts at the inner border of this ring, from the nearest clear value;
        twice the reach keeps it from meeting the outer front before all of the target is done.
        """
        ring: BoolArray = hole.distance <= 2 * hole.reach + 2 * self.radius_px + 2
        return ~hole.area.clear & ring

    def solve(self, planes: Planes, unknown: BoolArray) -> Planes:
        """By OpenCV, in units that its rounding does not show in."""
        import cv2

        holes = unknown.astype(np.uint8)

        def solved(plane: Planes) -> Planes:
            low = plane.min()
            scale = _SCALE / max(plane.max() - low, 1e-12)
            image = ((plane - low) * scale).astype(np.float32)
            done = cv2.inpaint(image, holes, float(self.radius_px), getattr(cv2, self.method))
            return np.asarray(done / scale + low, np.float64)

        return np.stack(list(beside(solved, planes)))


@dataclass(frozen=True)
class NavierStokes(Telea):
    """Inpainting by fluid dynamics (Bertalmio, Bertozzi, Sapiro 2001, CVPR, I-355).

    Lines of equal brightness are carried into the hole, as a flow carries its vorticity; by
    OpenCV, which marches inwards in one pass.
    """

    method: ClassVar[str] = "INPAINT_NS"


@dataclass(frozen=True)
class Biharmonic(Inpainting):
    """Inpainting by the biharmonic equation (Damelin and Hoang 2018, arXiv:1712.06652).

    The smoothest surface that meets the rim in value and slope. Its cost grows faster than the
    hole: holes of more than ``max_hole_px`` pixels are left alone altogether. A pixel without
    data takes the value of the nearest clear pixel for the sake of the surface beside it.
    """

    max_hole_px: int = 40_000
    """Largest hole that is solved, in pixels; holes less than 3 pixels apart count as one."""

    def check(self) -> None:
        """Raise ValueRangeError for holes without a pixel."""
        if self.max_hole_px < 1:
            raise ValueRangeError(
                f"holes of at most {self.max_hole_px} pixels", "at least 1", "allow larger holes"
            )

    def wanted(self, area: Area) -> BoolArray:
        """Holes that are not too large."""
        return _small_holes(area.todo, self.max_hole_px)

    def unknown(self, hole: Hole) -> BoolArray:
        """All of them, also beyond the reach: the surface spans the whole hole."""
        return self.wanted(hole.area)

    def solve(self, planes: Planes, unknown: BoolArray) -> Planes:
        """By scikit-image; float64 matters: the fourth-order equations are ill-conditioned."""
        from skimage.restoration import inpaint_biharmonic

        filled: Planes = inpaint_biharmonic(
            planes, unknown, split_into_regions=True, channel_axis=0
        )
        return filled


def _fill_bands(
    data: FloatArray,
    bands: list[int],
    source: BoolArray,
    target: BoolArray,
    unknown: BoolArray,
    solve: Solver,
) -> FloatArray:
    """(band, n) float32 values of ``bands`` at ``target``, learnt from ``source`` alone.

    Where there are more than MAX_PLANES bands their leading principal components are filled;
    solving is (nearly) linear, so only what the others hold is lost: noise.
    """
    # Whatever is neither source nor solved for holds the nearest source value, never its own.
    nearest: NDArray[np.intp] = ndimage.distance_transform_edt(
        ~source, return_distances=False, return_indices=True
    )
    rows, columns = nearest
    if len(bands) <= MAX_PLANES:
        planes = np.stack([data[i][rows, columns].astype(np.float64) for i in bands])
        return solve(planes, unknown)[:, target].astype(np.float32)
    mean, axes = _components(data, bands, source)
    planes = np.zeros((MAX_PLANES, *source.shape))
    for i, weight, centre in zip(bands, axes.T, mean, strict=True):
        planes += weight[:, None, None] * (data[i][rows, columns] - centre)
    scores = solve(planes, unknown)[:, target]
    return (mean[:, None] + axes.T @ scores).astype(np.float32)


def _components(
    data: FloatArray, bands: list[int], source: BoolArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(band,) mean and (MAX_PLANES, band) orthonormal axes of greatest variance at ``source``."""
    at = np.flatnonzero(source)
    at = at[:: ceil(at.size / _PCA_SAMPLE)]
    spectra = np.stack([data[i].ravel()[at] for i in bands]).astype(np.float64)
    mean = spectra.mean(axis=1)
    centred = spectra - mean[:, None]
    _, vectors = np.linalg.eigh(centred @ centred.T)
    return mean, vectors[:, ::-1][:, :MAX_PLANES].T


def _small_holes(todo: BoolArray, max_hole_px: int) -> BoolArray:
    """The parts of ``todo`` of at most ``max_hole_px`` pixels, parted as scikit-image does."""
    labels, _ = ndimage.label(ndimage.binary_dilation(todo), np.ones((3, 3)))
    sizes = np.bincount(labels[todo], minlength=1)
    small: BoolArray = todo & (sizes <= max_hole_px)[np.where(todo, labels, 0)]
    return small
