"""What covers the ground of the procedural landscape: shares of endmembers in every pixel."""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import NDArray

from ..datasets.tile import FloatArray
from .parcels import Parcels, Town, parcels, roads, town
from .spectra import endmembers
from .terrain import Ground, step

_ROUGHNESS = {
    "broadleaf": 0.09, "conifer": 0.11, "rock": 0.08, "concrete": 0.10, "red_roof": 0.12,
    "light_roof": 0.05, "asphalt": 0.06, "clear_water": 0.03, "turbid_water": 0.02, "snow": 0.006,
    "fine_snow": 0.003, "ice": 0.03, "sand": 0.010, "bright_soil": 0.015,
}  # fmt: skip
_SMOOTH = 0.035
# Standard deviation of brightness from pixel to pixel, by endmember; the rest is smooth. So that
# neighbours differ as on the clear tiles of split `train`: by .1 to .4 % on snow, .3 to .7 % in
# deserts, 1 to 3 % on fields, 4 to 7 % in woods and towns (median of |dx| over the median).


class Cover:
    """Shares of endmembers, laid one over the other like paint that may be thin."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.names = tuple(endmembers())
        self.share: FloatArray = np.zeros((len(self.names), *shape), np.float32)
        """(name, y, x); sums to 1 once something opaque has been laid."""

    def lay(self, opacity: FloatArray, **parts: FloatArray | float) -> None:
        """Cover the share ``opacity`` of every pixel by a mixture of ``parts`` (sum 1)."""
        somewhere = np.flatnonzero(opacity.ravel() > 0)
        thin = opacity.ravel()[somewhere]
        flat = self.share.reshape(len(self.names), -1)
        whole = somewhere.size == flat.shape[1]
        for i, name in enumerate(self.names):
            if name not in parts and not flat[i].any():
                continue
            left = flat[i] * (1 - thin) if whole else flat[i, somewhere] * (1 - thin)
            if name in parts:
                part = np.broadcast_to(np.float32(parts[name]), opacity.shape)
                left = left + thin * part.ravel()[somewhere]
            flat[i, somewhere] = left

    def of(self, *names: str) -> FloatArray:
        """(y, x) share of ``names`` together."""
        rows = [self.names.index(name) for name in names]
        return np.asarray(self.share[rows].sum(0), np.float32)

    @property
    def roughness(self) -> FloatArray:
        """(y, x) standard deviation of brightness between pixels."""
        sigma = [_ROUGHNESS.get(name, _SMOOTH) for name in self.names]
        return np.asarray(np.tensordot(np.array(sigma, np.float32), self.share, 1), np.float32)


def land_cover(land: Ground, rng: np.random.Generator) -> Cover:
    """Lay fields, wood, mountains, water and settlements on ``land``, in that order."""
    fields, wood, heights, water, people = rng.spawn(5)
    cover = Cover(land.shape)
    _lay_fields(cover, land, fields)
    _lay_wood(cover, land, wood)
    _lay_heights(cover, land, heights)
    _lay_settlements(cover, land, people)
    _lay_water(cover, land, water)
    return cover


# Crops as mixtures of two endmembers, and how often they are grown.
_CROPS = (
    ("green_crop", "young_crop", 0.20), ("grass", "green_crop", 0.15),
    ("lush_grass", "grass", 0.08), ("green_crop", "stressed_crop", 0.09),
    ("young_crop", "dark_soil", 0.14), ("dry_crop", "grass", 0.10),
    ("dark_soil", "young_crop", 0.07), ("wet_soil", "dark_soil", 0.04),
    ("dry_crop", "dry_grass", 0.09), ("bright_soil", "dark_soil", 0.04),
)  # fmt: skip


def _lay_fields(cover: Cover, land: Ground, rng: np.random.Generator) -> None:
    """Parcels, each with a crop, a stage of growth and a patchy soil; hedges between blocks."""
    mosaic = parcels(land, rng)
    chance = np.array([c[2] for c in _CROPS])
    crop = rng.choice(len(_CROPS), Parcels.KINDS, p=chance / chance.sum())[mosaic.number]
    stage = rng.beta(1.2, 2.2, Parcels.KINDS).astype(np.float32)[mosaic.number]
    tilled = rng.uniform(0.0, 0.12, Parcels.KINDS).astype(np.float32)[mosaic.number]
    patches = land.noise(rng, 350, 4)
    rows = np.sin(2 * pi * mosaic.row / np.float32(3.3 * land.gsd_m)).astype(np.float32)
    second = np.clip(stage + 0.30 * patches + tilled * rows, 0, 1)
    for kind, (main, other, _) in enumerate(_CROPS):
        cover.lay((crop == kind).astype(np.float32), **{main: 1 - second, other: second})
    hedge = step(mosaic.edge_m, 1.0 * land.gsd_m, 0.3 * land.gsd_m)
    wooded = step(land.noise(rng, 500, 3), -0.05, 0.15)
    cover.lay(0.65 * hedge, broadleaf=0.8 * wooded, grass=0.2 * wooded + 0.5 * (1 - wooded),
              bright_soil=0.5 * (1 - wooded))  # fmt: skip


def _lay_wood(cover: Cover, land: Ground, rng: np.random.Generator) -> None:
    """Woods in the plain with sharp rims, closed forest on the slopes, conifers higher up."""
    place = land.noise(rng, 1900, 6) + 0.75 * land.mountain
    slopes = step(land.mountain, 0.04, 0.2) * step(
        land.elevation_m, land.snow_line_m - 150, land.snow_line_m - 320
    )
    pasture = land.noise(rng, 700, 5)
    forest = np.maximum(step(place, 0.17, 0.20), slopes * step(pasture, 0.17, 0.13))
    conifers = step(land.elevation_m + 500 * land.noise(rng, 800, 5), 450, 1000)
    meadow = step(land.mountain, 0.03, 0.12)
    cover.lay(meadow, grass=0.8, young_crop=0.2)
    cover.lay(forest, broadleaf=1 - 0.92 * conifers, conifer=0.92 * conifers)


def _lay_heights(cover: Cover, land: Ground, rng: np.random.Generator) -> None:
    """Above the trees: alpine grass, then rock, then snow in patches that close upwards."""
    line = land.snow_line_m
    height = land.elevation_m + 150 * land.noise(rng, 900, 6)
    cover.lay(step(height, line - 260, line - 180), grass=0.60, rock=0.25, dry_crop=0.15)
    cover.lay(step(height, line - 190, line - 60), rock=0.85, grass=0.15)
    gullies = height + 300 * land.noise(rng, 320, 5)
    cover.lay(step(gullies, line - 50, line + 50), snow=1.0)
    tongues = step(land.noise(rng, 600, 4), 0.12, 0.22) * step(height, line - 60, line)
    cover.lay(0.8 * tongues * step(gullies, line + 160, line + 60), ice=1.0)


def _lay_settlements(cover: Cover, land: Ground, rng: np.random.Generator) -> None:
    """A town and villages in the plain, of lots with roofs and gardens, and roads between."""
    centres = _centres(land, rng)
    built = town(land, centres, rng)
    cover.lay(built.built, grass=0.45, broadleaf=0.30, concrete=0.25)
    house = rng.choice(5, Town.KINDS, p=(0.38, 0.20, 0.03, 0.24, 0.15))[built.house]
    shade = rng.uniform(0.3, 0.9, Town.KINDS).astype(np.float32)[built.house]
    hall = rng.choice(5, Town.KINDS, p=(0.08, 0.42, 0.18, 0.17, 0.15))[built.hall]
    shade = np.where(built.industry > 0.5, 0.85, shade)
    kind = np.where(built.industry > 0.5, hall, house)
    for i, roof in enumerate(("red_roof", "concrete", "light_roof", "broadleaf", "grass")):
        cover.lay(built.built * (kind == i) * np.float32(0.85) * shade, **{roof: 1.0})
    cover.lay(built.built * built.street * np.float32(0.8), asphalt=0.85, concrete=0.15)
    plain = step(land.mountain, 0.25, 0.1)
    cover.lay(plain * roads(land, centres, rng), asphalt=0.75, concrete=0.25)


def _centres(land: Ground, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, 3) row, column and radius in metres: a town by the river, villages in the plain."""
    near = (land.river_m > 350) & (land.river_m < 700) & (land.lake_m > 400)
    plain = (land.mountain < 0.02) & (land.lake_m > 300) & (land.river_m > 250)
    inner = np.zeros(land.shape, bool)
    rim = [n // 6 for n in land.shape]
    inner[rim[0] : land.shape[0] - rim[0], rim[1] : land.shape[1] - rim[1]] = True
    size = min(land.shape) * land.gsd_m
    found = []
    for allowed, radius in ((near & inner, 0.12), (plain, 0.035), (plain, 0.03), (plain, 0.03)):
        places = np.argwhere(allowed)
        if len(places) == 0:
            places = np.argwhere(np.ones(land.shape, bool))
        row, col = places[rng.integers(len(places))]
        found.append((float(row), float(col), radius * size))
    return np.array(found)


def _lay_water(cover: Cover, land: Ground, rng: np.random.Generator) -> None:
    """The river with gravel banks and trees along it, and the lake, deeper in the middle."""
    gsd = land.gsd_m
    half = 48 + 40 * land.noise(rng, 2500, 3)
    gravel = 70 * step(land.noise(rng, 900, 4), 0.10, 0.30)
    trees = half + 90 * step(land.noise(rng, 700, 5), -0.15, 0.10)
    cover.lay(step(land.river_m - trees, gsd / 2, -gsd / 2) * 0.9, broadleaf=0.85, grass=0.15)
    cover.lay(step(land.river_m - half - gravel, gsd / 2, -gsd / 2), sand=0.55, rock=0.45)
    cover.lay(step(land.river_m - half, gsd / 2, -gsd / 2), turbid_water=0.75, clear_water=0.25)
    shore = np.float32(25) + 60 * step(land.noise(rng, 600, 3), 0.0, 0.25)
    cover.lay(step(land.lake_m - shore, gsd, -gsd) * 0.8, broadleaf=0.3, grass=0.5, sand=0.2)
    depth = step(land.lake_m, 0, -350)
    cover.lay(step(land.lake_m, gsd / 2, -gsd / 2), turbid_water=0.35 * (1 - depth),
              clear_water=1 - 0.35 * (1 - depth))  # fmt: skip
    if land.sea_m is not None:
        _lay_sea(cover, land, land.sea_m, rng)


def _lay_sea(cover: Cover, land: Ground, sea_m: FloatArray, rng: np.random.Generator) -> None:
    """Dunes and a beach, and water that carries sediment along the shore and off the river."""
    gsd = land.gsd_m
    beach = np.float32(40) + 160 * step(land.noise(rng, 1500, 4), -0.1, 0.3)
    dunes = step(sea_m - beach, 120, 40) * step(land.noise(rng, 300, 4), -0.2, 0.1)
    cover.lay(0.7 * dunes, dry_grass=0.55, sand=0.45)
    cover.lay(step(sea_m - beach, gsd / 2, -gsd / 2), sand=0.9, wet_soil=0.1)
    swash = step(sea_m, 30 + gsd / 2, gsd / 2)
    cover.lay(swash, sand=0.4, wet_soil=0.6)
    plume = step(land.river_m, 900, 50) * step(sea_m, -2500, 0)
    near = step(sea_m + 250 * land.noise(rng, 900, 5), -500, 0)
    sediment = np.clip(0.6 * near + 0.8 * plume, 0, 0.9).astype(np.float32)
    cover.lay(step(sea_m, gsd / 2, -gsd / 2), turbid_water=sediment, clear_water=1 - sediment)
