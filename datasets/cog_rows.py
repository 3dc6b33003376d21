"""Rasters that are written while they are made, some rows at a time, and end as COGs.

Nothing but the rows at hand is held: they go into a striped draft beside the output, and GDAL
turns the draft into a cloud-optimised GeoTIFF block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.windows import Window

from .atomic import AnyPath, atomic_file
from .cog import cog_options, describe, explained, quiet
from .errors import OutputError
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
    with byte_rows(
        path, grid, 1, overwrite,
        descriptions=["cloud mask"],
        band_tags=[category_tags(MASK_LEGEND)],
        colours=colormap(MASK_LEGEND),
        resampling="nearest",
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
    with byte_rows(
        path, grid, 4, overwrite, descriptions=names, scales=[0.01] * 4, offsets=[0.0] * 4
    ) as append:
        yield append


@contextmanager
def byte_rows(
    path: AnyPath,
    grid: Grid,
    count: int,
    overwrite: bool = False,
    *,
    descriptions: Sequence[str] = (),
    scales: Sequence[float] = (),
    offsets: Sequence[float] = (),
    band_tags: Sequence[Mapping[str, str]] = (),
    colours: Mapping[int, tuple[int, int, int, int]] | None = None,
    resampling: str = "average",
) -> Iterator[Append]:
    """Yield what appends rows; when all are there, the COG takes its name, else nothing does.

    Args:
        path: the output.
        grid: its size and place.
        count: number of bands, uint8 with nodata 255.
        overwrite: replace an existing file.
        descriptions: names of the bands.
        scales: factor to physical values, with ``offsets`` the summands.
        offsets: see ``scales``.
        band_tags: tags of each band.
        colours: see `cog.write_cog`.
        resampling: of the overviews.

    Raises:
        OutputError: the file exists already, cannot be written, or reads back other than written.
    """
    height, width = grid.shape
    with atomic_file(path, overwrite) as place, quiet():
        draft = place.with_name(f"draft-{place.name}")
        with explained(Path(path)):
            out = rasterio.open(
                draft, "w", driver="GTiff", bigtiff="IF_SAFER", compress="DEFLATE", zlevel=1,
                blockysize=1, interleave="band", count=count, height=height, width=width,
                dtype="uint8", transform=grid.transform, crs=grid.crs, nodata=NODATA,
            )  # fmt: skip
        written: list[tuple[Window, int]] = []

        def append(rows: ByteArray) -> None:
            top = written[-1][0].row_off + written[-1][0].height if written else 0
            window = Window(0, top, width, rows.shape[1])
            with explained(Path(path)):
                out.write(rows, window=window)
            written.append((window, crc32(rows.tobytes())))

        try:
            with explained(Path(path)):
                describe(out, {}, band_tags, descriptions, scales, offsets, (), grid.crs)
                if colours:
                    out.write_colormap(1, dict(colours))
            yield append
        finally:
            with explained(Path(path)):
                out.close()
        with explained(Path(path)):
            shape = (count, height, width)
            rasterio.shutil.copy(draft, place, **cog_options(np.dtype(np.uint8), shape, resampling))
            draft.unlink()
            _verify(place, written, height)


def _verify(place: Path, written: list[tuple[Window, int]], height: int) -> None:
    """Read the file as it was written and compare sums."""
    with rasterio.open(place, driver="GTiff") as back:
        same = sum(window.height for window, _ in written) == height == back.height
        for window, expected in written if same else ():
            rows: NDArray[Any] = back.read(window=window)
            same &= crc32(rows.tobytes()) == expected
    if not same:
        raise OutputError(
            f"{place.name} reads back other than it was written", "the same pixels",
            "check the disk; if it is sound, report this with the file",
        )  # fmt: skip
