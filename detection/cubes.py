"""The network on cubes of any size: lazily, chunk by chunk, wherever dask runs them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.encoding import Encoding
from ..datasets.tile import NODATA, ByteArray, CloudMask, Tile
from ..datasets.xarray_bridge import from_xarray, import_xarray, mask_to_xarray
from ..datasets.xarray_grid import dims_named
from .segmenter import Segmenter

if TYPE_CHECKING:
    import xarray as xr


def mask_xarray(
    array: xr.DataArray,
    segmenter: Segmenter | None = None,
    *,
    overlap_px: int = 64,
    **reading: Any,
) -> xr.DataArray:
    """Clouds and shadows of a cube; a lazy cube gives a lazy mask, and nothing is computed yet.

    Each chunk is masked with ``overlap_px`` pixels of its neighbours, which are then cut off, so
    that every pixel is decided with its surroundings in view. Chunks should be of 512 pixels a
    side or more; chunks along the bands are joined. The specks that ``kumosan mask`` drops are
    kept.

    Args:
        array: one image, as for `datasets.from_xarray`: dimensions for bands, rows and columns,
            and a coordinate ``wavelength``.
        segmenter: the network and its settings; the packaged one by default.
        overlap_px: pixels that neighbouring chunks share on each side.
        reading: what `datasets.from_xarray` takes beside the array, such as ``scale=1e-4``.

    Returns:
        uint8 (y, x): 0 clear, 1 thick, 2 thin, 3 shadow, 255 nodata, on the array's coordinates.

    Raises:
        UnfitError: the bands that are needed are not there.
        GridError, BandError, ValueRangeError: see `datasets.from_xarray`.
        MissingExtraError: xarray or rioxarray is not installed.
    """
    import_xarray()
    segmenter = segmenter or Segmenter()
    array = dims_named(array)
    if array.chunks is None:
        tile = from_xarray(array, **reading)
        return mask_to_xarray(segmenter.mask(tile), array)
    from dask.array.overlap import overlap, trim_internal

    like = _pattern(array, reading)
    segmenter.check(like.tile)
    shared = overlap(
        array.data.rechunk({0: -1}), {0: 0, 1: overlap_px, 2: overlap_px}, boundary="none"
    )
    masked = shared.map_blocks(
        partial(_masked, like=like, segmenter=segmenter),
        drop_axis=0,
        dtype=np.uint8,
        meta=np.empty((0, 0), np.uint8),
    )
    classes = trim_internal(masked, {0: overlap_px, 1: overlap_px}, boundary="none")
    # A mask of the same shape lends its names and attributes; its pixels are never looked at.
    blank = CloudMask(np.full(array.shape[1:], NODATA, np.uint8), like.tile.transform)
    return mask_to_xarray(blank, array).copy(data=classes)


@dataclass(frozen=True)
class _Pattern:
    """What all chunks have in common."""

    tile: Tile
    """Bands, pixel size and sun; its pixels mean nothing."""
    encoding: Encoding
    """Of the array's own numbers."""


def _pattern(array: xr.DataArray, reading: dict[str, Any]) -> _Pattern:
    small = array.isel(y=slice(0, 2), x=slice(0, 2)).drop_vars("quality", errors="ignore")
    small = small.copy(data=np.zeros(small.shape, array.dtype))
    tile = from_xarray(small, **reading)
    plain = "stored_dtype" in array.attrs and reading.get("scale") is None
    encoding = Encoding(array.dtype.name) if plain else tile.encoding
    return _Pattern(replace(tile, stored=None), encoding)


def _masked(block: NDArray[Any], like: _Pattern, segmenter: Segmenter) -> ByteArray:
    """Classes (y, x) of a chunk (band, y, x)."""
    if 0 in block.shape:  # dask asks with nothing what comes out
        return np.empty(block.shape[1:], np.uint8)
    return segmenter.mask(replace(like.tile, data=like.encoding.decode(block))).classes
