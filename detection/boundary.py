"""How well the outlines agree, which areas hide: boundary IoU and boundary F1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.tile import NODATA, BoolArray, ByteArray
from .metrics import check_shapes

BAND_PX = 2
"""Width of the band inside an outline that boundary IoU compares."""
TOLERANCES_PX = (1, 3)
"""Distances within which an outline counts as found by boundary F1."""


@dataclass(frozen=True)
class Boundary:
    """Pixel counts of a comparison of outlines; counts of several patches add up."""

    shared: int = 0
    """Pixels in the bands of both masks."""
    either: int = 0
    """Pixels in the band of at least one of them."""
    true: int = 0
    """Outline pixels of the truth."""
    found: int = 0
    """Outline pixels of the prediction."""
    true_met: tuple[int, ...] = (0,) * len(TOLERANCES_PX)
    """Those of the truth within each tolerance of the prediction's outline."""
    found_met: tuple[int, ...] = (0,) * len(TOLERANCES_PX)
    """Those of the prediction within each tolerance of the truth's outline."""

    def __add__(self, other: Boundary) -> Boundary:
        def add(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(x + y for x, y in zip(a, b, strict=True))

        return Boundary(
            self.shared + other.shared,
            self.either + other.either,
            self.true + other.true,
            self.found + other.found,
            add(self.true_met, other.true_met),
            add(self.found_met, other.found_met),
        )

    @property
    def iou(self) -> float:
        """Boundary IoU (Cheng et al. 2021); NaN without any outline."""
        return self.shared / self.either if self.either else float("nan")

    def f1(self, tolerance_px: int) -> float:
        """Boundary F1 (Csurka et al. 2013) at one of ``TOLERANCES_PX``; NaN without outlines."""
        k = TOLERANCES_PX.index(tolerance_px)
        if not self.true + self.found:
            return float("nan")
        recall = self.true_met[k] / self.true if self.true else 0.0
        precision = self.found_met[k] / self.found if self.found else 0.0
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def compare_boundaries(truth: ByteArray, predicted: ByteArray, positive: Iterable[int]) -> Boundary:
    """Compare the outlines of two (y, x) class masks; classes in ``positive`` against the rest.

    An outline lies where a positive pixel meets a valid one that is not: the edge of the image
    and of nodata (in the truth) is none, for nobody knows whether the cloud ends there. A valid
    pixel without a prediction counts as not positive.

    Sources: Cheng, Girshick, Dollar, Berg, Kirillov (2021), Boundary IoU, CVPR (band of
    ``BAND_PX`` pixels inside the mask, chessboard distance); Csurka, Larlus, Perronnin (2013),
    What is a good evaluation measure for semantic segmentation?, BMVC (Euclidean distance).

    Raises:
        GridError: the masks differ in shape.
    """
    check_shapes(truth, predicted)
    codes = list(positive)
    chosen = np.zeros(256, bool)
    chosen[codes] = True
    valid = truth != NODATA
    masks = [chosen[m] & valid for m in (truth, predicted)]
    square = np.ones((2 * BAND_PX + 1,) * 2, np.uint8)
    bands = [m & ~_eroded(m, valid, square) for m in masks]
    outlines = [m & ~_eroded(m, valid, _disc(1)) for m in masks]
    near = [[_dilated(o, _disc(t)) for t in TOLERANCES_PX] for o in outlines]
    return Boundary(
        int((bands[0] & bands[1]).sum()),
        int((bands[0] | bands[1]).sum()),
        int(outlines[0].sum()),
        int(outlines[1].sum()),
        tuple(int((outlines[0] & n).sum()) for n in near[1]),
        tuple(int((outlines[1] & n).sum()) for n in near[0]),
    )


def pooled_boundaries(patches: Iterable[Boundary]) -> Boundary:
    """The outlines of all patches together."""
    return sum(patches, Boundary())


def _disc(radius_px: int) -> NDArray[np.uint8]:
    y, x = np.ogrid[-radius_px : radius_px + 1, -radius_px : radius_px + 1]
    disc: NDArray[np.uint8] = (x * x + y * y <= radius_px * radius_px).astype(np.uint8)
    return disc


def _eroded(mask: BoolArray, valid: BoolArray, element: NDArray[np.uint8]) -> BoolArray:
    """Pixels all of whose valid neighbours under ``element`` are in ``mask``."""
    import cv2

    # OpenCV erodes as if the mask went on beyond the edge of the image.
    kept: NDArray[Any] = cv2.erode((mask | ~valid).view(np.uint8), element)
    return kept.astype(bool)


def _dilated(mask: BoolArray, element: NDArray[np.uint8]) -> BoolArray:
    import cv2

    grown: NDArray[Any] = cv2.dilate(mask.view(np.uint8), element)
    return grown.astype(bool)
