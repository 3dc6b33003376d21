"""Bands of one product onto one grid: the checks, and the two changes of resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from .errors import GridError

SATURATED = 65535


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a raster lie."""

    shape: tuple[int, int]
    """(height, width) in pixels."""
    transform: Affine
    crs: CRS | None

    @classmethod
    def of(cls, dataset: Any) -> Grid:
        """The grid of an open rasterio dataset."""
        return cls(dataset.shape, dataset.transform, dataset.crs)

    def scaled(self, factor: float) -> Grid:
        """The grid of the same area with pixels ``factor`` times as large."""
        shape = (round(self.shape[0] / factor), round(self.shape[1] / factor))
        a, b, c, d, e, f = self.transform[:6]
        return Grid(shape, Affine(a * factor, b * factor, c, d * factor, e * factor, f), self.crs)

    def at(self, top: int, left: int) -> Affine:
        """The transform of a window that begins at row ``top`` and column ``left``."""
        a, b, c, d, e, f = self.transform[:6]
        return Affine(a, b, a * left + b * top + c, d, e, d * left + e * top + f)

    def check(
        self,
        other: Grid,
        name: str,
        whose: str = "its siblings",
        remedy: str = "download the product again, its files do not belong together",
    ) -> None:
        """Raise GridError unless ``other``, called ``name``, is this grid (to 1 % of a pixel).

        Places are not compared where one of the two has no coordinate system.

        Args:
            other: the grid to check.
            name: what lies on it, as the message calls it.
            whose: whose grid this one is.
            remedy: what to do about it.
        """
        known = other.crs is not None and self.crs is not None
        if known and other.crs != self.crs:
            raise GridError(f"{name} in {other.crs}", f"{self.crs} like {whose}", remedy)
        if other.shape != self.shape:
            raise GridError(
                f"{name} of {other.shape[1]} x {other.shape[0]} pixels",
                f"{self.shape[1]} x {self.shape[0]} like {whose}",
                remedy,
            )
        size = float(abs(self.transform.determinant)) ** 0.5 or 1.0
        ours, theirs = self.transform[:6], other.transform[:6]
        shift = max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) / size
        if known and shift > 0.01:
            raise GridError(
                f"{name} shifted by up to {shift:.2f} pixels", f"the grid of {whose}", remedy
            )


def repeat(plane: NDArray[Any], factor: int) -> NDArray[Any]:
    """Every pixel ``factor`` x ``factor`` times (nearest neighbour)."""
    return plane.repeat(factor, axis=0).repeat(factor, axis=1)


def average(plane: NDArray[np.uint16], factor: int) -> NDArray[np.uint16]:
    """Mean of blocks of ``factor`` x ``factor`` stored numbers, rounded half to even.

    0 is nodata and left out; a block of nothing else stays 0. A block with a saturated number
    (65535) stays saturated: its mean would look like a measurement.
    """
    h, w = plane.shape[0] // factor, plane.shape[1] // factor
    blocks = plane.reshape(h, factor, w, factor)
    total = blocks.sum(axis=(1, 3), dtype=np.uint32)
    count = np.count_nonzero(blocks, axis=(1, 3))
    out: NDArray[np.uint16] = np.rint(total / np.maximum(count, 1)).astype(np.uint16)
    out[(blocks == SATURATED).any(axis=(1, 3))] = SATURATED
    return out
