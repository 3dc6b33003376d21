"""PRISMA L2D products (``PRS_L2D_STD_*.he5``) to Scene.

Structure: ASI, PRISMA Products Specification Document (issue 2.3). Verified on files made to
it; no real product was at hand.

The product stores spectra from long to short wavelengths. The scene has the bands of the VNIR
detector first and then those of the SWIR detector, each ascending; where the detectors overlap
(920 to 1010 nm) both are kept. Rows without a wavelength (0) are kept as bad bands.
"""

from __future__ import annotations

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
from .badbands import BandTags, spectral_bands
from .bands import BandSet
from .encoding import Encoding
from .errors import BandError, FileError, GridError
from .hdf5 import attribute, dataset, is_hdf5, number, open_hdf5, planes
from .opening import MAX_PIXELS
from .regrid import Grid
from .scene import Scene
from .tile import Acquisition, BoolArray

GSD_M = 30.0
_FIELDS = "HDFEOS/SWATHS/PRS_L2D_HCO/Data Fields"
CUBES = (("Vnir", f"{_FIELDS}/VNIR_Cube"), ("Swir", f"{_FIELDS}/SWIR_Cube"))
"""Detector as attributes spell it, and its cube of shape (row, band, column), uint16."""
_LOOK_NM = (490.0, 560.0, 665.0, 865.0, 1610.0)
_BAND = 1
"""Axis of the bands in a cube."""


@dataclass(frozen=True)
class PrismaCubes:
    """PixelSource of the two cubes."""

    path: str
    places: tuple[tuple[int, int], ...]
    """(index of the cube, index along its band axis) of each band of the scene."""
    look: tuple[int, ...]
    """Bands of the scene by which empty pixels are told."""

    def stored(self, window: Window, bands: Sequence[int]) -> NDArray[np.uint16]:
        """(len(bands), height, width) uint16."""
        rows, cols = (slice(int(a), int(a + n)) for a, n in (
            (window.row_off, window.height), (window.col_off, window.width),
        ))  # fmt: skip
        out = np.empty((len(bands), rows.stop - rows.start, cols.stop - cols.start), np.uint16)
        with open_hdf5(self.path) as f:
            for cube, (_, name) in enumerate(CUBES):
                at = [i for i, b in enumerate(bands) if self.places[b][0] == cube]
                if at:
                    ds = dataset(f, name, 3, Path(self.path))
                    out[at] = planes(ds, _BAND, rows, cols, [self.places[bands[i]][1] for i in at])
        return out

    def quality(self, window: Window) -> None:
        """No supplier's mask on this grid."""
        return None

    def missing(self, window: Window) -> BoolArray:
        """Pixels outside the rotated swath: 0 in all of five bands from blue to SWIR.

        0 in one band alone is a measurement, the lower end of the scale.
        """
        empty: BoolArray = (self.stored(window, self.look) == 0).all(axis=0)
        return empty


def matches(path: Path) -> bool:
    """Whether ``path`` is named as a PRISMA Level 2 file and is HDF5."""
    named = path.name.upper().startswith("PRS_L") and path.suffix.lower() == ".he5"
    return named and path.is_file() and is_hdf5(path)


def open_prisma(path: Path, *, max_pixels: int = MAX_PIXELS) -> Scene:
    """Open an L2D product.

    Reflectance = Min + DN x (Max - Min) / 65535, with L2ScaleVnirMin and its siblings.
    Corner coordinates are centres of the corner pixels.

    Args:
        path: ``.he5`` file.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        FileError: damaged, not Level 2D, or without a dataset or attribute of it.
        BandError: wavelengths that do not fit the cubes, or a scale without extent.
        GridError: the cubes have different shapes, or an unknown CRS.
    """
    with open_hdf5(path) as f:
        cubes = [dataset(f, name, 3, path) for _, name in CUBES]
        for cube, (_, name) in zip(cubes, CUBES, strict=True):
            if cube.dtype != np.uint16:
                raise FileError(f"{path} has {name} of {cube.dtype}", "uint16", _AGAIN)
        shapes = {(c.shape[0], c.shape[2]) for c in cubes}
        if len(shapes) > 1:
            raise GridError(f"{path} has cubes of {sorted(shapes)} pixels", "one shape", _AGAIN)
        grid = _grid(f, path, shapes.pop())
        bands, tags, places, scaling = _bands(f, path, [c.shape[_BAND] for c in cubes])
        acquired, scene_tags = _acquired(f, path)
    scale, offset = zip(*scaling, strict=True)
    return Scene(
        path=str(path),
        grid=grid,
        bands=bands,
        encoding=Encoding("uint16", scale, offset),
        source=PrismaCubes(str(path.absolute()), places, _look(bands)),
        acquired=acquired,
        tags=scene_tags,
        band_tags=tags,
        max_pixels=max_pixels,
    )


_AGAIN = "download the product again"
Places = tuple[tuple[int, int], ...]


def _bands(
    f: Any, path: Path, counts: Sequence[int]
) -> tuple[BandSet, BandTags, Places, list[tuple[float, float]]]:
    names: list[str] = []
    centers: list[float] = []
    widths: list[float] = []
    places: list[tuple[int, int]] = []
    scaling: list[tuple[float, float]] = []
    for cube, (detector, _) in enumerate(CUBES):
        nm, fwhm = (
            np.atleast_1d(np.asarray(attribute(f, f"List_{k}_{detector}", path), float))
            for k in ("Cw", "Fwhm")
        )
        if not len(nm) == len(fwhm) == counts[cube]:
            raise BandError(
                f"{path} has {counts[cube]} bands, {len(nm)} wavelengths and {len(fwhm)} widths "
                f"for {detector}", "one of each for every band", _AGAIN,
            )  # fmt: skip
        low, high = (number(f, f"L2Scale{detector}{k}", path) for k in ("Min", "Max"))
        if high <= low:
            raise BandError(f"{path} scales {detector} from {low} to {high}", "Min < Max", _AGAIN)
        order = np.argsort(np.where(nm > 0, nm, np.inf), kind="stable").tolist()  # unused: last
        names += [f"{detector.upper()}_{i + 1:03d}" for i in order]
        centers += [float(nm[i]) for i in order]
        widths += [float(fwhm[i]) for i in order]
        places += [(cube, i) for i in order]
        scaling += [((high - low) / 65535, low)] * len(order)
    bands, tags = spectral_bands(path, names, centers, widths, gsd_m=GSD_M)
    return bands, tags, tuple(places), scaling


def _look(bands: BandSet) -> tuple[int, ...]:
    return tuple(sorted({bands.nearest(nm) for nm in _LOOK_NM}))


def _grid(f: Any, path: Path, shape: tuple[int, int]) -> Grid:
    east = number(f, "Product_ULcorner_easting", path)
    north = number(f, "Product_ULcorner_northing", path)
    code = int(number(f, "Epsg_Code", path))
    try:
        crs = CRS.from_epsg(code)
    except CRSError:
        raise GridError(f"{path} has Epsg_Code {code}", "a known EPSG code", _AGAIN) from None
    half = GSD_M / 2
    return Grid(shape, Affine(GSD_M, 0, east - half, 0, -GSD_M, north + half), crs)


def _acquired(f: Any, path: Path) -> tuple[Acquisition, dict[str, str]]:
    zenith = number(f, "Sun_zenith_angle", path)
    azimuth = number(f, "Sun_azimuth_angle", path)
    time = str(attribute(f, "Product_StartTime", path))
    tags = {
        "SENSOR": "PRISMA",
        "PROCESSING_LEVEL": "L2D",
        "PRODUCT_ID": path.stem,
        "START_TIME": time,
        "SUN_ZENITH_ANGLE": f"{zenith:.6f}",
        "SUN_AZIMUTH_ANGLE": f"{azimuth:.6f}",
    }
    return Acquisition("prisma", "SR", parse_time(time), zenith, azimuth), tags
