"""Rows of a scene that is larger than memory: each block is read once, though windows overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from ..datasets.coarse import Averages
from ..datasets.scene import Scene
from ..datasets.tile import BoolArray

BLOCK = 512
"""Rows and columns that are read together, pixels: the blocks of most tiled files, or several of
them. Windows of 896 pixels that share 64 touch two or three rows of such blocks, and the next
windows one of them again: decoding is most of reading, and half of it would be done twice."""


@dataclass
class SceneRows:
    """Stored numbers of some bands, and where the scene is known.

    Asked for windows from top to bottom, in any order along a row of windows; rows above the window
    that was asked for last are forgotten. May be read in one thread, and `take_valid` be asked
    in another.
    """

    scene: Scene
    bands: Sequence[int]
    """Those that are handed on."""
    needed: Sequence[int]
    """Those of them without which a pixel is not known."""
    deciding: Sequence[int]
    """Those, beside, without which a pixel of the scene is not valid."""
    averages: Averages | None = None
    """Is given every block once."""
    _top: int = 0
    """First row that is held."""
    _count: int = 0
    """Rows that are held."""
    _stored: NDArray[Any] | None = None
    """(band, y, x) of the rows from there on, and room for some more."""
    _known: BoolArray = field(default_factory=lambda: np.zeros((0, 0), bool))
    """(y, x) likewise."""
    _read: set[tuple[int, int]] = field(default_factory=set)
    """Blocks, by (row, column) of blocks, that are held or were."""
    _valid: dict[int, BoolArray] = field(default_factory=dict)
    """By row of blocks, until it is taken."""

    def window(self, rows: slice, columns: slice) -> tuple[NDArray[Any], BoolArray]:
        """(band, y, x) stored numbers of `bands` and (y, x) whether `needed` are there:
        views, good until the next call."""
        if rows.start < self._top:
            self._top, self._count = rows.start, 0
            self._read.clear()
        self._hold(rows)
        across = range(columns.start // BLOCK, -(-columns.stop // BLOCK))
        for down in range(rows.start // BLOCK, -(-rows.stop // BLOCK)):
            missing = [k for k in across if (down, k) not in self._read]
            if missing:
                self._fetch(down, missing[0], missing[-1] + 1)
        if self._stored is None:
            raise AssertionError("no block was read")
        part = slice(rows.start - self._top, rows.stop - self._top)
        return self._stored[:, part, columns], self._known[part, columns]

    def take_valid(self, top: int, bottom: int) -> BoolArray:
        """(y, x) bool of rows that were read in all columns, in order; they are forgotten."""
        parts = []
        for down in range(top // BLOCK, -(-bottom // BLOCK)):
            first, block = down * BLOCK, self._valid[down]
            parts.append(block[max(top - first, 0) : bottom - first])
            if bottom >= first + len(block):
                del self._valid[down]
        return np.concatenate(parts)

    def _hold(self, rows: slice) -> None:
        """Room for ``rows`` and the rest of their blocks; what lies above is let go."""
        height, width = self.scene.shape
        bottom = min(height, -(-rows.stop // BLOCK) * BLOCK)
        held = self._top + self._count
        if bottom <= held:
            return
        keep, first = max(held - rows.start, 0), rows.start - self._top
        old, known = self._stored, self._known
        self._top, self._count = rows.start, bottom - rows.start
        if self._count > len(known):
            self._known = np.zeros((self._count, width), bool)
            if old is not None:
                self._stored = np.empty((len(self.bands), *self._known.shape), old.dtype)
        if keep:  # moved where they are, if there is room: a copy would double what is held
            self._known[:keep] = known[first : first + keep]
            if old is not None and self._stored is not None:
                for new, was in zip(self._stored, old, strict=True):
                    new[:keep] = was[first : first + keep]
        self._known[keep:] = False

    def _fetch(self, down: int, left: int, right: int) -> None:
        """Read a row of blocks."""
        height, width = self.scene.shape
        rows = slice(max(down * BLOCK, self._top), min((down + 1) * BLOCK, height))
        columns = slice(left * BLOCK, min(right * BLOCK, width))
        window = Window(
            columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
        )
        beside = self.averages.bands if self.averages else ()
        asked = sorted({*self.bands, *self.deciding, *beside})
        stored = self.scene.source.stored(window, asked)
        empty = self.scene.source.missing(window)
        if self.averages is not None:
            planes = (
                self.scene.decoded(stored[asked.index(i)][None], [i], empty)[0] for i in beside
            )
            self.averages.add(window, planes)
        lost = np.zeros(stored.shape[1:], bool) if empty is None else empty.copy()
        encoding = self.scene.encoding
        for i in self.needed:
            lost |= encoding.missing(stored[asked.index(i)])
        if self._stored is None:
            self._stored = np.empty((len(self.bands), *self._known.shape), stored.dtype)
        part = slice(rows.start - self._top, rows.stop - self._top)
        for k, i in enumerate(self.bands):
            self._stored[k, part, columns] = stored[asked.index(i)]
        np.logical_not(lost, out=self._known[part, columns])
        for i in self.deciding:
            lost |= encoding.missing(stored[asked.index(i)])
        whole = (min((down + 1) * BLOCK, height) - down * BLOCK, width)
        valid = self._valid.setdefault(down, np.zeros(whole, bool))
        np.logical_not(lost, out=valid[rows.start - down * BLOCK :, columns])
        self._read |= {(down, k) for k in range(left, right)}
