"""How far a figure may be trusted: confidence intervals by resampling whole places."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

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
    members: dict[Hashable, list[Confusion]] = {}
    for group, counts in patches:
        members.setdefault(group, []).append(counts)
    if len(members) < 2:
        return {m: (float("nan"), float("nan")) for m in measures}
    sums = [pooled(m) for m in members.values()]
    table = np.array([(c.tp, c.fp, c.fn, c.tn) for c in sums], np.int64)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(sums), [1 / len(sums)] * len(sums), resamples)
    drawn = [Confusion(*map(int, counts)) for counts in times @ table]
    ends = (50 * (1 - LEVEL), 50 * (1 + LEVEL))
    out = {}
    for measure in measures:
        values = np.array([getattr(c, measure) for c in drawn])
        values = values[~np.isnan(values)]
        low, high = np.percentile(values, ends) if values.size else (np.nan, np.nan)
        out[measure] = (float(low), float(high))
    return out
