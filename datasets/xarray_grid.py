"""Where the pixels of a DataArray lie: dimensions by name, coordinates to transform and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from .errors import GridError
from .regrid import Grid
from .tile import Tile

if TYPE_CHECKING:
    import xarray as xr

_DIMS = {
    "band": ("band", "bands", "wavelength", "variable"),
    "y": ("y", "latitude", "lat"),
    "x": ("x", "longitude", "lon"),
}
"""Names of dimensions that are understood."""
_SLACK = 1e-3
"""Pixels by which coordinates may differ from a regular grid (they are often rounded)."""


def dims_named(array: xr.DataArray, bands: bool = True) -> xr.DataArray:
    """The array with dimensions (band, y, x), or its first (y, x) plane without ``bands``.

    Raises:
        GridError: a dimension is missing or twice, or another one has several steps.
    """
    wanted = tuple(_DIMS) if bands else ("y", "x")
    found: dict[str, str] = {}
    for name in _DIMS:
        here = [d for d in array.dims if d in _DIMS[name]]
        if len(here) > 1 or (name in wanted and not here):
            raise GridError(
                f"an array with dimensions {array.dims}",
                f"one of each of {', '.join(wanted)}",
                "rename or expand its dimensions",
            )
        if here:
            found[str(here[0])] = name
    for d in [d for d in array.dims if d not in found]:
        if array.sizes[d] != 1:
            raise GridError(
                f"an array with {array.sizes[d]} steps of '{d}'", "one image",
                f"select one with .isel({d}=0), or map over them",
            )  # fmt: skip
        array = array.isel({d: 0})
    if not bands:
        array = array.isel({d: 0 for d, name in found.items() if name == "band"}, drop=True)
        array = array.drop_vars([k for k, c in array.coords.items() if "band" in c.dims])
        found = {d: name for d, name in found.items() if name != "band"}
    # A dimension called wavelength has its centres as values: keep them under that name.
    copies = {}
    for d in found:
        if d == "wavelength" and d in array.coords:
            copies["wavelength"] = ("band", array[d].values, array[d].attrs)
            array = array.assign_coords({d: [f"{v:g}" for v in array[d].values.astype(float)]})
    array = array.rename({d: name for d, name in found.items() if d != name})
    out: xr.DataArray = array.assign_coords(copies).transpose(*wanted)
    return out


def grid_coordinates(tile: Tile) -> dict[str, Any]:
    """Pixel centres: ``x`` and ``y``, or ``xc`` and ``yc`` of (y, x) where the grid is rotated."""
    a, b, c, d, e, f = tile.transform[:6]
    rows, columns = (np.arange(n) + 0.5 for n in tile.shape)
    if b == 0 and d == 0:
        return {"x": a * columns + c, "y": e * rows + f}
    y, x = np.meshgrid(rows, columns, indexing="ij")
    return {"xc": (("y", "x"), a * x + b * y + c), "yc": (("y", "x"), d * x + e * y + f)}


def grid_of(array: xr.DataArray) -> tuple[Affine, CRS | None]:
    """Transform and CRS of an array (band, y, x) whose ``rio`` accessor is there.

    The transform in ``spatial_ref`` is that of the array it was once written for: of a cut or
    a chunk only its steps are right, and of a coarser copy not even those. So the coordinates
    decide, and the recorded transform, moved by whole pixels, is taken where it agrees with them.

    Raises:
        GridError: the coordinates are not a regular grid, or one pixel's size is not recorded.
    """
    crs = array.rio.crs
    text = array.coords["spatial_ref"].attrs.get("GeoTransform") if _recorded(array) else None
    recorded = Affine.from_gdal(*map(float, text.split())) if text else None
    centers = _centers(array)
    if centers is None:
        return recorded or Affine.identity(), crs
    if not all(np.isfinite(c).all() for c in centers):
        raise GridError("coordinates that are not finite", "pixel centres", "correct x and y")
    if recorded is not None and recorded.determinant:
        moved = _moved(recorded, float(centers[0][0, 0]), float(centers[1][0, 0]))
        if _error(moved, centers) <= _SLACK:
            return moved, crs
    fitted = _fitted(centers, recorded)
    if _error(fitted, centers) > _SLACK:
        raise GridError(
            "coordinates x and y with uneven steps", "a regular grid",
            "resample the array (rio.reproject, or interp)",
        )  # fmt: skip
    return fitted, crs


def _recorded(array: xr.DataArray) -> bool:
    return "spatial_ref" in array.coords


def _centers(array: xr.DataArray) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """x and y of all pixel centres, each broadcastable to (y, x); None where there are none."""
    if "xc" in array.coords and "yc" in array.coords:
        x, y = (array[k].transpose("y", "x").values.astype(float) for k in ("xc", "yc"))
        return x, y
    if "x" in array.coords and "y" in array.coords:
        x, y = (np.asarray(array[k].values, float) for k in ("x", "y"))
        return np.broadcast_to(x, array.shape[1:]), np.broadcast_to(y[:, None], array.shape[1:])
    return None


def _moved(transform: Affine, x: float, y: float) -> Affine:
    """``transform`` moved by whole pixels, so that its first centre is nearest to (x, y)."""
    a, b, c, d, e, f = (~transform)[:6]
    left, top = round(a * x + b * y + c - 0.5), round(d * x + e * y + f - 0.5)
    return Grid((1, 1), transform, None).at(top=top, left=left)


def _fitted(centers: tuple[NDArray[np.float64], ...], recorded: Affine | None) -> Affine:
    """The transform through the corners; the step of an axis of one pixel is the recorded one."""
    rows, columns = centers[0].shape
    if (rows == 1 or columns == 1) and recorded is None:
        raise GridError(
            f"an array of {rows} x {columns} pixels whose pixel size is nowhere recorded",
            "at least 2 x 2 pixels, or a transform", "record it with rio.write_transform",
        )  # fmt: skip
    steps = []
    for values, (across, down) in zip(centers, ((0, 1), (3, 4)), strict=True):
        first = float(values[0, 0])
        right = (float(values[0, -1]) - first) / (columns - 1) if columns > 1 else recorded[across]  # type: ignore[index]
        below = (float(values[-1, 0]) - first) / (rows - 1) if rows > 1 else recorded[down]  # type: ignore[index]
        steps += [right, below, first - right / 2 - below / 2]
    return Affine(*steps)


def _error(transform: Affine, centers: tuple[NDArray[np.float64], ...]) -> float:
    """Largest distance in pixels of the given centres from those of ``transform``."""
    a, b, c, d, e, f = transform[:6]
    size = float(abs(transform.determinant)) ** 0.5
    if size == 0:
        return np.inf
    rows, columns = centers[0].shape
    x, y = np.arange(columns) + 0.5, (np.arange(rows) + 0.5)[:, None]
    off = (a * x + b * y + c - centers[0], d * x + e * y + f - centers[1])
    error: float = max(float(np.abs(o).max()) for o in off) / size
    return error
