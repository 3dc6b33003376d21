"""Man-made patterns of the procedural landscape: fields in parcels, towns, roads."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..datasets.tile import FloatArray
from .perlin import random_offset
from .terrain import Ground, step


@dataclass(frozen=True)
class Parcels:
    """A mosaic of fields; all (y, x)."""

    number: NDArray[np.int64]
    """A number for every parcel, below ``Parcels.KINDS``; look its crop up with it."""
    edge_m: FloatArray
    """Distance to the nearest border between blocks of parcels, metres: tracks and hedges."""
    row: FloatArray
    """Coordinate across the rows of the field, metres: for stripes of tillage."""

    KINDS = 1 << 12


def parcels(land: Ground, rng: np.random.Generator, block_m: float = 750) -> Parcels:
    """Blocks (a bent Voronoi mosaic), each cut into strips along its own direction."""
    height, width = land.shape
    gsd = land.gsd_m
    bend = [land.noise(rng, 900, 3) * np.float32(0.22 * block_m) for _ in range(2)]
    y = np.arange(height)[:, None] * gsd + bend[0]
    x = np.arange(width)[None, :] * gsd + bend[1]
    seeds = _scattered(rng, height * gsd, width * gsd, block_m)
    distance, nearest = cKDTree(seeds).query(np.stack([y.ravel(), x.ravel()], 1), k=2)
    block = nearest[:, 0].reshape(land.shape)
    edge = (distance[:, 1] - distance[:, 0]).reshape(land.shape) / 2

    n = len(seeds)
    main = rng.uniform(0, pi)
    angle = main + rng.choice([0, pi / 2], n) + rng.normal(0, 0.22, n)
    strip = rng.uniform(70, 260, n)  # width of a parcel, metres
    length = strip * rng.uniform(1.5, 5.0, n)
    here_y, here_x = y - seeds[block, 0], x - seeds[block, 1]
    c, s = np.cos(angle)[block], np.sin(angle)[block]
    across, along = here_x * c + here_y * s, here_y * c - here_x * s
    i = np.floor(across / strip[block]).astype(np.int64)
    shifted = along / length[block] + 0.37 * i  # ends of neighbouring strips do not line up
    j = np.floor(shifted).astype(np.int64)
    mixed = (block * 73_856_093) ^ (i * 19_349_663) ^ (j * 83_492_791)
    number = (mixed ^ (mixed >> 13)) % Parcels.KINDS
    return Parcels(number, edge.astype(np.float32), across.astype(np.float32))


def _scattered(
    rng: np.random.Generator, height_m: float, width_m: float, spacing_m: float
) -> NDArray[np.float64]:
    """(n, 2) points (y, x), one in each cell of a grid that reaches a cell beyond the scene."""
    rows, cols = int(height_m / spacing_m) + 4, int(width_m / spacing_m) + 4
    cell = np.stack(np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij"), -1) - 2.0
    return np.asarray((cell + rng.uniform(0, 1, cell.shape)).reshape(-1, 2) * spacing_m, np.float64)


@dataclass(frozen=True)
class Town:
    """Built-up land; all (y, x) float32 in [0, 1] but ``house``."""

    built: FloatArray
    """Share of town; falls off raggedly at its rim."""
    street: FloatArray
    """Share of streets in the pixel."""
    house: NDArray[np.int64]
    """A number for every lot, below ``Town.KINDS``: its roof or garden."""
    hall: NDArray[np.int64]
    """The same for the large lots of trade and industry."""
    industry: FloatArray
    """Share of land with such lots."""

    KINDS = 1 << 10


def town(land: Ground, centres: NDArray[np.float64], rng: np.random.Generator) -> Town:
    """Settlements round ``centres``.

    Args:
        land: the ground.
        centres: (n, 3) row and column in pixels and radius in metres.
        rng: source of randomness.
    """
    gsd = land.gsd_m
    y = np.arange(land.shape[0])[:, None] * gsd
    x = np.arange(land.shape[1])[None, :] * gsd
    ragged = land.noise(rng, 700, 5)
    density = np.full(land.shape, -9.0)
    for row, col, radius in centres:
        reach = np.hypot(y - row * gsd, x - col * gsd) / radius
        density = np.maximum(density, 1.0 - reach)
    built = step((density + 1.3 * ragged).astype(np.float32), 0.0, 0.22)
    industry = step(land.noise(rng, 900, 2), 0.10, 0.16) * built

    angle = rng.uniform(0, pi / 2)
    curve = land.noise(rng, 1500, 2) * 120
    u = x * cos(angle) + y * sin(angle) + curve
    v = y * cos(angle) - x * sin(angle) + curve
    streets = np.maximum(_line(u, 125.0, 14.0, gsd), _line(v, 90.0, 11.0, gsd))
    house = _lots(u, v, 26.0) % Town.KINDS
    hall = _lots(u, v, 90.0) % Town.KINDS
    return Town(built, streets, house, hall, industry)


def _line(u: NDArray[Any], every_m: float, width_m: float, gsd_m: float) -> FloatArray:
    """Share of each pixel on parallel lines, from the distance to the nearest one."""
    distance = np.abs((u / every_m) % 1.0 - 0.5) * every_m
    cover = np.clip((width_m + gsd_m) / 2 - distance, 0, min(width_m, gsd_m)) / gsd_m
    return np.asarray(cover, np.float32)


def _lots(u: NDArray[Any], v: NDArray[Any], size_m: float) -> NDArray[np.int64]:
    """A scrambled number for the square lot of every pixel."""
    i, j = np.floor(u / size_m).astype(np.int64), np.floor(v / size_m).astype(np.int64)
    mixed = (i * 73_856_093) ^ (j * 19_349_663)
    return np.asarray(mixed ^ (mixed >> 11), np.int64)


def roads(
    land: Ground, centres: NDArray[np.float64], rng: np.random.Generator, width_m: float = 11.0
) -> FloatArray:
    """(y, x) share of road: from the first centre to every other one and out of the scene."""
    height, width = land.shape
    first = centres[0, :2]
    exits = [
        (-20.0, rng.uniform(0, width)), (height + 20.0, rng.uniform(0, width)),
        (rng.uniform(0, height), -20.0), (rng.uniform(0, height), width + 20.0),
    ]  # fmt: skip
    ends = [tuple(c[:2]) for c in centres[1:]] + exits
    drawn = np.zeros(land.shape, np.uint8)
    t = np.linspace(0, 1, 60)
    for end in ends:
        span = np.array(end) - first
        normal = np.array([-span[1], span[0]])
        phase, bow = random_offset(rng)[0], rng.normal(0, 0.07)
        sway = bow * np.sin(pi * t) + 0.015 * np.sin(3 * pi * t) * np.sin(phase)
        line = first + t[:, None] * span + sway[:, None] * normal
        points = np.round(line[:, ::-1] * 16).astype(np.int32)[None]
        cv2.polylines(drawn, [points], False, 255, 1, cv2.LINE_AA, 4)
    return drawn.astype(np.float32) / np.float32(255) * np.float32(min(1.0, width_m / land.gsd_m))
