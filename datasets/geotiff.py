"""Multi-band GeoTIFF (or JPEG 2000) to Tile."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .acquisition import from_tags
from .errors import BandError
from .families import origin
from .opening import MAX_PIXELS, open_raster
from .scaling import choose_encoding
from .tile import Quality, Tile
from .wavelengths import band_names, read_bands, refuse_radar

_QUALITY = {"scl": "SCL", "qa_pixel": "QA_PIXEL"}


def read_geotiff(
    path: str | Path,
    *,
    sensor: str | None = None,
    bands: str | None = None,
    scale: float | None = None,
    offset: float | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Tile:
    """Read all bands of one raster file.

    Rotated, south-up and ungeoreferenced grids are kept as they are. NaN, infinite and nodata
    pixels become NaN in ``data``; ``stored`` keeps every number of the file.

    Args:
        path: GeoTIFF, BigTIFF or JPEG 2000.
        sensor: key of the sensor, where the file does not say.
        bands: names or wavelengths of the bands, where the file does not say (see bandlists).
        scale: reflectance per stored number for the optical bands.
        offset: reflectance of the stored number 0 for the optical bands.
        max_pixels: limit of width x height x bands.

    Raises:
        FileError: the file cannot be read, or not in full.
        BandError: wavelengths or scaling are unknown or contradictory; complex or mixed dtypes.
    """
    path = Path(path)
    with open_raster(path, max_pixels) as ds:
        _check_dtype(ds)
        refuse_radar(ds)
        tags = ds.tags()
        found = origin(tags, path.stem, band_names(ds), sensor)
        band_set = read_bands(ds, found, bands)
        stored: NDArray[Any] = ds.read()
        nodata = _nodata(ds)
        encoding = choose_encoding(ds, band_set, stored, nodata, found, scale, offset)
        return Tile(
            data=encoding.decode(stored),
            bands=band_set,
            transform=ds.transform,
            crs=ds.crs,
            acquired=from_tags(tags, found, band_set.names),
            encoding=encoding,
            stored=stored,
            quality=_quality(band_names(ds), stored),
            tags=tags,
            band_tags=tuple(ds.tags(i) for i in ds.indexes),
            path=str(path),
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


def _quality(names: list[str], stored: NDArray[Any]) -> Quality | None:
    """The supplier's mask, if one of the bands is SCL or QA_PIXEL."""
    for scheme, name in _QUALITY.items():
        if name in (upper := [n.upper() for n in names]):
            plane = stored[upper.index(name)]
            codes = np.nan_to_num(plane, nan=0, posinf=0, neginf=0).clip(0, 65535)
            return Quality(scheme, codes.astype(np.uint16))  # type: ignore[arg-type]
    return None
