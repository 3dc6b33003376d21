"""Fractal Perlin noise, vectorised, equal to ``pnoise2`` of the ``noise`` package.

Gradient noise of Perlin (2002), "Improving noise", with his published permutation. It is
random only through the real-valued offset at which the plane is entered, so every seed works.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..datasets.errors import ValueRangeError
from ..datasets.tile import FloatArray

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


def fade(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Perlin's quintic 6t^5 - 15t^4 + 10t^3: no crease on the lattice (Perlin 2002)."""
    return t * t * t * (t * (t * 6.0 - 15.0) + 10.0)


def noise_grid(x: ArrayLike, y: ArrayLike) -> FloatArray:
    """One octave on the grid spanned by two axes.

    On a grid the noise is separable but for the gradients: it is interpolated along x once for
    every lattice row and then along y, instead of from four corners for every pixel.

    Args:
        x: (nx,) coordinates of the columns in lattice units, any finite numbers.
        y: (ny,) coordinates of the rows.

    Returns:
        (ny, nx) float32, about [-1, 1], 0 wherever x and y are both integers.
    """
    c0, c1, cells_x, between_x = _cells(np.asarray(x, np.float64))
    r0, r1, cells_y, between_y = _cells(np.asarray(y, np.float64))
    inner = PERMUTATION[PERMUTATION[cells_x & 255][None, :] + (cells_y & 255)[:, None]]
    direction = PERMUTATION[inner] & 15
    gx, gy = _GRADIENTS[0][direction], _GRADIENTS[1][direction]

    fx, sx = between_x.astype(np.float32), fade(between_x).astype(np.float32)
    fy, sy = between_y.astype(np.float32)[:, None], fade(between_y).astype(np.float32)[:, None]
    along = gx.take(c0, 1) * (fx * (1 - sx)) + gx.take(c1, 1) * ((fx - 1) * sx)
    across = gy.take(c0, 1) * (1 - sx) + gy.take(c1, 1) * sx
    top = along.take(r0, 0)
    top += fy * across.take(r0, 0)
    bottom = along.take(r1, 0)
    bottom += (fy - 1) * across.take(r1, 0)
    bottom -= top
    bottom *= sy
    bottom += top
    return np.asarray(bottom, np.float32)


def _cells(
    axis: NDArray[np.float64],
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int64], NDArray[np.float64]]:
    """Positions of both lattice neighbours, the lattice lines used, and the fraction between."""
    if not np.isfinite(axis).all():
        raise ValueRangeError(
            "noise coordinates that are not finite", "finite numbers", "check offset and scale"
        )
    low = np.floor(axis)
    cell = low.astype(np.int64)
    first, last = int(cell.min()), int(cell.max()) + 1
    if last - first <= 4 * axis.size:  # the usual case: every line between is used
        return cell - first, cell - first + 1, np.arange(first, last + 1), axis - low
    cells, places = np.unique(np.concatenate([cell, cell + 1]), return_inverse=True)
    return places[: axis.size], places[axis.size :], cells, axis - low


def fractal_noise(
    shape: tuple[int, int],
    period_px: float | tuple[float, float],
    *,
    offset: tuple[float, float] = (0.0, 0.0),
    octaves: int = 6,
    persistence: float = 0.5,
    lacunarity: float = 2.0,
    billow: bool = False,
) -> FloatArray:
    """Octaves of Perlin noise, octave k at ``lacunarity^k`` with weight ``persistence^k``.

    Args:
        shape: (height, width) of the field in pixels.
        period_px: size of a cell of the first octave in pixels; (rows, columns) if they differ.
        offset: (row, column) where the plane is entered, in cells; this is the seed.
        octaves: how many octaves.
        persistence: weight of an octave against the one before.
        lacunarity: frequency of an octave against the one before.
        billow: sum 1 - 2|noise| instead: rounded heaps with creases between, as cumulus tops.

    Returns:
        (height, width) float32 divided by the sum of weights, as ``pnoise2`` does.

    Raises:
        ValueRangeError: no octave, or a period that is not positive.
    """
    rows, cols = period_px if isinstance(period_px, tuple) else (period_px, period_px)
    if octaves < 1 or not (rows > 0 and cols > 0):
        raise ValueRangeError(
            f"{octaves} octaves with a period of {rows:g} x {cols:g} pixels",
            "one octave or more and a positive period",
            "correct octaves or the cloud's scale",
        )
    y = offset[0] + np.arange(shape[0]) / rows
    x = offset[1] + np.arange(shape[1]) / cols
    total = np.zeros(shape, np.float32)
    weight, frequency, weights = 1.0, 1.0, 0.0
    for _ in range(octaves):
        octave = noise_grid(x * frequency, y * frequency)
        if billow:
            octave = 1 - 2 * np.abs(octave)
        total += np.float32(weight) * octave
        weights += weight
        weight *= persistence
        frequency *= lacunarity
    return total / np.float32(weights)


def random_offset(rng: np.random.Generator) -> tuple[float, float]:
    """A (row, column) offset anywhere in the 256 x 256 cells after which the noise repeats."""
    row, col = rng.uniform(0.0, 256.0, 2)
    return float(row), float(col)
