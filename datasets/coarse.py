"""A scene at a coarser grid, read without ever holding the fine one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from affine import Affine
from rasterio.windows import Window

from .bands import BandSet
from .scene import Scene
from .tile import FloatArray, Tile

_SIDE_PX = 1024
"""Pixels of the scene that are read at a time, along each side, or a few less."""


@dataclass
class Averages:
    """The means of some bands of a scene, gathered while it is read for another purpose.

    Windows may come in any order; each begins at multiples of `factor`, and ends there or at the
    border of the scene.
    """

    scene: Scene
    factor: int
    """Pixels along the side of a mean."""
    bands: Sequence[int]
    """Indices into those of the scene."""
    data: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        height, width = (-(-n // self.factor) for n in self.scene.shape)
        self.data = np.full((len(self.bands), height, width), np.nan, np.float32)

    def add(self, window: Window, planes: Iterable[FloatArray]) -> None:
        """The reflectance (y, x) of each of `bands` in a window, NaN where it is missing."""
        y, x = window.row_off // self.factor, window.col_off // self.factor
        for out, plane in zip(self.data, planes, strict=True):
            means = _means(plane, self.factor)
            out[y : y + means.shape[0], x : x + means.shape[1]] = means

    def tile(self) -> Tile:
        """What was gathered, without ``stored``; NaN where no pixel has data."""
        return Tile(
            data=self.data,
            bands=_coarser(self.scene.bands.select(self.bands), self.factor),
            transform=self.scene.grid.transform @ Affine.scale(self.factor),
            crs=self.scene.grid.crs,
            acquired=self.scene.acquired,
            encoding=self.scene.encoding.of(self.bands),
            tags=self.scene.tags,
            path=self.scene.path,
        )


def averaged(
    scene: Scene,
    factor: int,
    bands: Sequence[int] | None = None,
    seen: Callable[[Window, Tile], None] | None = None,
) -> Tile:
    """A tile whose pixels are the means of the valid ones of ``factor`` x ``factor`` of a scene.

    Args:
        scene: what is read; its supplier's mask is left out.
        factor: 1 or more; the last row and column may stand for fewer pixels.
        bands: indices of the bands to read; all by default.
        seen: called with every window of the scene and its tile, row by row; windows begin at
            multiples of 8 pixels.

    Returns:
        See `Averages.tile`.

    Raises:
        FileError: the scene is damaged.
    """
    height, width = scene.shape
    averages = Averages(scene, factor, range(len(scene.bands)) if bands is None else bands)
    unit = 8 * factor
    side = max(_SIDE_PX // unit, 1) * unit
    for top in range(0, height, side):
        for left in range(0, width, side):
            window = Window(left, top, min(side, width - left), min(side, height - top))
            part = scene.read(window, averages.bands)
            if seen is not None:
                seen(window, part)
            averages.add(window, part.data)
    return averages.tile()


def averaged_tile(tile: Tile, factor: int, bands: Sequence[int]) -> Tile:
    """The same of some bands of a tile in memory, without encoding and tags."""
    return Tile(
        data=np.stack([_means(tile.data[i], factor) for i in bands]),
        bands=_coarser(tile.bands.select(bands), factor),
        transform=tile.transform @ Affine.scale(factor),
        crs=tile.crs,
        acquired=tile.acquired,
        path=tile.path,
    )


def _coarser(bands: BandSet, factor: int) -> BandSet:
    """With the pixel size that they now have, which counts where no coordinate system tells it."""
    if factor == 1:
        return bands
    sizes = (b.gsd_m and b.gsd_m * factor for b in bands)
    return BandSet(tuple(replace(b, gsd_m=size) for b, size in zip(bands, sizes, strict=True)))


def _means(plane: FloatArray, factor: int) -> FloatArray:
    """(ceil(y / factor), ceil(x / factor)) means of what is finite."""
    if factor == 1:
        return plane
    import cv2  # here: a tenth of a second that most commands do not need

    height, width = plane.shape
    rows, columns = -(-height // factor), -(-width // factor)

    def mean(numbers: FloatArray) -> FloatArray:
        return np.asarray(cv2.resize(numbers, (columns, rows), interpolation=cv2.INTER_AREA))

    known = np.isfinite(plane)
    if (rows * factor, columns * factor) == (height, width) and known.all():
        return mean(plane)
    value, share = np.zeros((2, rows * factor, columns * factor), np.float32)
    np.copyto(value[:height, :width], plane, where=known)
    share[:height, :width] = known
    there = mean(share)
    out = np.full((rows, columns), np.nan, np.float32)
    return np.divide(mean(value), there, out=out, where=there > 0)
