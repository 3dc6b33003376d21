"""Spatial fills from the surroundings: Telea's marching front and the biharmonic surface.

Both know nothing of what lies under the cloud and only carry the surroundings inwards, so they
reach a limited distance; what lies further in stays as observed and is marked unfillable. Only
clear pixels are sources. Pixels without data are never filled, and nothing is read from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..datasets.bands import BandSet
from ..datasets.errors import ValueRangeError
from ..datasets.tile import SPATIAL, BoolArray, CloudMask, FilledTile, FloatArray, Tile
from .common import Area, assemble, distance_px, fillable_bands, reach_px, untouched

CONFIDENCE_AT_CLEAR, CONFIDENCE_AT_REACH = 0.8, 0.2
"""Ends of the straight line along which the confidence falls with the distance."""
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
class Telea:
    """Inpainting by fast marching (Telea 2004, J. Graphics Tools 9(1):23-34), band by band.

    A pixel becomes the weighted mean of the known ones within ``radius_px``, from the rim
    inwards. The confidence falls linearly with the distance d to the nearest clear pixel, from
    0.8 at d = 0 to 0.2 at the largest distance.
    """

    max_distance_m: float | None = 300.0
    """Pixels further from clear ground are not filled; metres, used where the pixel size is
    known."""
    max_distance_px: float = 15.0
    """The same in pixels, where it is not known."""
    radius_px: int = 5
    """Neighbourhood of a pixel."""

    bands: BandSet = BandSet(())  # noqa: RUF009 (immutable); no band is indispensable

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill what lies within reach of clear ground.

        Raises:
            GridError: ``mask`` is not on the grid of ``tile``.
            ValueRangeError: a setting is not positive.
        """
        if self.radius_px < 1:
            raise ValueRangeError(
                f"a radius of {self.radius_px} pixels", "at least 1", "give a larger radius"
            )
        area = Area.of(tile, mask)
        distance = distance_px(area)
        reach = reach_px(tile, self.max_distance_m, self.max_distance_px)
        target = area.todo & (distance <= reach)
        # The front also starts at the inner border of this ring, from the nearest clear value;
        # twice the reach keeps it from meeting the outer front before all of target is done.
        ring = 2 * reach + 2 * self.radius_px + 2
        unknown = ~area.clear & (distance <= ring)

        def solve(planes: Planes, mask: BoolArray) -> Planes:
            return _telea(planes, mask, self.radius_px)

        return _fill(tile, area, target, unknown, distance, reach, solve)


@dataclass(frozen=True)
class Biharmonic:
    """Inpainting by the biharmonic equation (Damelin and Hoang 2018, arXiv:1712.06652).

    The smoothest surface that meets the rim in value and slope. Its cost grows faster than the
    hole: holes of more than ``max_hole_px`` pixels are left alone altogether. A pixel without
    data takes the value of the nearest clear pixel for the sake of the surface beside it. The
    confidence is that of :class:`Telea`.
    """

    max_distance_m: float | None = 300.0
    """Pixels further from clear ground are not filled; metres, used where the pixel size is
    known."""
    max_distance_px: float = 15.0
    """The same in pixels, where it is not known."""
    max_hole_px: int = 40_000
    """Largest hole that is solved, in pixels; holes less than 3 pixels apart count as one."""

    bands: BandSet = BandSet(())  # noqa: RUF009 (immutable); no band is indispensable

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill what lies within reach of clear ground, in holes that are not too large.

        Raises:
            GridError: ``mask`` is not on the grid of ``tile``.
            ValueRangeError: a setting is not positive.
        """
        if self.max_hole_px < 1:
            raise ValueRangeError(
                f"holes of at most {self.max_hole_px} pixels", "at least 1", "allow larger holes"
            )
        area = Area.of(tile, mask)
        distance = distance_px(area)
        reach = reach_px(tile, self.max_distance_m, self.max_distance_px)
        holes = _small_holes(area.todo, self.max_hole_px)
        return _fill(tile, area, holes & (distance <= reach), holes, distance, reach, _biharmonic)


def _fill(
    tile: Tile,
    area: Area,
    target: BoolArray,
    unknown: BoolArray,
    distance: NDArray[np.float64],
    reach: float,
    solve: Solver,
) -> FilledTile:
    """Solve for ``unknown`` in every band and keep ``target``."""
    if not target.any():
        return untouched(tile, area)
    values = np.full((len(tile.bands), int(target.sum())), np.nan, np.float32)
    fillable = fillable_bands(tile)
    optical = [i for i in tile.optical if i in fillable]
    if optical:
        values[optical] = _fill_bands(tile.data, optical, area.clear, target, unknown, solve)
    for i in sorted(set(fillable) - set(optical)):
        # Thermal: other units, and it may lack data where the optical bands have them.
        source = area.clear & np.isfinite(tile.data[i])
        if source.any():
            missing = unknown | (area.clear & ~source)
            values[[i]] = _fill_bands(tile.data, [i], source, target, missing, solve)
    share = distance[target] / reach
    confidence = CONFIDENCE_AT_CLEAR + (CONFIDENCE_AT_REACH - CONFIDENCE_AT_CLEAR) * share
    return assemble(tile, area, target, values, confidence, SPATIAL)


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


def _telea(planes: Planes, mask: BoolArray, radius_px: int) -> Planes:
    import cv2

    holes = mask.astype(np.uint8)
    out = np.empty_like(planes)
    for k, plane in enumerate(planes):
        low = plane.min()
        scale = _SCALE / max(plane.max() - low, 1e-12)
        image = ((plane - low) * scale).astype(np.float32)
        out[k] = cv2.inpaint(image, holes, float(radius_px), cv2.INPAINT_TELEA) / scale + low
    return out


def _biharmonic(planes: Planes, mask: BoolArray) -> Planes:
    from skimage.restoration import inpaint_biharmonic

    # float64 matters: the fourth-order equations are ill-conditioned.
    filled: Planes = inpaint_biharmonic(planes, mask, split_into_regions=True, channel_axis=0)
    return filled


def _small_holes(todo: BoolArray, max_hole_px: int) -> BoolArray:
    """The parts of ``todo`` of at most ``max_hole_px`` pixels, parted as scikit-image does."""
    labels, _ = ndimage.label(ndimage.binary_dilation(todo), np.ones((3, 3)))
    sizes = np.bincount(labels[todo], minlength=1)
    small: BoolArray = todo & (sizes <= max_hole_px)[np.where(todo, labels, 0)]
    return small
