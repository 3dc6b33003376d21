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
    drawn = _drawn(patches, seed, resamples)
    return {m: percentiles(getattr(c, m) for c in drawn) for m in measures}


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
    both = list(zip(one, other, strict=True))
    return {m: percentiles(getattr(a, m) - getattr(b, m) for a, b in both) for m in measures}


def _drawn(
    patches: Iterable[tuple[Hashable, Confusion]], seed: int, resamples: int
) -> list[Confusion]:
    """Pooled counts of each draw of groups; none with fewer than two groups."""
    parts = ((group, (c.tp, c.fp, c.fn, c.tn)) for group, c in patches)
    return [Confusion(*map(int, counts)) for counts in redrawn(parts, seed, resamples)]
