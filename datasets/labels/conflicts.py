"""Several labels of one chip: one is chosen, all vote, or the whole export is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import ValueRangeError
from ..tile import NODATA, ByteArray
from .drawing import ChipLabel

OnConflict = Literal["refuse", "choose", "vote"]


@dataclass(frozen=True, eq=False)
class Settled:
    """What counts for one chip in the end."""

    chip: str
    shape: tuple[int, int]
    classes: ByteArray | None
    """(y, x) uint8; 255 where voters do not agree; None if no pixel was labelled."""
    patch: str | None
    """``clear`` or ``cloudy``, if somebody said so of the chip as a whole."""
    annotator: str
    time: str
    project: str
    votes: int
    """Labels that count."""


def settle(
    chip: str, labels: Sequence[ChipLabel], shape: tuple[int, int], how: OnConflict
) -> Settled:
    """Make one label of those of one chip.

    Args:
        chip: its name, for messages.
        labels: one or more.
        shape: (height, width) of the chip.
        how: ``refuse`` more than one; ``choose`` a reviewed one before others, the latest of
            them; ``vote`` pixel by pixel: the class that most labels give, 255 if there is a tie.

    Raises:
        ValueRangeError: more than one with ``refuse``.
        GridError: a label is of another size than the chip.
    """
    if len(labels) > 1 and how == "refuse":
        who = ", ".join(label.annotator or "somebody" for label in labels)
        raise ValueRangeError(
            f"{len(labels)} labels of {chip} (by {who})", "one label a chip",
            "pass --on-conflict choose (reviewed first, then the latest) or vote",
        )  # fmt: skip
    if how == "choose":
        labels = [max(labels, key=lambda label: (label.reviewed, label.time))]
    drawn = [c for label in labels if (c := label.classes(shape)) is not None]
    return Settled(
        chip,
        shape,
        _majority(drawn) if drawn else None,
        _answer([label.patch for label in labels if label.patch]),
        _joined(label.annotator for label in labels),
        max((label.time for label in labels), default=""),
        _joined(label.project for label in labels),
        len(labels),
    )


def _majority(drawn: Sequence[ByteArray]) -> ByteArray:
    if len(drawn) == 1:
        return drawn[0]
    stack = np.stack(drawn)
    counts = np.stack([(stack == code).sum(axis=0) for code in range(4)])
    most = counts.max(axis=0)
    tie = (counts == most).sum(axis=0) > 1
    return np.where(tie, NODATA, counts.argmax(axis=0)).astype(np.uint8)


def _answer(said: Sequence[str]) -> str | None:
    """What most say; None if nobody said anything, or there is a tie."""
    counts = Counter(said).most_common(2)
    if not counts or (len(counts) > 1 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(t for t in texts if t))
