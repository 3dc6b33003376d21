"""NumPy arrays in memory to Tile: the same questions as to a file, answered by arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import ArrayLike, NDArray
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
    wavelengths_nm: ArrayLike | None = None,
    fwhm_nm: ArrayLike | None = None,
    bands: str | BandSet | Sequence[Band] | Sequence[str] | None = None,
    sensor: str | None = None,
    scale: float | None = None,
    offset: float = 0.0,
    nodata: float | None = None,
    transform: Affine | None = None,
    crs: Any = None,
    level: str | None = None,
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
        bands: in place of wavelengths: bands, their names, or the text of ``--bands`` such as
            ``"blue,green,red,nir"``.
        sensor: key of the sensor; alone it stands for its bands in the delivered order.
        scale: reflectance per stored number. Only floating-point numbers that are reflectance
            by their range need none.
        offset: reflectance of the stored number 0.
        nodata: stored number that means no data; NaN and infinite numbers always do.
        transform: pixel (column, row) to map coordinates; the identity by default.
        crs: whatever rasterio understands, such as ``"EPSG:32633"``.
        level: ``"TOA"`` or ``"SR"``, in place of the level in ``acquired``.
        acquired: time, sun and level.
        quality: the supplier's mask on the same pixels.
        tags: dataset tags to keep on writing.
        name: what messages call it.

    Raises:
        GridError: not three axes, or not in the order (band, y, x); an unknown ``crs``, or a
            ``transform`` of another type.
        BandError: no bands, another number of them, or numbers without a scale.
        ValueRangeError: a dtype that holds no measurements, a mask on some pixels of a masked
            array, or another ``level``.
        UsageError: bands said twice, or widths without wavelengths.
    """
    data = _plain(data, name)
    centers = None if wavelengths_nm is None else _numbers(wavelengths_nm, "wavelengths_nm")
    widths = None if fwhm_nm is None else _numbers(fwhm_nm, "fwhm_nm")
    named = _named(bands)
    found = origin({}, "", (), sensor) if sensor else Origin()
    _check_axes(data, _said(centers, named), name)
    band_set = _bands(data.shape[0], centers, widths, named, found, name)
    encoding = _encoding(data, band_set, scale, offset, nodata, name)
    acquired = acquired or Acquisition()
    if level not in (None, "TOA", "SR"):
        raise ValueRangeError(f"the level '{level}'", "'TOA' or 'SR'", "leave it out if unknown")
    stored = np.ascontiguousarray(data)
    return Tile(
        data=encoding.decode(stored),
        bands=band_set,
        transform=_affine(transform),
        crs=_crs(crs),
        acquired=replace(
            acquired, sensor=acquired.sensor or found.label, level=level or acquired.level
        ),
        encoding=encoding,
        stored=stored,
        quality=quality,
        tags=tags or {},
        path=None if name == "the array" else name,
    )


def _plain(data: Any, name: str) -> NDArray[Any]:
    """The array without a mask, of a dtype that a file can hold."""
    if np.ma.is_masked(data):
        raise ValueRangeError(
            f"{name} with masked pixels", "an array that says in its numbers what is missing",
            "pass data.filled(0) with nodata=0, or data.filled(np.nan) for real numbers",
        )  # fmt: skip
    try:
        data = np.asarray(data)
    except ValueError as e:
        raise GridError(f"{name} of rows of unequal length", "(band, y, x)", "pad them") from e
    if data.dtype.kind not in "iuf" or data.dtype.name in ("float16", "float96", "float128"):
        raise ValueRangeError(
            f"{name} of dtype {data.dtype}", "integers of 8 to 64 bits, float32 or float64",
            "convert it (data.astype('float32')); a mask is no image",
        )  # fmt: skip
    plain: NDArray[Any] = data.astype(data.dtype.newbyteorder("="), copy=False)
    return plain


def _numbers(values: ArrayLike, what: str) -> list[float]:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        array = np.empty((0, 0))
    if array.ndim != 1:
        raise BandError(
            f"{what}={str(values)[:60]}", "a list of numbers in nm, one for each band", "correct it"
        )
    return [float(v) for v in array]


def _named(bands: str | BandSet | Sequence[Band] | Sequence[str] | None) -> str | BandSet | None:
    if bands is None or isinstance(bands, str | BandSet):
        return bands
    names = [b for b in bands if isinstance(b, str)]
    objects = [b for b in bands if isinstance(b, Band)]
    if len(names) == len(bands):
        return ",".join(names)
    if len(objects) != len(bands):
        raise BandError(
            f"bands={str(bands)[:60]}", "Band objects, or names such as 'red'",
            "pass numbers as wavelengths_nm",
        )  # fmt: skip
    return BandSet(tuple(objects))


def _said(centers: list[float] | None, bands: str | BandSet | None) -> int | None:
    """The number of bands that the arguments name, None where they leave it open."""
    if centers is not None:
        return len(centers)
    if bands is None:
        return None
    return len(bands.split(",")) if isinstance(bands, str) else len(bands)


def _check_axes(data: NDArray[Any], count: int | None, name: str) -> None:
    shape = data.shape
    if data.ndim != 3 or 0 in shape:
        remedy = "pass data[np.newaxis] for one band" if data.ndim == 2 else "pick one image of it"
        raise GridError(f"{name} of shape {shape}", "(band, y, x) with pixels", remedy)
    axis, order = None, "(y, x, band)"
    if count is None:  # by a sensor: more bands than rows is another order
        axis = 2 if shape[2] < min(shape[:2]) and shape[2] < 32 else None
    elif shape[0] != count and count in shape:
        axis = 2 if shape[2] == count else 1
        order = order if axis == 2 else "(y, band, x)"
    if axis is not None:
        raise GridError(
            f"{name} of shape {shape}, which looks like {order}", "(band, y, x)",
            f"pass np.moveaxis(data, {axis}, 0)",
        )  # fmt: skip


def _bands(
    count: int,
    centers: list[float] | None,
    widths: list[float] | None,
    bands: str | BandSet | None,
    found: Origin,
    name: str,
) -> BandSet:
    if (centers is not None and bands is not None) or (widths is not None and centers is None):
        raise UsageError(
            "bands with wavelengths_nm, or fwhm_nm without it",
            "wavelengths_nm (with fwhm_nm), or bands, or sensor", "leave one out",
        )  # fmt: skip
    if centers is not None:
        return BandSet(complete(_spectral(count, centers, widths, name), found))
    if isinstance(bands, str):
        return BandSet(complete(parse_bands(bands, count, found), found))
    if bands is not None:
        if len(bands) != count:
            raise _count(name, count, len(bands))
        return bands
    layout = standard_layout(found, count)
    if layout is None:
        raise BandError(
            f"{name} of {count} bands without wavelengths", "a centre for every band",
            "pass wavelengths_nm=[...], bands='blue,green,red,nir' or sensor=... (whose bands "
            "must be all there)",
        )  # fmt: skip
    return BandSet(layout)


def _spectral(count: int, centers: list[float], fwhm: list[float] | None, name: str) -> list[Band]:
    widths = [math.nan] * count if fwhm is None else fwhm
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


def _affine(transform: Affine | None) -> Affine:
    if transform is None:
        return Affine.identity()
    if not isinstance(transform, Affine):  # six numbers may be in GDAL's order or in rasterio's
        raise GridError(
            f"the transform {str(transform)[:60]}", "an affine.Affine",
            "pass Affine(*numbers), or Affine.from_gdal(*numbers)",
        )  # fmt: skip
    return transform


def _crs(crs: Any) -> CRS | None:
    if crs is None:
        return None
    try:
        return CRS.from_user_input(crs)
    except (CRSError, TypeError, ValueError) as e:
        raise GridError(
            f"the CRS '{crs}'", "a code such as EPSG:32633, or WKT", "correct it"
        ) from e
