"""Guided upsampling: coarse probabilities take on the edges of a finer image.

He & Sun 2015, "Fast Guided Filter" (arXiv:1505.00996): in every small neighbourhood the answer is
a linear function of the guide, fitted at the coarse resolution (He et al. 2013, eqs. 5 and 6) and
applied to the fine guide.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.tile import FloatArray

RADIUS_PX = 2
"""Neighbourhoods are squares of 2 x 2 + 1 coarse pixels."""
EPSILON = 0.005**2
"""Variance of the guide, in reflectance squared, below which there is no edge."""


def guided(p: FloatArray, coarse: FloatArray, fine: FloatArray) -> FloatArray:
    """(class, y, x) float32 probabilities on the grid of ``fine``, in [0, 1], summing to 1.

    Args:
        p: (class, y, x) probabilities on the coarse grid.
        coarse: (y, x) the guide on the coarse grid.
        fine: (y, x) the same on the fine grid.
    """
    mean = _boxed(coarse)
    variance = _boxed(coarse * coarse) - mean * mean
    out = np.empty((len(p), *fine.shape), np.float32)
    for plane, target in zip(p, out, strict=True):
        level = _boxed(plane)
        slope = (_boxed(coarse * plane) - mean * level) / (np.maximum(variance, 0) + EPSILON)
        base = level - slope * mean
        target[...] = _upsampled(_boxed(slope), fine.shape) * fine
        target += _upsampled(_boxed(base), fine.shape)
    np.clip(out, 0, 1, out=out)
    out /= np.maximum(out.sum(axis=0), 1e-6)
    return out


def _boxed(plane: NDArray[Any]) -> FloatArray:
    side = 2 * RADIUS_PX + 1
    return np.asarray(cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def _upsampled(plane: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    up = cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(up, np.float32)
