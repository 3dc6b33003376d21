"""A scene that is open but not read: its bands and grid are known, its pixels come by window.

A reader builds a `Scene` from a product's metadata and a `PixelSource` that reads windows of
stored numbers; `Scene.read` turns them into a `Tile`. A whole scene is one large window.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .bands import BandSet
from .encoding import Encoding
from .errors import GridError, ValueRangeError
from .opening import MAX_PIXELS, check_size
from .regrid import Grid
from .tile import Acquisition, BoolArray, FloatArray, Quality, Tile, pixel_size_m


class PixelSource(Protocol):
    """Reads windows of a product. Must survive pickling: no open file travels to a worker."""

    def stored(self, window: Window, bands: Sequence[int]) -> NDArray[Any]:
        """(len(bands), height, width) stored numbers, dtype of the scene's encoding."""
        ...

    def quality(self, window: Window) -> NDArray[Any] | None:
        """(height, width) the supplier's classes, or None where the product has none."""
        ...

    def missing(self, window: Window) -> BoolArray | None:
        """(height, width) pixels that the product declares empty beside nodata, or None."""
        ...


@dataclass(frozen=True)
class Scene:
    """An opened product."""

    path: str
    """Where it is, for messages and names."""
    grid: Grid
    bands: BandSet
    encoding: Encoding
    """Per-band scale and offset have one entry for each band."""
    source: PixelSource
    acquired: Acquisition = field(default_factory=Acquisition)
    scheme: Literal["scl", "qa_pixel", "udm2"] | None = None
    """Scheme of the supplier's mask, None where there is none."""
    tags: Mapping[str, str] = field(default_factory=dict)
    band_tags: tuple[Mapping[str, str], ...] = ()
    max_pixels: int = MAX_PIXELS
    """Most samples (width x height x bands) that one `read` may allocate."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.grid.shape

    @property
    def gsd_m(self) -> float | None:
        """Pixel size in metres, from the grid, else from the sensor's bands, else None."""
        return pixel_size_m(self.grid.transform, self.grid.crs, self.shape, self.bands)

    def read(self, window: Window | None = None, bands: Sequence[int] | None = None) -> Tile:
        """Read a window of some bands; the whole scene and all bands by default.

        Args:
            window: integer pixel window inside the scene.
            bands: indices into ``bands``, in the wanted order (``scene.bands.locate(...)``).

        Raises:
            GridError: the window is empty or reaches outside the scene.
            FileError: more samples than ``max_pixels``, or the file is damaged.
        """
        chosen = range(len(self.bands)) if bands is None else list(bands)
        window = self._checked(window)
        height, width = int(window.height), int(window.width)
        check_size(self.path, width, height, len(chosen), self.max_pixels)
        encoding = self.encoding.of(chosen)
        stored = self.source.stored(window, chosen)
        data = self.decoded(stored, chosen, self.source.missing(window))
        codes = self.source.quality(window) if self.scheme else None
        quality = None
        if self.scheme is not None and codes is not None:
            quality = Quality(self.scheme, codes)
        return Tile(
            data=data,
            bands=self.bands.select(chosen),
            transform=self.grid.at(top=window.row_off, left=window.col_off),
            crs=self.grid.crs,
            acquired=self.acquired,
            encoding=encoding,
            stored=stored,
            quality=quality,
            tags=self.tags,
            band_tags=tuple(self.band_tags[i] for i in chosen) if self.band_tags else (),
            path=self.path,
        )

    def decoded(
        self, stored: NDArray[Any], bands: Sequence[int], empty: BoolArray | None
    ) -> FloatArray:
        """(band, y, x) float32 values of the stored numbers of some bands, NaN where missing.

        Args:
            stored: (band, y, x) as `PixelSource.stored` gives them; stays as it is.
            bands: whose they are.
            empty: (y, x) as `PixelSource.missing` gives it.
        """
        data = self.encoding.of(bands).decode(stored)
        if empty is not None:
            data[:, empty] = np.nan
        return data

    def windows(self, size: int, overlap: int = 0) -> Iterator[Window]:
        """Windows that cover the scene row by row, all of one size where the scene allows it.

        The fewest windows of ``size`` with at least ``overlap`` pixels in common are
        ceil((n - overlap) / (size - overlap)) along an axis of n pixels, spaced evenly.

        Raises:
            ValueRangeError: ``size`` is not above ``overlap``, or ``overlap`` is negative.
        """
        if not 0 <= overlap < size:
            raise ValueRangeError(
                f"windows of {size} pixels with an overlap of {overlap}",
                "an overlap of 0 or more, below the size",
                "correct them",
            )
        tops, lefts = (starts(n, size, overlap) for n in self.shape)
        height, width = (min(size, n) for n in self.shape)
        for top in tops:
            for left in lefts:
                yield Window(left, top, width, height)

    def _checked(self, window: Window | None) -> Window:
        height, width = self.shape
        if window is None:
            return Window(0, 0, width, height)
        numbers = (window.row_off, window.col_off, window.height, window.width)
        top, left, rows, columns = map(int, numbers)
        bottom, right = top + rows, left + columns
        inside = 0 <= top < bottom <= height and 0 <= left < right <= width
        if not inside or (top, left, rows, columns) != numbers:
            raise GridError(
                f"a window of {numbers[2]} x {numbers[3]} pixels (rows x columns) from row "
                f"{numbers[0]} and column {numbers[1]} of {self.path}",
                f"whole pixels inside {height} rows and {width} columns",
                "cut the window at the scene's border",
            )
        return Window(left, top, columns, rows)


def starts(n: int, size: int, overlap: int) -> list[int]:
    """First pixels of the fewest windows that cover n pixels, spaced evenly."""
    if n <= size:
        return [0]
    count = ceil((n - overlap) / (size - overlap))
    return [round(i * (n - size) / (count - 1)) for i in range(count)]
