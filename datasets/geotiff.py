"""One raster file (GeoTIFF, BigTIFF, JPEG 2000) of several bands, as a Scene."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .acquisition import from_tags
from .errors import BandError
from .families import origin
from .opening import MAX_PIXELS
from .raster_file import RasterFile
from .regrid import Grid
from .scaling import choose_encoding
from .scene import Scene
from .wavelengths import band_names, read_bands, refuse_radar

_QUALITY: tuple[tuple[Literal["scl", "qa_pixel"], str], ...] = (
    ("scl", "SCL"),
    ("qa_pixel", "QA_PIXEL"),
)


@dataclass(frozen=True)
class RasterSource:
    """Windows of one raster file."""

    file: RasterFile
    classes: int | None = None
    """Number (from 1) of the band that holds the supplier's mask, if one does."""

    def stored(self, window: Window, bands: Sequence[int]) -> NDArray[Any]:
        return self.file.read(window, [i + 1 for i in bands])

    def quality(self, window: Window) -> NDArray[Any] | None:
        if self.classes is None:
            return None
        plane = self.file.read(window, self.classes)
        codes = np.nan_to_num(plane, nan=0, posinf=0, neginf=0).clip(0, 65535)
        return np.asarray(codes, np.uint16)

    def missing(self, window: Window) -> None:
        return None


def matches(path: Path) -> bool:
    """The last of the readers: it takes whatever is left, and says what is wrong with it."""
    return True


def open_geotiff(
    path: Path,
    *,
    sensor: str | None = None,
    bands: str | None = None,
    scale: float | None = None,
    offset: float | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Scene:
    """Open a raster file; its pixels are looked at only if its metadata do not say the scaling.

    Rotated, south-up and ungeoreferenced grids are kept as they are. NaN, infinite and nodata
    pixels become NaN in ``data``; ``stored`` keeps every number of the file.

    Args:
        path: GeoTIFF, BigTIFF or JPEG 2000.
        sensor: key of the sensor, where the file does not say.
        bands: names or wavelengths of the bands, where the file does not say (see bandlists).
        scale: reflectance per stored number for the optical bands.
        offset: reflectance of the stored number 0 for the optical bands.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        FileError: the file cannot be read, or its header is damaged.
        BandError: wavelengths or scaling are unknown or contradictory; complex or mixed dtypes.
    """
    file = RasterFile.at(path)
    with file.open() as ds:
        _check_dtype(ds)
        refuse_radar(ds)
        tags, names = ds.tags(), band_names(ds)
        found = origin(tags, path.stem, names, sensor)
        band_set = read_bands(ds, found, bands)
        scheme, classes = _quality(names)
        return Scene(
            path=str(path),
            grid=Grid.of(ds),
            bands=band_set,
            encoding=choose_encoding(ds, band_set, _nodata(ds), found, scale, offset),
            source=RasterSource(file, classes),
            acquired=from_tags(tags, found, band_set.names),
            scheme=scheme,
            tags=tags,
            band_tags=tuple(ds.tags(i) for i in ds.indexes),
            max_pixels=max_pixels,
        )


def _check_dtype(ds: Any) -> None:
    kinds = sorted(set(ds.dtypes))
    if len(kinds) > 1 or np.dtype(kinds[0]).kind not in "iuf":
        raise BandError(
            f"{ds.name} holds numbers of type {', '.join(kinds)}",
            "one integer or real type for all bands",
            "convert the file (gdal_translate -ot)",
        )


def _nodata(ds: Any) -> float | None:
    """The file's nodata; the ENVI domain's if the file itself declares none."""
    if ds.nodata is not None:
        return ds.nodata  # type: ignore[no-any-return]
    envi = {k.lower().replace(" ", "_"): v for k, v in ds.tags(ns="ENVI").items()}
    text = envi.get("data_ignore_value", "").strip()
    return float(text) if re.fullmatch(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", text) else None


def _quality(names: list[str]) -> tuple[Literal["scl", "qa_pixel"] | None, int | None]:
    """The supplier's mask, if one of the bands is SCL or QA_PIXEL: scheme and number from 1."""
    upper = [n.upper() for n in names]
    for scheme, name in _QUALITY:
        if name in upper:
            return scheme, upper.index(name) + 1
    return None, None
