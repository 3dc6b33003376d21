"""Clear ground painted over as far as one likes, read as a scene without clear ground is.

Veils of `veil`, half of them with a floor below which they nowhere fall, half of thin ones far
thinner, and skies of `synthesis`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..datasets.bands import BandSet
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.tile import BoolArray, FloatArray, Tile
from ..synthesis.composite import cloudify
from .common import sample
from .features import features
from .painted import CLOUDS, KINDS, UNKNOWN_GSD_M, Painted, scaled
from .veil import VeilKind, draw_veil

SIDE_PX = 256
"""Side of what is cut out of an image for one sky."""
VEILS, SKIES = 8, 4
"""Painted over each ground, for each kind."""
EACH = 200
"""Pixels learnt from of each."""
FLOOR = 0.7
"""Largest share of a veil's strength that is everywhere."""
LIGHT = 0.05
"""Least share of its strength that a thin veil keeps: who knows dense ones only takes bright ground
for haze, and nothing here tells how bright the ground is."""
_FEWEST = 20

Numbers = tuple[int, ...]
"""A set of canonical bands, by their numbers."""


@dataclass(frozen=True)
class Lesson:
    """What is hidden of one ground, and what was there."""

    group: str
    """Place; empty for ground that belongs to none."""
    kind: VeilKind
    painted: dict[Numbers, Painted]
    """As each set of bands that the ground has sees it; the cirrus band is looked at only."""


@dataclass(frozen=True)
class _Sky:
    """Ground under one veil or sky; cuts of the same (y, x)."""

    clear: FloatArray
    cloudy: FloatArray
    alike: BoolArray
    """What counts as hidden, also where the veil is nothing."""
    hidden: BoolArray


def lessons(
    group: str, tile: Tile, sets: Sequence[Numbers], rng: np.random.Generator
) -> Iterator[Lesson]:
    """The lessons of one piece of clear ground; nodata is not learnt from."""
    found = [(k, i) for k, w in enumerate(CANONICAL_BANDS) if (i := tile.bands.find(w)) is not None]
    order = [k for k, _ in found]
    gsd_m = tile.gsd_m or UNKNOWN_GSD_M
    bands = BandSet(tuple(replace(CANONICAL_BANDS[k], gsd_m=gsd_m) for k in order))
    ground = Tile(tile.data[[i for _, i in found]], bands, acquired=tile.acquired)
    own = [s for s in sets if set(order).issuperset(s)]
    for code, kind in KINDS:
        seen: dict[Numbers, list[Painted]] = {s: [] for s in own}
        for number in range(VEILS + SKIES):
            cut = _cut(ground, rng)
            sky = _veiled(cut, kind, rng) if number < VEILS else _cloudy(cut, code, number, rng)
            chosen = np.zeros_like(sky.hidden)
            chosen.ravel()[sample(sky.hidden, EACH, rng)] = True
            if np.count_nonzero(chosen) < _FEWEST:
                continue
            for s in own:
                seen[s].append(_read(sky, [order.index(k) for k in s], bands, chosen, kind))
        yield Lesson(group, kind, {s: Painted.join(some) for s, some in seen.items() if some})


def _cut(tile: Tile, rng: np.random.Generator) -> Tile:
    """A piece of at most SIDE_PX a side."""
    sides = [min(n, SIDE_PX) for n in tile.shape]
    y, x = (int(rng.integers(n - side + 1)) for n, side in zip(tile.shape, sides, strict=True))
    data = tile.data[:, y : y + sides[0], x : x + sides[1]]
    return Tile(np.ascontiguousarray(data), tile.bands, acquired=tile.acquired)


def _veiled(tile: Tile, kind: VeilKind, rng: np.random.Generator) -> _Sky:
    bands = list(range(len(tile.bands)))
    veil = draw_veil(kind, tile, tile.shape, rng)
    floor = np.float32(rng.uniform(0, FLOOR) if rng.random() < 0.5 else 0)
    strength = floor + (1 - floor) * veil.strength
    if kind == "thin" and rng.random() < 0.5:
        strength *= np.float32(rng.uniform(LIGHT, 1))
    hidden = tile.valid & (strength > 0)
    alike = hidden if rng.random() < 0.3 else tile.valid
    under = replace(veil, strength=strength).over(tile.data, bands)
    return _Sky(tile.data, under, alike, hidden)


def _cloudy(tile: Tile, code: int, number: int, rng: np.random.Generator) -> _Sky:
    pair = cloudify(tile, CLOUDS[number % len(CLOUDS)], rng=rng)
    hidden = tile.valid & (pair.mask.classes == code)
    return _Sky(tile.data, pair.cloudy.data, hidden, hidden)


def _read(
    sky: _Sky, looked: list[int], bands: BandSet, chosen: BoolArray, kind: VeilKind
) -> Painted:
    """What the bands numbered ``looked`` see of the pixels ``chosen``."""
    planes = scaled(np.nan_to_num(sky.cloudy[looked]), kind)
    level = planes[:, sky.hidden].mean(axis=1)
    x = features(planes, sky.alike, np.zeros_like(chosen), chosen, level)
    targets = [i for i in looked if bands[i].kind == "reflective"]
    return Painted(x, sky.cloudy[targets][:, chosen].T, sky.clear[targets][:, chosen].T)
