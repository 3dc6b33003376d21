"""Poisson blending: what is pasted keeps its texture and takes its level from the surroundings.

Perez et al. 2003 (ACM Trans. Graph. 22(3):313-318): among all images that keep the target at
the border of the paste, take the one that minimises the sum over neighbouring pixels p, q of
(f_p - f_q - v_pq)^2, where v are the gradients of the guide (their equation 3, discrete:
equation 7). Written as f = guide + u, the correction u of a single guide is a membrane: it obeys
Laplace's equation and equals target minus guide at the border. It is a sum, not a factor: where
guide and target differ by a factor that varies over the image, a bright rim shifts dark ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from ..datasets.tile import BoolArray
from .laplace import Index, Laplace, Vector


class _Pairs(NamedTuple):
    """Neighbouring pixels p and q as positions in the raveled image."""

    p: Index
    q: Index

    def where(self, which: BoolArray) -> _Pairs:
        return _Pairs(self.p[which], self.q[which])


class Seam:
    """The geometry of one paste, prepared for any number of bands.

    Args:
        source: (y, x) integer, the index of the guide that each pasted pixel is taken from; -1
            where nothing is pasted.
        known: (y, x) bool, pixels of the target that hold good and are not pasted.
        usable: for each guide (y, x) bool, where it has values; everywhere it is pasted from.

    A pair of neighbours counts if both are pasted or one is pasted and the other known, and the
    guide has values at both; where two guides meet, their gradients are averaged. Any other
    border (nodata, edge of the image, what stays unfilled) is a wall without flux. A pasted
    area that touches no known pixel has no level to take, and gets no correction.
    """

    def __init__(
        self, source: NDArray[np.integer], known: BoolArray, usable: Sequence[BoolArray]
    ) -> None:
        self._source = source.ravel()
        self._usable = [u.ravel() for u in usable]
        pasted, held = self._source >= 0, known.ravel() & (self._source < 0)
        self._where = np.flatnonzero(pasted)
        number = np.full(source.size, -1, np.intp)
        number[self._where] = np.arange(self._where.size)

        pairs = _neighbours(source.shape)
        inner = pairs.where(pasted[pairs.p] & pasted[pairs.q])
        self._inner = inner.where(self._reaches(inner.p, inner.q) | self._reaches(inner.q, inner.p))
        out = pairs.where(pasted[pairs.p] & held[pairs.q])
        back = pairs.where(held[pairs.p] & pasted[pairs.q])
        border = _Pairs(np.concatenate([out.p, back.q]), np.concatenate([out.q, back.p]))
        self._border = border.where(self._reaches(border.p, border.q))

        # Rows of the unknowns in the system; those without any anchor are left out.
        n = self._where.size
        a, b = number[self._inner.p], number[self._inner.q]
        links = sparse.coo_array((np.ones(a.size), (a, b)), shape=(n, n)).tocsr()
        links = (links + links.T).tocsr()
        anchors = np.bincount(number[self._border.p], minlength=n)
        _, part = csgraph.connected_components(links, directed=False)
        self._solved = np.flatnonzero(np.bincount(part, anchors)[part] > 0) if n else number[:0]
        self._a, self._b, self._c = a, b, number[self._border.p]
        if self._solved.size:
            degree = np.asarray(links.sum(axis=1)).ravel() + anchors
            matrix = (sparse.diags_array(degree) - links).tocsr()
            matrix = matrix[self._solved][:, self._solved]
            y, x = np.divmod(self._where[self._solved], source.shape[1])
            self._system = Laplace(matrix, y, x)

    def correct(
        self, target: NDArray[np.floating], guides: Sequence[NDArray[np.floating]]
    ) -> Vector:
        """Correction u of one band, (n,) float64 for the n pasted pixels in row-major order.

        Args:
            target: (y, x), read where ``known`` alone.
            guides: for each guide (y, x), read where ``usable`` alone.
        """
        correction = np.zeros(self._where.size)
        if not self._solved.size:
            return correction
        flat = [np.asarray(g, np.float64).ravel() for g in guides]
        p, q = self._border
        anchor = target.ravel()[q].astype(np.float64) - self._at(flat, p, q)
        right = np.zeros(self._where.size)
        right += np.bincount(self._c, anchor, right.size)
        jump = self._jump(flat)
        right += np.bincount(self._a, jump, right.size)
        right -= np.bincount(self._b, jump, right.size)
        correction[self._solved] = self._system.solve(right[self._solved])
        return correction

    def _jump(self, flat: list[Vector]) -> Vector:
        """What u_p - u_q should be inside the paste: 0 unless two guides meet there."""
        jump = np.zeros(self._inner.p.size)
        mixed = self._source[self._inner.p] != self._source[self._inner.q]
        p, q = self._inner.where(mixed)
        if not p.size:
            return jump
        ahead, behind = self._reaches(p, q), self._reaches(q, p)
        own_p, own_q = self._at(flat, p, p), self._at(flat, q, q)
        gradient = np.where(ahead, own_p - self._at(flat, p, q), 0.0)
        gradient += np.where(behind, self._at(flat, q, p) - own_q, 0.0)
        jump[mixed] = gradient / (ahead.astype(float) + behind) - (own_p - own_q)
        return jump

    def _reaches(self, p: Index, q: Index) -> BoolArray:
        """Whether the guide of p has a value at q, too."""
        out = np.zeros(p.size, bool)
        for k, usable in enumerate(self._usable):
            mine = self._source[p] == k
            out[mine] = usable[q[mine]]
        return out

    def _at(self, flat: list[Vector], p: Index, q: Index) -> Vector:
        """Value at q of the guide of p; 0 where that has none."""
        out = np.zeros(p.size)
        for k, (guide, usable) in enumerate(zip(flat, self._usable, strict=True)):
            mine = (self._source[p] == k) & usable[q]
            out[mine] = guide[q[mine]]
        return out


def _neighbours(shape: tuple[int, ...]) -> _Pairs:
    """All pairs of pixels that share an edge."""
    at = np.arange(shape[0] * shape[1]).reshape(shape)
    return _Pairs(
        np.concatenate([at[:, :-1].ravel(), at[:-1].ravel()]),
        np.concatenate([at[:, 1:].ravel(), at[1:].ravel()]),
    )
