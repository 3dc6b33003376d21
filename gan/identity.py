"""Leaving every pixel as it is: what each filler has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..datasets.bands import BandSet
from ..datasets.tile import CloudMask, FilledTile, Tile
from .common import Area, untouched


@dataclass(frozen=True)
class Identity:
    """Fills nothing: all that is cloudy stays so and is marked unfillable."""

    bands: ClassVar[BandSet] = BandSet(())

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """The tile itself.

        Raises:
            GridError: ``mask`` is not on the grid of ``tile``.
        """
        return untouched(tile, Area.of(tile, mask))
