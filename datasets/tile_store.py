"""Tiles to cut crops from: read when they are needed, and kept in a bounded memory if asked.

A kept tile holds only the bands that are asked for, as float16: reflectance to 0.05 %, a
quarter of a Sentinel-2 tile's float32 planes. Every process keeps its own; nothing kept is
pickled, and no file stays open, so forked and spawned workers are safe.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from affine import Affine
from numpy.typing import NDArray

from .bands import BandSet
from .errors import UnfitError, ValueRangeError
from .labelled import LabelledTile
from .tile import NODATA, CloudMask, FloatArray, Tile


@dataclass(frozen=True)
class Packed:
    """A tile reduced to what training needs."""

    item: LabelledTile
    """Everything but the pixels (its tile has none)."""
    data: NDArray[Any]
    """(band, y, x) float16 or float32, NaN where there is nothing."""
    clear: NDArray[Any] | None
    classes: NDArray[np.uint8] | None

    @property
    def shape(self) -> tuple[int, int]:
        return self.data.shape[1], self.data.shape[2]

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in (self.data, self.clear, self.classes) if a is not None)

    def cut(self, top: int, left: int, height: int, width: int) -> LabelledTile:
        """A window; what lies outside the tile is NaN, and nodata in the mask."""
        tile = replace(
            self.item.tile,
            data=_window(self.data, top, left, height, width),
            transform=self.item.tile.transform @ Affine.translation(left, top),
        )
        clear = mask = None
        if self.clear is not None:
            clear = tile.with_data(_window(self.clear, top, left, height, width))
        if self.classes is not None:
            classes = np.full((height, width), NODATA, np.uint8)
            _paste(classes, self.classes, top, left)
            mask = CloudMask(classes, tile.transform, tile.crs)
        return replace(self.item, tile=tile, clear=clear, mask=mask)


class TileStore:
    """A sequence of tiles, packed on first use.

    Args:
        items: labelled tiles, or plain ones; a sequence that reads a file a call is fine.
        bands: the canonical windows; other bands are dropped.
        cache_bytes: memory for packed tiles in each process; 0 keeps none. The least recently
            used tile goes first.
    """

    def __init__(
        self, items: Sequence[LabelledTile] | Sequence[Tile], bands: BandSet, cache_bytes: int = 0
    ) -> None:
        if cache_bytes < 0:
            raise ValueRangeError(f"a cache of {cache_bytes} bytes", "0 or more", "correct it")
        if len(items) == 0:
            raise ValueRangeError("a data set without tiles", "at least one", "add some")
        self.items, self.bands, self.cache_bytes = items, bands, cache_bytes
        self._kept: OrderedDict[int, Packed] = OrderedDict()

    def __len__(self) -> int:
        return len(self.items)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": OrderedDict()}

    @property
    def kept_bytes(self) -> int:
        return sum(p.nbytes for p in self._kept.values())

    def warm_up(self) -> None:
        """Fill the cache now, before workers are forked: they then share its memory."""
        for i in range(len(self)):
            if self.kept_bytes >= self.cache_bytes:
                return
            self[i]

    def __getitem__(self, i: int) -> Packed:
        if i in self._kept:
            self._kept.move_to_end(i)
            return self._kept[i]
        packed = self._packed(self.items[i])
        if packed.nbytes <= self.cache_bytes:
            while self._kept and self.kept_bytes + packed.nbytes > self.cache_bytes:
                self._kept.popitem(last=False)
            self._kept[i] = packed
        return packed

    def _packed(self, item: LabelledTile | Tile) -> Packed:
        if isinstance(item, Tile):
            item = LabelledTile(item.path or "", item)
        found = (item.tile.bands.find(w) for w in self.bands)
        places = list(dict.fromkeys(i for i in found if i is not None))
        if not places:
            raise UnfitError(
                f"{item.id} with bands {', '.join(item.tile.bands.names)}",
                f"at least one of {', '.join(self.bands.names)}",
                "leave it out of this data set",
            )
        dtype = np.float16 if self.cache_bytes else np.float32
        bare = Tile(
            np.empty((len(places), 0, 0), np.float32), item.tile.bands.select(places),
            item.tile.transform, item.tile.crs, item.tile.acquired, path=item.tile.path,
        )  # fmt: skip
        with np.errstate(over="ignore"):  # a wild number becomes inf, which is not valid
            data = item.tile.data[places].astype(dtype)
            clear = None if item.clear is None else item.clear.data[places].astype(dtype)
        classes = None if item.mask is None else item.mask.classes
        return Packed(replace(item, tile=bare, clear=None, mask=None), data, clear, classes)


def _window(planes: NDArray[Any], top: int, left: int, height: int, width: int) -> FloatArray:
    _, rows, cols = planes.shape
    if top >= 0 and top + height <= rows and left >= 0 and left + width <= cols:
        return planes[:, top : top + height, left : left + width].astype(np.float32)
    out = np.full((len(planes), height, width), np.nan, np.float32)
    _paste(out, planes, top, left)
    return out


def _paste(out: NDArray[Any], source: NDArray[Any], top: int, left: int) -> None:
    """Copy the part of ``source`` that the window at (top, left) of the size of ``out`` sees."""
    height, width = out.shape[-2:]
    rows, cols = source.shape[-2:]
    y0, y1, x0, x1 = max(top, 0), min(top + height, rows), max(left, 0), min(left + width, cols)
    if y0 < y1 and x0 < x1:
        out[..., y0 - top : y1 - top, x0 - left : x1 - left] = source[..., y0:y1, x0:x1]


def resized(item: LabelledTile, size: tuple[int, int]) -> LabelledTile:
    """The crop on another number of pixels (height, width): another ground sampling distance.

    Shrinking averages the area that a coarser pixel sees; growing interpolates linearly. Masks
    take the nearest pixel.
    """
    height, width = item.tile.shape
    if (height, width) == size:
        return item
    shrinks = size[0] < height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR

    def planes(data: FloatArray) -> FloatArray:
        return np.stack([cv2.resize(p, size[::-1], interpolation=how) for p in data])

    factor = height / size[0]
    bands = BandSet(
        tuple(replace(b, gsd_m=b.gsd_m * factor if b.gsd_m else None) for b in item.tile.bands)
    )
    tile = replace(
        item.tile, data=planes(item.tile.data), bands=bands,
        transform=item.tile.transform @ Affine.scale(width / size[1], factor),
    )  # fmt: skip
    clear = None if item.clear is None else tile.with_data(planes(item.clear.data))
    mask = None
    if item.mask is not None:
        classes = cv2.resize(item.mask.classes, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        mask = CloudMask(np.asarray(classes, np.uint8), tile.transform, tile.crs)
    return replace(item, tile=tile, clear=clear, mask=mask)
