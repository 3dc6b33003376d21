"""Overlapping windows on an offset grid, and the ramps that blend them without a seam."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .errors import ValueRangeError
from .tile import FloatArray


class Span(NamedTuple):
    """One window along one axis."""

    start: int
    stop: int
    before: int
    """Pixels shared with the window before."""
    after: int
    """Pixels shared with the window after."""


def spans(n: int, size: int, overlap: int) -> tuple[Span, ...]:
    """The fewest windows of ``size`` that cover ``n`` pixels, evenly spaced.

    There are ceil((n - overlap) / (size - overlap)) of them; neighbours share ``overlap`` pixels
    or a little more. One window of ``n`` pixels where ``n`` is not larger than ``size``.

    Raises:
        ValueRangeError: an overlap of more than half a window.
    """
    if not 0 <= overlap <= size // 2 or n < 1:
        raise ValueRangeError(
            f"windows of {size} pixels that share {overlap}, over {n}",
            "an overlap of at most half a window", "correct the window",
        )  # fmt: skip
    if n <= size:
        return (Span(0, n, 0, 0),)
    count = -(-(n - overlap) // (size - overlap))
    starts = [round(k * (n - size) / (count - 1)) for k in range(count)]
    shared = [0, *(a + size - b for a, b in pairwise(starts)), 0]
    return tuple(
        Span(start, start + size, shared[k], shared[k + 1]) for k, start in enumerate(starts)
    )


def best_size(n: int, overlap: int, step: int, sizes: range) -> int:
    """Size of the windows that cover ``n`` pixels with the fewest in all.

    What does not divide an image evenly is seen twice: along each side of 5490 pixels a sixth with
    windows of 512, a twentieth with 1152.

    Args:
        n: length of the image, pixels.
        overlap: see `spans`.
        step: sizes are multiples of it; smaller images are filled up to one.
        sizes: those to choose from; the largest of equals is taken.
    """

    def covered(size: int) -> int:
        windows = spans(n, size, overlap)
        return len(windows) * -(-(windows[0].stop - windows[0].start) // step) * step

    return min(reversed([-(-size // step) * step for size in sizes]), key=covered)


def ramp(span: Span) -> FloatArray:
    """Weight of each pixel of a window: rises and falls linearly over what is shared, so that
    the weights of all windows add up to 1 (where no three overlap)."""
    weight = np.ones(span.stop - span.start, np.float32)
    if span.before:
        weight[: span.before] = (np.arange(span.before) + 0.5) / span.before
    if span.after:
        weight[-span.after :] *= (np.arange(span.after)[::-1] + 0.5) / span.after
    return weight


def grid(shape: tuple[int, int], size: int, overlap: int) -> Iterator[tuple[Span, Span]]:
    """(rows, columns) of every window over an image, row by row."""
    columns = spans(shape[1], size, overlap)
    for rows in spans(shape[0], size, overlap):
        for column in columns:
            yield rows, column
