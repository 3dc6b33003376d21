"""A spectral filler once it has learnt: fills any part of the scene it learnt from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np

from ..datasets.bands import BandSet
from ..datasets.protocols import Filler
from ..datasets.tile import SPECTRAL, BoolArray, CloudMask, FilledTile, FloatArray, Tile
from .common import MIN_CLEAR, Area, Limits, assemble, one_thread, plausible_range, untouched
from .features import feature_bands
from .lifting import Lifting
from .painted import KINDS
from .relation import Relation, confidence, corrections, least_confidence
from .veil import VeilKind


class Teacher(Protocol):
    """Fits relations on the clear ground of a scene."""

    @property
    def min_confidence(self) -> float:
        """Thin cloud below it is left unfillable, with its observed values; shadow below half."""
        ...

    def fit(self, tile: Tile, clear: BoolArray, kind: VeilKind) -> Relation | None:
        """The relation for one kind of veil; None if too little could be painted."""
        ...

    def lift(self, tile: Tile, clear: BoolArray) -> Lifting | None:
        """What predicts the bands that relations do not model; None if there are none."""
        ...


@dataclass(frozen=True)
class Learnt:
    """What a teacher makes of some ground.

    The relation of a kind (thin cloud, shadow) is fitted when it is first needed. Filled values
    keep to the range of the ground, wherever they are filled. Bands that are lifted count in the
    expected error with their own, reflective ones alone.
    """

    bands: ClassVar[BandSet] = BandSet(())

    how: Teacher
    ground: Tile
    clear: BoolArray
    """(y, x) bool: the clear pixels of ``ground``."""
    _relations: dict[VeilKind, Relation | None] = field(default_factory=dict, repr=False)

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Lift thin cloud and relight shadow; thick cloud stays unfillable."""
        area = Area.of(tile, mask)
        wanted = area.todo & np.isin(mask.classes, [code for code, _ in KINDS])
        if not (wanted.any() and feature_bands(tile.bands, cirrus=False)):
            return untouched(tile, area)
        values, error = corrections(self._relation, tile, mask, wanted, area.clear)
        self._lift(values, error)
        sure = confidence(error)
        kept = sure >= least_confidence(mask.classes[wanted], self.how.min_confidence)
        wanted[wanted] = kept
        return assemble(tile, area, wanted, values[:, kept], sure[kept], SPECTRAL, self._limits)

    def _lift(self, values: FloatArray, error: FloatArray) -> None:
        """Predict the bands that were not modelled, in place."""
        known = np.isfinite(error)
        lifting = self._lifting if known.any() else None
        if lifting is None:
            return
        lifting.apply(values, known)
        counted = [self.ground.bands[i].kind == "reflective" for i in lifting.lifted]
        own = float((lifting.error[counted] ** 2).sum()) / (len(lifting.known) + sum(counted))
        error[known] = np.sqrt(error[known] ** 2 + own)

    def _relation(self, kind: VeilKind) -> Relation | None:
        if kind not in self._relations:
            with one_thread():
                self._relations[kind] = self.how.fit(self.ground, self.clear, kind)
        return self._relations[kind]

    @cached_property
    def _lifting(self) -> Lifting | None:
        return self.how.lift(self.ground, self.clear)

    @cached_property
    def _limits(self) -> list[Limits]:
        return [plausible_range(self.ground, i, self.clear) for i in range(len(self.ground.bands))]


def of_scene(how: Teacher, tile: Tile, mask: CloudMask) -> Filler:
    """A filler for any part of the scene that ``tile`` is of: what ``how`` learns from its clear
    pixels; with fewer than MIN_CLEAR of them, what other scenes taught."""
    clear = Area.of(tile, mask).clear
    if np.count_nonzero(clear) >= MIN_CLEAR:
        return Learnt(how, tile, clear)
    from .taught import Taught  # its relations are made of what `regression` is, which needs this

    return Taught.of(tile, mask)
