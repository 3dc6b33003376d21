"""Octaves of Perlin noise on the grid of two axes: what every backend and layer is drawn with.

Gradient noise of Perlin (2002), "Improving noise", with his published permutation. A pixel row is
a weighted sum of four lattice rows, interpolated along x once each; all octaves together are one
sparse matrix (height, lattice rows) times those rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..datasets.errors import ValueRangeError
from ..datasets.tile import FloatArray

Fold = Literal["none", "billow", "ridged"]
"""What is summed: the noise n; 2|n| - 1, rounded heaps with creases between; or 1 - 2|n|, sharp
ridges with hollows between."""

# The 256 numbers of Perlin's reference implementation (his p[] table).
_TABLE = (
    151, 160, 137, 91, 90, 15, 131, 13, 201, 95, 96, 53, 194, 233, 7, 225, 140, 36, 103, 30, 69,
    142, 8, 99, 37, 240, 21, 10, 23, 190, 6, 148, 247, 120, 234, 75, 0, 26, 197, 62, 94, 252, 219,
    203, 117, 35, 11, 32, 57, 177, 33, 88, 237, 149, 56, 87, 174, 20, 125, 136, 171, 168, 68, 175,
    74, 165, 71, 134, 139, 48, 27, 166, 77, 146, 158, 231, 83, 111, 229, 122, 60, 211, 133, 230,
    220, 105, 92, 41, 55, 46, 245, 40, 244, 102, 143, 54, 65, 25, 63, 161, 1, 216, 80, 73, 209, 76,
    132, 187, 208, 89, 18, 169, 200, 196, 135, 130, 116, 188, 159, 86, 164, 100, 109, 198, 173,
    186, 3, 64, 52, 217, 226, 250, 124, 123, 5, 202, 38, 147, 118, 126, 255, 82, 85, 212, 207, 206,
    59, 227, 47, 16, 58, 17, 182, 189, 28, 42, 223, 183, 170, 213, 119, 248, 152, 2, 44, 154, 163,
    70, 221, 153, 101, 155, 167, 43, 172, 9, 129, 22, 39, 253, 19, 98, 108, 110, 79, 113, 224, 232,
    178, 185, 112, 104, 218, 246, 97, 228, 251, 34, 242, 193, 238, 210, 144, 12, 191, 179, 162,
    241, 81, 51, 145, 235, 249, 14, 239, 107, 49, 192, 214, 31, 181, 199, 106, 157, 184, 84, 204,
    176, 115, 121, 50, 45, 127, 4, 150, 254, 138, 236, 205, 93, 222, 114, 67, 29, 24, 72, 243, 141,
    128, 195, 78, 66, 215, 61, 156, 180,
)  # fmt: skip
PERMUTATION: NDArray[np.int64] = np.tile(np.array(_TABLE, np.int64), 2)
"""(512,) Perlin's permutation of 0..255, twice over so that sums of two indices need no modulo."""

# x and y components of the 16 gradient directions (those of the cube's edges, z dropped).
_GRADIENTS = np.array(
    [
        (1, -1, 1, -1, 1, -1, 1, -1, 0, 0, 0, 0, 1, -1, 0, 0),
        (1, 1, -1, -1, 0, 0, 0, 0, 1, -1, 1, -1, 0, 0, -1, 1),
    ],
    np.float32,
)
_BY_SUM = _GRADIENTS[:, PERMUTATION[PERMUTATION] & 15]
GRADIENT_X, GRADIENT_Y = np.ascontiguousarray(_BY_SUM[0]), np.ascontiguousarray(_BY_SUM[1])
"""(512,) gradient on the lattice, by the sum of ``PERMUTATION[column]`` and the row's number."""


@dataclass(frozen=True)
class Octaves:
    """A sum of octaves, one at least, each with coordinates of its own, on one grid of pixels."""

    y: NDArray[np.float64]
    """(octave, ny) lattice coordinate of every pixel row."""
    x: NDArray[np.float64]
    """(octave, nx) lattice coordinate of every pixel column."""
    weights: NDArray[np.float64]
    """(octave,) what each is multiplied with."""
    folds: tuple[Fold, ...]
    """How each is folded."""
    repeat: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    """(octave,) lattice rows, and columns, after which each repeats; 256 if None."""

    def __add__(self, other: Octaves) -> Octaves:
        """Both sums together (neither with a ``repeat``)."""
        y, x = np.concatenate([self.y, other.y]), np.concatenate([self.x, other.x])
        weights = np.concatenate([self.weights, other.weights])
        return Octaves(y, x, weights, self.folds + other.folds)

    def __mul__(self, factor: float) -> Octaves:
        return replace(self, weights=self.weights * factor)


def fade(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Perlin's quintic 6t^5 - 15t^4 + 10t^3: no crease on the lattice (Perlin 2002)."""
    return t * t * t * (t * (t * 6.0 - 15.0) + 10.0)


@dataclass(frozen=True)
class Columns:
    """Where the pixels of a row lie between lattice lines, in every octave; all (octave, nx)."""

    low: NDArray[np.intp]
    """Permuted number of the lattice line before each pixel: index to add a row's number to."""
    high: NDArray[np.intp]
    """The same of the line after."""
    between: NDArray[np.float64]
    """Fraction of the cell, [0, 1)."""


@dataclass(frozen=True)
class Rows:
    """Where the pixels of a column lie, and the lattice rows that are needed."""

    low: NDArray[np.intp]
    """(octave, ny) position in ``numbers`` of the lattice row before each pixel row; the one
    after it follows."""
    between: NDArray[np.float64]
    """(octave, ny) fraction of the cell, [0, 1)."""
    numbers: NDArray[np.intp]
    """(n,) numbers (0-255) of the lattice rows, octave after octave."""
    starts: list[int]
    """Where each octave begins in ``numbers``, and where the last one ends."""


def _cells(coordinates: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Lattice cell of every coordinate, and the fraction of it."""
    if not np.isfinite(coordinates).all():
        raise ValueRangeError(
            "noise coordinates that are not finite", "finite numbers", "check offset and scale"
        )
    floor = np.floor(coordinates)
    return floor.astype(np.int64), coordinates - floor


def columns(octaves: Octaves) -> Columns:
    """Locate the pixels of a row on the lattice of every octave."""
    cell, between = _cells(octaves.x)
    after = cell + 1
    if octaves.repeat is not None:
        period = octaves.repeat[1][:, None]
        cell, after = cell % period, after % period
    return Columns(PERMUTATION[cell & 255], PERMUTATION[after & 255], between)


def rows(octaves: Octaves) -> Rows:
    """Locate the pixels of a column and list the lattice rows on either side."""
    cell, between = _cells(octaves.y)
    ny = cell.shape[1]
    first = cell.min(1)
    count = cell.max(1) - first + 2
    if (count <= 4 * ny + 2).all():  # the usual case: nearly every line between is used
        starts = np.concatenate([[0], np.cumsum(count)])
        shift = starts[:-1] - first
        low = cell + shift[:, None]
        numbers = np.arange(starts[-1]) - np.repeat(shift, count)
    else:  # pixels far apart: each brings the two lines beside it
        count = np.full(len(cell), 2 * ny)
        starts = 2 * ny * np.arange(len(cell) + 1)
        low = 2 * np.arange(cell.size).reshape(cell.shape)
        numbers = np.stack([cell, cell + 1], 2).ravel()
    if octaves.repeat is not None:
        numbers = numbers % np.repeat(octaves.repeat[0], count)
    return Rows(low, between, numbers & 255, starts.tolist())


def _interpolated(across: Columns, down: Rows) -> FloatArray:
    """(2, lattice rows, nx) rows interpolated along x: x parts of the gradients, then y parts."""
    f, s = across.between.astype(np.float32), fade(across.between).astype(np.float32)
    left, right = 1 - s, s
    octave = np.repeat(np.arange(len(f)), np.diff(down.starts))  # of every lattice row
    numbers = down.numbers[:, None]
    out = np.empty((2, down.numbers.size, f.shape[1]), np.float32)
    for i, (line, pull, share) in enumerate(
        ((across.low, f * left, left), (across.high, (f - 1) * right, right))
    ):
        at = line.take(octave, 0)
        at += numbers
        for part, gradient, weight in ((out[0], GRADIENT_X, pull), (out[1], GRADIENT_Y, share)):
            if i == 0:
                np.multiply(gradient.take(at), weight.take(octave, 0), out=part)
            else:
                other = gradient.take(at)
                other *= weight.take(octave, 0)
                part += other
    return out


def draw(octaves: Octaves) -> FloatArray:
    """(ny, nx) float32 weighted sum of the folded octaves."""
    down = rows(octaves)
    lattice = _interpolated(columns(octaves), down)
    n = lattice.shape[1]
    lines = lattice.reshape(2 * n, -1)
    t, s = down.between, fade(down.between)
    share = np.empty((*t.shape, 4), np.float32)
    place = np.empty((*t.shape, 4), np.int32)
    for i, (weight, shift) in enumerate(
        ((1 - s, 0), (s, 1), (t * (1 - s), n), ((t - 1) * s, n + 1))
    ):
        share[..., i] = weight * octaves.weights[:, None]
        place[..., i] = down.low + shift
    total = np.zeros((t.shape[1], lines.shape[1]), np.float32)
    for kind, sign in (("none", 0), ("billow", 1), ("ridged", -1)):
        chosen = [k for k, fold in enumerate(octaves.folds) if fold == kind]
        if not chosen:
            continue
        w, p = (a[chosen] for a in (share, place))
        if not sign:  # all octaves of a pixel row side by side: their sum
            part = _product(w.transpose(1, 0, 2), p.transpose(1, 0, 2), lines)
        else:
            apart = _product(w.reshape(-1, 1, 4), p.reshape(-1, 1, 4), lines)
            np.abs(apart, out=apart)
            part = np.add.reduce(apart.reshape(len(chosen), t.shape[1], -1))
            part *= np.float32(2 * sign)
            part -= np.float32(sign * float(octaves.weights[chosen].sum()))
        total += part
    return total


def _product(share: FloatArray, place: NDArray[np.int32], lines: FloatArray) -> FloatArray:
    """(n, nx) sums of those of ``lines`` at (n, octave, 4) ``place`` times ``share``."""
    n, each = place.shape[0], place.shape[1] * place.shape[2]
    ends = np.arange(0, n * each + 1, each, dtype=np.int32)
    matrix = sparse.csr_matrix((share.ravel(), place.ravel(), ends), (n, len(lines)))
    return np.asarray(matrix @ lines, np.float32)
