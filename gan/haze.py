"""What the rules that take haze off share: whom they correct, and how far they are believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.bands import BandSet
from ..datasets.tile import SPECTRAL, THIN, BoolArray, CloudMask, FilledTile, FloatArray, Tile
from .common import MIN_CLEAR, Area, assemble, untouched
from .relation import confidence

FLOOR = 0.01
"""Error of reflectance to expect where a rule changes nothing."""


class Hazy(NamedTuple):
    """A tile as these rules see it."""

    tile: Tile
    clear: BoolArray
    """(y, x) clear pixels."""
    thin: BoolArray
    """(y, x) pixels under thin cloud."""
    reflective: list[int]
    """Indices of the bands that are corrected."""

    def plane(self, band: int) -> FloatArray:
        """(y, x) values of a band, 0 outside of clear and thin pixels."""
        return np.where(self.clear | self.thin, self.tile.data[band], np.float32(0))


@dataclass(frozen=True)
class HazeRule:
    """Corrects thin cloud by a rule; thick cloud, shadow and other bands are left.

    A scene with fewer than MIN_CLEAR clear pixels is left: they tell what haze-free ground looks
    like, and bound the result. The error to expect of a correction of mean size m is
    sqrt(FLOOR^2 + (``doubt`` m)^2), and the confidence that of
    :func:`kumosan.gan.relation.confidence`.
    """

    bands: ClassVar[BandSet] = BandSet(())
    doubt: ClassVar[float] = 1.0
    """Error as a share of the correction. See docs/fills.md for how it was chosen."""

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Take the haze off; what the rule does not see through stays unfillable.

        Raises:
            GridError: ``mask`` is not on the grid of ``tile``.
            UnfitError: the tile lacks a band that the rule needs.
        """
        area = Area.of(tile, mask)
        tile.bands.locate(self.bands)
        thin = area.todo & (mask.classes == THIN)
        reflective = [i for i, b in enumerate(tile.bands) if b.kind == "reflective"]
        if not reflective or not thin.any() or np.count_nonzero(area.clear) < MIN_CLEAR:
            return untouched(tile, area)
        hazy = Hazy(tile, area.clear, thin, reflective)
        found = self.correct(hazy)
        values = np.full((len(tile.bands), found.shape[1]), np.nan, np.float32)
        values[reflective] = found
        known = np.isfinite(found).all(axis=0)
        size = np.abs(found - tile.data[reflective][:, thin]).mean(axis=0)
        error = np.hypot(FLOOR, self.doubt * size)
        filled = thin.copy()
        filled[thin] = known
        return assemble(tile, area, filled, values[:, known], confidence(error[known]), SPECTRAL)

    def correct(self, hazy: Hazy) -> FloatArray:
        """(reflective band, n) values of the n thin pixels; NaN where the rule does not apply."""
        raise NotImplementedError


LEVELS = 20
"""Levels of haze that are told apart, at most."""
A_LEVEL = 100
"""Pixels of a level, at least."""
DARK = 5.0
"""Percentile of a band's values that counts as its dark objects: one pixel may be noise."""


def dark_rise(
    clear: FloatArray, thin: FloatArray, index: FloatArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much the darkest values rise with an index of haze.

    Args:
        clear: (n,) values of a band at clear pixels.
        thin: (m,) values at thin pixels, and ``index`` (m,) how hazy they are.

    Returns:
        (level,) mean index of each level, ascending, and how far the dark values of that level
        lie above those of the clear pixels.
    """
    levels = int(np.clip(thin.size // A_LEVEL, 1, LEVELS))
    parts = np.array_split(np.argsort(index, kind="stable"), levels)
    base = np.percentile(clear, DARK)
    at = np.array([index[p].mean(dtype=np.float64) for p in parts])
    return at, np.array([np.percentile(thin[p], DARK) - base for p in parts])


def box_mean(plane: FloatArray, where: BoolArray, size_px: int) -> FloatArray:
    """(y, x) means of the pixels of ``where`` in a square window; NaN where it holds none."""
    own = cv2.blur(where.astype(np.float32), (size_px, size_px), borderType=cv2.BORDER_CONSTANT)
    sums = cv2.blur(
        np.where(where, plane, np.float32(0)).astype(np.float32),
        (size_px, size_px),
        borderType=cv2.BORDER_CONSTANT,
    )
    found = own > 0.5 / size_px**2
    return np.where(found, sums / np.where(found, own, 1), np.nan).astype(np.float32)


def box_minimum(plane: FloatArray, where: BoolArray, size_px: int) -> FloatArray:
    """(y, x) least values of the pixels of ``where`` in a square window; inf where none."""
    return np.asarray(
        cv2.erode(
            np.where(where, plane, np.float32(np.inf)).astype(np.float32),
            np.ones((size_px, size_px), np.uint8),
            borderType=cv2.BORDER_CONSTANT,
            borderValue=float("inf"),
        ),
        np.float32,
    )
