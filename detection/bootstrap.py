"""How far the figures of a mask may be trusted: see `datasets.bootstrap`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from ..datasets.bootstrap import RESAMPLES, percentiles, redrawn
from .metrics import Confusion


def intervals(
    patches: Iterable[tuple[Hashable, Confusion]],
    measures: Sequence[str],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, tuple[float, float]]:
    """Percentile bootstrap interval (95 %) of pooled measures.

    Resamples where a measure is undefined are left out. Groups with the same seed are drawn alike
    for every detector, so that their intervals can be compared.

    Args:
        patches: group (place, scene) and counts of each patch.
        measures: names among ``metrics.MEASURES``.
        seed: of the draws.
        resamples: number of draws.

    Returns:
        Lower and upper end for each measure; NaN with fewer than two groups.
    """
    parts = ((group, (c.tp, c.fp, c.fn, c.tn)) for group, c in patches)
    drawn = [Confusion(*map(int, counts)) for counts in redrawn(parts, seed, resamples)]
    return {m: percentiles(getattr(c, m) for c in drawn) for m in measures}
