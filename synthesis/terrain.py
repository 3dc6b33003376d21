"""The ground of the procedural landscape: heights, slopes in the sun, river, lake."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin, tan

import numpy as np

from ..datasets.tile import FloatArray
from .lattice import Fold
from .perlin import fractal_noise, random_offset


@dataclass(frozen=True)
class Ground:
    """Fields that the land cover is laid on; all (y, x) float32."""

    gsd_m: float
    """Pixel size in metres."""
    elevation_m: FloatArray
    """Height above the sea, metres."""
    mountain: FloatArray
    """0 in the plain, 1 in the mountains."""
    river_m: FloatArray
    """Distance to the river's middle line, metres (approximate far away)."""
    lake_m: FloatArray
    """Distance to the lake's shore, metres, negative on the water (approximate)."""

    snow_line_m: float
    """Height from which snow lies, metres."""
    sea_m: FloatArray | None = None
    """Distance to the coast, metres, negative on the sea; None inland."""

    @property
    def shape(self) -> tuple[int, int]:
        return self.elevation_m.shape[0], self.elevation_m.shape[1]

    def noise(
        self, rng: np.random.Generator, period_m: float, octaves: int = 4, fold: Fold = "none"
    ) -> FloatArray:
        """Fractal noise of its own place, with structures of ``period_m`` and less."""
        return metric_noise(rng, self.shape, self.gsd_m, period_m, octaves, fold)


def metric_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    gsd_m: float,
    period_m: float,
    octaves: int = 4,
    fold: Fold = "none",
) -> FloatArray:
    """(y, x) fractal noise whose first octave has cells of ``period_m``."""
    return fractal_noise(
        shape, period_m / gsd_m, offset=random_offset(rng), octaves=octaves, fold=fold
    )


def step(x: FloatArray, low: float, high: float) -> FloatArray:
    """Smooth step from 0 at ``low`` to 1 at ``high`` (or falling, if low > high)."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def ground(
    shape: tuple[int, int], gsd_m: float, rng: np.random.Generator, coast: bool = False
) -> Ground:
    """Draw a plain that rises to mountains on one side, with a river and a lake.

    With ``coast`` the sea lies on the side away from the mountains.

    The river is the zero line of a smooth field, so that it meanders and never branches; the
    field over its own gradient is the distance to that line to first order.
    """
    height_m, width_m = shape[0] * gsd_m, shape[1] * gsd_m
    y = ((np.arange(shape[0]) + 0.5) * gsd_m - height_m / 2)[:, None].astype(np.float32)
    x = ((np.arange(shape[1]) + 0.5) * gsd_m - width_m / 2)[None, :].astype(np.float32)
    size = max(height_m, width_m)
    turn = float(rng.uniform(0, 2 * np.pi))
    uphill = (x * np.float32(sin(turn)) - y * np.float32(cos(turn))) / np.float32(size)

    bend = metric_noise(rng, shape, gsd_m, 0.45 * size, 5)
    mountain = step(uphill + 0.30 * bend, 0.14, 0.56)
    hills = metric_noise(rng, shape, gsd_m, 2500, 5)
    ridges = metric_noise(rng, shape, gsd_m, 3400, 7, fold="ridged") - np.float32(0.5)
    spurs = metric_noise(rng, shape, gsd_m, 1100, 5, fold="ridged") - np.float32(0.5)
    rise = mountain * (1 + 0.25 * hills)
    elevation = 250 + 50 * hills + rise * (1000 + 1150 * ridges) + 270 * np.sqrt(mountain) * spurs

    meander = metric_noise(rng, shape, gsd_m, 0.30 * size, 3)
    line = (uphill + np.float32(rng.uniform(0.10, 0.22)) + 0.16 * meander) * np.float32(size)
    slope = np.hypot(*_gradient(line, gsd_m))
    river = np.abs(line) / np.maximum(slope, 0.35)

    away, aside = rng.uniform(0.06, 0.12) * size, rng.uniform(-0.3, 0.3) * size
    lake_x = away * sin(turn) + aside * cos(turn)
    lake_y = -away * cos(turn) + aside * sin(turn)
    radius = 0.075 * size
    wobble = metric_noise(rng, shape, gsd_m, 0.12 * size, 4)
    reach = np.hypot((x - np.float32(lake_x)) / 1.35, y - np.float32(lake_y))
    lake = reach - radius * (1 + 0.8 * wobble)
    # So high that a fortieth of the scene is above it, and never in the plain.
    snow = max(float(np.quantile(elevation, rng.uniform(0.968, 0.982))), 800.0)
    sea = None
    if coast:
        bays = metric_noise(rng, shape, gsd_m, 0.35 * size, 6)
        shore = (uphill + np.float32(rng.uniform(0.26, 0.34)) + 0.22 * bays) * np.float32(size)
        sea = (shore / np.maximum(np.hypot(*_gradient(shore, gsd_m)), 0.35)).astype(np.float32)
    f32 = np.float32
    fields = elevation.astype(f32), mountain, river.astype(f32), lake.astype(f32)
    return Ground(gsd_m, *fields, snow, sea)


def shading(
    elevation_m: FloatArray, gsd_m: float, sun_zenith_deg: float, sun_azimuth_deg: float
) -> FloatArray:
    """Light on sloping ground over that on flat ground, at most 1.24.

    Cosine of the angle to the sun over that of flat ground (Teillet et al. 1982), with a fifth of
    diffuse light that no slope loses.
    """
    down, right = _gradient(elevation_m, gsd_m)
    zenith, azimuth = radians(sun_zenith_deg), radians(sun_azimuth_deg)
    # The normal is (-right, +down, 1) in (east, north, up), as rows run southwards. To the sun:
    light = down * np.float32(cos(azimuth) * tan(zenith))
    light -= right * np.float32(sin(azimuth) * tan(zenith))
    light += 1
    down *= down
    right *= right
    down += right
    down += 1
    light /= np.sqrt(down, out=down)
    np.clip(light, 0, 1.3, out=light)
    light *= np.float32(0.8)
    light += np.float32(0.2)
    return light


def _gradient(field: FloatArray, gsd_m: float) -> tuple[FloatArray, FloatArray]:
    """Slopes down the rows and along the columns; 0 along an axis of one pixel."""
    down, right = np.zeros((2, *field.shape), np.float32)
    half = np.float32(0.5 / gsd_m)
    for out, plane in ((down, field), (right.T, field.T)):
        if len(plane) > 1:
            np.subtract(plane[2:], plane[:-2], out=out[1:-1])
            np.subtract(plane[1], plane[0], out=out[0])
            np.subtract(plane[-1], plane[-2], out=out[-1])
            out *= half
            out[0] *= 2
            out[-1] *= 2
    return down, right
