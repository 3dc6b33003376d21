"""An ablation in tables: what was reached, and by how much it differs, with a paired test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean

import numpy as np

from ..datasets.errors import UsageError
from ..datasets.tables import spread, table
from .ablation_results import Measure, Score

MIN_PIXELS = 50
"""A class that hides fewer pixels of a scene is not judged there."""
HIDDEN = ("thin", "thick", "shadow")
"""Classes of the mask, in the order of the tables."""
LEVEL = 0.05
"""Share of false discoveries among the differences that are marked."""
ALIKE = 5e-5
"""Mean differences below it are none: bands are filled one by one, but scaled together."""

Case = tuple[str, int]
"""A piece of ground and a seed: one pair of a paired test."""
Row = tuple[str, str, str]
"""Cloud, class, method."""


@dataclass(frozen=True)
class Difference:
    """By how much a set of bands, or a method, differs from the first, over the same cases."""

    mean: float
    p: float
    """Two-sided Wilcoxon signed-rank test (Wilcoxon 1945); NaN where nothing differs."""
    q: float = float("nan")
    """p among all differences of the tables (Benjamini & Hochberg 1995)."""

    def __str__(self) -> str:
        return f"{self.mean:+.4f}{'*' if self.q < LEVEL else ''}"


@dataclass(frozen=True)
class Summary:
    """A method on a set of bands, under one kind of cloud, where one class hid the ground."""

    cloud: str
    hidden: str
    method: str
    bands: int
    pieces: int
    """Of ground, that all methods and sets were judged on."""
    cases: int
    """Pieces and seeds."""
    values: tuple[float, ...]
    """Mean over the pieces, for each seed."""
    from_bands: Difference | None
    """From the first set of bands with the same method; None for that set itself."""
    from_method: Difference | None
    """From the first method on the same set; None for that method itself."""

    @property
    def row(self) -> Row:
        return self.cloud, self.hidden, self.method


def summaries(scores: Sequence[Score], measure: Measure = "rmse", least: int = 1) -> list[Summary]:
    """The scores by cloud, class, method and set, each over the cases that all have in common.

    Sets and methods come as they first occur, and the first of each is what the others differ
    from.

    Args:
        scores: as `judged` gives them.
        measure: what is compared.
        least: clouds and classes of fewer cases are left out, of the corrected tests too.

    Raises:
        UsageError: no case, or too few, has all methods on all sets.
    """
    bands = list(dict.fromkeys(s.bands for s in scores))
    methods = list(dict.fromkeys(s.method for s in scores))
    found = []
    for cloud in dict.fromkeys(s.cloud for s in scores):
        for hidden in HIDDEN:
            ours = [s for s in scores if (s.cloud, s.hidden) == (cloud, hidden)]
            values = _values([s for s in ours if s.pixels >= MIN_PIXELS], measure)
            cases = _common(values, len(bands) * len(methods))
            if cases and len(cases) >= least:
                found += _compared(cloud, hidden, methods, bands, values, cases)
    if not found:
        raise UsageError(
            "no scene with all methods on all sets of bands", f"{max(least, 1)} or more",
            "let the ablation go on, or leave out sets that the ground does not have",
        )  # fmt: skip
    return _corrected(found)


Values = dict[tuple[str, int], dict[Case, float]]


def _values(scores: Sequence[Score], measure: Measure) -> Values:
    """By method and set, then by case."""
    values: Values = {}
    for s in scores:
        values.setdefault((s.method, s.bands), {})[s.ground, s.seed] = getattr(s, measure)
    return values


def _common(values: Values, count: int) -> list[Case]:
    """Cases that all ``count`` methods and sets have."""
    if len(values) < count:
        return []
    return sorted(set.intersection(*(set(v) for v in values.values())))


def _compared(
    cloud: str,
    hidden: str,
    methods: Sequence[str],
    bands: Sequence[int],
    values: Values,
    cases: Sequence[Case],
) -> list[Summary]:
    seeds = sorted({seed for _, seed in cases})
    found = []
    for method in methods:
        for count in bands:
            mine = values[method, count]
            by_seed = tuple(mean(mine[c] for c in cases if c[1] == seed) for seed in seeds)
            from_bands = from_method = None
            if count != bands[0]:
                from_bands = _difference(mine, values[method, bands[0]], cases)
            if method != methods[0]:
                from_method = _difference(mine, values[methods[0], count], cases)
            pieces = len({ground for ground, _ in cases})
            found.append(
                Summary(cloud, hidden, method, count, pieces, len(cases), by_seed, from_bands,
                        from_method)
            )  # fmt: skip
    return found


def _difference(
    mine: Mapping[Case, float], first: Mapping[Case, float], cases: Sequence[Case]
) -> Difference:
    from scipy.stats import wilcoxon

    less = np.array([mine[c] - first[c] for c in cases])
    average = float(less.mean())
    p = float(wilcoxon(less).pvalue) if abs(average) >= ALIKE else float("nan")
    return Difference(average, p)


def _corrected(found: Sequence[Summary]) -> list[Summary]:
    """The same with `Difference.q`."""
    from scipy.stats import false_discovery_control

    both = [d for s in found for d in (s.from_bands, s.from_method) if d is not None]
    tests = [d.p for d in both if d.p == d.p]
    rates = iter(false_discovery_control(tests) if tests else ())

    def rated(d: Difference | None) -> Difference | None:
        return d if d is None or d.p != d.p else replace(d, q=float(next(rates)))

    return [
        replace(s, from_bands=rated(s.from_bands), from_method=rated(s.from_method)) for s in found
    ]


def markdown(found: Sequence[Summary]) -> str:
    """Three tables: what was reached, and the differences from the first set and first method.

    What does not hang on the set is left out of the second, and shown once in the others.
    """
    first_bands, first_method = found[0].bands, found[0].method
    reached = {s.row: {} for s in found}  # type: dict[Row, dict[int, str]]
    by_bands = {s.row: {} for s in found}  # type: dict[Row, dict[int, str]]
    by_method = {s.row: {} for s in found}  # type: dict[Row, dict[int, str]]
    cases = {s.row: str(s.cases) for s in found}
    moved = {s.row for s in found if s.from_bands is not None and abs(s.from_bands.mean) >= ALIKE}
    for s in found:
        reached[s.row][s.bands] = spread(s.values, "{:.4f}")
        if s.from_bands is not None and s.row in moved:
            by_bands[s.row][s.bands] = str(s.from_bands)
        if s.from_method is not None:
            by_method[s.row][s.bands] = str(s.from_method)
    tables = (
        ("Reached", reached),
        (f"Less the same method on {first_bands} bands", by_bands),
        (f"Less {first_method} on the same bands", by_method),
    )
    return "\n\n".join(
        f"{title}:\n\n{_grid(cells, cases)}" for title, cells in tables if any(cells.values())
    )


def _grid(cells: Mapping[Row, Mapping[int, str]], cases: Mapping[Row, str]) -> str:
    columns = list(dict.fromkeys(count for line in cells.values() for count in line))
    rows = [["cloud", "hidden by", "method", "cases", *(f"{n} bands" for n in columns)]]
    for row, line in cells.items():
        if line:
            shown = [line[count] for count in columns]
            if len(set(shown)) == 1:
                shown[1:] = ["="] * (len(shown) - 1)
            rows.append([*row, cases[row], *shown])
    return table(rows)
