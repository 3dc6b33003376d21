"""What a fit on one scene looks at: a pixel's spectrum, its surroundings, the clear ground near.

All windows are boxes of bounded size, so a block of rows with HALO rows on both sides gives
the same numbers as the whole scene.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.bands import BandSet
from ..datasets.tile import BoolArray, FloatArray

MAX_BANDS = 13
"""Bands looked at; of more (imaging spectrometers), as many spread over the spectrum."""
ALIKE_PX = (7, 25)
"""Boxes over pixels of the same class."""
NEAR_PX = (9, 33, 129)
"""Boxes over clear pixels, the smallest that holds one wins."""
HALO = NEAR_PX[-1] // 2
_DARK_PX = 13
_FAR = 1e6


def feature_bands(bands: BandSet, cirrus: bool) -> list[int]:
    """Indices of the bands looked at, by wavelength: the reflective ones, or MAX_BANDS of them.

    Args:
        cirrus: look at the cirrus band too; it sees high cloud but no ground.
    """
    known = known_bands(bands, cirrus)
    if len(known) <= MAX_BANDS:
        return known
    return [known[k] for k in np.linspace(0, len(known) - 1, MAX_BANDS).round().astype(int)]


def known_bands(bands: BandSet, cirrus: bool) -> list[int]:
    """Indices of all reflective bands, by wavelength, and with ``cirrus`` of that band too."""
    kinds = ("reflective", "cirrus") if cirrus else ("reflective",)
    known = [i for i, b in enumerate(bands) if b.kind in kinds]
    return sorted(known, key=lambda i: bands[i].center_nm)


def features(
    planes: FloatArray,
    alike: BoolArray,
    clear: BoolArray,
    where: BoolArray,
    level: FloatArray,
) -> FloatArray:
    """(n, feature) float32 for the n pixels of ``where``.

    For each band: the value; means over 7 and 25 pixels and the minimum over 13, of the pixels
    that are ``alike`` (the same class: a local mean must not mix veiled and clear ground), the
    means as differences from the value; the smooth estimate of clear ground, from the clear
    pixels around. And how much clear ground there is near.

    Args:
        planes: (band, y, x) reflectance; NaN only outside ``alike`` and ``clear``.
        alike: (y, x) bool, the veiled pixels.
        clear: (y, x) bool.
        where: (y, x) bool, part of ``alike``.
        level: (band,) mean of the scene's clear pixels, for places far from any.
    """
    own = alike.astype(np.float32)
    free = clear.astype(np.float32)
    at = np.flatnonzero(where)
    shares = [np.maximum(_box(own, size).ravel()[at], 1e-6) for size in ALIKE_PX]
    # Running sums leave -1e-9.
    near = [np.maximum(_box(free, size).ravel()[at], 0) for size in NEAR_PX]
    found = list(near)
    values = []
    for plane, mean in zip(planes, level, strict=True):
        value = plane.ravel()[at]
        values.append(value)
        veiled = _only(plane, alike)
        for size, share in zip(ALIKE_PX, shares, strict=True):
            found.append(value - _box(veiled, size).ravel()[at] / share)
        dark = cv2.erode(
            _only(plane, alike, _FAR),
            np.ones((_DARK_PX, _DARK_PX), np.uint8),
            borderType=cv2.BORDER_CONSTANT,
            borderValue=_FAR,
        )
        found.append(dark.ravel()[at])
        found.append(_smooth(_only(plane, clear), at, near, float(mean)))
    return np.stack([*values, *found], axis=1).astype(np.float32)


def _smooth(
    ground: FloatArray, at: NDArray[np.intp], near: list[FloatArray], level: float
) -> FloatArray:
    """Means of clear pixels, from the widest box to the smallest that has enough of them.

    Args:
        ground: (y, x) 0 where it is not clear.
        at: (n,) row-major positions.
        near: (n,) share of clear pixels in each of NEAR_PX.
        level: where there are none.
    """
    out = np.full(at.shape, level, np.float32)
    for size, share in zip(reversed(NEAR_PX), reversed(near), strict=True):
        trust = np.minimum(share / np.float32(0.05), 1)
        out += trust * (_box(ground, size).ravel()[at] / np.maximum(share, 1e-6) - out)
    return out


def _box(plane: FloatArray, size: int) -> FloatArray:
    mean = cv2.blur(plane, (size, size), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(mean, np.float32)


def _only(plane: FloatArray, where: BoolArray, else_: float = 0.0) -> FloatArray:
    """The plane where the mask says so. OpenCV needs a fifth of the time that np.where does."""
    out = np.full(plane.shape, else_, np.float32)
    return np.asarray(cv2.copyTo(plane, where.view(np.uint8), out), np.float32)
