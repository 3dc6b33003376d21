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
from numpy.typing import NDArray

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
Pixels = tuple[NDArray[np.intp], ...]
"""Row and column of each."""


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
    return Surroundings.of(planes, alike, clear, level).features(planes, whole, np.nonzero(where))


@dataclass(frozen=True)
class Surroundings:
    """The wide means of a tile, by cells, and where its pixels are veiled or clear."""

    alike: BoolArray
    """(y, x) the veiled pixels."""
    clear: BoolArray
    """(y, x)"""
    wide: FloatArray
    """(cell y, cell x, 2 + 2 band), a cell more on all sides: the shares of clear pixels in the
    wider two of NEAR_PX; of each band the mean of the pixels alike in the wider box; of each band
    the smooth estimate of clear ground by the wider two boxes."""

    @classmethod
    def of(
        cls, planes: Iterable[FloatArray], alike: BoolArray, clear: BoolArray, level: FloatArray
    ) -> Surroundings:
        """See `features`; ``planes`` may be made one by one."""
        size = ALIKE_PX[1] // CELL_PX
        sizes = [wide // CELL_PX for wide in NEAR_PX[1:]]
        share = np.maximum(_box(_cells(alike.astype(np.float32)), size), 1e-6)
        free = _cells(clear.astype(np.float32))
        near = [_share(_box(free, wide)) for wide in sizes]
        means: list[FloatArray] = []
        ground: list[FloatArray] = []
        veiled, bare = (np.zeros(alike.shape, np.float32) for _ in range(2))
        for plane, mean in zip(planes, level, strict=True):
            mean_alike = _box(_cells(_only(plane, alike, veiled)), size) / share
            means.append(np.asarray(mean_alike, np.float32))
            cells = _cells(_only(plane, clear, bare))
            found = np.full(cells.shape, mean, np.float32)
            for wide, there in zip(reversed(sizes), reversed(near), strict=True):
                _towards(found, _box(cells, wide), there)
            ground.append(found)
        return cls(alike, clear, _rimmed([*near, *means, *ground]))

    def features(self, planes: FloatArray, part: Part, pixels: Pixels) -> FloatArray:
        """(n, feature) float32 for n pixels of a part.

        For each band: the value; means over about 7 and 28 pixels and the minimum over 13, of the
        pixels that are alike (the same class: a local mean must not mix veiled and clear ground),
        the means as differences from the value; the smooth estimate of clear ground, from the clear
        pixels around. And how much clear ground there is near.

        Args:
            planes: (band, y, x) of `reached` of the part.
            part: it begins where a cell does.
            pixels: rows and columns in the part, (n,) each.
        """
        reached = self.reached(part)
        alike, clear = self.alike[reached], self.clear[reached]
        y, x = pixels
        inner = (y + part[0].start - reached[0].start) * alike.shape[1]
        inner += x + part[1].start - reached[1].start
        n = len(planes)
        # Pixels that nobody looks at may lack data. Bands lie side by side from here on: filtered
        # in one go, and what a pixel is given is read in one piece.
        spectra = cv2.merge([*planes])
        veiled = _only(spectra, alike, np.zeros_like(spectra))
        bare = _only(spectra, clear, np.zeros_like(spectra))
        dark = _darkest(_only(spectra, alike, np.full_like(spectra, _FAR)))
        wide = self._fine(part, y, x)
        value = _at(veiled, inner)
        own = _at(_box(alike.astype(np.float32), ALIKE_PX[0]), inner)
        near = _share(_at(_box(clear.astype(np.float32), NEAR_PX[0]), inner))
        out = np.empty((inner.size, 5 * n + len(NEAR_PX)), np.float32)
        out[:, :n] = value
        out[:, n : n + 1] = near
        out[:, n + 1 : n + len(NEAR_PX)] = wide[:, :2]
        each = out[:, n + len(NEAR_PX) :].reshape(-1, n, 4)
        np.subtract(value, _at(_small_box(veiled, ALIKE_PX[0]), inner) / own, out=each[..., 0])
        np.subtract(value, wide[:, 2 : 2 + n], out=each[..., 1])
        each[..., 2] = _at(dark, inner)
        ground = wide[:, 2 + n :]
        _towards(ground, _at(_small_box(bare, NEAR_PX[0]), inner), near)
        each[..., 3] = ground
        return out

    def _fine(self, part: Part, y: NDArray[np.intp], x: NDArray[np.intp]) -> FloatArray:
        """(n, 2 + 2 band) of ``wide`` at pixels of a part, interpolated between the middles of
        cells."""
        some = self.wide[tuple(slice(s.start // CELL_PX, -(-s.stop // CELL_PX) + 2) for s in part)]
        size = (some.shape[1] * CELL_PX, some.shape[0] * CELL_PX)
        fine = cv2.resize(np.ascontiguousarray(some), size, interpolation=cv2.INTER_LINEAR)
        return _at(np.asarray(fine, np.float32), (y + CELL_PX) * size[0] + x + CELL_PX)

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
    found *= 1 - trust
    found += total * (trust / np.maximum(share, 1e-6))


def _box(plane: FloatArray, size: int) -> FloatArray:
    mean = cv2.blur(plane, (size, size), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(mean, np.float32)


def _small_box(pixels: FloatArray, size: int) -> FloatArray:
    """The same without running sums, which many bands side by side are slow in."""
    row = np.full(size, 1 / size, np.float32)
    mean = cv2.sepFilter2D(pixels, -1, row, row, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(mean, np.float32)


def _share(mean: FloatArray) -> FloatArray:
    """Running sums leave -1e-9 where there is nothing."""
    return np.asarray(np.maximum(mean, 0), np.float32)


def _darkest(pixels: FloatArray) -> FloatArray:
    return np.asarray(cv2.erode(pixels, np.ones((_DARK_PX, _DARK_PX), np.uint8)), np.float32)


def _cells(plane: FloatArray) -> FloatArray:
    """Means of cells; beyond the edge there is 0."""
    down, right = (-n % CELL_PX for n in plane.shape)
    if down or right:
        plane = np.pad(plane, ((0, down), (0, right)))
    size = (plane.shape[1] // CELL_PX, plane.shape[0] // CELL_PX)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _rimmed(planes: list[FloatArray]) -> FloatArray:
    """(y, x, plane) with the nearest cell beyond the edges."""
    edge = cv2.BORDER_REPLICATE
    return np.asarray(cv2.copyMakeBorder(np.stack(planes, -1), 1, 1, 1, 1, edge), np.float32)


def _only(values: FloatArray, where: BoolArray, else_: FloatArray) -> FloatArray:
    """``else_`` with the values where the mask says so, in place. OpenCV needs a fifth of the time
    that np.where does."""
    return np.asarray(cv2.copyTo(values, where.view(np.uint8), else_), np.float32)


def _at(pixels: FloatArray, at: NDArray[np.intp]) -> FloatArray:
    """(n, band) of (y, x, band), or of (y, x), at row-major positions."""
    height, width = pixels.shape[:2]
    return pixels.reshape(height * width, -1).take(at, axis=0)
