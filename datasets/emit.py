"""EMIT L2A reflectance (``EMIT_L2A_RFL_*.nc``, netCDF-4) to Scene, orthorectified by window.

Structure: JPL D-104236, EMIT L2A Algorithm and the product's own GLT (geometry lookup table):
for each pixel of the map the column (``glt_x``) and row (``glt_y``) of the swath, counted from
1, 0 where there is none. Verified on files made to it; no real product was at hand.

The product has no sun angles (they are in the L1B OBS file), so the scene has none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.windows import Window

from .acquisition import parse_time
from .badbands import spectral_bands
from .encoding import Encoding
from .errors import BandError, FileError, GridError
from .hdf5 import attribute, dataset, is_hdf5, open_hdf5, planes
from .opening import MAX_PIXELS
from .regrid import Grid
from .scene import Scene
from .tile import Acquisition

GSD_M = 60.0
NODATA = -9999.0
BLOCK = 256
"""Pixels a side of the map that are looked up at once: the part of the swath that they need is
held in memory, so a large window must not be looked up as one."""


@dataclass(frozen=True)
class EmitSwath:
    """PixelSource that looks every pixel of the map up in the swath."""

    path: str
    nodata: float

    def stored(self, window: Window, bands: Sequence[int]) -> NDArray[np.float32]:
        """(len(bands), height, width) float32, ``nodata`` where the map has no swath pixel."""
        top, left = int(window.row_off), int(window.col_off)
        height, width = int(window.height), int(window.width)
        out = np.full((len(bands), height, width), self.nodata, np.float32)
        path = Path(self.path)
        with open_hdf5(self.path) as f:
            cube = dataset(f, "reflectance", 3, path)
            glt = [dataset(f, f"location/{n}", 2, path) for n in ("glt_x", "glt_y")]
            for y in range(0, height, BLOCK):
                for x in range(0, width, BLOCK):
                    part = (slice(y, min(y + BLOCK, height)), slice(x, min(x + BLOCK, width)))
                    where = tuple(
                        slice(s.start + o, s.stop + o)
                        for s, o in zip(part, (top, left), strict=True)
                    )
                    col, row = (g[where].astype(np.int64) for g in glt)
                    self._fill(out[(slice(None), *part)], cube, row, col, bands)
        return out

    def _fill(
        self,
        out: NDArray[np.float32],
        cube: Any,
        row: NDArray[np.int64],
        col: NDArray[np.int64],
        bands: Sequence[int],
    ) -> None:
        """Write the swath's pixels (row, col from 1) into a view of the result."""
        known = (row > 0) & (col > 0)
        if not known.any():
            return
        rows, cols = row[known] - 1, col[known] - 1
        if rows.max() >= cube.shape[0] or cols.max() >= cube.shape[1]:
            raise FileError(
                f"{self.path} looks up row {rows.max() + 1}, column {cols.max() + 1} of a swath",
                f"at most {cube.shape[0]} and {cube.shape[1]}",
                _AGAIN,
            )
        top, left = int(rows.min()), int(cols.min())
        box = slice(top, int(rows.max()) + 1), slice(left, int(cols.max()) + 1)
        swath = planes(cube, 2, *box, bands)
        out[:, known] = swath[:, rows - top, cols - left]

    def quality(self, window: Window) -> None:
        """The supplier's mask is another file (``EMIT_L2A_MASK``)."""
        return None

    def missing(self, window: Window) -> None:
        """Nodata says it all."""
        return None


def matches(path: Path) -> bool:
    """Whether ``path`` is named as an EMIT reflectance file and is netCDF-4."""
    named = re.match(r"EMIT_L2A_RFL(_|\b).*\.nc$", path.name, re.I)
    return named is not None and path.is_file() and is_hdf5(path)


def open_emit(path: Path, *, max_pixels: int = MAX_PIXELS) -> Scene:
    """Open an L2A reflectance product on the map grid of its lookup table.

    Args:
        path: ``EMIT_L2A_RFL_*.nc``.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        FileError: damaged, or without a variable or attribute of the product.
        BandError: wavelengths that do not fit the cube.
        GridError: the lookup tables differ in shape, or the grid is unusable.
    """
    with open_hdf5(path) as f:
        cube = dataset(f, "reflectance", 3, path)
        tables = [dataset(f, f"location/{n}", 2, path) for n in ("glt_x", "glt_y")]
        shapes = [t.shape for t in tables]
        if shapes[0] != shapes[1]:
            raise GridError(f"{path} has glt_x, glt_y of {shapes}", "one shape", _AGAIN)
        if cube.dtype != np.float32 or any(t.dtype.kind not in "iu" for t in tables):
            kinds = [str(d.dtype) for d in (cube, *tables)]
            raise FileError(f"{path} holds {kinds}", "float32 and two integer tables", _AGAIN)
        grid = _grid(f, path, shapes[0])
        nodata = float(np.ravel(cube.attrs.get("_FillValue", NODATA))[0])
        group = "sensor_band_parameters"
        nm, fwhm, good = (
            np.asarray(dataset(f, f"{group}/{n}", 1, path)[:], float)
            for n in ("wavelengths", "fwhm", "good_wavelengths")
        )
        count = cube.shape[2]
        time = str(attribute(f, "time_coverage_start", path))
    if not len(nm) == count:
        raise BandError(f"{path} has {count} bands, {len(nm)} wavelengths", "as many", _AGAIN)
    bands, band_tags = spectral_bands(
        path,
        [f"band_{i:03d}" for i in range(1, count + 1)],
        list(nm),
        list(fwhm),
        good=[g > 0 for g in good],
        gsd_m=GSD_M,
    )
    return Scene(
        path=str(path),
        grid=grid,
        bands=bands,
        encoding=Encoding("float32", nodata=nodata),
        source=EmitSwath(str(path.absolute()), nodata),
        acquired=Acquisition("emit", "SR", _time(time)),
        tags={
            "SENSOR": "EMIT",
            "PROCESSING_LEVEL": "L2A",
            "PRODUCT_ID": path.stem,
            "START_TIME": time,
        },
        band_tags=band_tags,
        max_pixels=max_pixels,
    )


_AGAIN = "download the product again"


def _time(text: str) -> Any:
    return parse_time(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text))  # +0000, as EMIT writes it


def _grid(f: Any, path: Path, shape: tuple[int, int]) -> Grid:
    """The map: ``geotransform`` is in GDAL's order (x0, dx, rx, y0, ry, dy)."""
    numbers = np.asarray(attribute(f, "geotransform", path))
    wkt = str(attribute(f, "spatial_ref", path))
    if numbers.dtype.kind not in "fiu" or numbers.shape != (6,) or not np.isfinite(numbers).all():
        raise GridError(f"{path} has geotransform {numbers}", "six numbers", _AGAIN)
    transform = Affine.from_gdal(*(float(v) for v in numbers))
    try:
        crs = CRS.from_wkt(wkt)
    except CRSError:
        raise GridError(f"{path} has spatial_ref '{wkt[:60]}'", "a CRS in WKT", _AGAIN) from None
    if not transform.determinant:
        raise GridError(f"{path} has geotransform {list(numbers)}", "pixels with an area", _AGAIN)
    return Grid(shape, transform, crs)
