"""Which labels are probably wrong: each tile's label against a prediction that has not seen it.

Three signs, each from 0 to 1, and the largest is the tile's suspicion:

- *confident disagreement*: the share of labelled pixels to whose label the prediction gives less
  than `CONFIDENT` (the confident joint of Northcutt et al. 2021, counted on pixels as cleanlab's
  segmentation ranking does);
- *empty or full*: a label all clear or all contaminated where much of the prediction is not;
- *shift*: how much better label and prediction agree when one is moved.

And, apart from predictions, *duplicates*: one image in two splits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.catalog import CatalogTiles, Row
from ..datasets.errors import KumosanError
from ..datasets.labelled import ALL_CLASSES, LabelledTile, meanings
from ..datasets.labels.chips import pictures
from ..datasets.protocols import Detector
from ..datasets.tile import SHADOW, THICK, THIN, BoolArray, CloudMask, FloatArray, Tile
from .evaluation_pictures import Sight, take

CONFIDENT = 0.2
"""A label with a smaller probability is confidently contradicted."""
CONSTANT = 0.998
"""Share of one kind of pixel from which on a label counts as empty or full."""
REACH_PX = 40
"""The largest shift that is looked for."""
_MIN_SHIFT_PX, _MIN_GAIN = 3.0, 0.1
"""Smaller shifts, and shifts that gain less correlation, are outlines drawn otherwise."""
_MIN_MIXED = 0.02
"""Shifts are looked for where label and prediction both have so much of either kind."""
_ALIKE = 0.9995
"""Correlation of thumbnails of one image."""


@dataclass(frozen=True, eq=False)
class Suspect:
    """One labelled tile and what speaks against its label."""

    row: Row
    disagreement: float
    constant: float
    shift: float
    shift_px: tuple[int, int]
    """(rows, columns) by which the label lies off; (0, 0) if no shift is found."""
    duplicate_of: str
    """An image of another split that is the same; empty if there is none."""
    sight: Sight

    @property
    def score(self) -> float:
        """Suspicion from 0 to 1."""
        return max(self.disagreement, self.constant, self.shift, float(bool(self.duplicate_of)))

    @property
    def reason(self) -> str:
        """The strongest sign, in words; of equals, the one that says most."""
        if self.score == 0:
            return "nothing speaks against it"
        signs = {
            f"the same image as {self.duplicate_of}": float(bool(self.duplicate_of)),
            "empty or full": self.constant,
            f"shifted by {self.shift_px[0]} rows, {self.shift_px[1]} columns": self.shift,
            "the prediction disagrees": self.disagreement,
        }
        return max(signs, key=lambda k: signs[k])


def audit(
    rows: Sequence[Row],
    detector_for: Callable[[Row], Detector],
    others: Sequence[Row] = (),
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Suspect]:
    """Judge the labels of ``rows``, the most suspicious first.

    Args:
        rows: labelled rows.
        detector_for: a detector that has not learnt from the row's label: rules, or the network
            of the fold that left it out (`decision.fold_detectors`).
        others: rows of other splits, to find the same image there.
        tell: called with (tiles done, tiles in all).
    """
    same = duplicates(rows, others)
    found = []
    for count, row in enumerate(rows, 1):
        item = CatalogTiles((row,))[0]
        found.append(_suspect(row, item, detector_for(row).mask(item.tile), same.get(row.id, "")))
        tell(count, len(rows))
    return sorted(found, key=lambda s: (-s.score, s.row.id))


def _suspect(row: Row, item: LabelledTile, predicted: CloudMask, duplicate: str) -> Suspect:
    label = item.mask
    assert label is not None  # rows are labelled ones
    p = probabilities(predicted)
    known = label.valid & predicted.valid
    allowed = np.tensordot(_agreeing(row.labelled), p, axes=1)
    given = np.take_along_axis(allowed, np.where(known, label.classes, 0)[None], axis=0)[0]
    n = max(int(known.sum()), 1)
    disagreement = float((given[known] < CONFIDENT).sum()) / n
    drawn, seen = _contaminated(label, row.labelled), _contaminated(predicted, row.labelled)
    share = float(drawn[known].mean()) if known.any() else 0.0
    wrong = float((drawn != seen)[known].mean()) if known.any() else 0.0
    constant = wrong if not 1 - CONSTANT < share < CONSTANT else 0.0
    offset, gain = find_shift(drawn & known, seen & known)
    shown = pictures(item.tile)[0]  # as the labeller saw it: a tile full of cloud is white
    found = {"prediction": predicted.classes}
    sight = take(row, item.tile, label, found, {"prediction": wrong}, shown)
    return Suspect(row, disagreement, constant, gain, offset, duplicate, sight)


def _agreeing(labelled: frozenset[int]) -> FloatArray:
    """(4, 4): 1 where a predicted class (column) does not contradict a label (row).

    Thick and thin cloud do not: people draw that line in many places.
    """
    out = meanings(labelled)
    out[THICK, THIN] = out[THIN, THICK] = True
    return out.astype(np.float32)


def probabilities(mask: CloudMask) -> FloatArray:
    """(4, y, x): those of the detector, or 1 for its class."""
    if mask.probability is not None:
        return mask.probability
    return np.stack([mask.classes == code for code in range(4)]).astype(np.float32)


def _contaminated(mask: CloudMask, labelled: frozenset[int]) -> BoolArray:
    """Cloud and, where the labellers drew it, shadow."""
    return mask.contaminated if SHADOW in (labelled or ALL_CLASSES) else mask.cloud


def find_shift(label: BoolArray, seen: BoolArray) -> tuple[tuple[int, int], float]:
    """The shift of ``label`` against ``seen`` and how much the correlation gains without it.

    Both are correlated at all shifts of up to `REACH_PX` at once, by FFT, with wrapped edges
    padded away. (0, 0) and 0 where either is nearly constant, or no shift helps.
    """
    if min(label.mean(), seen.mean(), 1 - label.mean(), 1 - seen.mean()) < _MIN_MIXED:
        return (0, 0), 0.0
    a, b = (m.astype(np.float64) - m.mean() for m in (label, seen))
    reach = min(REACH_PX, *(side // 2 for side in label.shape))
    size = [side + reach for side in label.shape]
    product = np.fft.rfft2(a, size) * np.conj(np.fft.rfft2(b, size))
    corr: NDArray[Any] = np.fft.irfft2(product, size) / (np.linalg.norm(a) * np.linalg.norm(b))
    near = np.roll(corr, (reach, reach), axis=(0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    y, x = np.unravel_index(int(near.argmax()), near.shape)
    offset = (int(y) - reach, int(x) - reach)
    gain = float(near[y, x] - near[reach, reach])
    if np.hypot(*offset) < _MIN_SHIFT_PX or gain < _MIN_GAIN:
        return (0, 0), 0.0
    return offset, min(gain, 1.0)


def duplicates(rows: Iterable[Row], others: Iterable[Row]) -> dict[str, str]:
    """Of each image that is also in ``others``: the name it has there.

    Images are compared as thumbnails of 16 x 16 means of their first reflective band. What cannot
    be read as an optical image (a radar image beside it) is no copy of one.
    """
    there = []
    for row in others:
        with suppress(KumosanError):
            thumb = _thumbnail(row)
            there += [] if thumb is None else [(row.id, thumb)]
    if not there:
        return {}
    stack = np.stack([thumb for _, thumb in there])
    out = {}
    for row in rows:
        own = _thumbnail(row)
        if own is not None:
            alike = stack @ own
            best = int(alike.argmax())
            if alike[best] > _ALIKE:
                out[row.id] = there[best][0]
    return out


def _thumbnail(row: Row) -> FloatArray | None:
    """(256,) float32 of mean 0 and length 1; None for an image without any contrast."""
    import cv2

    tile: Tile = CatalogTiles((row,))[0].tile
    plane = np.nan_to_num(tile.data[tile.optical[0]]) if tile.optical else tile.data[0]
    small = cv2.resize(plane, (16, 16), interpolation=cv2.INTER_AREA).ravel()
    small = small - small.mean()
    length = float(np.linalg.norm(small))
    return np.asarray(small / length, np.float32) if length > 1e-6 else None
