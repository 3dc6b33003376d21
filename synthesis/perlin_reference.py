"""The same noise by the ``noise`` package, pixel after pixel: the reference, and slow."""

from __future__ import annotations

import numpy as np

from ..datasets.errors import MissingExtraError
from ..datasets.tile import FloatArray
from .lattice import Octaves


def draw_reference(octaves: Octaves) -> FloatArray:
    """(ny, nx) float32 weighted sum of the folded octaves.

    Raises:
        MissingExtraError: ``noise`` is not installed.
    """
    try:
        from noise import pnoise2
    except ImportError as error:
        raise MissingExtraError("the noise backend 'noise'", "noise") from error
    total = np.zeros((octaves.y.shape[1], octaves.x.shape[1]))
    for k, (weight, fold) in enumerate(zip(octaves.weights, octaves.folds, strict=True)):
        rows, cols = (256, 256) if octaves.repeat is None else (int(n[k]) for n in octaves.repeat)
        # pnoise2 computes in single precision and mirrors its period at 0: stay near and above.
        down = np.mod(octaves.y[k], rows).tolist()
        across = np.mod(octaves.x[k], cols).tolist()
        octave = np.array(
            [[pnoise2(a, b, repeatx=cols, repeaty=rows) for a in across] for b in down]
        )
        if fold != "none":
            octave = 2 * np.abs(octave) - 1 if fold == "billow" else 1 - 2 * np.abs(octave)
        total += weight * octave.reshape(total.shape)
    return total.astype(np.float32)
