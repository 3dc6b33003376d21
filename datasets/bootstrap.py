"""How far a figure may be trusted: intervals by drawing whole places again."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
LEVEL = 0.95


def redrawn(
    parts: Iterable[tuple[Hashable, Sequence[float]]], seed: int, resamples: int = RESAMPLES
) -> NDArray[Any]:
    """Sums over as many places as there are, drawn with replacement.

    What lies in one place is alike, so whole places are drawn, never single images or pixels: an
    interval over those would be far too narrow. Parts in the same order and the same seed give
    the same draws.

    Source: Efron, Tibshirani (1993), An introduction to the bootstrap, chapter 13.

    Args:
        parts: the place of each part, and the k numbers of it that add up.
        seed: of the draws.
        resamples: number of draws.

    Returns:
        (resamples, k) sums; no rows with fewer than two places, which tell nothing about how
        places differ.
    """
    places: dict[Hashable, NDArray[Any]] = {}
    for place, numbers in parts:
        places[place] = places.get(place, 0) + np.asarray(numbers)
    n = len(places)
    if n < 2:
        return np.empty((0, 0))
    times = np.random.default_rng(seed).multinomial(n, [1 / n] * n, resamples)
    return np.asarray(times @ np.array(list(places.values())))


def percentiles(values: Iterable[float]) -> tuple[float, float]:
    """The ends between which 95 % of the values lie, NaN left out; NaN without any."""
    known = np.array([v for v in values if v == v])
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, (50 * (1 - LEVEL), 50 * (1 + LEVEL)))
    return float(low), float(high)
