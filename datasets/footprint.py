"""Where on Earth a scene has data: its outline in longitude and latitude (RFC 7946)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError

from .regrid import Grid
from .tile import BoolArray

_PIECES = 8
"""A straight edge of the grid is bent by the projection: it is followed in so many steps."""
_DIGITS = 6
"""Of degrees: 0.1 m."""

Geometry = dict[str, Any]
Ring = NDArray[np.float64]
"""(n, 2) x and y, the last the first."""


def footprint(grid: Grid, valid: BoolArray, factor: int = 1) -> tuple[Geometry, list[float]] | None:
    """Geometry and bounding box (west, south, east, north) of the hull of the pixels with data.

    The hull is convex. Across the antimeridian it is cut in two, and west is larger than east.

    Args:
        grid: of the scene.
        valid: (y, x) pixels with data, ``factor`` times as large as those of the grid.
        factor: see there.

    Returns:
        None where the scene has no coordinate system, or not one pixel of data.
    """
    if grid.crs is None or not valid.any():
        return None
    ring = _hull(valid, factor, grid.shape)
    steps = np.arange(_PIECES) / _PIECES
    points = [
        (a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1]))
        for a, b in pairwise([*ring, ring[0]])
        for s in steps
    ]
    placed = [grid.transform @ p for p in [*points, points[0]]]
    rings = _to_degrees(placed, grid.crs)
    if rings is None:
        return None
    plain = [_turned(np.round(r, _DIGITS)).tolist() for r in rings]
    lows, highs = (np.array([f(r, axis=0) for r in rings]) for f in (np.min, np.max))
    box = [lows[0, 0], lows[:, 1].min(), highs[-1, 0], highs[:, 1].max()]
    return (
        {"type": "Polygon", "coordinates": plain}
        if len(plain) == 1
        else {"type": "MultiPolygon", "coordinates": [[r] for r in plain]}
    ), [round(float(v), _DIGITS) for v in box]


def _hull(valid: BoolArray, factor: int, shape: tuple[int, int]) -> list[tuple[float, float]]:
    """(column, row) corners of the convex hull, in pixels of the grid."""
    from scipy.spatial import ConvexHull

    rows = np.flatnonzero(valid.any(axis=1))
    first = valid[rows].argmax(axis=1)
    last = valid.shape[1] - valid[rows, ::-1].argmax(axis=1)
    corners = [(x, y + d) for x in (first, last) for y, d in ((rows, 0), (rows, 1))]
    flat = np.concatenate([np.stack(c, axis=1) for c in corners]).astype(float) * factor
    flat = np.minimum(flat, (shape[1], shape[0]))  # the last pixels may stand for fewer
    return [(float(x), float(y)) for x, y in flat[ConvexHull(flat).vertices]]


def _to_degrees(ring: Sequence[tuple[float, float]], crs: CRS) -> list[Ring] | None:
    """The closed ring as one ring of (longitude, latitude), or two, cut at the antimeridian."""
    from rasterio.warp import transform

    try:
        longitude, latitude = transform(crs, "EPSG:4326", *zip(*ring, strict=True))
    except (RasterioError, CRSError):  # a local system, tied to no place on Earth
        return None
    out = np.stack([np.unwrap(longitude, period=360), latitude], axis=1)
    if not np.isfinite(out).all():
        return None
    if abs(out[-1, 0] - out[0, 0]) > 180:  # around a pole
        edge, pole = (out[:, 1].min(), 90.0) if out[:, 1].mean() > 0 else (-90.0, out[:, 1].max())
        return [np.array([(-180, edge), (180, edge), (180, pole), (-180, pole), (-180, edge)])]
    out[:, 0] -= 360 * np.floor((out[:, 0].min() + 180) / 360)
    if out[:, 0].max() <= 180:
        return [out]
    return [_west_of_180(out), _west_of_180(out * (-1, 1) + (360, 0)) * (-1, 1)]


def _west_of_180(ring: Ring) -> Ring:
    """The part of a closed ring with longitudes up to 180 (Sutherland & Hodgman 1974)."""
    kept: list[tuple[float, float]] = []
    for (x, y), (u, v) in pairwise(ring.tolist()):
        if x <= 180:
            kept.append((x, y))
        if (x <= 180) != (u <= 180):
            kept.append((180.0, y + (v - y) * (180 - x) / (u - x)))
    return np.array([*kept, kept[0]])


def _turned(ring: Ring) -> Ring:
    """The ring counterclockwise, as RFC 7946 wants the outer one."""
    x, y = ring[:, 0], ring[:, 1]
    return ring if float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) >= 0 else ring[::-1]
