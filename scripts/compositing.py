"""What `composite` does: masks of all dates, then one image of them, block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from ..datasets import Scene, Tile
from ..datasets.acquisition import utc
from ..datasets.cog_parts import BLOCK_PX, BLOCKS, cog_in_parts
from ..datasets.opening import check_size
from ..datasets.raster_file import bounded_cache
from ..datasets.tile import CLEAR, NODATA, SHADOW, Acquisition, ByteArray, FloatArray
from ..datasets.write import described
from ..detection.mask_settings import MaskSettings
from ..gan.compositing import NONE, Composite, Method, composite, least_bad, pixel_score, reach_px
from . import windowed
from .console import Console
from .series import Series

_ARRAYS = 6
"""Copies of all dates of a block that are held at once, float32."""


def make_masks(
    scenes: Sequence[Scene], given: Sequence[Path | None], detector: str, folder: Path,
    console: Console,
) -> list[Path]:  # fmt: skip
    """Path of a mask for each scene: that which is given, or a new one in ``folder``."""
    out = []
    for k, (scene, path) in enumerate(zip(scenes, given, strict=True)):
        if path is None:
            path = folder / f"{k}_mask.tif"
            settings = MaskSettings(detector, buffer_px=2)
            windowed.mask(scene, path, settings, console)
        out.append(path)
    return out


class Made(NamedTuple):
    """Figures of a composite."""

    clear: list[int]
    """Pixels that each date sees clear."""
    used: list[int]
    """Pixels whose date it is (see `Composite.date`)."""
    never: int
    """Pixels that have data on some date and are clear on none."""
    pixels: int
    """Pixels that have data on some date."""


def write_composite(
    of: Series, method: Method, outputs: Mapping[str, Path], memory_gb: float, console: Console,
    left: Mapping[str, Path] | None = None,
) -> Made:  # fmt: skip
    """Write composite, dates and counts, each whole or not at all.

    Args:
        of: the dates.
        method: see `gan.compositing.composite`.
        outputs: ``composite``, ``dates`` and ``count``.
        memory_gb: about what the blocks may take.
        console: hears how far it is.
        left: where ``composite`` and ``mask`` go that hold the least bad observation of pixels
            that are never clear, instead of the composite; None for none.

    Raises:
        OutputError: an output exists, or cannot be written.
        FileError: a scene or mask is damaged.
    """
    grid, n = of.first.grid, len(of.dates)
    height, width = grid.shape
    check_size(of.first.path, width, height, 1, of.first.max_pixels)
    blocks = list(_blocks(grid.shape, n * len(of.first.bands), memory_gb))
    made = Made([0] * n, [0] * n, 0, 0)
    kind = "uint8" if n < NODATA else "uint16"
    with ExitStack() as stack:
        stack.enter_context(bounded_cache())
        values = stack.enter_context(_numbers((left or outputs)["composite"], of, method))
        codes = None
        if left is not None:
            codes = stack.enter_context(
                cog_in_parts(left["mask"], grid, 1, "uint8", NODATA, layout=BLOCKS)
            )
        dates = stack.enter_context(
            cog_in_parts(
                outputs["dates"], grid, 1, kind, 0, layout=BLOCKS,
                descriptions=["date"], band_tags=[of.table], overview_resampling="nearest",
            )
        )  # fmt: skip
        count = stack.enter_context(
            cog_in_parts(
                outputs["count"], grid, 1, kind, None, layout=BLOCKS,
                descriptions=["clear dates"],
            )
        )  # fmt: skip
        tell = stack.enter_context(console.counting("compositing", len(blocks), "blocks"))
        for done, window in enumerate(blocks, 1):
            data, classes = _read(of, window)
            clear = classes == CLEAR
            block = composite(
                data, clear, method, of.first.bands.optical, _scores(of, window, classes, method)
            )
            never = (classes != NODATA).any(axis=0) & (block.count == 0)
            if codes is not None:
                worst, code = least_bad(data, classes, [abs(d or 0) for d in of.days])
                block.values[:, never] = worst[:, never]
                codes(_leftover(never, block.count, code)[None], window)
            values(of.encoding.encode(block.values), window)
            dates((block.date - NONE).astype(kind)[None], window)
            count(block.count.astype(kind)[None], window)
            made = _added(made, block, clear, never)
            tell(done, f"{made.never:,} px never clear")
    return made


def _leftover(never: NDArray[np.bool_], count: NDArray[np.int32], code: ByteArray) -> ByteArray:
    """(y, x) what a filler is to know: the class of what is never clear; the rest is clear."""
    return np.where(never, code, np.where(count > 0, CLEAR, NODATA)).astype(np.uint8)


def _added(
    made: Made, block: Composite, clear: NDArray[np.bool_], never: NDArray[np.bool_]
) -> Made:
    used = np.bincount((block.date - NONE).ravel(), minlength=len(made.used) + 1)[1:]
    return Made(
        [a + int(b.sum()) for a, b in zip(made.clear, clear, strict=True)],
        [a + int(b) for a, b in zip(made.used, used, strict=True)],
        made.never + int(never.sum()),
        made.pixels + int(never.sum() + (block.count > 0).sum()),
    )


def _numbers(path: Path, of: Series, method: Method) -> Any:
    """Takes the numbers of the composite. What belongs to one date is not told of it."""
    first = of.first
    times = sorted(utc(d.scene.acquired.time) for d in of.dates if d.scene.acquired.time)
    tags = {"COMPOSITE_METHOD": method, "COMPOSITE_DATES": str(len(of.dates))}
    if times:
        tags |= {"COMPOSITE_FROM": times[0].isoformat(), "COMPOSITE_TO": times[-1].isoformat()}
    sensors = {d.scene.acquired.sensor for d in of.dates}
    corner = Tile(
        data=np.full((len(first.bands), 1, 1), np.nan, np.float32),
        bands=first.bands,
        acquired=Acquisition(sensors.pop() if len(sensors) == 1 else None, first.acquired.level),
        encoding=of.encoding,
        tags=tags,
        band_tags=first.band_tags,
    )
    return cog_in_parts(
        path, first.grid, len(first.bands), of.encoding.dtype, of.encoding.nodata,
        layout=BLOCKS, **described(corner, changed=True),
    )  # fmt: skip


def _blocks(shape: tuple[int, int], planes: int, memory_gb: float) -> list[Window]:
    """Windows that begin at multiples of BLOCK_PX and take about ``memory_gb``."""
    side = int((memory_gb * 1e9 / (4 * _ARRAYS * planes)) ** 0.5)
    side = max(side // BLOCK_PX, 1) * BLOCK_PX
    height, width = shape
    return [
        Window(x, y, min(side, width - x), min(side, height - y))
        for y in range(0, height, side)
        for x in range(0, width, side)
    ]


def _read(of: Series, window: Window) -> tuple[FloatArray, ByteArray]:
    parts = [date.read(window) for date in of.dates]
    return np.stack([p[0] for p in parts]), np.stack([p[1] for p in parts])


def _scores(of: Series, window: Window, classes: ByteArray, method: Method) -> FloatArray:
    """(date, y, x) scores of a block; clouds beyond its border count too."""
    if method != "best":
        return np.zeros((len(of.dates), 1, 1), np.float32)
    reach = reach_px(of.first.gsd_m)
    height, width = of.first.shape
    left, top = max(window.col_off - reach, 0), max(window.row_off - reach, 0)
    right = min(window.col_off + window.width + reach, width)
    bottom = min(window.row_off + window.height + reach, height)
    y, x = window.row_off - top, window.col_off - left
    inner = np.s_[y : y + window.height, x : x + window.width]
    out = np.empty(classes.shape, np.float32)
    around = Window(left, top, right - left, bottom - top)
    for k, (date, days) in enumerate(zip(of.dates, of.days, strict=True)):
        seen = date.classes(around)
        out[k] = pixel_score((seen > CLEAR) & (seen <= SHADOW), of.first.gsd_m, days)[inner]
    return out
