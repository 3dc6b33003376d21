"""Pixels whose spectra are shown: one of each class, well inside, typical, and filled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ..datasets import Tile
from ..datasets.tile import CLASS_NAMES, CLEAR, NODATA, BoolArray
from .comparison import Comparison

_DEEP_PX = 4.0
"""Pixels this far inside their class are all alike."""


@dataclass(frozen=True)
class Point:
    """A pixel, and why it is shown."""

    title: str
    row: int
    column: int


def points(found: Comparison, asked: Sequence[tuple[int, int]] = ()) -> list[Point]:
    """A pixel of each class that the filled mask has, then those that were asked for.

    Of the pixels well inside their class, those that most fillers filled; of them, the one whose
    spectrum is nearest to their median.

    Args:
        found: the comparison.
        asked: (column, row) in pixels of the tile.
    """
    tile, classes = found.tile, found.hidden.classes
    filled = sum((f.filled.astype(int) for f in found.filled.values()), np.zeros(tile.shape, int))
    chosen = []
    for code, name in enumerate(CLASS_NAMES):
        members = (classes == code) & tile.valid
        if not members.any():
            continue
        depth = ndimage.distance_transform_edt(np.pad(members, 1))[1:-1, 1:-1]
        inside = members & (depth >= min(_DEEP_PX, float(depth.max())))
        if code != CLEAR:
            inside &= filled == filled[inside].max()
        row, column = _typical(tile, inside)
        chosen.append(Point(name.replace("_", " "), row, column))
    chosen += [Point(f"your point {i}", row, column) for i, (column, row) in enumerate(asked, 1)]
    return chosen


def _typical(tile: Tile, where: BoolArray) -> tuple[int, int]:
    """(row, column) of the pixel of ``where`` with the spectrum nearest to their median."""
    spectra = tile.data[list(tile.optical)][:, where]
    far = np.abs(spectra - np.median(spectra, axis=1, keepdims=True)).sum(0)
    row, column = np.argwhere(where)[int(far.argmin())]
    return int(row), int(column)


def point_facts(found: Comparison, shown: Iterable[Point]) -> list[dict[str, Any]]:
    """Of each point: where it is, what each detector calls it, and its spectra by method.

    ``reflectance`` holds the optical bands: ``observed``, each filler that filled the pixel, and
    ``truth`` where a clear image was given.
    """
    tile = found.tile
    optical = list(tile.optical)
    facts = []
    for point in shown:
        at = (point.row, point.column)
        x, y = tile.transform @ (point.column + 0.5, point.row + 0.5)
        spectra = {"observed": tile.data[(optical, *at)]}
        spectra |= {
            name: done.tile.data[(optical, *at)]
            for name, done in found.filled.items()
            if done.filled[at]
        }
        if found.truth.clear is not None:
            spectra["truth"] = found.truth.clear.data[(optical, *at)]
        facts.append(
            {
                "title": point.title,
                "column": point.column,
                "row": point.row,
                "x": x,
                "y": y,
                "class": _class_name(found.hidden.classes[at]),
                "detectors": {n: _class_name(m.classes[at]) for n, m in found.found.items()},
                "reflectance": {n: [float(v) for v in values] for n, values in spectra.items()},
            }
        )
    return facts


def _class_name(code: int) -> str:
    return "nodata" if code == NODATA else CLASS_NAMES[code]
