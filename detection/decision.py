"""From out-of-fold predictions: the temperature of the probabilities, and how classes are weighed.

Both are chosen on images that the network that predicts them has not seen (the held-out folds of a
cross-validation), and are then written into the card of the network trained on all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ..datasets.catalog import CatalogTiles, Row
from ..datasets.errors import UsageError
from ..datasets.labelled import meanings
from ..datasets.tile import NODATA, SHADOW, ByteArray, FloatArray
from .metrics import VIEWS, Confusion, compare, pooled
from .segmenter import Segmenter, decided
from .train_data import Fold
from .weights import ModelCard, load_weights, read_card, save_weights

CLEAR_WEIGHTS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
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


def held_out(rows: Sequence[Row], runs: Iterable[Path]) -> list[Prediction]:
    """Predictions of each row by the run whose fold left it out.

    Args:
        rows: labelled rows.
        runs: files of weights whose cards name their folds.

    Raises:
        UsageError: weights that were trained on everything, or no run left any row out.
    """
    found = []
    for path in runs:
        card = read_card(path)
        if "fold" not in card.training:
            raise UsageError(
                f"{path}, trained on all groups", "weights of a fold", "train with --fold K/N"
            )
        fold = Fold(**card.training["fold"])
        detector = Segmenter(path)
        for row in rows:
            if fold.holds(row.group):
                item = CatalogTiles((row,))[0]
                mask = detector.mask(item.tile)
                if mask.probability is not None and item.mask is not None:
                    p = at_temperature(mask.probability, 1 / card.temperature)
                    found.append(Prediction(row, p, item.mask.classes))
    if not found:
        raise UsageError(
            "folds that left none of these images out", "the folds of this catalogue", "name them"
        )
    return found


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
    """Write ``weights`` to ``out`` with temperature, weights of classes and scores in the card.

    Args:
        rows: labelled rows that the runs of the folds were made from.
        runs: weights of all folds.
        weights: trained on everything, to be calibrated.
        out: where to, may be ``weights``.
    """
    predictions = held_out(rows, runs)
    card, state = load_weights(weights, "segmenter")
    card = choose(predictions, card)
    found = {view: round(c.boa, 4) for view, c in scores(predictions, card).items()}
    told = {"cross-validation": {"images": len(predictions), "BOA": found}}
    return save_weights(out, state, replace(card, scores=told), overwrite=True)
