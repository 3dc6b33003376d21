"""Tile to xarray.DataArray and back, so that cubes of any size can be worked on by chunks.

A DataArray has the dimensions (band, y, x), reflectance with NaN for no data, and on ``band``
the coordinates ``wavelength`` and ``fwhm`` (nm) and ``kind``. The grid is kept as rioxarray does:
pixel centres in ``x`` and ``y`` (``xc`` and ``yc``, (y, x), for a rotated grid), CRS and transform
in ``spatial_ref``. All of it lies in coordinates, so a cut or a chunk still knows where it is,
and inside ``xarray.map_blocks`` a chunk becomes a Tile again::

    def cloud(block):
        return mask_to_xarray(detect(from_xarray(block)), block)

    xr.map_blocks(cloud, cube.chunk(band=-1, y=512, x=512), template=cube.isel(band=0, drop=True))

Stored numbers stay behind: a tile that comes back is written with its old encoding, but its
numbers are encoded anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from .acquisition import parse_time
from .bands import Band, BandSet, kind_of
from .encoding import Encoding
from .errors import BandError, GridError, MissingExtraError, ValueRangeError
from .memory import from_array
from .tile import Acquisition, CloudMask, Quality, Tile
from .wavelengths import to_nm
from .xarray_grid import dims_named, grid_coordinates, grid_of

if TYPE_CHECKING:
    import xarray as xr

_KINDS = ("reflective", "thermal", "cirrus", "vapour", "other")
_SCHEMES = ("scl", "qa_pixel", "udm2")


def import_xarray() -> ModuleType:
    """xarray, with the ``rio`` accessor registered; MissingExtraError without either."""
    try:
        import_module("rioxarray")
        return import_module("xarray")
    except ImportError as e:
        raise MissingExtraError("working with xarray", "xarray") from e


def to_xarray(tile: Tile) -> xr.DataArray:
    """The tile as a DataArray (band, y, x) of float32; it shares the memory of ``tile.data``.

    The supplier's mask becomes the coordinate ``quality`` (y, x) with its scheme as attribute.

    Raises:
        MissingExtraError: xarray or rioxarray is not installed.
    """
    xarray = import_xarray()
    bands, n = tile.bands, len(tile.bands)
    coords: dict[str, Any] = {
        "band": list(bands.names),
        "wavelength": ("band", [b.center_nm for b in bands], {"units": "nm"}),
        "fwhm": ("band", [b.fwhm_nm for b in bands], {"units": "nm"}),
        "gsd": ("band", [np.nan if b.gsd_m is None else b.gsd_m for b in bands], {"units": "m"}),
        "kind": ("band", [b.kind for b in bands]),
        "stored_scale": ("band", np.broadcast_to(tile.encoding.scale, n).astype(float)),
        "stored_offset": ("band", np.broadcast_to(tile.encoding.offset, n).astype(float)),
    }
    if tile.quality is not None:
        coords["quality"] = (("y", "x"), tile.quality.codes, {"scheme": tile.quality.scheme})
    coords |= grid_coordinates(tile)
    acquired = tile.acquired
    attrs = {
        "long_name": "reflectance",
        "sensor": acquired.sensor,
        "level": acquired.level,
        "time": acquired.time.isoformat() if acquired.time else None,
        "sun_zenith_deg": acquired.sun_zenith_deg,
        "sun_azimuth_deg": acquired.sun_azimuth_deg,
        "path": tile.path,
        "stored_dtype": tile.encoding.dtype,
        "stored_nodata": tile.encoding.nodata,
    }
    out = xarray.DataArray(
        tile.data, dims=("band", "y", "x"), coords=coords, name="reflectance",
        attrs={k: v for k, v in attrs.items() if v is not None},
    )  # fmt: skip
    if tile.crs is not None:
        out = out.rio.write_crs(tile.crs)
    named: xr.DataArray = out.rio.write_transform(tile.transform).rio.write_nodata(np.nan)
    return named


def from_xarray(
    array: xr.DataArray,
    *,
    bands: str | BandSet | Sequence[Band] | None = None,
    sensor: str | None = None,
    scale: float | None = None,
    offset: float = 0.0,
    nodata: float | None = None,
) -> Tile:
    """A tile of a DataArray; a lazy one is computed.

    Args:
        array: with dimensions for bands, rows and columns in any order, called as in
            `xarray_grid` (a time of one step is dropped). Its bands need a coordinate
            ``wavelength`` (its attribute ``units`` nm or um; without one below 100 is um).
        bands: bands in place of that coordinate, as for `from_array`.
        sensor: key of the sensor, as for `from_array`.
        scale: reflectance per number. What `to_xarray` made, and floating-point numbers that
            can be reflectance, need none.
        offset: reflectance of the number 0.
        nodata: number that means no data; that of the array's attributes by default.

    Raises:
        MissingExtraError: xarray or rioxarray is not installed.
        GridError: other dimensions, several times, or coordinates that are no regular grid.
        BandError: no wavelengths, or numbers without a scale.
        ValueRangeError: a dtype that holds no measurements, or not a DataArray.
    """
    xarray = import_xarray()
    if not isinstance(array, xarray.DataArray):
        raise ValueRangeError(
            f"a {type(array).__name__}", "an xarray.DataArray",
            "pass dataset.to_array('band') for a Dataset of one variable a band",
        )  # fmt: skip
    array = dims_named(array)
    transform, crs = grid_of(array)
    ours = "stored_dtype" in array.attrs and scale is None
    if bands is None and sensor is None:
        bands = _bands(array)
    tile = from_array(
        np.asarray(array.values),
        bands=bands,
        sensor=sensor,
        scale=1.0 if ours else scale,
        offset=offset,
        nodata=_nodata(array) if nodata is None else nodata,
        transform=transform,
        crs=crs,
        acquired=_acquired(array),
        quality=_quality(array),
        name=str(array.attrs.get("path") or array.name or "the array"),
    )
    path = array.attrs.get("path")
    tile = replace(tile, path=None if path is None else str(path))
    encoding = _encoding(array) if ours else None
    return tile if encoding is None else replace(tile, encoding=encoding, stored=None)


def mask_to_xarray(mask: CloudMask, like: xr.DataArray) -> xr.DataArray:
    """The classes of a mask as a DataArray (y, x) of uint8 with the coordinates of ``like``.

    Args:
        mask: 0 clear, 1 thick cloud, 2 thin cloud, 3 shadow, 255 no data.
        like: the DataArray that the mask was made from, of any dimensions besides y and x.

    Raises:
        GridError: another size.
    """
    xarray = import_xarray()
    like = dims_named(like, bands=False)
    if like.shape != mask.classes.shape:
        raise GridError(
            f"a mask of shape {mask.classes.shape}", f"{like.shape}", "pass the mask's own image"
        )
    attrs = {"long_name": "cloud mask", "flag_values": [0, 1, 2, 3], "_FillValue": 255}
    attrs["flag_meanings"] = "clear thick_cloud thin_cloud shadow"
    coords = {k: c for k, c in like.coords.items() if k != "quality"}
    out: xr.DataArray = xarray.DataArray(
        mask.classes, dims=("y", "x"), coords=coords, attrs=attrs, name="cloud_mask"
    )
    return out


def _bands(array: xr.DataArray) -> BandSet:
    """Bands of the coordinates on ``band``."""
    names = [str(n) for n in array["band"].values] if "band" in array.coords else []
    names = names or [f"band_{i}" for i in range(1, array.sizes["band"] + 1)]
    rows = {k: _along_band(array, k) for k in ("wavelength", "fwhm", "gsd", "kind")}
    if rows["wavelength"] is None:
        raise BandError(
            f"{array.name or 'an array'} whose bands have no coordinate 'wavelength'",
            "a centre for every band",
            "pass bands=... or sensor=..., or assign_coords(wavelength=('band', [...]))",
        )
    units = array["wavelength"].attrs.get("units")
    return BandSet(tuple(_band(names[i], i, rows, units) for i in range(len(names))))


def _band(name: str, i: int, rows: dict[str, Any], units: str | None) -> Band:
    center: Any
    center, fwhm, gsd, kind = (None if v is None else v[i] for v in rows.values())
    if kind is not None and str(kind) not in _KINDS:
        raise BandError(f"a band of kind '{kind}'", ", ".join(_KINDS), "correct the coordinate")
    nan = float("nan")
    if str(kind) == "other" and not np.isfinite(float(center)):
        return Band(name, nan, nan, kind="other")
    nm, factor = to_nm(str(float(center)), units, name)
    width = nan if fwhm is None else float(fwhm) * factor
    size = None if gsd is None or np.isnan(float(gsd)) else float(gsd)
    if not width > 0:
        width = 0.06 * nm  # as for files without widths
    return Band(name, nm, width, size, str(kind) if kind is not None else kind_of(nm))  # type: ignore[arg-type]


def _along_band(array: xr.DataArray, name: str) -> Any:
    if name not in array.coords or array[name].dims != ("band",):
        return None
    return array[name].values


def _nodata(array: xr.DataArray) -> float | None:
    for said in (array.attrs, array.encoding):
        for key in ("_FillValue", "nodata"):
            if said.get(key) is not None:
                return float(said[key])
    return None


def _acquired(array: xr.DataArray) -> Acquisition:
    """From the attributes; the time also from a coordinate ``time`` of one value."""
    attrs = array.attrs
    zenith, azimuth = (
        None if (v := attrs.get(k)) is None else float(v)
        for k in ("sun_zenith_deg", "sun_azimuth_deg")
    )
    time = attrs.get("time")
    if "time" in array.coords and array["time"].ndim == 0:
        time = np.datetime_as_string(array["time"].values.astype("datetime64[us]"))
    return Acquisition(
        sensor=attrs.get("sensor"),
        level=attrs.get("level"),
        time=None if time is None else parse_time(str(time)),
        sun_zenith_deg=zenith,
        sun_azimuth_deg=azimuth,
    )


def _quality(array: xr.DataArray) -> Quality | None:
    if "quality" not in array.coords or array["quality"].dims != ("y", "x"):
        return None
    coord = array["quality"]
    scheme = coord.attrs.get("scheme")
    if scheme not in _SCHEMES or coord.dtype.kind != "u":
        raise ValueRangeError(
            f"a coordinate quality of scheme '{scheme}' and dtype {coord.dtype}",
            f"unsigned integers of {', '.join(_SCHEMES)}", "correct it, or drop_vars('quality')",
        )  # fmt: skip
    return Quality(scheme, np.asarray(coord.values))


def _encoding(array: xr.DataArray) -> Encoding | None:
    """How the tile was stored, if the bands still say so."""
    scale, offset = (_along_band(array, k) for k in ("stored_scale", "stored_offset"))
    if scale is None or offset is None:
        return None
    nodata = array.attrs.get("stored_nodata")
    return Encoding(
        str(array.attrs["stored_dtype"]),
        tuple(map(float, scale)),
        tuple(map(float, offset)),
        None if nodata is None else float(nodata),
    )
