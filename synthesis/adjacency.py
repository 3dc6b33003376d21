"""The brightened rim of thick cloud: light from its sides, scattered by the air beside it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..datasets.tile import FloatArray
from . import optics
from .clouds import CloudPlane

WIDTH_M = 250.0
"""Standard deviation of the glow: it reaches a few hundred metres."""
LIMIT = 0.01
"""Glow at 470 nm up to which nothing is painted; only the excess is, so that the rim fades to
nothing where its label ends. A water cloud of optical thickness .13 is as bright."""
_ALPHA = 2.0
# Between the molecules' 4 and haze's 1.3: both scatter it (Marshak et al. 2008, J. Geophys. Res.
# 113; Varnai & Marshak 2009, Geophys. Res. Lett. 36).


def glow(planes: Sequence[CloudPlane], shape: tuple[int, int], gsd_m: float) -> FloatArray | None:
    """(y, x) float32 reflectance at 470 nm added beside and below cloud; None for none.

    The cloud's reflectance, blurred by ``WIDTH_M``, times the layer's ``adjacency``, less
    ``LIMIT``. The blur is done on a coarser grid.
    """
    total: FloatArray | None = None
    step = max(1, int(WIDTH_M / gsd_m / 3))
    size = tuple(max(1, -(-n // step)) for n in shape[::-1])
    for plane in planes:
        layer = plane.layer
        if layer.adjacency == 0:
            continue
        white = optics.reflectance(plane.above_tile, layer.asymmetry)
        small = cv2.resize(white, size, interpolation=cv2.INTER_AREA)
        sigma = max(WIDTH_M / gsd_m / step, 0.3)
        small = cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        part = np.float32(layer.adjacency) * np.asarray(small, np.float32)
        total = part if total is None else total + part
    if total is None or total.max() <= LIMIT:
        return None
    full = np.asarray(cv2.resize(total, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    full -= np.float32(LIMIT)
    return np.maximum(full, 0, out=full)


def spectrum(nm: float) -> float:
    """Glow at ``nm`` over that at 470 nm."""
    return float((nm / 470.0) ** -_ALPHA)
