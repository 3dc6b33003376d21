"""Run lengths of binary masks: CVAT's (row by row in a box) and COCO's (column by column)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ValueRangeError
from ..tile import BoolArray

MAX_PIXELS = 1 << 26
"""No chip is larger: what a file declares beyond this is not believed."""


def check_size(shape: tuple[int, int], where: str) -> None:
    """Refuse an image of no pixel, or of more than `MAX_PIXELS`.

    Raises:
        ValueRangeError: it is such an image.
    """
    if min(shape) < 1 or shape[0] * shape[1] > MAX_PIXELS:
        raise ValueRangeError(
            f"{where} of {shape[1]} x {shape[0]} pixels",
            f"1 to {MAX_PIXELS} pixels", "label smaller chips",
        )  # fmt: skip


def decode(counts: Sequence[int], shape: tuple[int, int], order: str, where: str) -> BoolArray:
    """(y, x) bool of alternating run lengths, the first of background.

    Args:
        counts: run lengths.
        shape: height and width in pixels.
        order: ``C`` for row by row (CVAT), ``F`` for column by column (COCO).
        where: for the message.

    Raises:
        ValueRangeError: a length is negative, they do not add up to the number of pixels, or
            these are too many.
    """
    total = sum(counts)
    check_size(shape, where)
    if total != shape[0] * shape[1] or any(c < 0 for c in counts):
        raise ValueRangeError(
            f"{where} with run lengths that add up to {total}",
            f"{shape[1]} x {shape[0]} = {shape[0] * shape[1]}, none negative",
            "export the labels again",
        )
    values = np.arange(len(counts)) % 2 == 1
    flat = np.repeat(values, np.asarray(counts, np.int64))
    return np.ascontiguousarray(flat.reshape(shape, order="F" if order == "F" else "C"))


def encode(mask: BoolArray) -> list[int]:
    """Alternating run lengths of (y, x) bool, row by row; the first is of background."""
    flat = mask.ravel()
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    return [0, *counts] if flat.size and flat[0] else counts


def coco_counts(text: str, where: str) -> list[int]:
    """Run lengths of COCO's compressed text: base 32, and from the third on differences.

    The form is that of ``rleFrString`` of the COCO API: six bits a character, of which one says
    that more follow, the lowest first; the last one carries the sign.

    Raises:
        ValueRangeError: the text is cut off or holds other characters.
    """
    counts: list[int] = []
    value = shift = 0
    more = False
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 30:
            raise _broken(where)
        value |= (bits & 31) << shift
        shift += 5
        more = bool(bits & 32)
        if not more:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if more:
        raise _broken(where)
    return counts


def _broken(where: str) -> ValueRangeError:
    return ValueRangeError(f"{where} with a damaged RLE", "COCO's RLE", "export the labels again")
