"""Masks and probabilities that are written some rows at a time (see `cog_parts`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rasterio.windows import Window

from .atomic import AnyPath
from .cog_parts import cog_in_parts
from .legend import MASK_LEGEND, category_tags, colormap, write_style
from .regrid import Grid
from .tile import CLASS_NAMES, NODATA, ByteArray

Append = Callable[[ByteArray], None]
"""Takes (band, rows, width) uint8, the next rows from the top."""


@contextmanager
def mask_rows(path: AnyPath, grid: Grid, overwrite: bool = False) -> Iterator[Append]:
    """A class mask as `write.write_mask` writes it, from rows (1, rows, width).

    Raises:
        OutputError: the file exists already or cannot be written.
    """
    with _byte_rows(
        path, grid, 1, overwrite,
        descriptions=["cloud mask"],
        band_tags=[category_tags(MASK_LEGEND)],
        colormap=colormap(MASK_LEGEND),
        overview_resampling="nearest",
    ) as append:  # fmt: skip
        yield append
    write_style(path, MASK_LEGEND)  # only for a mask that is whole


@contextmanager
def probability_rows(path: AnyPath, grid: Grid, overwrite: bool = False) -> Iterator[Append]:
    """Probabilities as `write.write_probability` writes them, from rows (4, rows, width) of
    percent, nodata 255.

    Raises:
        OutputError: the file exists already or cannot be written.
    """
    names = [f"probability of {n.replace('_', ' ')}" for n in CLASS_NAMES]
    with _byte_rows(
        path, grid, 4, overwrite, descriptions=names, scales=[0.01] * 4, offsets=[0.0] * 4
    ) as append:
        yield append


@contextmanager
def _byte_rows(
    path: AnyPath, grid: Grid, count: int, overwrite: bool, **described: Any
) -> Iterator[Append]:
    """uint8 with nodata 255, from rows; ``described`` as in `cog_in_parts`."""
    top = 0
    with cog_in_parts(path, grid, count, "uint8", NODATA, overwrite, **described) as put:

        def append(rows: ByteArray) -> None:
            nonlocal top
            put(rows, Window(0, top, rows.shape[2], rows.shape[1]))
            top += rows.shape[1]

        yield append
