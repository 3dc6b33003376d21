"""What somebody drew on a chip, and the class of every pixel that it means."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import GridError, ValueRangeError
from ..tile import CLEAR, BoolArray, ByteArray
from .rle import check_size


@dataclass(frozen=True, eq=False)
class Shape:
    """One object: which class, how high it lies, and which pixels it covers."""

    code: int
    covers: Callable[[tuple[int, int]], BoolArray]
    """(y, x) bool for an image of (height, width)."""
    z_order: int = 0
    """The higher lies on top; of equals, the later."""


@dataclass(frozen=True, eq=False)
class ChipLabel:
    """Everything that one person said of one chip at one time."""

    chip: str
    """Its name, or its global key, as the export writes it."""
    shape: tuple[int, int] | None
    """(height, width) in pixels as the export says; None where it does not."""
    shapes: tuple[Shape, ...] = ()
    drawn: bool = False
    """Whether the pixels were labelled: something was drawn, or nothing is to be drawn."""
    patch: Literal["clear", "cloudy"] | None = None
    """Of the chip as a whole."""
    annotator: str = ""
    time: str = ""
    """When it was last changed, as the export writes it (ISO 8601 where the tool does)."""
    project: str = ""
    reviewed: bool = False
    """Whether a reviewer approved of it."""

    def classes(self, shape: tuple[int, int]) -> ByteArray | None:
        """(y, x) uint8 classes, clear where nothing was drawn; None if no pixel was labelled.

        Raises:
            GridError: ``shape``, the chip's own, is not the size that the export gives.
            ValueRangeError: it is too large to be believed.
        """
        if self.shape is not None and self.shape != shape:
            raise GridError(
                f"the label of {self.chip} is {self.shape[1]} x {self.shape[0]} pixels",
                f"the chip's {shape[1]} x {shape[0]}",
                "export the labels of the chips that were sent",
            )
        if not self.drawn and self.patch != "clear":
            return None
        check_size(shape, self.chip)
        out = np.full(shape, CLEAR, np.uint8)
        for each in sorted(self.shapes, key=lambda s: s.z_order):
            out[each.covers(shape)] = each.code
        return out


def polygon(
    points: Sequence[tuple[float, float]], where: str
) -> Callable[[tuple[int, int]], BoolArray]:
    """Pixels whose centres lie inside; (x, y) counts from the upper left corner of the image.

    Raises:
        ValueRangeError: fewer than three points, or one that is no number.
    """
    if len(points) < 3 or not all(math.isfinite(v) and abs(v) < 1e7 for p in points for v in p):
        raise ValueRangeError(
            f"{where} has a polygon of {len(points)} points",
            "three or more finite points", "correct it in the labelling project",
        )  # fmt: skip
    ring = [*points, points[0]]

    def covers(shape: tuple[int, int]) -> BoolArray:
        from affine import Affine
        from rasterio.features import rasterize

        geometry = {"type": "Polygon", "coordinates": [ring]}
        flag = rasterize([geometry], shape, transform=Affine.identity(), dtype="uint8")
        return np.asarray(flag, bool)

    return covers


def boxed(
    part: BoolArray, left: int, top: int, where: str
) -> Callable[[tuple[int, int]], BoolArray]:
    """A mask of a part of the image whose upper left pixel is (left, top)."""

    def covers(shape: tuple[int, int]) -> BoolArray:
        height, width = part.shape
        if left < 0 or top < 0 or top + height > shape[0] or left + width > shape[1]:
            raise ValueRangeError(
                f"{where} has a mask of {width} x {height} pixels at ({left}, {top})",
                f"one inside the {shape[1]} x {shape[0]} pixels of the chip",
                "export the labels again",
            )
        out = np.zeros(shape, bool)
        out[top : top + height, left : left + width] = part
        return out

    return covers


def whole(mask: BoolArray, where: str) -> Callable[[tuple[int, int]], BoolArray]:
    """A mask of the whole image."""

    def covers(shape: tuple[int, int]) -> BoolArray:
        if mask.shape != shape:
            raise GridError(
                f"{where} has a mask of {mask.shape[1]} x {mask.shape[0]} pixels",
                f"the chip's {shape[1]} x {shape[0]}", "export the labels again",
            )  # fmt: skip
        return mask

    return covers
