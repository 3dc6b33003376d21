"""The same noise by the ``noise`` package, pixel after pixel: the reference, and slow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import MissingExtraError
from ..datasets.tile import FloatArray
from .perlin import Fold


def octave_sum(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    frequencies: NDArray[np.float64],
    weights: NDArray[np.float64],
    fold: Fold,
    repeat: tuple[int, int] | None,
) -> FloatArray:
    """Sum of folded octaves on the grid of ``x`` and ``y`` (first-octave cells).

    Raises:
        MissingExtraError: ``noise`` is not installed.
    """
    try:
        from noise import pnoise2
    except ImportError as error:
        raise MissingExtraError("the noise backend 'noise'", "noise") from error
    total = np.zeros((y.size, x.size))
    for frequency, weight in zip(frequencies.tolist(), weights.tolist(), strict=True):
        rows, cols = (round(n * frequency) for n in repeat or (256, 256))
        # pnoise2 computes in single precision and mirrors its period at 0: stay near and above.
        down = np.mod(y * frequency, rows).tolist()
        across = np.mod(x * frequency, cols).tolist()
        octave = np.array(
            [[pnoise2(a, b, repeatx=cols, repeaty=rows) for a in across] for b in down]
        )
        if fold != "none":
            octave = 2 * np.abs(octave) - 1 if fold == "billow" else 1 - 2 * np.abs(octave)
        total += weight * octave.reshape(total.shape)
    return total.astype(np.float32)
