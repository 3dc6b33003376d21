"""Fill from similar neighbours, by how they changed between two dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..datasets.errors import ValueRangeError
from ..datasets.tile import FloatArray, Tile
from .common import Area, sample
from .dates import Guide, Placed
from .features import feature_bands

SOURCES = 20_000
"""Clear pixels that neighbours are chosen from, at most: so the search is bounded, and reaches
beyond the rim of a cloud."""
PROBES = 1_000
"""Clear pixels that the error is measured on."""
_BLOCK = 4_096
_TINY = 1e-6


class _Sources(NamedTuple):
    """Pixels that are clear on both dates."""

    at: NDArray[np.intp]
    tree: cKDTree
    """Their rows and columns."""
    compared: FloatArray
    """(n, compared band) the other date."""
    here: FloatArray
    """(n, band) this date."""
    there: FloatArray
    """(n, band) the other date, brought to this one's radiometry."""


@dataclass(frozen=True)
class NeighbourhoodSimilarPixels(Placed):
    """NSPI (Chen, Zhu, Vogelmann, Gao, Jin 2011, Remote Sens. Environ. 115, 1053-1064).

    Of ``searched`` clear pixels near, the ``similar`` ones whose spectra on the other date differ
    least (RMSD) from the pixel's own are weighted by 1 / (RMSD * distance). They give two
    estimates: the mean of what they are on this date, and the pixel's own value on the other date
    plus the mean of how they changed; these are weighted by the inverse of how much the similar
    pixels differ from the pixel, and of how much they changed. The original widens a window until
    it holds enough similar pixels; a fixed number of a sample bounds the time here. The error that
    the confidence tells is that for clear pixels treated as cloudy.
    """

    searched: int = 100
    """Clear pixels that are compared."""
    similar: int = 20
    """Those of them that are used."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.similar <= self.searched:
            raise ValueRangeError(
                f"{self.similar} similar pixels of {self.searched}",
                "1 or more, and no more than are searched",
                "correct the numbers",
            )

    def taken(
        self, tile: Tile, area: Area, guide: Guide, at: NDArray[np.intp]
    ) -> tuple[FloatArray, float]:
        """See :meth:`Placed.taken`."""
        filled = list(guide.relations)
        there = np.stack([guide.band(i) for i in filled]).astype(np.float32)
        sources = _sources(tile, area, guide, there, filled)
        look = _compared(tile, guide)
        values = np.full((len(tile.bands), at.size), np.nan, np.float32)
        values[filled] = self._predict(sources, look, there, at, own=False).T
        probe = sample(area.clear & guide.usable, PROBES, np.random.default_rng(1))
        off = self._predict(sources, look, there, probe, own=True)
        off -= tile.data[filled].reshape(len(filled), -1)[:, probe].T
        light = [tile.bands[i].kind == "reflective" for i in filled]
        error = np.sqrt(np.nanmean(off[:, light] ** 2)) if any(light) else guide.error
        return values, float(error)

    def _predict(
        self,
        sources: _Sources,
        look: FloatArray,
        there: FloatArray,
        at: NDArray[np.intp],
        own: bool,
    ) -> FloatArray:
        """(n, band) values of the pixels ``at``.

        Args:
            own: whether a pixel may be a source itself, and is to be left out then.
        """
        width = there.shape[2]
        flat = there.reshape(len(there), -1)
        out = np.empty((at.size, len(there)), np.float32)
        count = min(self.searched + own, sources.at.size)
        for start in range(0, at.size, _BLOCK):
            part = at[start : start + _BLOCK]
            far, near = sources.tree.query(np.column_stack(np.divmod(part, width)), k=count)
            far, near = far.reshape(part.size, -1), near.reshape(part.size, -1)
            gap = sources.compared[near] - look.reshape(len(look), -1)[:, part].T[:, None]
            unlike = np.sqrt(np.mean(gap**2, axis=2)) + _TINY
            if own:
                unlike[far == 0] = np.inf
            kept = min(self.similar, count)
            best = np.argpartition(unlike, kept - 1, axis=1)[:, :kept]
            take = (np.take_along_axis(a, best, axis=1) for a in (unlike, far, near))
            out[start : start + _BLOCK] = _mix(sources, flat[:, part].T, *take)
        return out


def _mix(
    sources: _Sources,
    before: FloatArray,
    unlike: FloatArray,
    far: FloatArray,
    near: NDArray[np.intp],
) -> FloatArray:
    """(n, band) the two estimates together, from (n, similar) neighbours."""
    weight = 1 / (unlike * np.maximum(far, 1))
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), _TINY)
    here, there = sources.here[near], sources.there[near]
    spatial = np.einsum("nk,nkb->nb", weight, here)
    change = here - there
    temporal = before + np.einsum("nk,nkb->nb", weight, change)
    apart = np.where(np.isfinite(unlike), unlike, 0).mean(axis=1) + _TINY
    changed = np.sqrt(np.nanmean(change**2, axis=2)).mean(axis=1) + _TINY
    share = (changed / (apart + changed))[:, None]  # 1 / apart against 1 / changed
    return np.asarray(share * spatial + (1 - share) * temporal, np.float32)


def _sources(
    tile: Tile, area: Area, guide: Guide, there: FloatArray, filled: list[int]
) -> _Sources:
    both = area.clear & guide.usable
    at = sample(both, SOURCES, np.random.default_rng(0))  # the same scene gives the same bytes
    place = np.column_stack(np.divmod(at, tile.shape[1]))
    flat = tile.data.reshape(len(tile.bands), -1)
    look = _compared(tile, guide)
    return _Sources(
        at,
        cKDTree(place),
        look.reshape(len(look), -1)[:, at].T,
        flat[filled][:, at].T,
        there.reshape(len(there), -1)[:, at].T,
    )


def _compared(tile: Tile, guide: Guide) -> FloatArray:
    """(band, y, x) of the other date: the bands whose spectra are compared."""
    bands = [i for i in feature_bands(tile.bands, cirrus=False) if i in guide.match]
    return guide.tile.data[[guide.match[i] for i in bands or guide.match]]
