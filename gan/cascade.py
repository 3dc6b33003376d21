"""The filler ``auto``: each pixel by the best that is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import cv2
import numpy as np

from ..datasets.bands import BandSet
from ..datasets.protocols import Filler, learnt
from ..datasets.tile import NODATA, THICK, THIN, CloudMask, FilledTile, Tile
from .common import Area, untouched
from .levelled import Levelled
from .regression import Regression
from .temporal import Temporal
from .weighted import InverseDistance, far

RIM_PX = 2
"""Thin cloud this near to thick cloud is filled from the surroundings, not lifted."""


@dataclass(frozen=True)
class Cascade:
    """Other dates first, then the spectrum, then the surroundings; the rest stays as it was.

    With ``references``, :class:`Temporal`; then :class:`Regression` for thin cloud and shadow;
    then :class:`InverseDistance`, to whose level shadows are moved (:class:`Levelled`), for what
    else lies near known ground. Each sees only what is still unfilled, and learns from observed
    clear pixels only: an error is not handed on.
    """

    bands: ClassVar[BandSet] = BandSet(())

    references: Sequence[Tile] = ()
    """Other dates of the same place."""
    reference_masks: Sequence[CloudMask] | None = None
    """Their clouds, in the same order, where known."""
    seed: int = 0
    """Seed of the default ``spectral`` filler."""
    spectral: Filler | None = None
    """Fills thin cloud and shadow; :class:`Regression` if None."""
    spatial: Filler = field(default_factory=InverseDistance)

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill step by step; provenance tells which step filled a pixel."""
        done = untouched(tile, Area.of(tile, mask))
        if self.references:
            done = _observed_only(Temporal(self.references, self.reference_masks), done, mask)
        rest = Levelled(self.spectral or Regression(self.seed), self.spatial)
        return _observed_only(rest, done, _rims(mask))

    def learn(self, tile: Tile, mask: CloudMask) -> Filler:
        """The same with fillers that have learnt from ``tile``, where they are such that learn;
        for any part of the scene that ``tile`` is of."""
        spectral = learnt(self.spectral or Regression(self.seed), tile, mask)
        return replace(self, spectral=spectral, spatial=learnt(self.spatial, tile, mask))


def everywhere(**settings: Any) -> Cascade:
    """The filler ``auto-far``: ``auto`` that fills at any distance from clear ground.

    The further in, the lower the confidence. Also the first guess of the network ``gan``.

    Args:
        settings: of `Cascade`.
    """
    return Cascade(spatial=far(), **settings)


def _rims(mask: CloudMask) -> CloudMask:
    """The mask with thin cloud beside thick cloud called thick: it is the rim of a dense cloud
    (or the buffer around it), which no correction lifts."""
    if not (mask.classes == THICK).any():
        return mask
    y, x = np.ogrid[-RIM_PX : RIM_PX + 1, -RIM_PX : RIM_PX + 1]
    disc = (y**2 + x**2 <= RIM_PX**2).astype(np.uint8)
    near = cv2.dilate((mask.classes == THICK).view(np.uint8), disc) > 0
    classes = np.where(near & (mask.classes == THIN), THICK, mask.classes).astype(np.uint8)
    return replace(mask, classes=classes)


def _observed_only(filler: Filler, done: FilledTile, mask: CloudMask) -> FilledTile:
    """Fill what is left; what was filled before is neither a source nor filled again."""
    left = replace(mask, classes=np.where(done.filled, NODATA, mask.classes).astype(np.uint8))
    return _merge(done, filler.fill(done.tile, left))


def _merge(done: FilledTile, new: FilledTile) -> FilledTile:
    """``done`` with what ``new`` filled beyond it."""
    return FilledTile(
        new.tile,
        np.where(new.filled, new.provenance, done.provenance),
        np.where(new.filled, new.confidence, done.confidence),
    )
