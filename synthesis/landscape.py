"""A procedural landscape in any sensor's bands: the embedded scene when there are no data."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from affine import Affine

from ..datasets.bands import Band, BandSet
from ..datasets.errors import GridError
from ..datasets.tile import Acquisition, FloatArray, Tile
from .atmosphere import (
    ozone_transmittance,
    path_reflectance,
    spherical_albedo,
    sunlight,
    vapour_transmittance,
)
from .climate import Climate, lay_climate, relief_of
from .landcover import land_cover
from .spectra import spectra
from .terrain import ground, metric_noise, shading

SNR = 600.0
"""Signal over noise at bright targets: neighbours on the snow tiles of split `train` (Landsat 8)
differ by a thousandth of their value."""
NOISE_FLOOR = 0.0004
"""Standard deviation of the noise without any signal, reflectance."""
LEAST = 0.0002
"""Least reflectance: two counts of a product scaled by 1e-4, so never its nodata."""


def landscape(
    shape: tuple[int, int],
    bands: BandSet,
    rng: np.random.Generator,
    gsd_m: float = 20.0,
    *,
    sun_zenith_deg: float = 40.0,
    sun_azimuth_deg: float = 150.0,
    level: Literal["TOA", "SR"] = "TOA",
    coast: bool = False,
    climate: Climate = "temperate",
    vapour_cm: float | None = None,
) -> Tile:
    """Draw fields, woods, mountains with snow, a river, a lake, a town, villages and roads.

    Args:
        shape: (height, width) in pixels.
        bands: any bands between 380 and 2550 nm, and thermal ones.
        rng: source of all randomness; the same generator state draws the same bytes.
        gsd_m: pixel size in metres. Structures have sizes in metres, so 10 or 20 look alike.
        sun_zenith_deg: angle of the sun from the vertical.
        sun_azimuth_deg: direction of the sun, clockwise from north (up).
        level: ``TOA`` adds what clear air does to the light, ``SR`` leaves the surface.
        coast: whether the side away from the mountains lies by the sea.
        climate: ``snow`` and ``desert`` cover the land with what is easily taken for cloud.
        vapour_cm: water vapour in the air above, see `atmosphere.vapour_transmittance`.

    Returns:
        A tile of reflectance (kelvin in thermal bands, NaN in bands of kind ``other``) without a
        coordinate reference system, north up.

    Raises:
        GridError: a shape or pixel size that is not positive.
        BandError: a reflective band outside 380-2550 nm.
    """
    if min(shape) < 1 or not gsd_m > 0:
        raise GridError(
            f"a landscape of {shape[0]} x {shape[1]} pixels of {gsd_m:g} m",
            "a positive height, width and pixel size",
            "correct the shape",
        )
    relief, patterns, grain, sensor = rng.spawn(4)
    land = ground(shape, gsd_m, relief, coast)
    cover = land_cover(land, patterns)
    lay_climate(cover, land, climate, patterns)
    relief_share = relief_of(climate, patterns)
    light = shading(relief_share * land.elevation_m, gsd_m, sun_zenith_deg, sun_azimuth_deg)
    light += cover.of("clear_water", "turbid_water") * (1 - light)  # water is level
    fine = metric_noise(grain, shape, gsd_m, 5 * gsd_m, 3) / 0.25
    fine = 0.6 * fine + 0.8 * grain.standard_normal(shape, np.float32)
    light *= np.clip(1 + cover.roughness * fine, 0.4, 1.6)

    pure = spectra(cover.names, bands)
    flat = cover.share.reshape(len(cover.names), -1)
    data = (pure @ flat).reshape(len(bands), *shape)
    acquired = Acquisition(
        level=level,
        sun_zenith_deg=sun_zenith_deg,
        sun_azimuth_deg=sun_azimuth_deg,
        vapour_cm=vapour_cm,
    )
    for i, band in enumerate(bands):
        data[i] = _seen(data[i], light, band, gsd_m, acquired, sensor)
    return Tile(
        data,
        BandSet(tuple(bands)),
        Affine(gsd_m, 0, 0, 0, -gsd_m, 0),
        acquired=acquired,
    )


def _seen(
    plane: FloatArray,
    light: FloatArray,
    band: Band,
    gsd_m: float,
    acquired: Acquisition,
    rng: np.random.Generator,
) -> FloatArray:
    """One band of the pure surface as a sensor records it: light, air, blur, noise."""
    if band.kind == "other":
        return plane
    if band.kind == "thermal":
        return plane + 4 * (light - 1) + rng.normal(0, 0.1, plane.shape).astype(np.float32)
    plane = plane * light
    sun_zenith_deg = acquired.sun_zenith_deg or 0.0
    if acquired.level == "TOA" or band.kind == "cirrus":  # no product corrects that band
        down, up = (sum(sunlight(band.center_nm, angle)) for angle in (sun_zenith_deg, 0.0))
        passed = down * up * vapour_transmittance(band, 0.0, acquired.vapour_cm)
        path = path_reflectance(band.center_nm, sun_zenith_deg)
        plane /= 1 - np.float32(spherical_albedo(band.center_nm)) * plane
        plane = np.float32(path) + np.float32(passed) * plane
        plane *= np.float32(ozone_transmittance(band.center_nm, sun_zenith_deg, "TOA"))
    seen = cv2.GaussianBlur(plane, (0, 0), 0.5, borderType=cv2.BORDER_REFLECT)
    coarse = round((band.gsd_m or gsd_m) / gsd_m)
    if coarse > 1:  # a band of larger pixels, delivered on this grid
        seen = cv2.blur(seen, (coarse, coarse), borderType=cv2.BORDER_REFLECT)
    noise = rng.standard_normal(plane.shape, np.float32)
    seen = seen + noise * np.sqrt(NOISE_FLOOR**2 + (seen / SNR) ** 2)
    return np.asarray(np.clip(seen, LEAST, 1.0), np.float32)
