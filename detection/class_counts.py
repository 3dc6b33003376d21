"""All four classes at once: which class was found on the pixels of which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.labelled import ALL_CLASSES
from ..datasets.tile import CLASS_NAMES, CLEAR, NODATA, SHADOW, THICK, THIN, ByteArray
from .metrics import check_shapes

_N = len(CLASS_NAMES)


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Pixel counts of the truth's class (rows) and the found one (columns); they add up."""

    counts: NDArray[np.int64]
    """(4, 5) int64; the last column counts valid pixels without a prediction."""

    def __add__(self, other: ClassCounts) -> ClassCounts:
        return ClassCounts(self.counts + other.counts)

    @classmethod
    def zero(cls) -> ClassCounts:
        return cls(np.zeros((_N, _N + 1), np.int64))

    @property
    def iou(self) -> tuple[float, ...]:
        """Intersection over union of each class; NaN where truth and prediction lack it."""
        right, union = self._parts()
        return tuple(
            int(r) / int(u) if u else float("nan") for r, u in zip(right, union, strict=True)
        )

    @property
    def miou(self) -> float:
        """Mean IoU of the classes that occur."""
        known = [v for v in self.iou if v == v]
        return sum(known) / len(known) if known else float("nan")

    @property
    def micro_iou(self) -> float:
        """Sum of the intersections over the sum of the unions of all classes."""
        right, union = self._parts()
        return int(right.sum()) / int(union.sum()) if union.any() else float("nan")

    def _parts(self) -> tuple[NDArray[Any], NDArray[Any]]:
        right = np.diagonal(self.counts)
        return right, self.counts.sum(1) + self.counts[:, :_N].sum(0) - right


def count_classes(
    truth: ByteArray, predicted: ByteArray, labelled: frozenset[int] = ALL_CLASSES
) -> ClassCounts:
    """Count the pairs of classes of two (y, x) masks; nodata of the truth is left out.

    A class that the labellers did not draw is not scored: where it is found, it counts as the
    class among which its pixels lie in the truth (`datasets.labelled.meanings`): shadow as
    clear, thin cloud as thick.

    Raises:
        GridError: the masks differ in shape.
    """
    check_shapes(truth, predicted)
    column = np.full(256, _N)
    column[:_N] = range(_N)
    column[THIN] = THIN if THIN in labelled else THICK
    column[SHADOW] = SHADOW if SHADOW in labelled else CLEAR
    known = truth != NODATA
    rows = column[truth[known]]
    pairs = rows * (_N + 1) + column[predicted[known]]
    counts = np.bincount(pairs, minlength=_N * (_N + 1))
    return ClassCounts(counts.reshape(_N, _N + 1).astype(np.int64))
