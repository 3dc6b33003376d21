"""A raster that is written while it is made, window by window, and ends as a COG.

Nothing but the part at hand is held: it goes into a draft beside the output, and GDAL turns the
draft into a cloud-optimised GeoTIFF block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile
from rasterio.windows import Window

from .atomic import AnyPath, atomic_file
from .cog import cog_options, describe, explained, quiet
from .errors import OutputError
from .regrid import Grid

Put = Callable[[NDArray[Any], Window], None]
"""Takes (band, y, x) numbers and the window where they belong. No pixel is given twice."""
STRIPS: Mapping[str, Any] = {"blockysize": 1}
"""Draft of what comes some rows at a time."""
BLOCK_PX = 256
BLOCKS: Mapping[str, Any] = {"tiled": True, "blockxsize": BLOCK_PX, "blockysize": BLOCK_PX}
"""Draft of what comes in windows that begin at multiples of BLOCK_PX."""


@contextmanager
def cog_in_parts(
    path: AnyPath,
    grid: Grid,
    count: int,
    dtype: str,
    nodata: float | None,
    overwrite: bool = False,
    *,
    layout: Mapping[str, Any] = STRIPS,
    descriptions: Sequence[str | None] = (),
    scales: Sequence[float] = (),
    offsets: Sequence[float] = (),
    units: Sequence[str | None] = (),
    tags: Mapping[str, str] | None = None,
    band_tags: Sequence[Mapping[str, str]] = (),
    colormap: Mapping[int, tuple[int, int, int, int]] | None = None,
    colorinterp: Sequence[ColorInterp] = (),
    overview_resampling: str = "average",
) -> Iterator[Put]:
    """Yield what takes parts; when all are there, the COG takes its name, else nothing does.

    Args:
        path: the output.
        grid: its size and place.
        count: number of bands.
        dtype: of the numbers.
        nodata: stored number that means "no data", None for none.
        overwrite: replace an existing file.
        layout: of the draft: STRIPS or BLOCKS.
        descriptions: this and what follows: see `cog.write_cog`.

    Raises:
        OutputError: the file exists already, cannot be written, or reads back other than written.
    """
    height, width = grid.shape
    with atomic_file(path, overwrite) as place, quiet():
        draft = place.with_name(f"draft-{place.name}")
        with explained(Path(path)):
            out = rasterio.open(
                draft, "w", driver="GTiff", bigtiff="IF_SAFER", interleave="band", count=count,
                height=height, width=width, dtype=dtype, transform=grid.transform, crs=grid.crs,
                nodata=nodata, **_draft_codec(), **layout,
            )  # fmt: skip
        written: list[tuple[Window, int]] = []

        def put(numbers: NDArray[Any], window: Window) -> None:
            with explained(Path(path)):
                out.write(numbers, window=window)
            written.append((window, crc32(np.ascontiguousarray(numbers).data)))

        try:
            with explained(Path(path)):
                describe(out, tags or {}, band_tags, descriptions, scales, offsets, units, grid.crs)
                if colorinterp:
                    out.colorinterp = colorinterp
                if colormap:
                    out.write_colormap(1, dict(colormap))
            yield put
        finally:
            with explained(Path(path)):
                out.close()
        with explained(Path(path)):
            options = cog_options(np.dtype(dtype), (count, height, width), overview_resampling)
            rasterio.shutil.copy(draft, place, **options)
            draft.unlink()
            _verify(place, written)


@lru_cache(maxsize=1)
def _draft_codec() -> Mapping[str, Any]:
    """How drafts are compressed: by ZSTD, in a quarter of the time of DEFLATE, if GDAL has it."""
    codec = {"compress": "ZSTD", "zstd_level": 1}
    try:
        with (
            explained(Path("a draft")),
            MemoryFile() as file,
            file.open(driver="GTiff", count=1, height=1, width=1, dtype="uint8", **codec) as out,
        ):
            out.write(np.zeros((1, 1, 1), np.uint8))
    except OutputError:
        return {"compress": "DEFLATE", "zlevel": 1}
    return codec


def _verify(place: Path, written: list[tuple[Window, int]]) -> None:
    """Read the file as it was written and compare sums."""
    with rasterio.open(place, driver="GTiff") as back:
        pixels = sum(window.width * window.height for window, _ in written)
        same = pixels == back.width * back.height
        for window, expected in written if same else ():
            numbers: NDArray[Any] = back.read(window=window)
            same &= crc32(numbers.data) == expected
    if not same:
        raise OutputError(
            f"{place.name} reads back other than it was written", "the same pixels",
            "check the disk; if it is sound, report this with the file",
        )  # fmt: skip
