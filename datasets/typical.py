"""Pixels to look at in a cleaned scene: one that was filled, and clear ground near it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from .geotiff import RasterSource
from .opening import open_raster
from .raster_file import RasterFile
from .scene import Scene
from .tile import (
    CLASS_NAMES,
    CLEAR,
    OBSERVED,
    PROVENANCE_NAMES,
    UNFILLABLE,
    BoolArray,
    ByteArray,
    CloudMask,
    FilledTile,
    Tile,
)

_SIDE_PX = 1200
_DEPTH_PX = 5.0
"""Clear ground is looked for so far from cloud, where there is any."""


@dataclass(frozen=True)
class Preview:
    """A scene and its outputs, to draw pictures from: whole, or coarser where it is large."""

    scene: Tile
    mask: CloudMask
    filled: FilledTile
    factor: int = 1
    """Pixels of the scene along a side of one pixel here."""


@dataclass(frozen=True)
class Pixel:
    """The spectrum of one pixel before and after."""

    row: int
    column: int
    found: str
    """Class of the mask."""
    source: str
    """Provenance."""
    nm: tuple[float, ...]
    """Centre wavelengths of the reflective bands, ascending."""
    names: tuple[str, ...]
    """Of these bands."""
    before: tuple[float, ...]
    """Reflectance as it came; NaN where there is no data."""
    after: tuple[float, ...]
    """Reflectance as it was written."""


def typical_pixels(scene: Scene, preview: Preview, paths: Mapping[str, Path]) -> list[Pixel]:
    """Clear ground and a filled pixel, in this order; what there is none of is left out.

    The filled pixel lies as deep as any in what was filled, the clear one as near to it as clear
    ground away from clouds does.

    Args:
        scene: as it came.
        preview: where to look.
        paths: ``mask``, ``provenance`` and ``clean``, as they were written.
    """
    step = max(1, max(preview.scene.shape) // _SIDE_PX)
    thin = np.s_[::step, ::step]
    mask, provenance = preview.mask.classes[thin], preview.filled.provenance[thin]
    filled = (provenance > OBSERVED) & (provenance < UNFILLABLE)
    clear = (mask == CLEAR) & (provenance == OBSERVED)
    deep = _deepest(filled)
    places = {"clear": _nearest(clear, deep), "filled": deep}
    side = step * preview.factor
    found = []
    for kind, place in places.items():
        if place is not None:
            pixel = _exact(place, side, kind, scene.shape, paths)
            if pixel is not None:
                found.append(_spectrum(scene, *pixel, paths["clean"]))
    return found


def _deepest(where: BoolArray) -> tuple[int, int] | None:
    from scipy import ndimage

    if not where.any():
        return None
    depth = ndimage.distance_transform_edt(np.pad(where, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), where.shape)
    return int(row), int(column)


def _nearest(where: BoolArray, to: tuple[int, int] | None) -> tuple[int, int] | None:
    """Of those well inside ``where``, the nearest to ``to``; the deepest if that is None."""
    from scipy import ndimage

    if to is None or not where.any():
        return _deepest(where)
    depth = ndimage.distance_transform_edt(where)
    rows, columns = np.nonzero(depth >= min(_DEPTH_PX, depth.max()))
    i = int(((rows - to[0]) ** 2 + (columns - to[1]) ** 2).argmin())
    return int(rows[i]), int(columns[i])


def _exact(
    place: tuple[int, int],
    side: int,
    kind: str,
    shape: tuple[int, int],
    paths: Mapping[str, Path],
) -> tuple[int, int, str, str] | None:
    """Row, column, class and provenance of a pixel of that kind within a coarser pixel."""
    top, left = place[0] * side, place[1] * side
    window = Window(left, top, min(side, shape[1] - left), min(side, shape[0] - top))
    with open_raster(paths["mask"]) as mask, open_raster(paths["provenance"]) as provenance:
        classes: ByteArray = mask.read(1, window=window)
        sources: ByteArray = provenance.read(1, window=window)
    fits = (sources > OBSERVED) & (sources < UNFILLABLE)
    if kind == "clear":
        fits = (classes == CLEAR) & (sources == OBSERVED)
    if not fits.any():
        return None
    row, column = (int(v[len(v) // 2]) for v in np.nonzero(fits))
    names = CLASS_NAMES[classes[row, column]], PROVENANCE_NAMES[sources[row, column]]
    return top + row, left + column, *names


def _spectrum(scene: Scene, row: int, column: int, found: str, source: str, clean: Path) -> Pixel:
    window = Window(column, row, 1, 1)
    bands = [i for i in scene.bands.optical if isfinite(scene.bands[i].center_nm)]
    bands.sort(key=lambda i: scene.bands[i].center_nm)
    after = replace(scene, source=RasterSource(RasterFile.at(clean)), scheme=None)
    values = [tuple(map(float, s.read(window, bands).data[:, 0, 0])) for s in (scene, after)]
    nm = tuple(scene.bands[i].center_nm for i in bands)
    names = tuple(scene.bands[i].name for i in bands)
    return Pixel(row, column, found, source, nm, names, *values)
