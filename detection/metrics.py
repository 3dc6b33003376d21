"""Agreement of a predicted mask with the truth: one class, or several together, at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import numpy as np

from ..datasets.errors import GridError
from ..datasets.tile import NODATA, SHADOW, THICK, THIN, ByteArray

VIEWS: dict[str, tuple[int, ...]] = {
    "cloud": (THICK, THIN),
    "shadow": (SHADOW,),
    "contaminated": (THICK, THIN, SHADOW),
}
"""Which classes count as positive."""

MEASURES = ("pa", "ua", "oa", "boa", "iou", "dice")


@dataclass(frozen=True)
class Confusion:
    """Pixel counts of a binary comparison; counts of several patches add up (pooling)."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(
            self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn
        )

    @property
    def n(self) -> int:
        """Pixels compared."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def pa(self) -> float:
        """Producer's accuracy (recall): TP / (TP + FN)."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def ua(self) -> float:
        """User's accuracy (precision): TP / (TP + FP)."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def oa(self) -> float:
        """Overall accuracy: (TP + TN) / N."""
        return _share(self.tp + self.tn, self.n)

    @property
    def boa(self) -> float:
        """Balanced overall accuracy: mean of the recalls of both sides."""
        return (self.pa + _share(self.tn, self.tn + self.fp)) / 2

    @property
    def iou(self) -> float:
        """Intersection over union: TP / (TP + FP + FN)."""
        return _share(self.tp, self.tp + self.fp + self.fn)

    @property
    def dice(self) -> float:
        """Dice coefficient: 2 IoU / (1 + IoU)."""
        return 2 * self.iou / (1 + self.iou)


def check_shapes(truth: ByteArray, predicted: ByteArray) -> None:
    """Raise GridError unless both have the same shape."""
    if truth.shape != predicted.shape:
        raise GridError(
            f"a prediction of shape {predicted.shape}",
            f"the truth's {truth.shape}",
            "resample it to the truth's grid",
        )


def confusion(truth: ByteArray, predicted: ByteArray, positive: Iterable[int]) -> Confusion:
    """Compare two (y, x) class masks; classes in ``positive`` against the rest.

    Pixels that are nodata in the truth are left out. A valid pixel without a prediction (255)
    is an error: a miss where the truth is positive, a false alarm where it is not.

    Raises:
        GridError: the masks differ in shape.
    """
    check_shapes(truth, predicted)
    chosen = np.zeros(256, bool)
    chosen[list(positive)] = True
    known = truth != NODATA
    true, said = chosen[truth[known]], predicted[known]
    missing = said == NODATA
    right = (chosen[said] == true) & ~missing
    n_true = int(true.sum())
    tp = int((right & true).sum())
    tn = int((right & ~true).sum())
    return Confusion(tp, true.size - n_true - tn, n_true - tp, tn)


def compare(truth: ByteArray, predicted: ByteArray) -> dict[str, Confusion]:
    """The confusion of every view: cloud, shadow, contaminated."""
    return {name: confusion(truth, predicted, classes) for name, classes in VIEWS.items()}


def agreement(one: ByteArray, other: ByteArray, positive: Iterable[int]) -> float:
    """IoU of what two masks call positive, where both say something; the same either way round.

    NaN where neither finds any.

    Raises:
        GridError: the masks differ in shape.
    """
    check_shapes(one, other)
    both = np.where(other == NODATA, NODATA, one).astype(np.uint8)
    return confusion(both, other, positive).iou


def pooled(patches: Iterable[Confusion]) -> Confusion:
    """All pixels of all patches together.

    The IoU of the pooled counts is that of the DrivenData cloud cover challenge: the sum of
    the intersections over the sum of the unions. A chip without cloud in the truth and in the
    prediction adds nothing to it.
    """
    return sum(patches, Confusion())


def per_patch_median(patches: Iterable[Confusion], measure: str) -> float:
    """Median over patches of one of ``MEASURES``, undefined values left out (CloudSEN12's way)."""
    values = [float(getattr(p, measure)) for p in patches]
    values = [v for v in values if v == v]
    return median(values) if values else float("nan")


def patch_shares(patches: Iterable[Confusion], measure: str) -> tuple[float, float, float]:
    """Shares of patches where a measure is below .1, from .1 to .9, and above .9.

    Patches where it is undefined are left out (as in CloudSEN12, Aybar et al. 2022).
    """
    values = np.array([float(getattr(p, measure)) for p in patches])
    values = values[~np.isnan(values)]
    if not values.size:
        return (float("nan"),) * 3
    low, high = float((values < 0.1).mean()), float((values > 0.9).mean())
    return low, float(((values >= 0.1) & (values <= 0.9)).mean()), high


def show(value: float, digits: int = 3) -> str:
    """A number for a table, ``-`` where it is undefined."""
    return f"{value:.{digits}f}" if value == value else "-"


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
