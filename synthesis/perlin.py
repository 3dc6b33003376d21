"""Fractal Perlin noise, vectorised, equal to ``pnoise2`` of the ``noise`` package.

Gradient noise of Perlin (2002), "Improving noise", with his published permutation. It is
random only through the real-valued offset at which the plane is entered, so every seed works.
A pixel row is a weighted sum of four lattice rows, interpolated along x once each; all octaves
together are one sparse matrix (height, lattice rows) times those rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..datasets.errors import UsageError, ValueRangeError
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

Fold = Literal["none", "billow", "ridged"]
"""What is summed: the noise n; 2|n| - 1, rounded heaps with creases between; or 1 - 2|n|, sharp
ridges with hollows between."""

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
    """(octave, ny) position in ``numbers`` of the lattice row before each pixel row."""
    high: NDArray[np.intp]
    """(octave, ny) position of the one after."""
    between: NDArray[np.float64]
    """(octave, ny) fraction of the cell, [0, 1)."""
    numbers: tuple[NDArray[np.intp], ...]
    """Numbers (0-255) of the lattice rows of each octave; positions count through all."""


def _cells(
    coordinates: NDArray[np.float64], frequencies: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(octave, n) lattice cell of every coordinate, and the fraction of it."""
    if not np.isfinite(coordinates).all():
        raise ValueRangeError(
            "noise coordinates that are not finite", "finite numbers", "check offset and scale"
        )
    scaled = coordinates * frequencies[:, None]
    floor = np.floor(scaled)
    return floor.astype(np.int64), scaled - floor


def columns(
    x: NDArray[np.float64], frequencies: NDArray[np.float64], repeat: int | None = None
) -> Columns:
    """Locate ``x`` (first-octave cells) on a lattice that repeats after ``repeat`` cells."""
    cell, between = _cells(x, frequencies)
    after = cell + 1
    if repeat is not None:
        period = np.round(repeat * frequencies).astype(np.int64)[:, None]
        cell, after = cell % period, after % period
    return Columns(PERMUTATION[cell & 255], PERMUTATION[after & 255], between)


def rows(
    y: NDArray[np.float64], frequencies: NDArray[np.float64], repeat: int | None = None
) -> Rows:
    """Locate ``y`` (first-octave cells) and list the lattice rows on either side."""
    cell, between = _cells(y, frequencies)
    low, high = np.empty((2, *cell.shape), np.intp)
    numbers, start = [], 0
    ends = cell.min(1).tolist(), (cell.max(1) + 1).tolist()
    for k, (octave, first, last) in enumerate(zip(cell, *ends, strict=True)):
        if last - first <= 4 * y.size:  # the usual case: every line between is used
            lines: NDArray[np.int64] = np.arange(first, last + 1)
            low[k] = octave - (first - start)
            high[k] = low[k] + 1
        else:
            lines, places = np.unique(np.concatenate([octave, octave + 1]), return_inverse=True)
            low[k], high[k] = places[: y.size] + start, places[y.size :] + start
        if repeat is not None:
            lines = lines % round(repeat * frequencies[k])
        numbers.append(lines & 255)
        start += lines.size
    return Rows(low, high, between, tuple(numbers))


def _interpolated(across: Columns, down: Rows) -> FloatArray:
    """(2, lattice rows, nx) rows interpolated along x: x parts of the gradients, then y parts."""
    f, s = across.between.astype(np.float32), fade(across.between).astype(np.float32)
    left, right = 1 - s, s
    pull_left, pull_right = f * left, (f - 1) * right
    out = np.empty((2, sum(n.size for n in down.numbers), f.shape[1]), np.float32)
    start = 0
    for k, number in enumerate(down.numbers):
        before, after = number[:, None] + across.low[k], number[:, None] + across.high[k]
        for part, gradient, weights in (
            (out[0], GRADIENT_X, (pull_left[k], pull_right[k])),
            (out[1], GRADIENT_Y, (left[k], right[k])),
        ):
            block = part[start : start + number.size]
            np.multiply(gradient.take(before), weights[0], out=block)
            block += gradient.take(after) * weights[1]
        start += number.size
    return out


def _octaves(
    across: Columns, down: Rows, weights: NDArray[np.float64], together: bool
) -> Iterator[FloatArray]:
    """Weighted octaves, each (ny, nx), or one field that is their sum."""
    lattice = _interpolated(across, down)
    n = lattice.shape[1]
    t, s = down.between, fade(down.between)
    share = np.stack([1 - s, s, t * (1 - s), (t - 1) * s], 2) * weights[:, None, None]
    place = np.stack([down.low, down.high, n + down.low, n + down.high], 2)
    if together:  # (octave, ny, 4) -> all octaves of a pixel row side by side
        share = share.transpose(1, 0, 2).reshape(1, t.shape[1], -1)
        place = place.transpose(1, 0, 2).reshape(1, t.shape[1], -1)
    ny, k = place.shape[1:]
    starts = np.arange(0, ny * k + 1, k, dtype=np.int32)
    matrix: sparse.csr_matrix | None = None
    for p, w in zip(place.astype(np.int32), share.astype(np.float32), strict=True):
        if matrix is None:
            matrix = sparse.csr_matrix((w.ravel(), p.ravel(), starts), (ny, 2 * n))
        matrix.indices, matrix.data = p.ravel(), w.ravel()  # quicker than a new one
        yield np.asarray(matrix @ lattice.reshape(2 * n, -1), np.float32)


def noise_grid(x: ArrayLike, y: ArrayLike, repeat: tuple[int, int] | None = None) -> FloatArray:
    """One octave on the grid spanned by two axes.

    Args:
        x: (nx,) coordinates of the columns in lattice units, any finite numbers.
        y: (ny,) coordinates of the rows.
        repeat: (rows, columns) of cells after which the noise repeats; 256 if not given.

    Returns:
        (ny, nx) float32, about [-1, 1], 0 wherever x and y are both integers.
    """
    one = np.ones(1)
    down, right = repeat or (None, None)
    across = columns(np.asarray(x, np.float64), one, right)
    return next(_octaves(across, rows(np.asarray(y, np.float64), one, down), one, True))


def fractal_noise(
    shape: tuple[int, int],
    period_px: float | tuple[float, float],
    *,
    offset: tuple[float, float] = (0.0, 0.0),
    octaves: int = 6,
    persistence: float = 0.5,
    lacunarity: float = 2.0,
    fold: Fold = "none",
    repeat: tuple[int, int] | None = None,
    backend: Literal["numpy", "noise"] = "numpy",
) -> FloatArray:
    """Octaves of Perlin noise, octave k at ``lacunarity^k`` with weight ``persistence^k``.

    Args:
        shape: (height, width) of the field in pixels.
        period_px: size of a cell of the first octave in pixels; (rows, columns) if they differ.
        offset: (row, column) where the plane is entered, in cells; this is the seed.
        octaves: how many octaves.
        persistence: weight of an octave against the one before.
        lacunarity: frequency of an octave against the one before.
        fold: what is summed.
        repeat: (rows, columns) of first-octave cells after which the field repeats without a
            seam; needs a whole ``lacunarity``. 256 if not given, as the permutation does.
        backend: ``noise`` calls ``pnoise2`` of that package for every pixel: the reference, and
            slow. The field is the same but for rounding.

    Returns:
        (height, width) float32 divided by the sum of weights, as ``pnoise2`` does.

    Raises:
        ValueRangeError: no octave, a period or repeat that is not positive, or an offset that is
            not finite.
        MissingExtraError: the package ``noise`` is asked for and not installed.
    """
    y, x, frequencies, weights = plan(
        shape, period_px, offset, octaves, persistence, lacunarity, repeat
    )
    if backend == "noise":
        from .perlin_reference import octave_sum

        return octave_sum(x, y, frequencies, weights, fold, repeat)
    if backend != "numpy":
        raise UsageError(f"a noise backend '{backend}'", "numpy or noise", "correct the name")
    return fractal_axes(y, x, frequencies, weights, fold, repeat)


def fractal_axes(
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    frequencies: NDArray[np.float64],
    weights: NDArray[np.float64],
    fold: Fold = "none",
    repeat: tuple[int, int] | None = None,
) -> FloatArray:
    """(y, x) sum of octaves on the grid of two axes (first-octave cells, in any order)."""
    down, right = repeat or (None, None)
    across, lattice_rows = columns(x, frequencies, right), rows(y, frequencies, down)
    parts = _octaves(across, lattice_rows, weights, fold == "none")
    if fold == "none":
        return next(parts)
    total = np.zeros((y.size, x.size), np.float32)
    for octave in parts:
        total += np.abs(octave, out=octave)
    total *= 2 if fold == "billow" else -2
    total += -1 if fold == "billow" else 1
    return total


def plan(
    shape: tuple[int, int],
    period_px: float | tuple[float, float],
    offset: tuple[float, float],
    octaves: int,
    persistence: float,
    lacunarity: float,
    repeat: tuple[int, int] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Row and column coordinates in cells, and of every octave frequency and weight (sum 1)."""
    rows, cols = period_px if isinstance(period_px, tuple) else (period_px, period_px)
    if octaves < 1 or not (rows > 0 and cols > 0):
        raise ValueRangeError(
            f"{octaves} octaves with a period of {rows:g} x {cols:g} pixels",
            "one octave or more and a positive period",
            "correct octaves or the cloud's scale",
        )
    if repeat is not None and (min(repeat) < 1 or lacunarity != round(lacunarity)):
        raise ValueRangeError(
            f"noise repeating after {repeat[0]} x {repeat[1]} cells with lacunarity {lacunarity:g}",
            "one cell or more and a whole lacunarity",
            "correct repeat, or use lacunarity 2",
        )
    frequencies = np.float64(lacunarity) ** np.arange(octaves)
    weights = np.float64(persistence) ** np.arange(octaves)
    y = offset[0] + np.arange(shape[0]) / rows
    x = offset[1] + np.arange(shape[1]) / cols
    return y, x, frequencies, weights / weights.sum()


def random_offset(rng: np.random.Generator) -> tuple[float, float]:
    """A (row, column) offset anywhere in the 256 x 256 cells after which the noise repeats."""
    row, col = rng.uniform(0.0, 256.0, 2)
    return float(row), float(col)
