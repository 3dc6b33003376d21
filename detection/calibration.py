"""Whether probabilities mean what they say: reliability curve and calibration error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import GridError
from ..datasets.tile import NODATA, ByteArray, FloatArray

BINS = 10


@dataclass(frozen=True, eq=False)
class Reliability:
    """Sums over equal bins of the probability in [0, 1]; several patches add up."""

    n: NDArray[np.int64]
    """(bin,) pixels."""
    said: NDArray[np.float64]
    """(bin,) sum of their probabilities."""
    true: NDArray[np.int64]
    """(bin,) how many of them are positive in the truth."""

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(self.n + other.n, self.said + other.said, self.true + other.true)

    @property
    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean probability and observed frequency of each bin; NaN where a bin is empty."""
        n = np.where(self.n > 0, self.n, np.nan)
        return self.said / n, self.true / n

    @property
    def error(self) -> float:
        """Expected calibration error: mean |frequency - probability|, bins weighted by pixels.

        Source: Naeini, Cooper, Hauskrecht (2015), AAAI; Guo et al. (2017), ICML, equation 3.
        """
        total = int(self.n.sum())
        return float(np.abs(self.true - self.said).sum() / total) if total else float("nan")


def reliability(
    truth: ByteArray, probability: FloatArray, positive: Iterable[int], bins: int = BINS
) -> Reliability:
    """Compare probabilities with the truth; classes in ``positive`` against the rest.

    Args:
        truth: (y, x) classes; nodata is left out.
        probability: (4, y, x) float, that of each class; pixels with NaN are left out.
        positive: codes whose probabilities are summed.
        bins: number of equal bins.

    Raises:
        GridError: the shapes do not agree.
    """
    if probability.shape[1:] != truth.shape:
        raise GridError(
            f"probabilities of shape {probability.shape}",
            f"(4, {truth.shape[0]}, {truth.shape[1]})",
            "resample them to the truth's grid",
        )
    codes = list(positive)
    chosen = np.zeros(256, bool)
    chosen[codes] = True
    said: NDArray[Any] = probability[codes].sum(0, dtype=np.float64)
    known = (truth != NODATA) & np.isfinite(said)
    said, true = np.clip(said[known], 0, 1), chosen[truth[known]]
    which = np.minimum((said * bins).astype(np.intp), bins - 1)
    return Reliability(
        np.bincount(which, minlength=bins).astype(np.int64),
        np.bincount(which, weights=said, minlength=bins).astype(np.float64),
        np.bincount(which[true], minlength=bins).astype(np.int64),
    )
