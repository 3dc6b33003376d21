"""A tile with what is known about it: its mask, its clear view, and which classes were drawn."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from .errors import GridError, ValueRangeError
from .tile import CLEAR, SHADOW, THICK, THIN, BoolArray, CloudMask, Tile

ALL_CLASSES = frozenset((CLEAR, THICK, THIN, SHADOW))


@dataclass(frozen=True)
class LabelledTile:
    """One example to learn from."""

    id: str
    """Unique name within its data set."""
    tile: Tile
    mask: CloudMask | None = None
    """Its classes, where somebody labelled them."""
    clear: Tile | None = None
    """The same place without clouds (another date), on the same grid and with the same bands."""
    labelled: frozenset[int] = ALL_CLASSES
    """Codes of the classes that the labellers drew; pixels of the others hide among these."""
    group: str = ""
    """Place or scene, for splits."""

    def __post_init__(self) -> None:
        if self.mask is not None:
            self.mask.check_grid(self.tile)
        if self.clear is not None and self.clear.data.shape != self.tile.data.shape:
            raise GridError(
                f"{self.id} with a clear view of shape {self.clear.data.shape}",
                f"the cloudy view's {self.tile.data.shape}",
                "cut both from the same grid",
            )


def meanings(labelled: frozenset[int]) -> BoolArray:
    """(4, 4) bool: row = code in the mask, column = class that such a pixel may really be.

    Where shadow was not drawn, shadows lie among "clear"; where thin cloud was not told from
    thick, it lies among "thick". A loss -log(sum of the probabilities in the row) learns from
    such labels without learning their gaps.
    """
    out = np.eye(4, dtype=bool)
    if SHADOW not in labelled:
        out[CLEAR, SHADOW] = True
    if THIN not in labelled:
        out[THICK, THIN] = True
    return out


def parse_classes(text: str, where: str = "the catalogue") -> frozenset[int]:
    """Codes of the classes that a list in words names: "clear, cloud, cirrus (thin), shadow".

    Remarks in brackets and after a semicolon are left out. Plain "cloud" is code 1.

    Raises:
        ValueRangeError: a word that names no class.
    """
    plain = re.sub(r"\([^)]*\)", "", text).split(";")[0]
    words = [w.strip().lower() for w in plain.split(",") if w.strip()]
    patterns = (
        (r"clear", CLEAR), (r"(thick )?clouds?", THICK), (r"(cloud )?shadows?", SHADOW),
        (r"thin( cloud)?s?|(thin )?cirrus|semi-transparent( cloud)?", THIN),
    )  # fmt: skip
    found = set()
    for word in words:
        codes = [code for pattern, code in patterns if re.fullmatch(pattern, word)]
        if not codes:
            raise ValueRangeError(
                f"{where} says that '{word}' is labelled",
                "clear, thick cloud (or cloud), thin cloud (or cirrus), cloud shadow",
                "correct classes_labelled",
            )
        found.update(codes)
    return frozenset(found)
