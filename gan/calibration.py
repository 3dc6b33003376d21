"""What a confidence promises, and whether it is kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..datasets.tile import FilledTile, FloatArray, Tile
from .metrics import reflectances
from .relation import expected_error

Z90 = 1.645
"""Standard deviations of a normal distribution that 90 % lie within."""


def half_width(confidence: FloatArray) -> FloatArray:
    """Reflectance on both sides of a filled value that the truth is to lie within, 9 times in 10.

    Args:
        confidence: as fillers give it; 1 promises that there is no error.
    """
    return np.asarray(Z90 * expected_error(confidence), np.float32)


def error_ratios(truth: Tile, done: FilledTile) -> NDArray[np.float64]:
    """(n,) error of each filled value over its `half_width`: 90 % should be at most 1.

    Reflective bands alone; empty if nothing was filled.

    Raises:
        GridError: the tiles do not share bands and shape.
    """
    filled = done.filled & truth.valid
    true, made = reflectances(truth, done.tile, filled)
    width = np.maximum(half_width(done.confidence[filled]), 1e-6)
    return np.asarray((np.abs(made - true) / width).ravel())


def coverage(truth: Tile, done: FilledTile) -> float:
    """Share of the filled values whose 90 % interval holds the truth; NaN without any."""
    ratio = error_ratios(truth, done)
    return float((ratio <= 1).mean()) if ratio.size else float("nan")
