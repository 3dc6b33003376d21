"""From windows to rows: read in batches, predict, blend the overlaps, hand finished rows on.

The one way from pixels to probabilities, for a tile in memory as for a scene larger than memory:
only the rows of one row of windows are held.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np

from ..datasets.tile import FloatArray
from ..datasets.windows import Span, ramp, spans
from .inputs import filled
from .pixels import Pixels

ROWS = 32
"""Most rows that are handed on at once: few, so that they stay in the processor's cache."""
FADE_PX = 32
"""Neighbouring windows pass into each other over so many pixels, in the middle of what they share:
near its border a network sees nothing beyond, and answers worse."""
UNKNOWN = 0.25
"""Probability of each class where no window has a pixel."""


@dataclass
class Batch:
    """Windows side by side."""

    rows: Span
    columns: tuple[Span, ...]
    images: FloatArray
    """(window, band, y, x), complete: see `inputs.filled`; what is narrower than its neighbours is
    mirrored at its right, as `prediction` does. Not needed once they are predicted."""


def batches(
    pixels: Pixels, size: tuple[float, float], overlap: float, many: int, step: float = 1
) -> Generator[Batch, None, None]:
    """The windows over an image, row by row, without those that hold nothing.

    Args:
        pixels: the image.
        size: (height, width) of a window, pixels.
        overlap: least number of pixels that neighbours share.
        many: most windows of a batch.
        step: they begin at multiples of it.
    """
    height, width = pixels.shape
    columns = spans(width, size[1], overlap, step)
    for rows in spans(height, size[0], overlap, step):
        for first in range(0, len(columns), many):
            group = columns[first : first + many]
            left, widest = group[0].start, max(span.stop - span.start for span in group)
            image, known = pixels.read(slice(rows.start, rows.stop), slice(left, group[-1].stop))
            held, images = [], []
            for span in group:
                part = slice(span.start - left, span.stop - left)
                if known[:, part].any():
                    held.append(span)
                    complete = filled(image[:, :, part], known[:, part])
                    if short := widest - (span.stop - span.start):
                        beside = ((0, 0), (0, 0), (0, short))
                        complete = np.pad(complete, beside, "symmetric")
                    images.append(complete)
            shape = (0, len(image), rows.stop - rows.start, widest)
            if len(images) == 1:
                together = np.ascontiguousarray(images[0])[None]  # most often without a copy
            else:
                together = np.stack(images) if images else np.empty(shape, np.float32)
            yield Batch(rows, tuple(held), together)


def blended(
    windows: Iterable[tuple[Batch, FloatArray]], shape: tuple[int, int]
) -> Generator[FloatArray, None, None]:
    """Probabilities (4, rows, width) float32 from top to bottom, at most `ROWS` rows at a time.

    Where windows overlap, they pass into each other over FADE_PX pixels (`windows.ramp`).

    Args:
        windows: each with its (window, 4, y, x) probabilities, which are changed.
        shape: (height, width) of the image.
    """
    total: FloatArray = np.zeros((4, 0, shape[1]), np.float32)
    top = 0
    for batch, predicted in windows:
        rows, columns = batch.rows, batch.columns
        if rows.start > top:
            yield from _finished(total, rows.start - top)
            total[:, : rows.before] = total[:, rows.start - top :][:, : rows.before].copy()
            total[:, rows.before :] = 0
            top = rows.start
        if total.shape[1] == 0:
            # A row more: where a step is no whole number of pixels, windows differ by one.
            total = np.zeros((4, rows.stop - rows.start + 1, shape[1]), np.float32)
        if columns:
            for one, column in zip(predicted, columns, strict=True):
                p = one[:, :, : column.stop - column.start]
                _fade(p, rows, column)
                total[:, : p.shape[1], column.start : column.stop] += p
    yield from _finished(total, shape[0] - top)


def _finished(total: FloatArray, height: int) -> Generator[FloatArray, None, None]:
    """The first ``height`` rows, each pixel's sum brought to 1."""
    for first in range(0, height, ROWS):
        part = total[:, first : min(first + ROWS, height)]
        weight = part.sum(axis=0)
        known = weight > 0
        if known.all():
            yield part / weight
        else:
            yield np.divide(part, weight, where=known, out=np.full_like(part, UNKNOWN))


def _fade(p: FloatArray, rows: Span, column: Span) -> None:
    """Weigh (class, y, x) in place where neighbours share them, which is at the borders alone."""
    down, across = ramp(rows, FADE_PX)[:, None], ramp(column, FADE_PX)
    p[:, : rows.before] *= down[: rows.before]
    p[:, len(down) - rows.after :] *= down[len(down) - rows.after :]
    p[:, :, : column.before] *= across[: column.before]
    p[:, :, len(across) - column.after :] *= across[len(across) - column.after :]
