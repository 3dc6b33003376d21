"""Grounds that look like cloud: snow and ice, deserts and salt pans, laid over a land cover."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .landcover import Cover
from .terrain import Ground, step

Climate = Literal["temperate", "snow", "desert"]


def lay_climate(cover: Cover, land: Ground, climate: Climate, rng: np.random.Generator) -> None:
    """Change ``cover`` in place; ``temperate`` leaves it."""
    if climate == "snow":
        _lay_snow(cover, land, rng)
    elif climate == "desert":
        _lay_desert(cover, land, rng)


def relief_of(climate: Climate, rng: np.random.Generator) -> np.float32:
    """Height of its hills over that of the temperate ones: ice sheets and deserts may be flat."""
    if climate == "temperate":
        return np.float32(1)
    return np.float32(np.exp(rng.uniform(np.log(0.01), 0)))


def _lay_snow(cover: Cover, land: Ground, rng: np.random.Generator) -> None:
    """Anything from a thaw in patches to an ice sheet: woods show dark, lakes freeze."""
    depth = rng.uniform(0.0, 1.0)
    closed = step(land.noise(rng, 900, 6) + np.float32(depth), -0.1, 0.04)
    woods = cover.of("broadleaf", "conifer")
    frozen = cover.of("clear_water", "turbid_water")
    open_water = float(rng.random() < 0.5)
    opacity = closed * (1 - np.float32(rng.uniform(0, 0.8)) * woods) * (1 - open_water * frozen)
    # Fine grains reflect more in the shortwave infrared, up to 0.22 at 1.6 um; most snow is coarse.
    fresh = 0.65 * float(rng.random()) ** 2
    icy = 0.6 * step(land.noise(rng, 1200, 5), 0.05, 0.3) * np.float32(rng.random())
    cover.lay(opacity, snow=(1 - icy) * (1 - fresh), fine_snow=(1 - icy) * fresh, ice=icy)
    cracks = np.abs(land.noise(rng, 1800, 4))
    cover.lay(opacity * 0.7 * step(cracks, 0.012, 0.004), ice=0.6, rock=0.4)


def _lay_desert(cover: Cover, land: Ground, rng: np.random.Generator) -> None:
    """Sand in dunes, stony ground, and a white pan of salt (drawn as the light roof's spectrum,
    the brightest mineral at hand)."""
    share = np.ones(land.shape, np.float32)
    dunes = np.clip(0.5 + 1.2 * land.noise(rng, 500, 3), 0, 1)
    stony = step(land.noise(rng, 3000, 5) + np.float32(rng.uniform(-0.3, 0.3)), 0.0, 0.2)
    bare = np.float32(rng.uniform(0.2, 0.9))
    sand = (1 - stony) * (bare + (1 - bare) * dunes)
    cover.lay(share, sand=sand, rock=0.6 * stony, bright_soil=1 - sand - 0.6 * stony)
    pan = step(land.noise(rng, 2200, 4) + np.float32(rng.uniform(-0.35, 0.1)), 0.02, 0.1)
    cover.lay(np.float32(rng.uniform(0.4, 1.0)) * pan, light_roof=0.8, sand=0.2)
    shrubs = step(land.noise(rng, 150, 3), 0.25, 0.4)
    cover.lay(np.float32(0.25) * shrubs * (1 - pan), stressed_crop=0.5, dry_grass=0.5)
