"""Masks, tiles and filled tiles to cloud-optimised GeoTIFFs.

The promise: a pixel that nobody filled is written from the numbers it was read as, so it
stays bit-identical, NaN payloads included.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import ColorInterp

from .atomic import AnyPath, refuse_existing
from .bands import BLUE, GREEN, RED
from .cog import write_cog
from .encoding import Encoding
from .errors import UsageError, ValueRangeError
from .legend import (
    MASK_LEGEND,
    PROVENANCE_LEGEND,
    Legend,
    category_tags,
    colormap,
    write_style,
)
from .self_description import band_tags, dataset_tags
from .tile import CLASS_NAMES, NODATA, ByteArray, CloudMask, FilledTile, FloatArray, Tile

_UNITS = {"thermal": "K", "other": None}
"""Units by kind of band; the rest hold reflectance."""


def write_mask(path: AnyPath, mask: CloudMask, overwrite: bool = False) -> None:
    """Write the classes of ``mask`` as uint8 with a colour table, nodata 255.

    The names of the classes are in the band's tags ``class_0`` and so on; a QGIS style,
    ``.qml``, lies beside.

    Raises:
        OutputError: the file exists already or cannot be written.
    """
    _write_classes(
        path, mask.classes, "cloud mask", MASK_LEGEND, mask.transform, mask.crs, overwrite
    )


def write_probability(path: AnyPath, mask: CloudMask, overwrite: bool = False) -> None:
    """Write the probability of each class, four bands: uint8 percent, scale 0.01, nodata 255.

    Percent is what suppliers of cloud probabilities deliver, at a quarter of float32's size.

    Raises:
        UsageError: the detector gave no probabilities.
        OutputError: the file exists already or cannot be written.
    """
    if mask.probability is None:
        raise UsageError(
            "a mask without probabilities",
            "a detector that gives them",
            "choose a learned detector, or leave the probabilities out",
        )
    percent = np.stack([in_percent(np.where(mask.valid, p, np.nan)) for p in mask.probability])
    names = [f"probability of {n.replace('_', ' ')}" for n in CLASS_NAMES]
    _write_percent(path, percent, names, mask.transform, mask.crs, overwrite)


def write_tile(path: AnyPath, tile: Tile, overwrite: bool = False) -> None:
    """Write ``tile`` as it came: grid, dtype, scale, offset, nodata, band names and tags.

    Numbers whose value has not changed since reading are written as they were read; the
    others are encoded.

    Raises:
        OutputError: the file exists already or cannot be written.
        ValueRangeError: ``tile.stored`` is not of the dtype of ``tile.encoding``.
    """
    numbers, changed = _tile_numbers(tile)
    _write_numbers(path, tile, numbers, changed, overwrite)


def write_filled(path: AnyPath, filled: FilledTile, overwrite: bool = False) -> None:
    """Write a filled tile: clear pixels bit for bit as they were read.

    New numbers stand only where the provenance is spectral, spatial or temporal, and there
    only in spectral bands and where the filler gave a finite value. A tile that does not
    come from a file (``stored`` is None) is encoded as a whole.

    Raises:
        OutputError: the file exists already or cannot be written.
        ValueRangeError: ``tile.stored`` is not of the dtype of ``tile.encoding``.
    """
    changed = bool(filled.filled.any())
    _write_numbers(path, filled.tile, filled_numbers(filled), changed, overwrite)


def write_provenance(path: AnyPath, filled: FilledTile, overwrite: bool = False) -> None:
    """Write how each pixel was come by: uint8 with a colour table, nodata 255, and a style.

    Raises:
        OutputError: the file exists already or cannot be written.
    """
    t = filled.tile
    _write_classes(
        path, filled.provenance, "provenance", PROVENANCE_LEGEND, t.transform, t.crs, overwrite
    )


def write_confidence(path: AnyPath, filled: FilledTile, overwrite: bool = False) -> None:
    """Write the confidence of each pixel: uint8 percent, scale 0.01, nodata 255.

    Raises:
        OutputError: the file exists already or cannot be written.
    """
    t = filled.tile
    percent = in_percent(filled.confidence)[None]
    _write_percent(path, percent, ["confidence"], t.transform, t.crs, overwrite)


def _tile_numbers(tile: Tile) -> tuple[NDArray[Any], bool]:
    """(band, y, x) the numbers to store for ``tile``, and whether any differs from those read."""
    stored = _stored(tile)
    if stored is None:
        return tile.encoding.encode(tile.data), True
    out, changed = stored.copy(), False
    for i, data in enumerate(tile.data):
        encoding = tile.encoding.of([i])
        was = encoding.decode(stored[i : i + 1])[0]
        new = ~((data == was) | (~np.isfinite(data) & ~np.isfinite(was)))
        out[i][new] = _encode(encoding, data[new])
        changed |= bool(new.any())
    return out, changed


def filled_numbers(filled: FilledTile) -> NDArray[Any]:
    """(band, y, x) the numbers to store for ``filled``."""
    tile, where = filled.tile, filled.filled
    stored = _stored(tile)
    if stored is None:
        return tile.encoding.encode(tile.data)
    out = stored.copy()
    for i, band in enumerate(tile.bands):
        if band.kind != "other":
            known = where & np.isfinite(tile.data[i])
            out[i][known] = _encode(tile.encoding.of([i]), tile.data[i][known])
    return out


def _encode(encoding: Encoding, values: FloatArray) -> NDArray[Any]:
    """Encode a flat list of values of one band."""
    coded: NDArray[Any] = encoding.encode(values[None, None])[0, 0]
    return coded


def _stored(tile: Tile) -> NDArray[Any] | None:
    if tile.stored is not None and tile.stored.dtype.name != tile.encoding.dtype:
        raise ValueRangeError(
            f"stored numbers of dtype {tile.stored.dtype}",
            f"{tile.encoding.dtype}, as the encoding says",
            "give the encoding the dtype of the stored numbers",
        )
    return tile.stored


def _write_numbers(
    path: AnyPath, tile: Tile, numbers: NDArray[Any], changed: bool, overwrite: bool
) -> None:
    write_cog(
        path,
        numbers,
        transform=tile.transform,
        crs=tile.crs,
        nodata=tile.encoding.nodata,
        overwrite=overwrite,
        **described(tile, changed),
    )


def described(tile: Tile, changed: bool) -> dict[str, Any]:
    """What `write_cog` is told of a tile beside its numbers and grid.

    Args:
        tile: the tile, or any part of it.
        changed: whether numbers differ from those that were read.
    """
    n, encoding = len(tile.bands), tile.encoding
    return {
        "descriptions": tile.bands.names,
        "scales": tuple(np.broadcast_to(encoding.scale, n).tolist()),
        "offsets": tuple(np.broadcast_to(encoding.offset, n).tolist()),
        "units": [_UNITS.get(b.kind, "reflectance") for b in tile.bands],
        "tags": dataset_tags(tile),
        "band_tags": band_tags(tile, keep_statistics=not changed),
        "colorinterp": _colours(tile),
    }


def _colours(tile: Tile) -> list[ColorInterp]:
    """Red, green and blue by wavelength, so that viewers open the file in its natural colours."""
    shown = [ColorInterp.gray if len(tile.bands) == 1 else ColorInterp.undefined] * len(tile.bands)
    found = [tile.bands.find(w) for w in (RED, GREEN, BLUE)]
    if None not in found and len(set(found)) == 3:
        for i, c in zip(found, (ColorInterp.red, ColorInterp.green, ColorInterp.blue), strict=True):
            shown[i] = c  # type: ignore[index]
    return shown


def _write_classes(
    path: AnyPath,
    codes: ByteArray,
    name: str,
    legend: Legend,
    transform: Affine,
    crs: CRS | None,
    overwrite: bool,
) -> None:
    refuse_existing(path, overwrite)
    write_style(path, legend)
    write_cog(
        path,
        codes.astype(np.uint8, copy=False)[None],
        transform=transform,
        crs=crs,
        nodata=NODATA,
        descriptions=[name],
        band_tags=[category_tags(legend)],
        colormap=colormap(legend),
        overview_resampling="nearest",
        overwrite=overwrite,
    )


def in_percent(share: FloatArray) -> ByteArray:
    """Shares in [0, 1] to whole percent; NaN to nodata."""
    percent = np.clip(np.rint(np.nan_to_num(share) * 100), 0, 100)
    return np.where(np.isnan(share), NODATA, percent).astype(np.uint8)


def _write_percent(
    path: AnyPath,
    percent: ByteArray,
    names: list[str],
    transform: Affine,
    crs: CRS | None,
    overwrite: bool,
) -> None:
    write_cog(
        path,
        percent,
        transform=transform,
        crs=crs,
        nodata=NODATA,
        descriptions=names,
        scales=[0.01] * len(names),
        offsets=[0.0] * len(names),
        overwrite=overwrite,
    )
