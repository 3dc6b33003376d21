"""From logits on patches that a network was not trained on to probabilities and a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import UnfitError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_TEMPERATURES = (0.05, 20.0)
LEAST_RECALL = 0.5
"""Share of the clear patches that a threshold must find, however precise it is without."""


@dataclass(frozen=True)
class Calibrated:
    """What a set of judged patches says of a classifier."""

    temperature: float
    """Logits are divided by it."""
    threshold: float
    """P(clear) from which on a patch is called clear."""
    scores: dict[str, Any]
    """``auc``, ``patches``, ``clear`` (how many are), ``precision``, ``recall``, ``log_loss``."""


def calibrate(logits: Floats, clear: Bools, precision: float) -> Calibrated:
    """Temperature of the least log loss (Guo et al. 2017), and the lowest threshold that is
    precise enough.

    Where no threshold reaches ``precision``, see `threshold`; ``scores`` says what is reached.

    Raises:
        UnfitError: the patches are all clear or all cloudy.
    """
    if clear.all() or not clear.any():
        raise UnfitError(
            f"{clear.size} held-out patches that are all {'clear' if clear.any() else 'cloudy'}",
            "clear and cloudy ones to choose a threshold by",
            "give patches of more places, or pass --folds 0 for no calibration",
        )
    t = temperature(logits, clear)
    p = 1 / (1 + np.exp(-logits / t))
    at = threshold(p, clear, precision)
    called = p >= at
    scores = {
        "auc": round(auc(logits, clear), 4),
        "patches": int(clear.size),
        "clear": int(clear.sum()),
        "precision": round(float(clear[called].mean()), 4),
        "recall": round(float(called[clear].mean()), 4),
        "log_loss": round(log_loss(logits / t, clear), 4),
    }
    return Calibrated(t, at, scores)


def temperature(logits: Floats, clear: Bools) -> float:
    """The divisor of ``logits`` with the least log loss, from 1/20 to 20."""
    from scipy.optimize import minimize_scalar

    low, high = np.log(_TEMPERATURES)
    found = minimize_scalar(
        lambda u: log_loss(logits / np.exp(u), clear), bounds=(low, high), method="bounded"
    )
    return float(np.exp(found.x))


def threshold(p: Floats, clear: Bools, precision: float) -> float:
    """The lowest P(clear) from which on the share of clear patches is at least ``precision``.

    Only thresholds that find `LEAST_RECALL` of the clear patches count: a few patches that are
    surely clear make any threshold precise, and useless. Where none of these is precise enough,
    it is the most precise one. It lies half-way to the next lower probability, so that it does
    not hang on one patch.
    """
    order = np.argsort(-p, kind="stable")
    down, truth = p[order], clear[order]
    share = np.cumsum(truth) / np.arange(1, len(p) + 1)
    ends = np.append(down[1:] < down[:-1], True)  # a threshold cannot part equal probabilities
    found = ends & (np.cumsum(truth) >= LEAST_RECALL * truth.sum())
    enough = np.flatnonzero(found & (share >= precision))
    last = int(enough[-1]) if len(enough) else int(np.where(found, share, -1).argmax())
    below = down[last + 1] if last + 1 < len(down) else 0.0
    return float(np.clip((down[last] + below) / 2, 1e-6, 1 - 1e-6))


def auc(logits: Floats, clear: Bools) -> float:
    """Area under the ROC curve: how often a clear patch is ranked before a cloudy one."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(clear, logits))


def log_loss(logits: Floats, clear: Bools) -> float:
    """Mean of -log of the probability of what is true."""
    return float(np.logaddexp(0, np.where(clear, -logits, logits)).mean())
