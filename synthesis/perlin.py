"""Fractal Perlin noise, vectorised, equal to ``pnoise2`` of the ``noise`` package.

It is random only through the real-valued offset at which the plane is entered, so every seed
works. How it is computed: ``lattice``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..datasets.errors import UsageError, ValueRangeError
from ..datasets.tile import FloatArray
from .lattice import Fold, Octaves, draw


def noise_grid(x: ArrayLike, y: ArrayLike, repeat: tuple[int, int] | None = None) -> FloatArray:
    """One octave on the grid spanned by two axes.

    Args:
        x: (nx,) coordinates of the columns in lattice units, any finite numbers.
        y: (ny,) coordinates of the rows.
        repeat: (rows, columns) of cells after which the noise repeats; 256 if not given.

    Returns:
        (ny, nx) float32, about [-1, 1], 0 wherever x and y are both integers.
    """
    down, across = np.atleast_2d(np.asarray(y, np.float64), np.asarray(x, np.float64))
    cells = None if repeat is None else (np.array(repeat[:1]), np.array(repeat[1:]))
    return draw(Octaves(down, across, np.ones(1), ("none",), cells))


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
    planned = plan(shape, period_px, offset, octaves, persistence, lacunarity, fold, repeat)
    if backend == "noise":
        from .perlin_reference import draw_reference

        return draw_reference(planned)
    if backend != "numpy":
        raise UsageError(f"a noise backend '{backend}'", "numpy or noise", "correct the name")
    return draw(planned)


def plan(
    shape: tuple[int, int],
    period_px: float | tuple[float, float],
    offset: tuple[float, float] = (0.0, 0.0),
    octaves: int = 6,
    persistence: float = 0.5,
    lacunarity: float = 2.0,
    fold: Fold = "none",
    repeat: tuple[int, int] | None = None,
) -> Octaves:
    """The octaves of ``fractal_noise``, to be drawn or added to others; weights sum to 1."""
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
    y = (offset[0] + np.arange(shape[0]) / rows) * frequencies[:, None]
    x = (offset[1] + np.arange(shape[1]) / cols) * frequencies[:, None]
    cells = None
    if repeat is not None:
        down, across = (np.round(n * frequencies).astype(np.int64) for n in repeat)
        cells = down, across
    return Octaves(y, x, weights / weights.sum(), (fold,) * octaves, cells)


def random_offset(rng: np.random.Generator) -> tuple[float, float]:
    """A (row, column) offset anywhere in the 256 x 256 cells after which the noise repeats."""
    row, col = rng.uniform(0.0, 256.0, 2)
    return float(row), float(col)
