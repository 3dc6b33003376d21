"""What a mask costs downstream: the error of reflectance after the fill that it leads to.

A missed cloud stays in the image; clear ground that is called cloud is replaced by a guess. Both
are errors of reflectance, so they can be weighed against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import ValueRangeError
from ..datasets.pair import CloudyPair
from ..datasets.protocols import Filler
from ..datasets.tile import CLEAR, UNFILLABLE, BoolArray, CloudMask


@dataclass(frozen=True)
class Cost:
    """Mean absolute error of reflectance over the pixels with data, as a sum of four parts."""

    missed: float = 0.0
    """By cloud and shadow that the mask does not know: they are left as they are."""
    filled: float = 0.0
    """By the fill under cloud and shadow."""
    lost: float = 0.0
    """By masked pixels that nothing could fill; whoever does not know a pixel can still guess the
    mean spectrum of the ground, so that is what it costs."""
    spoilt: float = 0.0
    """By the fill of clear ground that the mask calls cloud or shadow."""

    @property
    def total(self) -> float:
        """All four together."""
        return self.missed + self.filled + self.lost + self.spoilt

    def parts(self) -> dict[str, float]:
        """The four by name, and their sum as ``total``."""
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"total": self.total}


def mean_cost(costs: list[Cost]) -> Cost:
    """The mean of each part."""
    return Cost(*(float(np.mean([getattr(c, f.name) for c in costs])) for f in fields(Cost)))


def cost(pair: CloudyPair, mask: CloudMask, filler: Filler) -> Cost:
    """What filling the cloudy tile by ``mask`` costs, against the clear one.

    Args:
        pair: a painted tile and its truth.
        mask: on its grid; what it calls nodata counts as clear.
        filler: fills what it hides.

    Raises:
        ValueRangeError: the pair has no pixel with data, or no reflective band.
        GridError: the mask is not on the grid of the pair.
    """
    found = errors(pair, mask, filler)
    cloudy, hidden = pair.mask.contaminated & found.valid, found.hidden

    def part(where: BoolArray) -> float:
        return float(found.error[where].sum() / found.valid.sum())

    return Cost(
        missed=part(cloudy & ~hidden),
        filled=part(cloudy & hidden & ~found.unknown),
        lost=part(found.unknown),
        spoilt=part(hidden & ~cloudy & ~found.unknown),
    )


@dataclass(frozen=True)
class Errors:
    """What a cost is the sum of, pixel by pixel; all arrays are (y, x)."""

    error: NDArray[np.float64]
    """Mean absolute error of reflectance over the reflective bands."""
    valid: BoolArray
    """Pixels with data: those that count."""
    hidden: BoolArray
    """Those that the mask hides."""
    unknown: BoolArray
    """Those of them that nothing could fill."""


def errors(pair: CloudyPair, mask: CloudMask, filler: Filler) -> Errors:
    """The error of each pixel after the fill; arguments and exceptions are those of `cost`."""
    valid = pair.mask.valid & pair.clear.valid & pair.cloudy.valid
    bands = [i for i, b in enumerate(pair.clear.bands) if b.kind == "reflective"]
    if not valid.any() or not bands:
        raise ValueRangeError("a pair without pixels of reflectance", "some", "leave it out")
    classes = np.where(mask.valid, mask.classes, CLEAR).astype(np.uint8)
    hidden = (classes != CLEAR) & valid
    used = CloudMask.like(pair.cloudy, classes)
    filled = filler.fill(pair.cloudy, used) if hidden.any() else None
    truth = pair.clear.data[bands]
    found = (pair.cloudy if filled is None else filled.tile).data[bands]
    error = np.abs(found - truth).mean(axis=0, dtype=np.float64)
    unknown = np.zeros(valid.shape, bool)
    if filled is not None:
        unknown = hidden & (filled.provenance == UNFILLABLE)
        mean = truth[:, valid].mean(axis=1, dtype=np.float64)[:, None, None]
        error[unknown] = np.abs(truth - mean).mean(axis=0)[unknown]
    return Errors(error, valid, hidden, unknown)
