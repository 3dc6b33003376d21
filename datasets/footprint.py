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
    geometry = _to_degrees(placed, grid.crs)
    return None if geometry is None else (geometry, _box(geometry))


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


def _to_degrees(ring: Sequence[tuple[float, float]], crs: CRS) -> Geometry | None:
    from rasterio.warp import transform_geom

    try:
        out: Geometry = transform_geom(crs, "EPSG:4326", {"type": "Polygon", "coordinates": [ring]})
    except (RasterioError, CRSError):  # a local system, tied to no place on Earth
        return None
    polygons = out["coordinates"] if out["type"] == "MultiPolygon" else [out["coordinates"]]
    rings = [[_turned(np.round(np.asarray(r)[:, :2], _DIGITS)) for r in p] for p in polygons]
    if not all(np.isfinite(r).all() for p in rings for r in p):
        return None
    plain = [[r.tolist() for r in p] for p in rings]
    if len(plain) == 1:
        return {"type": "Polygon", "coordinates": plain[0]}
    return {"type": "MultiPolygon", "coordinates": plain}


def _turned(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ring counterclockwise, as RFC 7946 wants the outer one."""
    x, y = ring[:, 0], ring[:, 1]
    return ring if float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) >= 0 else ring[::-1]


def _box(geometry: Geometry) -> list[float]:
    many = geometry["type"] == "MultiPolygon"
    polygons = geometry["coordinates"] if many else [geometry["coordinates"]]
    rings = [np.asarray(p[0]) for p in polygons]
    south, north = min(r[:, 1].min() for r in rings), max(r[:, 1].max() for r in rings)
    west, east = min(r[:, 0].min() for r in rings), max(r[:, 0].max() for r in rings)
    if many and west == -180 and east == 180:  # RFC 7946, 5.2
        west = min(r[:, 0].min() for r in rings if r[:, 0].max() > 0)
        east = max(r[:, 0].max() for r in rings if r[:, 0].min() < 0)
    return [float(v) for v in (west, south, east, north)]
