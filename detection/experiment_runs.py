"""Running an experiment: every training that is not there yet, and its figures."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..datasets.bands import BLUE, GREEN, RED, BandSet
from ..datasets.catalog import CatalogTiles, Row, made_by, read_catalog
from ..datasets.errors import KumosanError, OutputError, UnfitError
from ..datasets.fitting import CHECKPOINT, WEIGHTS, Tell
from ..datasets.pace import Pace
from ..datasets.protocols import Detector
from ..datasets.splits import Fold
from ..datasets.tile import NODATA, SHADOW, THICK, THIN, ByteArray, Tile
from .braaten import Braaten
from .class_counts import count_classes
from .experiment_results import RESULTS, Found, Repeated, Result, read_results, write_results
from .experiments import Experiment, Trial
from .metrics import Confusion, compare
from .postprocess import clean_up
from .segmenter import Segmenter
from .segmenter_training import Run, SegmenterModule
from .train_data import MixtureBuilder

FACTS = "trial.json"
"""In the folder of a training: what it is."""
RULE = Braaten(min_swir1=0)
"""The rule whose errors are followed: the one that a network may get as the plane ``braaten``."""

TellTrial = Callable[[Trial, int, int, float | None], None]
"""Called with a training, its number (from 1), of how many, and the seconds left if known."""


def check(experiment: Experiment, data: Path) -> list[Trial]:
    """The trainings, after all that can be known beforehand was looked at.

    Args:
        experiment: as `read_experiment` gives it.
        data: the catalogue.

    Raises:
        KumosanError: a variant, named in the message, has a network, loss, augmentation or source
            that cannot be.
        UnfitError: a fold leaves out no image that people labelled.
    """
    for name, config in experiment.configs.items():
        try:
            SegmenterModule(config)
            for fold in experiment.folds:
                MixtureBuilder(config, data, 0, fold).build()
        except KumosanError as error:
            raise type(error)(f"variant '{name}': {error.got}", error.expected, error.remedy) from (
                error
            )
    for fold in experiment.folds:
        judged(data, fold)
    return list(experiment.trials())


def judged(data: Path, fold: Fold) -> list[Row]:
    """Images of split ``train`` that people labelled, of the groups that ``fold`` leaves out.

    Raises:
        UnfitError: there is none.
    """
    rows = [r for r in read_catalog(data) if r.split == "train" and r.mask is not None]
    rows = [r for r in rows if made_by(r) == "human" and fold.holds(r.group)]
    if not rows:
        raise UnfitError(
            f"fold {fold.number} of {fold.of}, which leaves out no image labelled by people",
            "some to judge by", "choose other folds, or fewer parts",
        )  # fmt: skip
    return rows


def run(
    experiment: Experiment,
    data: Path,
    out: Path,
    tell: TellTrial = lambda trial, number, total, left: None,
    overwrite: bool = False,
) -> Path:
    """Train and judge all that ``out`` does not hold yet; returns the CSV of results.

    A training that was stopped goes on, one that is finished is not repeated. One process at a
    time may work in ``out``.

    Args:
        experiment: what to run.
        data: the catalogue.
        out: the experiment's folder.
        tell: told when a training begins, and after each of its epochs.
        overwrite: start anew trainings that lie there with another configuration.

    Raises:
        OutputError: such a training lies there, and ``overwrite`` is false.
        KumosanError: see `check`.
    """
    trials = check(experiment, data)
    for trial in trials:
        _prepare(out / trial.folder, trial, overwrite)
    results = read_results(out / RESULTS)
    views = ("all", "rgb") if experiment.rgb else ("all",)
    pace = Pace()
    for number, trial in enumerate(trials, 1):
        folder = out / trial.folder
        own = (trial.variant, trial.seed, trial.fold.number)
        judged_on = {r.bands for r in results if r.trial == own}
        if (folder / WEIGHTS).exists() and judged_on >= set(views):
            continue

        def told(done: int, of: int, trial: Trial = trial, number: int = number) -> None:
            tell(trial, number, len(trials), pace.left(len(trials) - number + 1, done / of))

        told(0, 1)
        seconds = _train(trial, data, folder, told)
        rows = judged(data, trial.fold)
        results = [r for r in results if r.trial != own]
        for bands in views:
            found = judge(Segmenter(folder / WEIGHTS), rows, bands)
            results.append(Result(*own, bands, seconds, found))
        write_results(out / RESULTS, results)
        pace.done += 1
    return out / RESULTS


def _prepare(folder: Path, trial: Trial, overwrite: bool) -> None:
    """Refuse, or with ``overwrite`` remove, a training of another configuration."""
    path = folder / FACTS
    if path.exists() and json.loads(path.read_text("utf-8")) != trial.facts:
        if not overwrite:
            raise OutputError(
                f"{folder} holds a training of another configuration",
                "one that this experiment began", "choose another -o, or --overwrite",
            )  # fmt: skip
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(trial.facts, indent=1) + "\n", "utf-8")


def _train(trial: Trial, data: Path, folder: Path, tell: Tell) -> float:
    """Train to the end, if it is not; the seconds, NaN where a part was done before."""
    before = (folder / WEIGHTS).exists() or (folder / CHECKPOINT).exists()
    begin = time.perf_counter()
    if not (folder / WEIGHTS).exists():
        Run(trial.config, folder, data, trial.seed, trial.fold).train(tell)
    return float("nan") if before else time.perf_counter() - begin


def judge(detector: Detector, rows: Sequence[Row], bands: str = "all") -> Found:
    """Counts over the images of ``rows``, masks cleaned of specks as ``kumosan mask`` does.

    Args:
        detector: whose masks are judged.
        rows: labelled images.
        bands: ``all``, or ``rgb`` for blue, green and red alone.
    """
    total = Found.zero()
    for row in rows:
        item = CatalogTiles((row,))[0]
        truth = item.mask.classes
        seen = _rgb(item.tile) if bands == "rgb" else item.tile
        said = clean_up(detector.mask(seen), seen.gsd_m).classes
        views = compare(truth, said)
        if SHADOW not in row.labelled:
            views["shadow"] = Confusion()
        alarms, misses = repeated(truth, said, RULE.mask(item.tile).classes)
        classes = count_classes(truth, said, row.labelled)
        total += Found(1, views, classes, alarms, misses)
    return total


def repeated(truth: ByteArray, said: ByteArray, rule: ByteArray) -> tuple[Repeated, Repeated]:
    """How many of a rule's false alarms and misses of cloud a mask repeats; all are (y, x) codes.

    Pixels that are nodata in the truth or to the rule are left out.
    """
    known = (truth != NODATA) & (rule != NODATA)
    true, found, ruled = (np.isin(m, (THICK, THIN)) for m in (truth, said, rule))
    alarms, misses = known & ruled & ~true, known & ~ruled & true
    return (
        Repeated(int(alarms.sum()), int((alarms & found).sum())),
        Repeated(int(misses.sum()), int((misses & ~found).sum())),
    )


def _rgb(tile: Tile) -> Tile:
    """Blue, green and red of ``tile`` alone."""
    places = tile.bands.locate(BandSet((BLUE, GREEN, RED)))
    return replace(
        tile, data=tile.data[list(places)], bands=tile.bands.select(places),
        stored=None, quality=None, band_tags=(),
    )  # fmt: skip
