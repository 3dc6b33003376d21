"""Run detectors on labelled images and compare what they find with the labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..datasets.catalog import Row
from ..datasets.errors import UnfitError, UsageError, ValueRangeError
from ..datasets.protocols import Detector
from ..datasets.read import read, read_mask
from ..datasets.tile import SHADOW, ByteArray, CloudMask
from ..datasets.weights import WeightsError
from .boundary import Boundary, compare_boundaries
from .calibration import Reliability, reliability
from .class_counts import ClassCounts, count_classes
from .evaluation_pictures import Sight, take
from .metrics import VIEWS, Confusion, compare
from .postprocess import clean_up

DetectorFor = Detector | Callable[[Row], Detector]
"""A detector, or what gives the one for an image: in cross-validation, its fold's."""

WORST = 3
"""Images of each detector that are kept as pictures."""


@dataclass(frozen=True)
class Score:
    """One detector on one image."""

    row: Row
    views: Mapping[str, Confusion]
    """By view; ``shadow`` only where the labellers drew shadow."""
    boundaries: Mapping[str, Boundary]
    classes: ClassCounts
    reliability: Mapping[str, Reliability]
    """By view; empty without probabilities, and without views that they know nothing of."""
    seconds: float
    """Time that the detector took."""

    @property
    def wrong(self) -> float:
        """Share of the pixels whose contamination was misjudged; NaN without a valid pixel."""
        return 1 - self.views["contaminated"].oa


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found."""

    rows: tuple[Row, ...]
    scores: Mapping[str, tuple[Score, ...]]
    """By detector, in the order of the rows; images that it does not fit are left out."""
    unfit: Mapping[str, tuple[Row, ...]]
    """By detector: the images that it does not fit."""
    worst: tuple[Sight, ...] = field(default=(), repr=False)
    """The images that a detector misjudged most, those of the largest error first."""


def evaluate(
    rows: Iterable[Row],
    detectors: Mapping[str, DetectorFor],
    tell: Callable[[int, int], None] | None = None,
    worst: int = WORST,
) -> Evaluation:
    """Compare the masks of detectors with the labels of a catalogue's images.

    Masks are cleaned of specks as ``kumosan mask`` does. Classes that the labellers of an image
    did not draw are not scored there: shadow has no score, and among the four classes it
    counts as clear. The view ``contaminated`` is scored everywhere, so a shadow that nobody
    drew counts against a detector that finds it.

    Args:
        rows: images with a mask, as `datasets.catalog.read_catalog` gives them.
        detectors: by the name to show; a callable gets the row and gives the detector.
        tell: called with the numbers of images done and in all.
        worst: number of images of each detector to keep for pictures.

    Raises:
        ValueRangeError: there is no row, or one without a mask.
        FileError: an image or mask cannot be read.
        GridError: a mask does not lie on the grid of its image.
        WeightsError: a network's weights are damaged or made for something else.
    """
    rows = _checked(rows)
    scores: dict[str, list[Score]] = {name: [] for name in detectors}
    unfit: dict[str, list[Row]] = {name: [] for name in detectors}
    sights: dict[Path, Sight] = {}
    for done, row in enumerate(rows, 1):
        tile = read(row.image)
        truth = read_mask(_mask_path(row), tile)
        found: dict[str, ByteArray] = {}
        for name, given in detectors.items():
            detector = given if isinstance(given, Detector) else given(row)
            begin = time.perf_counter()
            try:
                mask = detector.mask(tile)
            except WeightsError:  # no image is to blame for them
                raise
            except UnfitError:
                unfit[name].append(row)
                continue
            seconds = time.perf_counter() - begin
            mask.check_grid(tile)
            mask = clean_up(mask, tile.gsd_m)
            scores[name].append(_score(row, truth.classes, mask, seconds))
            found[name] = mask.classes
        kept = _worst(scores, worst)
        if row.image in kept:
            wrong = {name: scores[name][-1].wrong for name in found}
            sights[row.image] = take(row, tile, truth, found, wrong)
        sights = {i: sights[i] for i in kept}
        if tell:
            tell(done, len(rows))
    return Evaluation(
        rows,
        {name: tuple(s) for name, s in scores.items()},
        {name: tuple(r) for name, r in unfit.items()},
        tuple(sights.values()),
    )


def labelled_rows(
    rows: Iterable[Row], split: str, kind: Literal["human", "all"] = "human"
) -> dict[str, tuple[Row, ...]]:
    """The labelled images of a split, by what comparing with their labels means.

    Args:
        rows: a whole catalogue.
        split: for example ``test``.
        kind: ``human``: labels drawn by people only; ``all``: automatic masks in a part of
            their own, for agreement with a machine is not accuracy.

    Raises:
        UsageError: the split does not exist, or holds no such labels.
    """
    rows = tuple(rows)
    ours = [r for r in rows if r.split == split and r.mask is not None]
    people = tuple(r for r in ours if r.mask_kind == "human")
    machines = tuple(r for r in ours if r.mask_kind != "human")
    parts = {"Accuracy against people's labels": people}
    if kind == "all":
        parts["Agreement with automatic masks (not accuracy)"] = machines
    parts = {title: members for title, members in parts.items() if members}
    if not parts:
        splits = ", ".join(sorted({r.split for r in rows})) or "none"
        raise UsageError(
            f"split '{split}' with {len(machines)} automatic masks and no labels of people",
            f"labelled images (the catalogue has the splits {splits})",
            "choose another --split" + (", or --kind all" if machines else ""),
        )
    return parts


def _checked(rows: Iterable[Row]) -> tuple[Row, ...]:
    rows = tuple(rows)
    bare = [row.id for row in rows if row.mask is None]
    if bare or not rows:
        raise ValueRangeError(
            f"{len(bare)} images without a mask ({', '.join(bare[:3])})" if bare else "no image",
            "labelled images",
            "select rows of the catalogue that have a mask",
        )
    return rows


def _mask_path(row: Row) -> str:
    return str(row.mask)  # `_checked` has seen that there is one


def _score(row: Row, truth: ByteArray, mask: CloudMask, seconds: float) -> Score:
    scored = [v for v in VIEWS if v != "shadow" or SHADOW in row.labelled]
    views = compare(truth, mask.classes)
    outlines = {v: compare_boundaries(truth, mask.classes, VIEWS[v]) for v in scored}
    curves = {}
    if mask.probability is not None:
        for view in scored:
            if (mask.probability[list(VIEWS[view])] > 0).any():
                curves[view] = reliability(truth, mask.probability, VIEWS[view])
    return Score(
        row,
        {v: views[v] for v in scored},
        outlines,
        count_classes(truth, mask.classes, row.labelled),
        curves,
        seconds,
    )


def _worst(scores: Mapping[str, Sequence[Score]], number: int) -> list[Path]:
    """The images that are among the worst of some detector, largest error first."""
    wrong: dict[Path, float] = {}
    for of_one in scores.values():
        judged = [s for s in of_one if s.wrong > 0]
        for score in sorted(judged, key=lambda s: -s.wrong)[:number]:
            image = score.row.image
            wrong[image] = max(score.wrong, wrong.get(image, 0))
    return sorted(wrong, key=lambda i: -wrong[i])
