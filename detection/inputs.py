"""From a tile to what the networks read: which bands it must have, its pixel size, its gaps."""

from __future__ import annotations

import numpy as np

from ..datasets.bands import BLUE, GREEN, NIR, RED, BandSet
from ..datasets.errors import UnfitError
from ..datasets.tile import BoolArray, FloatArray, Tile

NEEDED = BandSet((GREEN, RED))
"""What every tile must have, and blue or near infrared beside."""
FINEST_M, WORKING_M = 8.0, 10.0
"""Images of pixels below the first (metres) are averaged to about the second: the networks were
trained on 10 m and coarser."""


def check_bands(tile: Tile) -> None:
    """Raise UnfitError unless the tile has green, red, and blue or near infrared."""
    tile.bands.locate(NEEDED)
    if tile.bands.find(BLUE) is None and tile.bands.find(NIR) is None:
        raise UnfitError(
            f"bands {', '.join(map(str, tile.bands))}",
            f"{BLUE} or {NIR} beside green and red",
            "use a detector that fits",
        )


def filled(image: FloatArray, valid: BoolArray) -> FloatArray:
    """``image`` with the median of each band where nothing is known: a border that looks like
    ground, not like shadow."""
    if valid.all() or not valid.any():
        return image
    medians = np.array([np.median(plane[valid]) for plane in image], np.float32)
    return np.where(valid, image, medians[:, None, None])


def coarsening(gsd_m: float | None) -> float:
    """Pixels of an image for one of what the networks read, along each side."""
    return WORKING_M / gsd_m if gsd_m is not None and gsd_m < FINEST_M else 1.0


def resized(planes: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Planes on ``shape`` pixels: averaged where they become fewer, else interpolated."""
    import cv2

    fewer = shape[0] < planes.shape[1] or shape[1] < planes.shape[2]
    how = cv2.INTER_AREA if fewer else cv2.INTER_LINEAR
    return np.stack([cv2.resize(p, shape[::-1], interpolation=how) for p in planes])
