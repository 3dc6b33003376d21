"""Many STAC items as one time stack (time, band, y, x) through odc-stac."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import BandError, FileError, MissingExtraError, UsageError
from .hrefs import checked_href
from .opening import driver_of
from .remote_file import GDAL_OPTIONS
from .stac_assets import AssetBand, acquisition, asset_bands, load_item
from .xarray_bridge import import_xarray

if TYPE_CHECKING:
    import xarray as xr


def from_stac(
    items: Sequence[str | Path | Mapping[str, Any]],
    bands: Sequence[str] | None = None,
    *,
    bbox: tuple[float, float, float, float] | None = None,
    geobox: Any = None,
    crs: Any = None,
    resolution: float | None = None,
    chunks: Mapping[str, Any] | None = None,
    resampling: str | None = None,
) -> xr.DataArray:
    """A time stack (time, band, y, x) of reflectance on one grid, by odc.stac.load.

    ``from_xarray(stack.isel(time=0))`` is the Tile of one time. Numbers are resampled first and
    scaled afterwards. The options under which odc-stac opens files (retries, no credentials) are
    set for the whole process: chunks are read when this function has long returned.

    Args:
        items: items of one collection: paths, contents or pystac.Items.
        bands: keys of assets or names of bands; all that the first item has by default.
        bbox: west, south, east, north in degrees; all that the items cover by default.
        geobox: an odc.geo.GeoBox in place of ``bbox``, ``crs`` and ``resolution``.
        crs: CRS of the result; that of most items by default.
        resolution: pixel size in units of ``crs``; by default that of the items, if they have one.
        chunks: sizes by dimension: pixels stay unread until the stack is computed (dask).
        resampling: rasterio's name of the method, ``nearest`` by default.

    Raises:
        MissingExtraError: odc-stac is not installed.
        FileError: no valid item, or an href that is not followed.
        BandError: items without the bands, without scale or nodata, or scaled in several ways.
        UsageError: no items, or a grid that odc-stac cannot make.
    """
    try:
        import odc.stac
    except ImportError as e:
        raise MissingExtraError("time stacks from STAC items", "stac") from e
    xarray = import_xarray()
    if not items or isinstance(items, str | Path | Mapping):
        raise UsageError("no list of items", "one or more STAC items", "pass [item, ...]")
    loaded, rows = zip(*(_for_odc(item, bands) for item in items), strict=True)
    first: list[AssetBand] = rows[0]
    _check_alike(loaded, rows)
    asked = {
        "bbox": bbox, "geobox": geobox, "crs": crs, "resolution": resolution,
        "chunks": dict(chunks) if chunks is not None else None, "resampling": resampling,
    }  # fmt: skip
    odc.stac.configure_rio(cloud_defaults=False, **GDAL_OPTIONS)
    try:
        cube = odc.stac.load(
            loaded, bands=[_odc_name(b) for b in first],
            **{k: v for k, v in asked.items() if v is not None},
        )  # fmt: skip
    except ValueError as e:
        raise UsageError(
            f"items that odc-stac cannot lay on a grid ({e})", "bbox or geobox inside the items, "
            "crs and resolution", "pass crs and resolution",
        ) from e  # fmt: skip
    planes = [_reflectance(cube[_odc_name(b)], b) for b in first]
    names = [b.band.name for b in first]
    stack: xr.DataArray = xarray.concat(planes, dim="band").assign_coords(
        band=names,
        wavelength=("band", [b.band.center_nm for b in first], {"units": "nm"}),
        fwhm=("band", [b.band.fwhm_nm for b in first], {"units": "nm"}),
        kind=("band", [b.band.kind for b in first]),
    )
    told = acquisition(loaded[0])[0]
    facts = {"long_name": "reflectance", "sensor": told.sensor, "level": told.level}
    stack.attrs = {k: v for k, v in facts.items() if v is not None}
    return stack.rename("reflectance").transpose("time", "band", ...)


def _odc_name(band: AssetBand) -> str:
    """odc-stac calls band n of a file ``key.n``, and the first or only one ``key`` too."""
    return band.key if band.number == 1 else f"{band.key}.{band.number}"


def _for_odc(item: Any, names: Sequence[str] | None) -> tuple[Any, list[AssetBand]]:
    """A copy of the item with checked, absolute hrefs and no other assets; and its bands."""
    loaded, folder = load_item(item)
    bands = asset_bands(loaded, names)
    copy = loaded.clone()
    copy.assets = {}
    for b in bands:
        place = checked_href(b.href, folder)
        if isinstance(place, Path):
            driver_of(place)  # a VRT could name any file
        asset = loaded.assets[b.key].clone()
        asset.href = str(place)
        copy.add_asset(b.key, asset)
    return copy, bands


def _check_alike(items: Sequence[Any], rows: Sequence[list[AssetBand]]) -> None:
    """One scaling a band in all items: resampled numbers of a slice may come from several."""
    first = rows[0]
    for item, row in zip(items, rows, strict=True):
        for a, b in zip(first, row, strict=False):
            same = (a.key, a.number, a.scaling, repr(a.nodata))
            if same != (b.key, b.number, b.scaling, repr(b.nodata)) or len(first) != len(row):
                raise BandError(
                    f"item {item.id} has {b.key} scaled by {b.scaling} with nodata {b.nodata}, "
                    f"{items[0].id} {a.key} by {a.scaling} with {a.nodata}",
                    "the same bands, scale, offset and nodata in all items",
                    "load them apart and join the results with xarray.concat",
                )
        if any(b.scaling is None or b.nodata is None for b in row):
            bare = next(b.key for b in row if b.scaling is None or b.nodata is None)
            raise BandError(
                f"item {item.id} does not say scale and nodata of {bare}",
                "raster:scale and nodata (1 for reflectance)",
                "add them to the item, or read the files themselves",
            )


def _reflectance(plane: xr.DataArray, band: AssetBand) -> xr.DataArray:
    """float32 reflectance, NaN where the number is nodata; lazy if ``plane`` is."""
    if band.scaling is None:  # _check_alike has refused it
        raise FileError(f"{band.key} has no scale", "one", "add raster:scale")
    missing = plane.isnull() if band.nodata is None else (plane == band.nodata) | plane.isnull()
    value = plane.astype("float32") * np.float32(band.scaling[0]) + np.float32(band.scaling[1])
    out: xr.DataArray = value.where(~missing)
    return out
