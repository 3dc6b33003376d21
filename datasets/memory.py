"""NumPy arrays in memory to Tile: the same questions as to a file, answered by arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError

from .bandlists import parse_bands, standard_layout
from .bands import Band, BandSet, kind_of
from .encoding import Encoding
from .errors import BandError, GridError, UsageError, ValueRangeError
from .families import Origin, origin
from .scaling import as_reflectance
from .tile import Acquisition, Quality, Tile
from .wavelengths import complete

_SAMPLE = 1_000_000


def from_array(
    data: NDArray[Any],
    *,
    wavelengths_nm: Sequence[float] | None = None,
    fwhm_nm: Sequence[float] | None = None,
    bands: str | BandSet | Sequence[Band] | None = None,
    sensor: str | None = None,
    scale: float | None = None,
    offset: float = 0.0,
    nodata: float | None = None,
    transform: Affine | None = None,
    crs: Any = None,
    acquired: Acquisition | None = None,
    quality: Quality | None = None,
    tags: Mapping[str, str] | None = None,
    name: str = "the array",
) -> Tile:
    """A tile of an array and what is known of it.

    Args:
        data: (band, y, x) stored numbers of an integer or real dtype. The tile keeps it as
            ``stored`` without a copy: do not write into it afterwards.
        wavelengths_nm: centre of each band in nm.
        fwhm_nm: width of each band in nm, with ``wavelengths_nm``; estimated if absent.
        bands: in place of wavelengths: bands, or the text of ``--bands`` such as
            ``"blue,green,red,nir"``.
        sensor: key of the sensor; alone it stands for its bands in the delivered order.
        scale: reflectance per stored number. Only floating-point numbers that are reflectance
            by their range need none.
        offset: reflectance of the stored number 0.
        nodata: stored number that means no data; NaN and infinite numbers always do.
        transform: pixel (column, row) to map coordinates; the identity by default.
        crs: whatever rasterio understands, such as ``"EPSG:32633"``.
        acquired: time, sun and level.
        quality: the supplier's mask on the same pixels.
        tags: dataset tags to keep on writing.
        name: what messages call it.

    Raises:
        GridError: not three axes, or not in the order (band, y, x); an unknown ``crs``.
        BandError: no bands, another number of them, or numbers without a scale.
        ValueRangeError: a dtype that holds no measurements.
        UsageError: bands said twice, or widths without wavelengths.
    """
    data = np.asarray(data)
    _check_dtype(data, name)
    found = origin({}, "", (), sensor) if sensor else Origin()
    _check_axes(data, _said(wavelengths_nm, bands, found), name)
    band_set = _bands(data.shape[0], wavelengths_nm, fwhm_nm, bands, found, name)
    encoding = _encoding(data, band_set, scale, offset, nodata, name)
    acquired = acquired or Acquisition()
    stored = np.ascontiguousarray(data)
    return Tile(
        data=encoding.decode(stored),
        bands=band_set,
        transform=Affine.identity() if transform is None else transform,
        crs=_crs(crs),
        acquired=replace(acquired, sensor=acquired.sensor or found.label),
        encoding=encoding,
        stored=stored,
        quality=quality,
        tags=tags or {},
        path=None if name == "the array" else name,
    )


def _check_dtype(data: NDArray[Any], name: str) -> None:
    if data.dtype.kind not in "iuf" or data.dtype.name not in np.sctypeDict:
        raise ValueRangeError(
            f"{name} of dtype {data.dtype}", "integers or real numbers",
            "convert it (data.astype('float32')); a mask is no image",
        )  # fmt: skip


def _said(wavelengths: Sequence[float] | None, bands: Any, found: Origin) -> int | None:
    """The number of bands that the arguments name, None where they leave it open."""
    if wavelengths is not None:
        return len(wavelengths)
    if bands is not None:
        return len(bands.split(",")) if isinstance(bands, str) else len(bands)
    return None


def _check_axes(data: NDArray[Any], count: int | None, name: str) -> None:
    shape = data.shape
    if data.ndim != 3 or 0 in shape:
        remedy = "pass data[np.newaxis] for one band" if data.ndim == 2 else "pick one image of it"
        raise GridError(f"{name} of shape {shape}", "(band, y, x) with pixels", remedy)
    if count is None:  # by a sensor: more bands than rows is another order
        swapped = shape[2] < min(shape[:2]) and shape[2] < 32
    else:
        swapped = shape[0] != count and shape[2] == count
    if swapped:
        raise GridError(
            f"{name} of shape {shape}, which looks like (y, x, band)", "(band, y, x)",
            "pass np.moveaxis(data, -1, 0)",
        )  # fmt: skip


def _bands(
    count: int,
    wavelengths: Sequence[float] | None,
    fwhm: Sequence[float] | None,
    bands: str | BandSet | Sequence[Band] | None,
    found: Origin,
    name: str,
) -> BandSet:
    if (wavelengths is not None and bands is not None) or (fwhm is not None and not wavelengths):
        raise UsageError(
            "bands with wavelengths_nm, or fwhm_nm without it",
            "wavelengths_nm (with fwhm_nm), or bands, or sensor", "leave one out",
        )  # fmt: skip
    if wavelengths is not None:
        return BandSet(complete(_spectral(count, wavelengths, fwhm, name), found))
    if isinstance(bands, str):
        return BandSet(complete(parse_bands(bands, count, found), found))
    if bands is not None:
        if len(bands) != count:
            raise _count(name, count, len(bands))
        return bands if isinstance(bands, BandSet) else BandSet(tuple(bands))
    layout = standard_layout(found, count)
    if layout is None:
        raise BandError(
            f"{name} of {count} bands without wavelengths", "a centre for every band",
            "pass wavelengths_nm=[...], bands='blue,green,red,nir' or sensor=... (whose bands "
            "must be all there)",
        )  # fmt: skip
    return BandSet(layout)


def _spectral(
    count: int, wavelengths: Sequence[float], fwhm: Sequence[float] | None, name: str
) -> list[Band]:
    centers = [float(c) for c in wavelengths]
    widths = [math.nan] * count if fwhm is None else [float(w) for w in fwhm]
    if len(centers) != count or len(widths) != count:
        raise _count(name, count, len(centers) if len(centers) != count else len(widths))
    wrong = [c for c in centers if not 300 <= c <= 20_000]
    if wrong:
        um = " (those are micrometres: multiply by 1000)" if 0.3 <= wrong[0] <= 20 else ""
        raise BandError(
            f"a wavelength of {wrong[0]:g} nm", "300 to 20000 nm", f"correct wavelengths_nm{um}"
        )
    if any(w <= 0 or math.isinf(w) for w in widths):
        raise BandError(f"widths {widths[:4]}", "nm above 0", "correct fwhm_nm")
    return [Band(f"{c:g}nm", c, w, kind=kind_of(c)) for c, w in zip(centers, widths, strict=True)]


def _count(name: str, count: int, said: int) -> BandError:
    return BandError(
        f"{name} of {count} bands with {said} named", "one for each band",
        "pass as many as the first axis has",
    )  # fmt: skip


def _encoding(
    data: NDArray[Any],
    bands: BandSet,
    scale: float | None,
    offset: float,
    nodata: float | None,
    name: str,
) -> Encoding:
    """One scale for the optical bands; thermal ones hold kelvin, others what they hold."""
    optical = [b.kind not in ("thermal", "other") for b in bands]
    if scale is None and any(optical):
        raw = Encoding(data.dtype.name, nodata=nodata)
        planes = data[np.flatnonzero(optical)]
        step = max(1, math.isqrt(planes.size // _SAMPLE))
        sample = planes[:, ::step, ::step]
        valid = sample[~raw.missing(sample)].astype(np.float64)
        if as_reflectance(valid, data.dtype.name) is None:
            top = f"{valid.max():g}" if valid.size else "nodata only"
            raise BandError(
                f"{name} of {data.dtype} (largest {top}) without scale", "reflectance of 0 to 1",
                "pass scale=1e-4 for reflectance x 10000 (and offset=-0.1 for Sentinel-2 of "
                "baseline 04.00 or later), scale=1 if it is reflectance",
            )  # fmt: skip
    factor = 1.0 if scale is None else scale
    scales = tuple(factor if o else 1.0 for o in optical)
    offsets = tuple(offset if o else 0.0 for o in optical)
    return Encoding(data.dtype.name, scales, offsets, nodata)


def _crs(crs: Any) -> CRS | None:
    if crs is None:
        return None
    try:
        return CRS.from_user_input(crs)
    except (CRSError, TypeError, ValueError) as e:
        raise GridError(
            f"the CRS '{crs}'", "a code such as EPSG:32633, or WKT", "correct it"
        ) from e
