"""What fills from the surroundings share: a reach, sources, and a confidence that falls inwards."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from ..datasets.bands import BandSet
from ..datasets.protocols import Filler
from ..datasets.tile import SPATIAL, BoolArray, CloudMask, FilledTile, FloatArray, Tile
from .common import Area, assemble, distance_px, fillable_bands, reach_px
from .relation import confidence
from .variogram import Variogram


@dataclass(frozen=True)
class Hole:
    """Where a spatial fill works; all arrays are (y, x)."""

    area: Area
    distance: FloatArray
    """Pixels to the nearest clear one."""
    reach: float
    """Largest distance that is filled, pixels."""
    target: BoolArray
    """What is filled."""


@dataclass(frozen=True)
class Carried:
    """Values for hidden pixels, from round about."""

    where: BoolArray
    """(y, x) the n pixels."""
    values: FloatArray
    """(band, n) in row-major order; NaN where a band tells nothing."""
    confidence: FloatArray
    """(n,)"""


def carried(filler: Filler, tile: Tile, mask: CloudMask, beyond: BoolArray) -> Carried:
    """`Spatial.carried`; of any other filler what it fills."""
    if isinstance(filler, Spatial):
        filler.check()
        return filler.carried(tile, Area.of(tile, mask), beyond)
    done = filler.fill(tile, mask)
    return Carried(done.filled, done.tile.data[:, done.filled], done.confidence[done.filled])


@dataclass(frozen=True)
class Spatial:
    """Carries clear values inwards, up to a distance.

    Nothing here knows what lies under the cloud, so what lies further in stays as observed and is
    marked unfillable. Only clear pixels are sources. The confidence falls with the distance to the
    nearest clear pixel as clear pixels of this scene, that far apart, differ more
    (:class:`kumosan.gan.variogram.Variogram`).
    """

    bands: ClassVar[BandSet] = BandSet(())

    max_distance_m: float | None = 300.0
    """Pixels further from clear ground are not filled; metres, used where the pixel size is
    known."""
    max_distance_px: float = 15.0
    """The same in pixels, where it is not known."""
    variogram: Variogram | None = field(default=None, repr=False)
    """How clear pixels of the scene differ by their distance; None: as they do in the tile."""

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill what lies within reach of clear ground.

        Raises:
            GridError: ``mask`` is not on the grid of ``tile``.
            ValueRangeError: a setting is not positive.
        """
        self.check()
        area = Area.of(tile, mask)
        found = self.carried(tile, area)
        return assemble(tile, area, found.where, found.values, found.confidence, SPATIAL)

    def carried(self, tile: Tile, area: Area, beyond: BoolArray | None = None) -> Carried:
        """What `fill` writes, and the same for the pixels of ``beyond`` (y, x) at any distance."""
        distance = distance_px(area)
        reach = reach_px(tile, self.max_distance_m, self.max_distance_px)
        near = distance <= reach if beyond is None else (distance <= reach) | beyond
        hole = Hole(area, distance, reach, self.wanted(area) & np.isfinite(distance) & near)
        values = np.full((len(tile.bands), np.count_nonzero(hole.target)), np.nan, np.float32)
        if not values.size:
            return Carried(hole.target, values, np.zeros(0, np.float32))
        fillable = fillable_bands(tile)
        optical = [i for i in tile.optical if i in fillable]
        if optical:
            values[optical] = self.estimate(tile.data, optical, area.clear, hole)
        for i in set(fillable) - set(optical):  # thermal may lack data where the optical have it
            source = area.clear & np.isfinite(tile.data[i])
            if source.any():
                values[i] = self.estimate(tile.data, [i], source, hole)
        variogram = self.variogram or Variogram.of(tile, area.clear)
        return Carried(hole.target, values, confidence(variogram.error(distance[hole.target])))

    def learn(self, tile: Tile, mask: CloudMask) -> Filler:
        """The same for any part of the scene that ``tile`` is of, with one variogram."""
        return replace(self, variogram=Variogram.of(tile, Area.of(tile, mask).clear))

    def check(self) -> None:
        """Raise ValueRangeError for a setting that cannot be."""

    def wanted(self, area: Area) -> BoolArray:
        """(y, x) bool: what may be filled where it lies within reach."""
        return area.todo

    def estimate(
        self, data: FloatArray, bands: list[int], source: BoolArray, hole: Hole
    ) -> FloatArray:
        """(band, n) float32 values of ``bands`` at the n pixels of the target.

        Args:
            data: (band, y, x) of all bands.
            bands: indices of those that are asked for; they have data wherever ``source`` is.
            source: (y, x) bool: where values may be read.
            hole: where to fill.
        """
        raise NotImplementedError
