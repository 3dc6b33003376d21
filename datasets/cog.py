"""Cloud-optimised GeoTIFFs, written atomically and read back before they take their name."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.dtypes import check_dtype, in_dtype_range
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from .atomic import AnyPath, atomic_file
from .errors import OutputError, ValueRangeError

_GDAL_FAILURES = (RasterioError, CPLE_BaseError, OSError, SystemError)
"""What a failed write raises: rasterio wraps some errors of GDAL, not all (GDAL 3.10)."""


def write_cog(
    path: AnyPath,
    array: NDArray[Any],
    *,
    transform: Affine | None = None,
    crs: CRS | None = None,
    nodata: float | None = None,
    descriptions: Sequence[str | None] = (),
    scales: Sequence[float] = (),
    offsets: Sequence[float] = (),
    units: Sequence[str | None] = (),
    tags: Mapping[str, str] | None = None,
    band_tags: Sequence[Mapping[str, str]] = (),
    colormap: Mapping[int, tuple[int, int, int, int]] | None = None,
    colorinterp: Sequence[ColorInterp] = (),
    overview_resampling: str = "average",
    overwrite: bool = False,
) -> None:
    """Write ``array`` as a cloud-optimised GeoTIFF (deflate, tiled, with overviews).

    GDAL holds one copy beside ``array``. More than 4 bytes a pixel are compressed on all cores, or
    on GDAL_NUM_THREADS of them.

    Args:
        path: the output.
        array: (band, y, x) numbers, stored as they are, NaN payloads included.
        transform: pixel (column, row) to map; None or the identity for none. May be rotated.
        crs: coordinate reference system, None for none.
        nodata: stored number that means "no data"; one that the dtype cannot hold is left out.
        descriptions: names of the bands; each sequence is empty or one entry a band.
        scales: factor to physical values, with ``offsets`` the summands.
        units: physical units.
        tags: dataset-level tags.
        band_tags: tags of each band.
        colormap: (red, green, blue, alpha) of each class of a single uint8 band. TIFF keeps
            no alpha: GDAL shows every class opaque but nodata.
        colorinterp: what a viewer shows each band as.
        overview_resampling: ``nearest`` for classes, else ``average``.
        overwrite: replace an existing file.

    Raises:
        OutputError: the file exists already, or it could not be written or read back.
        ValueRangeError: the dtype, the shape or the nodata is not a raster's.
    """
    if array.ndim != 3 or 0 in array.shape or not check_dtype(array.dtype.name):
        raise ValueRangeError(
            f"an array of dtype {array.dtype} and shape {array.shape} for {Path(path).name}",
            "(band, y, x) integers or floats of 8 to 64 bits, not empty",
            "convert it first",
        )
    wide = array.dtype.name in ("int64", "uint64")
    if nodata is not None and not in_dtype_range(nodata, array.dtype.name):
        nodata = None  # no stored number can equal it
    if nodata is not None and wide and abs(nodata) > 2**53:
        raise ValueRangeError(
            f"nodata {nodata:.0f} of {array.dtype.name} for {Path(path).name}",
            "a nodata that float64 holds exactly, up to 2**53",
            "convert the file to 32 bits first (gdal_translate -ot Int32)",
        )
    cog = cog_options(array.dtype, array.shape, overview_resampling)
    with atomic_file(path, overwrite) as place, explained(Path(path)), quiet():
        # From memory, GDAL 3.10 keeps every bit, but loses the nodata of 64-bit integers; a
        # GTiff draft keeps that, but turns whole blocks of -0.0 into 0.0.
        drafted = wide and nodata is not None
        first = place.with_name(f"draft-{place.name}") if drafted else place
        with rasterio.open(
            first,
            "w",
            count=array.shape[0],
            height=array.shape[1],
            width=array.shape[2],
            dtype=array.dtype.name,
            transform=transform,
            crs=crs,
            nodata=nodata,
            **({"driver": "GTiff", "bigtiff": "IF_SAFER"} if drafted else cog),
        ) as out:
            describe(out, tags or {}, band_tags, descriptions, scales, offsets, units, crs)
            if colorinterp:
                out.colorinterp = colorinterp
            if colormap:
                out.write_colormap(1, dict(colormap))
            out.write(array)
        if drafted:
            rasterio.shutil.copy(first, place, **cog)
            first.unlink()
        _verify(place, array, transform, nodata)


def cog_options(
    dtype: np.dtype[Any], shape: tuple[int, ...], overview_resampling: str
) -> dict[str, Any]:
    """Creation options of a COG of (band, y, x) numbers."""
    pixel_bytes = shape[0] * dtype.itemsize
    # Masks and the like are compressed in no time: handing them to other threads takes longer.
    threads = os.environ.get("GDAL_NUM_THREADS", "ALL_CPUS") if pixel_bytes > 4 else "1"
    return {
        "driver": "COG",
        "compress": "DEFLATE",
        "level": 4,  # a hundredth larger than GDAL's 6 (masks a thirteenth), in 2/3 of the time
        "predictor": "NO" if dtype.kind == "c" else "YES",  # complex numbers have none
        "blocksize": _block_size(pixel_bytes),
        "bigtiff": "IF_SAFER",
        "resampling": overview_resampling,
        "num_threads": threads,
    }


def describe(
    out: Any,
    tags: Mapping[str, str],
    band_tags: Sequence[Mapping[str, str]],
    descriptions: Sequence[str | None],
    scales: Sequence[float],
    offsets: Sequence[float],
    units: Sequence[str | None],
    crs: CRS | None,
) -> None:
    """Give an open raster its names, tags, scaling and units (see `write_cog`)."""
    # Without a CRS, "pixel is point" would make GDAL invent a local one.
    out.update_tags(**_named({k: v for k, v in tags.items() if crs or k != "AREA_OR_POINT"}))
    for i, row in enumerate(band_tags, 1):
        out.update_tags(i, **_named(row))
    if descriptions:
        out.descriptions = descriptions
    if any(s != 1 for s in scales) or any(offsets):
        out.scales, out.offsets = scales, offsets
    if any(units):
        out.units = [u or "" for u in units]


def _named(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags less the two names that rasterio's ``update_tags`` takes for its own arguments."""
    return {k: v for k, v in tags.items() if k not in ("bidx", "ns")}


def _block_size(pixel_bytes: int) -> int:
    """512 pixels, less for many bands: they share a block, which must stay under 8 MB."""
    size = 512
    while size > 128 and size * size * pixel_bytes > 8_000_000:
        size //= 2
    return size


def _verify(
    place: Path, array: NDArray[Any], transform: Affine | None, nodata: float | None
) -> None:
    """Read the file block by block and compare it with what was to be written."""
    with rasterio.open(place, driver="GTiff") as back:
        same = back.dtypes[0] == array.dtype.name and back.shape == array.shape[1:]
        same &= (transform or Affine.identity()).almost_equals(back.transform, precision=1e-6)
        same &= np.array_equal(
            [np.nan if nodata is None else nodata],
            [np.nan if back.nodata is None else back.nodata],
            equal_nan=True,
        )
        for _, window in back.block_windows(1) if same else ():
            rows, columns = window.toslices()
            same &= back.read(window=window).tobytes() == array[:, rows, columns].tobytes()
    if not same:
        raise OutputError(
            f"{place.name} reads back other than it was written",
            "the same pixels, grid and nodata",
            "check the disk; if it is sound, report this with the file",
        )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn GDAL's failures into one sentence about ``path``."""
    try:
        yield
    except _GDAL_FAILURES as error:
        # rasterio raises SystemError where GDAL gave no reason.
        reason = "disk full?" if isinstance(error, SystemError) else str(error).split("\n")[0]
        raise OutputError(
            f"{path} could not be written ({reason})",
            "room and permission to write there",
            "free some space or choose another output",
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """A raster without georeference is nothing to warn about: the input had none either."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
