"""Several dates of one place: each read with its mask, window by window, on one grid."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.warp import Resampling, reproject, transform
from rasterio.windows import Window

from .errors import GridError
from .opening import open_raster
from .regrid import Grid
from .reviews import Region, redrawn
from .scene import Scene
from .tile import NODATA, ByteArray, FloatArray

_MARGIN_PX = 2
_EDGE_STEPS = 9


@dataclass(frozen=True)
class Date:
    """One scene of a series."""

    scene: Scene
    mask: Path
    """Class raster on the scene's own grid."""
    bands: tuple[int, ...]
    """Index of the scene's band for each band of the series."""
    grid: Grid
    """Of the series."""
    regions: tuple[Region, ...] = ()
    """Areas whose class somebody drew."""

    @property
    def aligned(self) -> bool:
        """Whether the scene lies on the grid of the series already."""
        try:
            self.grid.check(self.scene.grid, "it")
        except GridError:
            return False
        return True

    def read(self, window: Window) -> tuple[FloatArray, ByteArray]:
        """(band, y, x) reflectance and (y, x) classes in a window of the series' grid.

        A scene on another grid is resampled: bilinear, its classes to the nearest. What it does
        not cover is NaN and nodata.

        Raises:
            FileError: scene or mask are damaged.
        """
        if self.aligned:
            return self._own(window)
        data = np.full((len(self.bands), int(window.height), int(window.width)), np.nan, np.float32)
        source = self._seen(window)
        if source is None:
            return data, np.full(data.shape[1:], NODATA, np.uint8)
        values, codes = self._own(source)
        reproject(
            values, data, **self._places(source, window), src_nodata=np.nan, dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )  # fmt: skip
        return data, self._nearest(codes, source, window)

    def classes(self, window: Window) -> ByteArray:
        """(y, x) classes in a window of the series' grid, whether or not the image has data there.

        Raises:
            FileError: the mask is damaged.
        """
        if self.aligned:
            return self._mask(window)
        source = self._seen(window)
        if source is None:
            return np.full((int(window.height), int(window.width)), NODATA, np.uint8)
        return self._nearest(self._mask(source), source, window)

    def _places(self, source: Window, window: Window) -> dict[str, Any]:
        return {
            "src_transform": self.scene.grid.at(top=source.row_off, left=source.col_off),
            "src_crs": self.scene.grid.crs,
            "dst_transform": self.grid.at(top=window.row_off, left=window.col_off),
            "dst_crs": self.grid.crs,
        }

    def _nearest(self, codes: ByteArray, source: Window, window: Window) -> ByteArray:
        out = np.full((int(window.height), int(window.width)), NODATA, np.uint8)
        reproject(
            codes, out, **self._places(source, window), src_nodata=NODATA, dst_nodata=NODATA,
            resampling=Resampling.nearest,
        )  # fmt: skip
        return out

    def _own(self, window: Window) -> tuple[FloatArray, ByteArray]:
        """Reflectance and classes in a window of the scene's own grid."""
        tile = self.scene.read(window, self.bands)
        return tile.data, np.where(tile.valid, self._mask(window), NODATA).astype(np.uint8)

    def _mask(self, window: Window) -> ByteArray:
        with open_raster(self.mask) as file:
            classes: ByteArray = file.read(1, window=window)
        at = Affine.translation(window.col_off, window.row_off)
        return redrawn(classes, self.regions, self.scene.grid, at)

    def _seen(self, window: Window) -> Window | None:
        """The window of the scene that a window of the series needs, None for none."""
        share = np.linspace(0, 1, _EDGE_STEPS)
        across = window.col_off + share * window.width
        down = window.row_off + share * window.height
        columns, rows = (g.ravel() for g in np.meshgrid(across, down))
        xs, ys = self.grid.transform @ (columns, rows)
        there, own = self.scene.grid.crs, self.scene.grid
        xs, ys = (np.asarray(v) for v in transform(self.grid.crs, there, xs, ys))
        columns, rows = ~own.transform @ (xs, ys)
        known = np.isfinite(columns) & np.isfinite(rows)
        if not known.any():
            return None
        ratio = np.ptp(columns[known]) / window.width, np.ptp(rows[known]) / window.height
        margin = _MARGIN_PX * (1 + ceil(max(ratio)))
        left, right = columns[known].min() - margin, columns[known].max() + margin
        top, bottom = rows[known].min() - margin, rows[known].max() + margin
        height, width = own.shape
        x, y = max(int(left), 0), max(int(top), 0)
        right, bottom = min(ceil(right), width), min(ceil(bottom), height)
        return Window(x, y, right - x, bottom - y) if right > x and bottom > y else None
