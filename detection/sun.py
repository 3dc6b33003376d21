"""Where shadows fall: from the sun's angles to pixel offsets on any grid."""

from __future__ import annotations

from math import cos, radians, sin, tan

import numpy as np

from ..datasets.tile import Tile

METRES_PER_DEGREE = 111_195.0


def shadow_per_metre(tile: Tile) -> tuple[float, float] | None:
    """Offset (columns, rows) from an object to its shadow, per metre of its height.

    The shadow of height h lies h * tan(zenith) metres away from the sun: on a north-up grid
    dcol = -d sin(azimuth), drow = +d cos(azimuth), d = h tan(zenith) / gsd (Zhu, Woodcock
    2012, section 3.2). Rotated and south-up grids go through the inverse of the affine
    transform; without a CRS the rows are taken to run from north to south. Grid north is
    taken for true north and the view for vertical.

    Returns:
        None where the sun's angles or the pixel size are not known.
    """
    zenith, azimuth = tile.acquired.sun_zenith_deg, tile.acquired.sun_azimuth_deg
    if zenith is None or azimuth is None or not 0 <= zenith < 90:
        return None
    length = tan(radians(zenith))
    east, north = -length * sin(radians(azimuth)), -length * cos(radians(azimuth))
    if tile.crs is None:
        gsd = tile.gsd_m
        return None if not gsd else (east / gsd, -north / gsd)
    t = tile.transform
    if tile.crs.is_geographic:
        latitude = t.f + t.d * tile.shape[1] / 2 + t.e * tile.shape[0] / 2
        east /= METRES_PER_DEGREE * cos(radians(latitude))
        north /= METRES_PER_DEGREE
    else:
        unit_m = tile.crs.linear_units_factor[1]
        east, north = east / unit_m, north / unit_m
    dcol, drow = np.linalg.solve([[t.a, t.b], [t.d, t.e]], [east, north])
    return float(dcol), float(drow)
