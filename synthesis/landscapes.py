"""Procedural clear ground to paint clouds on, among it what rules take for cloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..datasets.bands import BandSet
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.tile import Tile
from .climate import Climate
from .landscape import landscape

CLIMATES: tuple[Climate, ...] = (
    "temperate", "snow", "desert", "temperate", "snow", "temperate", "snow"
)  # fmt: skip
"""Of the landscapes, in turn: seven, so that it does not go with the turns of two and four."""


@dataclass(frozen=True)
class Landscapes(Sequence[Tile]):
    """Procedural clear tiles, each drawn when it is asked for: pixels of 10 to 60 m, half by the
    sea, half of them surface reflectance, three of seven of snow and one of desert: ground
    that rules take for cloud. Over snow the sun is low and the air that of a winter, through
    whose driest the cirrus band sees a trace of the ground. The far drier air of an ice sheet
    is left out: fine snow under it has the spectrum, the temperature and the smoothness of ice
    cloud, and what learns that it is ground misses such cloud everywhere. Thermal bands are
    warmer or colder by a season. Picklable."""

    n: int
    size: int
    seed: int
    bands: BandSet = CANONICAL_BANDS

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: Any) -> Any:
        if not 0 <= i < self.n:
            raise IndexError(i)
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, i]))
        gsd_m = float(np.exp(rng.uniform(np.log(10), np.log(60))))
        bands = BandSet(tuple(replace(band, gsd_m=gsd_m) for band in self.bands))
        climate = CLIMATES[i % len(CLIMATES)]
        snow = climate == "snow"
        vapour_cm = float(np.exp(rng.uniform(np.log(0.2), np.log(1.5))))
        tile = landscape(
            (self.size, self.size), bands, rng, gsd_m,
            sun_zenith_deg=float(rng.uniform(*((45, 75) if snow else (20, 65)))),
            sun_azimuth_deg=float(rng.uniform(30, 165)),
            level="SR" if i % 2 else "TOA", coast=i % 4 < 2, climate=climate,
            vapour_cm=vapour_cm if snow else None,
        )  # fmt: skip
        season_k = float(rng.uniform(*((-45, 5) if snow else (-20, 10))))
        for number, band in enumerate(bands):
            if band.kind == "thermal":
                tile.data[number] += np.float32(season_k)
        return tile
