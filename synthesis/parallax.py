"""Why the bands of a pushbroom imager see a cloud in different places, and where."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, radians, sin

from ..datasets.tile import Tile
from .shadows import ground_to_pixels

_SPEED_OVER_HEIGHT = 7.45 / 786.0
# Along-track rate of tan(view angle) of Sentinel-2, 1/s: orbital speed over orbit height, km.
_DELAY_S: Mapping[str, float] = {
    "B02": 0.0, "B08": 0.264, "B03": 0.527, "B10": 0.851, "B04": 1.005, "B05": 1.269,
    "B11": 1.468, "B06": 1.525, "B07": 1.790, "B8A": 2.055, "B12": 2.085, "B01": 2.314,
    "B09": 2.586,
}  # fmt: skip
# When each band of Sentinel-2 passes a point, after B02 (ESA, Sentinel-2 User Handbook; within
# 2 % by Binet et al. 2022, ISPRS Annals V-1).
_REFERENCE = "B04"
TRACK_DEG = 193.0
"""Direction of flight, clockwise from north: a descending pass in middle latitudes."""


def view_tangents(tile: Tile) -> tuple[float, ...]:
    """tan(theta_b) - tan(theta_ref) along the track for every band; zeros where not known.

    Known for Sentinel-2, by the tile's sensor and the names of its bands.
    """
    if not (tile.acquired.sensor or "").startswith("sentinel-2"):
        return (0.0,) * len(tile.bands)
    reference = _DELAY_S[_REFERENCE]
    return tuple(
        (_DELAY_S.get(band.name, reference) - reference) * _SPEED_OVER_HEIGHT for band in tile.bands
    )


def band_shifts(height_m: float, tile: Tile) -> tuple[tuple[float, float], ...]:
    """(rows, columns) in pixels by which every band sees displaced what is so high.

    h * (tan theta_b - tan theta_ref) / GSD along one common vector, the track: a band that looks
    at a point later looks back at it, and sees what is high beyond it, further ahead.

    Args:
        height_m: below 0 for detectors that look the other way.
        tile: gives sensor, bands and grid.
    """
    track = radians(TRACK_DEG)
    shifts = []
    for tangent in view_tangents(tile):
        length = height_m * tangent
        known = length != 0
        east, north = length * sin(track), length * cos(track)
        shifts.append(ground_to_pixels(tile, east, north) if known else (0.0, 0.0))
    return tuple(shifts)
