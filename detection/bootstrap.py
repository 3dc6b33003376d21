"""How far a figure may be trusted: confidence intervals by resampling whole places."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .metrics import Confusion, pooled

RESAMPLES = 1000
LEVEL = 0.95


def intervals(
    patches: Iterable[tuple[Hashable, Confusion]],
    measures: Sequence[str],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, tuple[float, float]]:
    """Percentile bootstrap interval (95 %) of pooled measures.

    Patches of one group (place, scene) are alike, so groups are drawn with replacement, never
    single patches or pixels: an interval over pixels would be far too narrow. Resamples where
    a measure is undefined are left out. Groups with the same seed are drawn alike for every
    detector, so that their intervals can be compared.

    Source: Efron, Tibshirani (1993), An introduction to the bootstrap, chapter 13.

    Args:
        patches: group and counts of each patch.
        measures: names among ``metrics.MEASURES``.
        seed: of the draws.
        resamples: number of draws.

    Returns:
        Lower and upper end for each measure; NaN with fewer than two groups, which tell
        nothing about how places differ.
    """
    drawn = _drawn(patches, seed, resamples)
    return {m: _ends(_values(drawn, m)) for m in measures}


def intervals_of_differences(
    patches: Iterable[tuple[Hashable, Confusion, Confusion]],
    measures: Sequence[str],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, tuple[float, float]]:
    """The same of the difference of two detectors that were judged on the same patches.

    Both are pooled over the same draws of groups. What makes a place easy or hard for both
    cancels, so this interval says more than those of the two alone.

    Args:
        patches: group, and counts of the one and of the other, of each patch.
        measures: names among ``metrics.MEASURES``.
        seed: of the draws.
        resamples: number of draws.

    Returns:
        Lower and upper end of the one's measure less the other's, for each measure.
    """
    patches = list(patches)
    one = _drawn([(group, counts) for group, counts, _ in patches], seed, resamples)
    other = _drawn([(group, counts) for group, _, counts in patches], seed, resamples)
    return {m: _ends(_values(one, m) - _values(other, m)) for m in measures}


def _drawn(
    patches: Iterable[tuple[Hashable, Confusion]], seed: int, resamples: int
) -> list[Confusion]:
    """Pooled counts of each draw of groups; none with fewer than two groups."""
    members: dict[Hashable, list[Confusion]] = {}
    for group, counts in patches:
        members.setdefault(group, []).append(counts)
    if len(members) < 2:
        return []
    sums = [pooled(m) for m in members.values()]
    table = np.array([(c.tp, c.fp, c.fn, c.tn) for c in sums], np.int64)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(sums), [1 / len(sums)] * len(sums), resamples)
    return [Confusion(*map(int, counts)) for counts in times @ table]


def _values(drawn: Sequence[Confusion], measure: str) -> NDArray[np.float64]:
    return np.array([getattr(c, measure) for c in drawn], np.float64)


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    """The percentiles, of the draws where there is a value; NaN where there is none."""
    values = values[~np.isnan(values)]
    if not values.size:
        return float("nan"), float("nan")
    low, high = np.percentile(values, (50 * (1 - LEVEL), 50 * (1 + LEVEL)))
    return float(low), float(high)
