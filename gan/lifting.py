"""Spectral lifting: many bands of filled pixels predicted from the few that were filled.

Spectra of land vary in about ten ways only, so a dozen bands spread over the spectrum tell most of
the rest, and how well they do can be measured on the scene's own clear pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from ..datasets.tile import BoolArray, FloatArray, Tile
from .common import MIN_CLEAR, sample

SAMPLES = 20_000
"""Clear pixels that are learnt from, at most."""
HELD_OUT = 0.25
"""Share of the clear pixels, in blocks, that the fit does not see."""
PENALTY = 1e-4
"""Ridge penalty a pixel, for standardised bands."""
_BLOCK_PX = 16
_AT_ONCE = 1 << 17


@dataclass(frozen=True)
class Lifting:
    """Ridge regression (Hoerl & Kennard 1970, Technometrics 12) from known bands to the others.

    Fitted on clear pixels; the error of each band is that on blocks of 16 x 16 pixels that were
    left out, since neighbours are alike. A band that the known ones do not tell (the cirrus band,
    say) is predicted near its mean, and its error says so.
    """

    known: list[int]
    """Indices of the bands predicted from."""
    lifted: list[int]
    """Indices of the bands that are predicted."""
    scaler: StandardScaler
    ridge: Ridge
    error: NDArray[np.float64]
    """(lifted,) out-of-sample RMSE, in the units of each band."""

    @classmethod
    def fit(
        cls,
        tile: Tile,
        clear: BoolArray,
        known: list[int],
        lifted: list[int],
        rng: np.random.Generator,
    ) -> Lifting | None:
        """Learn from the clear pixels that have data in all bands; None if there are too few.

        Args:
            clear: (y, x) bool.
            known: indices of bands, one at least.
            lifted: indices of other bands; those without data in a quarter of the clear ground
                are left out.
        """
        at = sample(clear, SAMPLES, rng)
        n = len(tile.bands)
        spectra = tile.data.reshape(n, -1)[:, at]
        lifted = [i for i in lifted if np.isfinite(spectra[i]).mean() > 0.75]
        whole = np.isfinite(spectra[[*known, *lifted]]).all(axis=0)
        at, spectra = at[whole], spectra[:, whole]
        if at.size < MIN_CLEAR or not lifted:
            return None
        held = _blocks(at, tile.shape[1], rng)
        if not 0 < held.sum() < held.size - MIN_CLEAR // 2:
            held = rng.random(at.size) < HELD_OUT
        x, y = spectra[known].T.astype(np.float64), spectra[lifted].T.astype(np.float64)
        scaler = StandardScaler().fit(x[~held])
        ridge = Ridge(alpha=PENALTY * np.count_nonzero(~held))
        ridge.fit(scaler.transform(x[~held]), y[~held])
        off = ridge.predict(scaler.transform(x[held])).reshape(-1, len(lifted)) - y[held]
        return cls(known, lifted, scaler, ridge, np.sqrt(np.mean(off**2, axis=0)))

    def apply(self, values: FloatArray, here: BoolArray) -> None:
        """Predict the lifted bands of ``values`` (band, ...) from the known, in place, where
        ``here`` (...) says so.

        Pixels whose known values are not all finite are left as they are.
        """
        flat = values.reshape(len(values), -1)
        at = np.flatnonzero(here)
        known, lifted = np.array(self.known)[:, None], np.array(self.lifted)[:, None]
        for start in range(0, at.size, _AT_ONCE):
            part = at[start : start + _AT_ONCE]
            x = flat[known, part]
            part = part[np.isfinite(x).all(axis=0)]
            if part.size:
                x = self.scaler.transform(flat[known, part].T)
                found = self.ridge.predict(x).reshape(part.size, -1)
                flat[lifted, part] = found.T


def _blocks(at: NDArray[np.intp], width: int, rng: np.random.Generator) -> BoolArray:
    """(n,) whether each row-major position lies in a block that is held out."""
    across = width // _BLOCK_PX + 1
    block = at // width // _BLOCK_PX * across + at % width // _BLOCK_PX
    ids, where = np.unique(block, return_inverse=True)
    return np.asarray((rng.random(ids.size) < HELD_OUT)[where], bool)
