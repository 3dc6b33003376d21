"""From out-of-fold predictions: the temperature of the probabilities, and how classes are weighed.

Both are chosen on images that the network that predicts them has not seen (the held-out folds of a
cross-validation), and are then written into the card of the network trained on all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ..datasets.catalog import CatalogTiles, Row
from ..datasets.errors import UsageError
from ..datasets.labelled import meanings
from ..datasets.protocols import Detector
from ..datasets.splits import Fold
from ..datasets.tile import NODATA, SHADOW, ByteArray, FloatArray
from ..datasets.weights import ModelCard, load_weights, read_card, save_weights
from .metrics import VIEWS, Confusion, compare, pooled
from .segmenter import Segmenter, decided

CALIBRATED = "calibrated.safetensors"
"""Written beside the weights of each fold."""
CLEAR_WEIGHTS = (0.18, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
SHADOW_WEIGHTS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
"""Weights of the probabilities that are tried, in steps of about sqrt 2."""


@dataclass(frozen=True)
class Prediction:
    """One image that its network had not seen."""

    row: Row
    probability: FloatArray
    """(4, y, x), at temperature 1."""
    truth: ByteArray
    """(y, x) codes."""


def held_out(rows: Sequence[Row], run: Path) -> list[Prediction]:
    """Predictions of a run on the rows that its fold left out.

    Args:
        rows: labelled rows.
        run: weights whose card names their fold.

    Raises:
        UsageError: the weights were trained on everything, or their fold left no row out.
    """
    card = read_card(run)
    fold, detector, found = _fold(card, run), Segmenter(run), []
    for row in rows:
        if fold.holds(row.group):
            item = CatalogTiles((row,))[0]
            mask = detector.mask(item.tile)
            if mask.probability is not None and item.mask is not None:
                p = at_temperature(mask.probability, 1 / card.temperature)
                found.append(Prediction(row, p, item.mask.classes))
    if not found:
        raise UsageError(
            f"{run}, whose fold left none of these images out",
            "the folds of this catalogue", "name them",
        )  # fmt: skip
    return found


def fold_detectors(
    runs: Sequence[Path], made: Callable[[Path], Detector] = Segmenter
) -> Callable[[Row], Detector]:
    """What gives, for an image, the detector with the network that has not seen its group.

    Args:
        runs: weights of all folds.
        made: makes the detector from the weights of its fold.

    Raises:
        UsageError: weights without a fold; on the call, an image that no fold left out.
    """
    folds = [(_fold(read_card(run), run), made(run)) for run in runs]

    def choose_for(row: Row) -> Detector:
        for fold, detector in folds:
            if fold.holds(row.group):
                return detector
        raise UsageError(
            f"{row.id}, which no fold left out", "the weights of all folds", "name them all"
        )

    return choose_for


def _fold(card: ModelCard, path: Path) -> Fold:
    if "fold" not in card.training:
        raise UsageError(
            f"{path}, trained on all groups", "weights of a fold", "train with --fold K/N"
        )
    return Fold(**card.training["fold"])


def at_temperature(p: FloatArray, temperature: float) -> FloatArray:
    """Probabilities (4, ...) whose logits are divided by ``temperature``."""
    logits = np.log(np.maximum(p, 1e-7)) / temperature
    logits -= logits.max(axis=0)
    odds = np.exp(logits)
    return np.asarray(odds / odds.sum(axis=0), np.float32)


def fit_temperature(predictions: Sequence[Prediction], every: int = 7) -> float:
    """The temperature of least negative log-likelihood (Guo et al. 2017), images weighed alike.

    Partial labels count with all classes that they may stand for. Each ``every``-th pixel is used.
    """
    parts: list[tuple[FloatArray, NDArray[np.bool_]]] = []
    for each in predictions:
        code = each.truth.ravel()[::every]
        known = code != NODATA
        p = each.probability.reshape(4, -1)[:, ::every][:, known]
        parts.append((p, meanings(each.row.labelled)[code[known]].T))

    def loss(log_t: float) -> float:
        t = float(np.exp(log_t))
        losses = [
            -np.log(np.maximum((at_temperature(p, t) * m).sum(axis=0), 1e-7)).mean()
            for p, m in parts
            if p.size
        ]
        return float(np.mean(losses))

    return float(np.exp(minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded").x))


def scores(predictions: Sequence[Prediction], card: ModelCard) -> dict[str, Confusion]:
    """Pooled counts of each view, deciding as ``card`` says; shadow where it was drawn."""
    found: dict[str, list[Confusion]] = {view: [] for view in VIEWS}
    for each in predictions:
        p = at_temperature(each.probability, card.temperature)
        counts = compare(each.truth, decided(p, card))
        for view in VIEWS:
            if view != "shadow" or SHADOW in each.row.labelled:
                found[view].append(counts[view])
    return {view: pooled(counts) for view, counts in found.items()}


def choose(predictions: Sequence[Prediction], card: ModelCard) -> ModelCard:
    """``card`` with temperature and weights: those of the largest mean BOA over the views.

    Where no image has its shadows drawn, the view is left out.
    """
    card = replace(card, temperature=fit_temperature(predictions), decision={})

    def value(candidate: ModelCard) -> float:
        return float(np.nanmean([c.boa for c in scores(predictions, candidate).values()]))

    candidates = [
        replace(card, decision={"clear": c, "shadow": s})
        for c, s in product(CLEAR_WEIGHTS, SHADOW_WEIGHTS)
    ]
    return max(candidates, key=value)


def calibrate(rows: Sequence[Row], runs: Sequence[Path], weights: Path, out: Path) -> ModelCard:
    """Choose temperature and class weights on folds, and write them into cards.

    ``weights``, trained on everything, is written to ``out`` with what all folds together choose.
    Beside the weights of each fold a file ``calibrated.safetensors`` is written with what the
    *other* folds choose: with these, a cross-validation judges nothing that it was fitted to. The
    card's scores are those of these files. Where weights of classes chosen so do not raise the
    mean BOA of the folds that did not choose them, all stay 1.

    Args:
        rows: labelled rows that the runs of the folds were made from.
        runs: weights of all folds, two or more.
        weights: to be calibrated.
        out: where to, may be ``weights``.

    Raises:
        UsageError: fewer than two folds, or see `held_out`.
    """
    if len(runs) < 2:
        raise UsageError(f"{len(runs)} folds", "all folds, two or more", "name them all")
    folds = [held_out(rows, run) for run in runs]
    plain, weighed = [], []
    for k, run in enumerate(runs):
        chosen = choose([p for j, fold in enumerate(folds) if j != k for p in fold], read_card(run))
        plain.append((folds[k], replace(chosen, decision={})))
        weighed.append((folds[k], chosen))
    best = max((plain, weighed), key=lambda cards: float(np.nanmean(list(_boa(cards).values()))))
    for run, (_, card) in zip(runs, best, strict=True):
        state = load_weights(run, "segmenter")[1]
        save_weights(run.with_name(CALIBRATED), state, card, overwrite=True)
    card, state = load_weights(weights, "segmenter")
    everything = [p for fold in folds for p in fold]
    card = choose(everything, card)
    if best is plain:
        card = replace(card, decision={})
    told = {"folds": len(runs), "images": len(everything), "BOA": _boa(best)}
    card = replace(card, scores={**card.scores, "cross-validation": told})
    return save_weights(out, state, card, overwrite=True)


def _boa(judged: Sequence[tuple[list[Prediction], ModelCard]]) -> dict[str, float]:
    """Balanced accuracy of each view, all folds pooled, each decided as its card says."""
    counts = [scores(predictions, card) for predictions, card in judged]
    return {view: round(pooled([c[view] for c in counts]).boa, 4) for view in VIEWS}
