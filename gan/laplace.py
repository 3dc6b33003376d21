"""Solve Laplace-like equations on the pixels of an image, thousands or millions of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

Vector = NDArray[np.float64]
Index = NDArray[np.intp]

DIRECT = 30_000
"""Unknowns up to which the matrix is factorised; beyond, conjugate gradients."""
TOLERANCE = 1e-6
"""Residual at which the conjugate gradients stop, relative to the right-hand side."""
MAX_ITERATIONS = 200
"""Bound of the conjugate gradients; about 15 suffice, also for a million unknowns."""
_COARSEST = 4_000
_SWEEPS, _DAMPING = 2, 0.7
_STRETCH = 1.6
"""Blocks that move as one are too stiff (about twofold in a plane: Braess 1995, Computing 55,
section 3), so the coarse correction is lengthened; below 2 it stays positive definite."""


@dataclass(frozen=True)
class _Level:
    matrix: Any
    """Sparse (n, n), symmetric positive definite."""
    damped: Vector
    """(n,) damping divided by the diagonal."""
    block: Any
    """Sparse (n, m): which of the m blocks of 2 x 2 pixels each unknown belongs to."""


class Laplace:
    """A symmetric positive definite system whose unknowns are pixels, for many right-hand sides.

    Args:
        matrix: sparse (n, n): the graph Laplacian of neighbouring pixels, with something added
            on the diagonal where a pixel is held.
        y: (n,) rows of the unknowns.
        x: (n,) columns of the unknowns.

    Small systems are factorised. Large ones are solved by conjugate gradients, preconditioned
    by a multigrid cycle over blocks of 2 x 2, 4 x 4, ... pixels (Braess 1995, Computing 55,
    379-393); memory and time grow about linearly with n.
    """

    def __init__(self, matrix: Any, y: Index, x: Index, direct: int = DIRECT) -> None:
        self._matrix = matrix
        self._levels: list[_Level] = []
        limit = direct if matrix.shape[0] <= direct else _COARSEST
        while matrix.shape[0] > limit:
            y, x = y // 2, x // 2
            keys, number = np.unique(y * (int(x.max()) + 1) + x, return_inverse=True)
            first = np.empty(keys.size, np.intp)
            first[number] = np.arange(number.size)
            ones = (np.ones(number.size), (np.arange(number.size), number))
            block = sparse.csr_array(ones, shape=(number.size, keys.size))
            self._levels.append(_Level(matrix, _DAMPING / matrix.diagonal(), block))
            matrix = (block.T @ matrix @ block).tocsr()
            y, x = y[first], x[first]
        self._coarsest = linalg.splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A")

    def solve(self, right: Vector) -> Vector:
        """(n,) solution for the right-hand side ``right`` (n,)."""
        if not self._levels:
            exact: Vector = self._coarsest.solve(right)
            return exact
        shape = self._matrix.shape
        cycle = linalg.LinearOperator(shape, matvec=lambda r: self._cycle(r.ravel(), 0))
        # Stopped by the bound, the result is still a smooth correction, only less exact.
        found, _ = linalg.cg(self._matrix, right, rtol=TOLERANCE, maxiter=MAX_ITERATIONS, M=cycle)
        solution: Vector = found
        return solution

    def _cycle(self, residual: Vector, depth: int) -> Vector:
        """One V-cycle: an approximate, symmetric inverse of the matrix of level ``depth``."""
        if depth == len(self._levels):
            exact: Vector = self._coarsest.solve(residual)
            return exact
        level = self._levels[depth]
        guess: Vector = level.damped * residual
        for _ in range(_SWEEPS - 1):
            guess += level.damped * (residual - level.matrix @ guess)
        coarse = level.block.T @ (residual - level.matrix @ guess)
        guess += _STRETCH * (level.block @ self._cycle(coarse, depth + 1))
        for _ in range(_SWEEPS):
            guess += level.damped * (residual - level.matrix @ guess)
        return guess
