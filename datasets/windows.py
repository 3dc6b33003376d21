"""Overlapping windows on an offset grid, and the ramps that blend them without a seam."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import ceil
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


def spans(n: int, size: float, overlap: float, step: float = 1) -> tuple[Span, ...]:
    """The fewest windows of ``size`` that cover ``n`` pixels, evenly spaced.

    There are ceil((n - overlap) / (size - overlap)) of them, all in whole steps; neighbours share
    ``overlap`` pixels or a little more. The last ends with the image, up to a step shorter. One
    window of ``n`` pixels where ``n`` is not larger than ``size``.

    Args:
        n: length of the image, pixels.
        size: of a window, pixels; rounded up to whole steps.
        overlap: pixels; rounded up to whole steps.
        step: windows begin at multiples of so many pixels (then rounded). A network that halves
            its image five times answers another question where it begins elsewhere.

    Raises:
        ValueRangeError: an overlap of more than half a window.
    """
    long, wide, shared = (_steps(length, step) for length in (n, size, overlap))
    if not 0 <= 2 * shared <= wide or n < 1:
        raise ValueRangeError(
            f"windows of {size:g} pixels that share {overlap:g}, over {n}"
            + (f", in steps of {step:g}" if step > 1 else ""),
            "an overlap of at most half a window", "correct the window",
        )  # fmt: skip
    if long <= wide:
        return (Span(0, n, 0, 0),)
    count = -(-(long - shared) // (wide - shared))
    starts = [round(k * (long - wide) / (count - 1)) for k in range(count)]
    edges = [(round(k * step), min(n, round((k + wide) * step))) for k in starts]
    both = [0, *(stop - start for (_, stop), (start, _) in pairwise(edges)), 0]
    return tuple(Span(*edge, both[k], both[k + 1]) for k, edge in enumerate(edges))


def _steps(length: float, step: float) -> int:
    """How many steps cover a length (but for what rounding adds)."""
    return ceil(length / step - 1e-6)


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
        windows = spans(n, size, overlap, step)
        return len(windows) * _steps(windows[0].stop, step) * step

    return min(reversed([-(-size // step) * step for size in sizes]), key=covered)


def ramp(span: Span, width: int | None = None) -> FloatArray:
    """Weight of each pixel of a window: rises and falls linearly over what is shared, so that
    the weights of all windows add up to 1 (where no three overlap).

    Args:
        span: the window.
        width: over so many pixels in the middle of what is shared, 0 and 1 beside them; over all
            of it if None.
    """
    weight = np.ones(span.stop - span.start, np.float32)
    if span.before:
        weight[: span.before] = _rise(span.before, width)
    if span.after:
        weight[-span.after :] *= _rise(span.after, width)[::-1]
    return weight


def _rise(shared: int, width: int | None) -> FloatArray:
    """0 to 1 over the pixels that two windows share; the other window has 1 less that."""
    wide = shared if width is None else min(width, shared)
    place = np.arange(shared, dtype=np.float32) + 0.5 - (shared - wide) / 2
    return np.clip(place / wide, 0, 1)


def grid(shape: tuple[int, int], size: int, overlap: int) -> Iterator[tuple[Span, Span]]:
    """(rows, columns) of every window over an image, row by row."""
    columns = spans(shape[1], size, overlap)
    for rows in spans(shape[0], size, overlap):
        for column in columns:
            yield rows, column
