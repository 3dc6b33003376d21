"""Shadows of clouds: where they fall, how soft their edge is, and why they are blue."""

from __future__ import annotations

from math import cos, radians, sin, tan

import cv2
import numpy as np

from ..datasets.errors import GridError
from ..datasets.pair import CloudParams
from ..datasets.tile import FloatArray, Tile
from .atmosphere import sunlight

SUN_DIAMETER_RAD = 0.0093
"""Angular diameter of the sun."""


def shadow_shift(layer: CloudParams, tile: Tile, above_m: float = 0.0) -> tuple[float, float]:
    """(rows, columns) in pixels from a cloud to its shadow: h tan(theta_s), away from the sun.

    On a north-up grid drow = +d cos(phi_s) and dcol = -d sin(phi_s) with phi_s clockwise from
    north; a projected grid may be rotated or south-up, its transform is obeyed.

    Args:
        layer: the cloud.
        tile: where its shadow falls.
        above_m: height of what the shadow falls on; the ground if not given.

    Raises:
        GridError: the tile's pixel size is not known.
    """
    length = max(layer.base_m - above_m, 0.0) * tan(radians(layer.sun_zenith_deg))
    azimuth = radians(layer.sun_azimuth_deg)
    return ground_to_pixels(tile, -length * sin(azimuth), -length * cos(azimuth))


def ground_to_pixels(tile: Tile, east: float, north: float) -> tuple[float, float]:
    """(rows, columns) of a way of ``east`` and ``north`` metres on the grid of ``tile``."""
    gsd = pixel_size_m(tile)
    if tile.crs is None or tile.crs.is_geographic:
        return -north / gsd, east / gsd
    metres = tile.crs.linear_units_factor[1] if tile.crs.is_projected else 1.0
    t = tile.transform
    det = t.determinant * metres
    return (t.a * north - t.d * east) / det, (t.e * east - t.b * north) / det


def pixel_size_m(tile: Tile) -> float:
    """Pixel size of ``tile`` in metres, or GridError."""
    if tile.gsd_m is None or not tile.gsd_m > 0:
        raise GridError(
            f"{tile.path or 'a tile'} without a pixel size in metres",
            "a coordinate reference system, or bands with a GSD",
            "georeference the tile or give its bands a gsd_m",
        )
    return tile.gsd_m


def penumbra_px(layer: CloudParams, gsd_m: float, above_m: float = 0.0) -> float:
    """Standard deviation of the penumbra, pixels.

    The sun's disc smears an edge over h * .0093 / cos^2(theta_s) metres. A disc of that diameter
    has the standard deviation of a quarter of it along each axis; h is the height over
    ``above_m``, where the shadow falls.
    """
    mu = cos(radians(layer.sun_zenith_deg))
    return max(layer.base_m - above_m, 0.0) * SUN_DIAMETER_RAD / mu**2 / gsd_m / 4


def soften(
    transmittance: FloatArray, layer: CloudParams, gsd_m: float, above_m: float = 0.0
) -> FloatArray:
    """Blur by the penumbra."""
    sigma = penumbra_px(layer, gsd_m, above_m)
    if sigma < 0.2:
        return transmittance
    blurred = cv2.GaussianBlur(transmittance, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)


def shadow_factor(direct: FloatArray, nm: float, sun_zenith_deg: float) -> FloatArray:
    """Light on shadowed ground over that without cloud: (T_c E_dir + E_dif) / (E_dir + E_dif).

    The sky goes on shining, most in the blue, so shadows are bluer than what they lie on.

    Args:
        direct: T_c, the share of the direct sun that passes the clouds, any shape.
        nm: wavelength in nanometres.
        sun_zenith_deg: angle of the sun from the vertical.
    """
    beam, sky = sunlight(nm, sun_zenith_deg)
    return (direct * np.float32(beam) + np.float32(sky)) / np.float32(beam + sky)
