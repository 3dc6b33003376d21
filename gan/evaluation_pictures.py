"""What an image of an evaluation looks like: cloudy, clear, and as each filler made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.catalog import Row
from ..datasets.pair import CloudyPair
from ..datasets.stretch import find_stretch, stretch_rgb
from ..datasets.tile import FilledTile

Picture = NDArray[np.uint8]
"""(y, x, 3)"""


@dataclass(frozen=True, eq=False)
class Sight:
    """One image under one sky."""

    row: Row
    cloudy: Picture
    clear: Picture
    filled: Mapping[str, Picture]
    """By filler."""
    errors: Mapping[str, float]
    """By filler: RMSE of the hidden pixels."""

    @property
    def worst(self) -> float:
        """The largest error."""
        return max(self.errors.values(), default=0.0)


def take(
    row: Row, pair: CloudyPair, done: Mapping[str, FilledTile], errors: Mapping[str, float]
) -> Sight:
    """Pictures in the brightness of the clear image."""
    stretch = find_stretch(pair.clear)
    return Sight(
        row,
        stretch_rgb(pair.cloudy, stretch),
        stretch_rgb(pair.clear, stretch),
        {name: stretch_rgb(one.tile, stretch) for name, one in done.items()},
        errors,
    )
