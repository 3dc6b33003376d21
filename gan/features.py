"""What a fit on one scene looks at: a pixel's spectrum, its surroundings, the clear ground near.

What is wide is looked at by cells of CELL_PX: means over many pixels change little from one to the
next, and a sixteenth of the numbers has to be summed. All windows are boxes of bounded size, so any
part of a scene with HALO more on all sides gives the numbers of the whole scene, if it begins where
a cell does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from ..datasets.bands import BandSet
from ..datasets.tile import BoolArray, FloatArray

MAX_BANDS = 13
"""Bands looked at; of more (imaging spectrometers), as many spread over the spectrum."""
CELL_PX = 4
ALIKE_PX = (7, 7 * CELL_PX)
"""Boxes over pixels of the same class."""
NEAR_PX = (9, 9 * CELL_PX, 29 * CELL_PX)
"""Boxes over clear pixels, the smallest that holds one wins."""
HALO = NEAR_PX[-1] // 2 + 6
"""How far anything is looked at, pixels: half the widest box, and cells left and right of a pixel
between which is interpolated."""
_DARK_PX = 13
_RIM_PX = _DARK_PX // 2
_FAR = 1e6

Part = tuple[slice, slice]
"""Rows and columns."""


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
    """(n, feature) of the n pixels of ``where``, see `Surroundings.features`.

    Args:
        planes: (band, y, x) reflectance; NaN only outside ``alike`` and ``clear``.
        alike: (y, x) bool, the veiled pixels.
        clear: (y, x) bool.
        where: (y, x) bool, part of ``alike``.
        level: (band,) mean of the scene's clear pixels, for places far from any.
    """
    whole = (slice(0, where.shape[0]), slice(0, where.shape[1]))
    return Surroundings.of(planes, alike, clear, level).features(planes, whole, where)


@dataclass(frozen=True)
class Surroundings:
    """The wide means of a tile, by cells; each array has a cell more on all sides."""

    alike: BoolArray
    """(y, x) the veiled pixels."""
    clear: BoolArray
    """(y, x)"""
    near: list[FloatArray]
    """(cell y, cell x) shares of clear pixels in the wider two of NEAR_PX."""
    means: list[FloatArray]
    """For each band, (cell y, cell x) mean of the pixels alike in the wider box."""
    ground: list[FloatArray]
    """For each band, the smooth estimate of clear ground by the wider two boxes."""

    @classmethod
    def of(
        cls, planes: Iterable[FloatArray], alike: BoolArray, clear: BoolArray, level: FloatArray
    ) -> Surroundings:
        """See `features`; ``planes`` may be made one by one."""
        wide = ALIKE_PX[1] // CELL_PX
        sizes = [size // CELL_PX for size in NEAR_PX[1:]]
        share = np.maximum(_box(_cells(alike.astype(np.float32)), wide), 1e-6)
        free = _cells(clear.astype(np.float32))
        near = [_share(free, size) for size in sizes]
        means: list[FloatArray] = []
        ground: list[FloatArray] = []
        for plane, mean in zip(planes, level, strict=True):
            means.append(np.asarray(_box(_cells(_only(plane, alike)), wide) / share, np.float32))
            cells = _cells(_only(plane, clear))
            found = np.full(cells.shape, mean, np.float32)
            for size, there in zip(reversed(sizes), reversed(near), strict=True):
                _towards(found, _box(cells, size), there)
            ground.append(found)
        return cls(alike, clear, _rimmed(near), _rimmed(means), _rimmed(ground))

    def features(self, planes: FloatArray, part: Part, where: BoolArray) -> FloatArray:
        """(n, feature) float32 for the n pixels of ``where``, as a view of (feature, n).

        For each band: the value; means over about 7 and 28 pixels and the minimum over 13, of the
        pixels that are alike (the same class: a local mean must not mix veiled and clear ground),
        the means as differences from the value; the smooth estimate of clear ground, from the clear
        pixels around. And how much clear ground there is near.

        Args:
            planes: (band, y, x) of `reached` of the part.
            part: it begins where a cell does.
            where: (y, x) bool of the part.
        """
        reached = self.reached(part)
        alike, clear = self.alike[reached], self.clear[reached]
        y, x = np.nonzero(where)
        inner = (y + part[0].start - reached[0].start) * alike.shape[1]
        inner += x + part[1].start - reached[1].start
        at = y * where.shape[1] + x
        own = _box(alike.astype(np.float32), ALIKE_PX[0]).ravel()[inner]
        near = _share(clear.astype(np.float32), NEAR_PX[0]).ravel()[inner]
        n = len(planes)
        out = np.empty((5 * n + len(NEAR_PX), at.size), np.float32)
        out[n] = near
        for row, cells in enumerate(self.near, n + 1):
            out[row] = _fine(cells, part).ravel()[at]
        for k, plane in enumerate(planes):
            row = n + len(NEAR_PX) + 4 * k
            value = plane.ravel()[inner]
            out[k] = value
            mean = _box(_only(plane, alike), ALIKE_PX[0]).ravel()[inner]
            np.subtract(value, mean / own, out=out[row])
            np.subtract(value, _fine(self.means[k], part).ravel()[at], out=out[row + 1])
            out[row + 2] = _darkest(_only(plane, alike, _FAR)).ravel()[inner]
            out[row + 3] = _fine(self.ground[k], part).ravel()[at]
            ground = _box(_only(plane, clear), NEAR_PX[0]).ravel()[inner]
            _towards(out[row + 3], ground, near)
        return out.T

    def reached(self, part: Part) -> Part:
        """The part with what its pixels look at singly."""
        rows, columns = (
            slice(max(s.start - _RIM_PX, 0), min(s.stop + _RIM_PX, n))
            for s, n in zip(part, self.alike.shape, strict=True)
        )
        return rows, columns


def _towards(found: FloatArray, total: FloatArray, share: FloatArray) -> None:
    """Move an estimate in place to the mean of clear pixels of a box, where enough are in it."""
    trust = np.minimum(share / np.float32(0.05), 1)
    found += trust * (total / np.maximum(share, 1e-6) - found)


def _box(plane: FloatArray, size: int) -> FloatArray:
    mean = cv2.blur(plane, (size, size), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(mean, np.float32)


def _share(plane: FloatArray, size: int) -> FloatArray:
    """Running sums leave -1e-9 where there is nothing."""
    return np.asarray(np.maximum(_box(plane, size), 0), np.float32)


def _darkest(plane: FloatArray) -> FloatArray:
    dark = cv2.erode(
        plane,
        np.ones((_DARK_PX, _DARK_PX), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=_FAR,
    )
    return np.asarray(dark, np.float32)


def _cells(plane: FloatArray) -> FloatArray:
    """Means of cells; beyond the edge there is 0."""
    down, right = (-n % CELL_PX for n in plane.shape)
    if down or right:
        plane = np.pad(plane, ((0, down), (0, right)))
    size = (plane.shape[1] // CELL_PX, plane.shape[0] // CELL_PX)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _rimmed(planes: list[FloatArray]) -> list[FloatArray]:
    """Each with the nearest cell beyond its edges."""
    edge = cv2.BORDER_REPLICATE
    return [np.asarray(cv2.copyMakeBorder(p, 1, 1, 1, 1, edge), np.float32) for p in planes]


def _fine(cells: FloatArray, part: Part) -> FloatArray:
    """(y, x) of a part, interpolated between the middles of cells."""
    rows, columns = (slice(s.start // CELL_PX, -(-s.stop // CELL_PX) + 2) for s in part)
    some = cells[rows, columns]
    size = (some.shape[1] * CELL_PX, some.shape[0] * CELL_PX)
    fine = cv2.resize(some, size, interpolation=cv2.INTER_LINEAR)
    height, width = (s.stop - s.start for s in part)
    return np.ascontiguousarray(fine[CELL_PX : CELL_PX + height, CELL_PX : CELL_PX + width])


def _only(plane: FloatArray, where: BoolArray, else_: float = 0.0) -> FloatArray:
    """The plane where the mask says so. OpenCV needs a fifth of the time that np.where does."""
    out = np.full(plane.shape, else_, np.float32)
    return np.asarray(cv2.copyTo(plane, where.view(np.uint8), out), np.float32)
