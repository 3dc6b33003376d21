"""From windows to rows: read in batches, predict, blend the overlaps, hand finished rows on.

The one way from pixels to probabilities, for a tile in memory as for a scene larger than memory:
only the rows of one row of windows are held.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import NamedTuple

import numpy as np

from ..datasets.tile import FloatArray
from ..datasets.windows import Span, ramp, spans
from .inputs import filled
from .pixels import Pixels

ROWS = 128
"""Most rows that are handed on at once."""
UNKNOWN = 0.25
"""Probability of each class where no window has a pixel."""


class Batch(NamedTuple):
    """Windows side by side."""

    rows: Span
    columns: tuple[Span, ...]
    images: FloatArray
    """(window, band, y, x), complete: see `inputs.filled`."""


def batches(pixels: Pixels, size: int, overlap: int, many: int) -> Generator[Batch, None, None]:
    """The windows over an image, row by row, without those that hold nothing.

    Args:
        pixels: the image.
        size: side of a window, pixels.
        overlap: least number of pixels that neighbours share.
        many: most windows of a batch.
    """
    height, width = pixels.shape
    columns = spans(width, size, overlap)
    for rows in spans(height, size, overlap):
        for first in range(0, len(columns), many):
            group = columns[first : first + many]
            left = group[0].start
            image, known = pixels.read(slice(rows.start, rows.stop), slice(left, group[-1].stop))
            held, images = [], []
            for span in group:
                part = slice(span.start - left, span.stop - left)
                if known[:, part].any():
                    held.append(span)
                    images.append(filled(image[:, :, part], known[:, part]))
            shape = (0, len(image), rows.stop - rows.start, columns[0].stop - columns[0].start)
            if len(images) == 1:
                together = np.ascontiguousarray(images[0])[None]  # most often without a copy
            else:
                together = np.stack(images) if images else np.empty(shape, np.float32)
            yield Batch(rows, tuple(held), together)


def blended(
    windows: Iterable[tuple[Batch, FloatArray]], shape: tuple[int, int]
) -> Generator[FloatArray, None, None]:
    """Probabilities (4, rows, width) float32 from top to bottom, at most `ROWS` rows at a time.

    Where windows overlap, their weights fall linearly to the border (`windows.ramp`).

    Args:
        windows: each with its (window, 4, y, x) probabilities.
        shape: (height, width) of the image.
    """
    total: FloatArray = np.zeros((4, 0, shape[1]), np.float32)
    top = 0
    for (rows, columns, _), predicted in windows:
        if rows.start > top:
            yield from _finished(total, rows.start - top)
            total[:, : rows.before] = total[:, rows.start - top :][:, : rows.before].copy()
            total[:, rows.before :] = 0
            top = rows.start
        if total.shape[1] == 0:
            total = np.zeros((4, rows.stop - rows.start, shape[1]), np.float32)
        if columns:
            down = ramp(rows)[:, None]
            for p, column in zip(predicted, columns, strict=True):
                weight = down * ramp(column)
                for k, plane in enumerate(p):  # one at a time stays in the processor's cache
                    total[k, :, column.start : column.stop] += plane * weight
    yield from _finished(total, shape[0] - top)


def _finished(total: FloatArray, height: int) -> Generator[FloatArray, None, None]:
    """The first ``height`` rows, each pixel's sum brought to 1."""
    for first in range(0, height, ROWS):
        part = total[:, first : min(first + ROWS, height)]
        weight = part.sum(axis=0)
        yield np.divide(part, weight, where=weight > 0, out=np.full_like(part, UNKNOWN))
