"""What the trainings of an experiment reached: a tidy CSV, and the tables made from it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..datasets.atomic import atomic_file
from ..datasets.errors import FileError, UsageError
from ..datasets.tables import spread, table
from .class_counts import ClassCounts
from .experiments import BASE
from .metrics import VIEWS, Confusion

RESULTS = "results.csv"
"""In the folder of an experiment."""
COUNTS = ("tp", "fp", "fn", "tn")


@dataclass(frozen=True)
class Repeated:
    """How many of a rule's errors a network makes too, in pixels; they add up."""

    errors: int = 0
    """Of the rule."""
    repeated: int = 0
    """Of these, where the network errs as well."""

    def __add__(self, other: Repeated) -> Repeated:
        return Repeated(self.errors + other.errors, self.repeated + other.repeated)

    @property
    def share(self) -> float:
        return self.repeated / self.errors if self.errors else float("nan")


@dataclass(frozen=True)
class Found:
    """Counts over some images; they add up."""

    images: int
    views: Mapping[str, Confusion]
    """By view; shadow only from images where it was drawn."""
    classes: ClassCounts
    alarms: Repeated
    """Where the rule calls clear ground cloud."""
    misses: Repeated
    """Where the rule calls cloud clear."""

    def __add__(self, other: Found) -> Found:
        return Found(
            self.images + other.images,
            {view: self.views[view] + other.views[view] for view in VIEWS},
            self.classes + other.classes,
            self.alarms + other.alarms,
            self.misses + other.misses,
        )

    @classmethod
    def zero(cls) -> Found:
        views = {view: Confusion() for view in VIEWS}
        return cls(0, views, ClassCounts.zero(), Repeated(), Repeated())


@dataclass(frozen=True)
class Result:
    """One training, judged on one set of bands."""

    variant: str
    seed: int
    fold: int
    bands: str
    """``all`` of the image, or ``rgb``."""
    seconds: float
    """Of the training; NaN if it was stopped in between."""
    found: Found

    @property
    def trial(self) -> tuple[str, int, int]:
        return self.variant, self.seed, self.fold


COLUMNS = (
    "variant", "seed", "fold", "bands", "seconds", "images",
    *(f"{view}_boa" for view in VIEWS), "miou",
    *(f"{view}_{count}" for view in VIEWS for count in COUNTS),
    "rule_alarms", "rule_alarms_repeated", "rule_misses", "rule_misses_repeated", "class_counts",
)  # fmt: skip
"""Of the CSV. ``class_counts``: the 4 x 5 numbers of `ClassCounts`, row by row."""


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Write the CSV, whole or not at all, in place of an older one."""
    with atomic_file(path, overwrite=True) as part, part.open("w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        for result in results:
            out.writerow(_line(result))


def read_results(path: Path) -> list[Result]:
    """The results in a CSV; none where there is no file.

    Raises:
        FileError: it is not what `write_results` writes.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="") as file:
            return [_result(line) for line in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"{path} cannot be read ({error!r})",
            "results as 'kumosan experiments run' writes them", "remove the file and run again",
        ) from error  # fmt: skip


def _line(result: Result) -> dict[str, object]:
    found = result.found
    line: dict[str, object] = {
        "variant": result.variant, "seed": result.seed, "fold": result.fold,
        "bands": result.bands, "images": found.images, "miou": f"{found.classes.miou:.5f}",
        "seconds": f"{result.seconds:.1f}",
        "rule_alarms": found.alarms.errors, "rule_alarms_repeated": found.alarms.repeated,
        "rule_misses": found.misses.errors, "rule_misses_repeated": found.misses.repeated,
        "class_counts": " ".join(map(str, found.classes.counts.ravel())),
    }  # fmt: skip
    for view, counts in found.views.items():
        line[f"{view}_boa"] = f"{counts.boa:.5f}"
        line |= {f"{view}_{count}": getattr(counts, count) for count in COUNTS}
    return line


def _result(line: Mapping[str, str]) -> Result:
    views = {
        view: Confusion(**{count: int(line[f"{view}_{count}"]) for count in COUNTS})
        for view in VIEWS
    }
    classes = np.array([int(n) for n in line["class_counts"].split()], np.int64)
    alarms = Repeated(int(line["rule_alarms"]), int(line["rule_alarms_repeated"]))
    misses = Repeated(int(line["rule_misses"]), int(line["rule_misses_repeated"]))
    counts = ClassCounts(classes.reshape(ClassCounts.zero().counts.shape))
    found = Found(int(line["images"]), views, counts, alarms, misses)
    seed, fold, seconds = int(line["seed"]), int(line["fold"]), float(line["seconds"])
    return Result(line["variant"], seed, fold, line["bands"], seconds, found)


MEASURES: dict[str, Callable[[Found], float]] = {
    "cloud": lambda found: found.views["cloud"].boa,
    "shadow": lambda found: found.views["shadow"].boa,
    "contaminated": lambda found: found.views["contaminated"].boa,
    "mIoU": lambda found: found.classes.miou,
    "alarms repeated": lambda found: found.alarms.share,
    "misses repeated": lambda found: found.misses.share,
}
"""Columns of the tables, from the counts of all folds of one seed together."""


@dataclass(frozen=True)
class Summary:
    """A variant on one set of bands, over the seeds that were judged on every fold."""

    variant: str
    bands: str
    seeds: tuple[int, ...]
    values: Mapping[str, tuple[float, ...]]
    """By measure, for each seed."""
    differences: Mapping[str, tuple[float, ...]]
    """From the base with the same seed, for each seed that the base has too."""
    seconds: tuple[float, ...]
    """Of each training; NaN for one that was stopped in between."""


def summaries(results: Sequence[Result]) -> list[Summary]:
    """The results by variant and bands, variants as they first occur, all bands before RGB.

    Raises:
        UsageError: nothing was judged on every fold yet.
    """
    folds = {r.fold for r in results}
    pooled: dict[tuple[str, str], dict[int, Found]] = {}
    for bands in dict.fromkeys(r.bands for r in results):
        for variant in dict.fromkeys(r.variant for r in results):
            ours = [r for r in results if (r.variant, r.bands) == (variant, bands)]
            for seed in dict.fromkeys(r.seed for r in ours):
                same = [r for r in ours if r.seed == seed]
                if {r.fold for r in same} == folds:
                    whole = sum((r.found for r in same), Found.zero())
                    pooled.setdefault((variant, bands), {})[seed] = whole
    if not pooled:
        raise UsageError(
            "no variant that was judged on every fold", "at least one", "let the experiment go on"
        )
    return [
        _summary(variant, bands, by_seed, pooled.get((BASE, bands), {}), results)
        for (variant, bands), by_seed in pooled.items()
    ]


def _summary(
    variant: str,
    bands: str,
    by_seed: Mapping[int, Found],
    base: Mapping[int, Found],
    results: Sequence[Result],
) -> Summary:
    both = [seed for seed in by_seed if seed in base]
    return Summary(
        variant, bands, tuple(by_seed),
        {name: tuple(value(f) for f in by_seed.values()) for name, value in MEASURES.items()},
        {
            name: tuple(value(by_seed[seed]) - value(base[seed]) for seed in both)
            for name, value in MEASURES.items()
        },
        tuple(r.seconds for r in results if (r.variant, r.bands) == (variant, bands)),
    )  # fmt: skip


def markdown(found: Sequence[Summary]) -> str:
    """Two tables: what was reached, and by how much the variants differ from the base."""
    names = list(MEASURES)
    reached = [["variant", "bands", "seeds", *names, "seconds"]]
    differ = [["variant less base", "bands", "seeds", *names]]
    for each in found:
        head = [each.variant, each.bands]
        cells = [spread(each.values[n], "{:.3f}") for n in names]
        reached.append([*head, str(len(each.seeds)), *cells, spread(each.seconds, "{:.0f}")])
        pairs = len(each.differences[names[0]])
        if each.variant != BASE and pairs:
            cells = [spread(each.differences[n], "{:+.3f}") for n in names]
            differ.append([*head, str(pairs), *cells])
    return "\n\n".join(table(rows) for rows in (reached, differ) if len(rows) > 1)
