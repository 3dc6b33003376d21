"""What a geoscientist decided about scenes and their masks: ``decisions.jsonl``.

One JSON object a line, written as the review goes on; the last line on a scene counts as a whole.

    {"scene": "b.tif", "decision": "reject", "note": "haze all over"}
    {"scene": "a.tif", "decision": "accept", "regions": [
        {"class": "thick_cloud", "note": "missed", "crs": "pixel", "geometry":
         {"type": "Polygon", "coordinates": [[[10, 20], [40, 20], [40, 60], [10, 20]]]}}]}

``scene`` is the path, the file name, or the name without its suffix. ``decision`` is ``accept``,
``reject`` or absent. A region says what class its pixels have whatever the mask says; ``geometry``
is a GeoJSON Polygon or MultiPolygon in ``crs``: longitude and latitude (EPSG:4326) if absent, or
``pixel`` for columns and rows of the scene. Later regions lie over earlier ones. Other members
(reviewer, time, ...) are kept for people and not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.features import is_valid_geom, rasterize
from rasterio.warp import transform_geom

from .errors import FileError, ValueRangeError
from .manifest import read_lines
from .regrid import Grid
from .tile import CLASS_NAMES, NODATA, ByteArray

ACCEPT, REJECT = "accept", "reject"
PIXEL = "pixel"


@dataclass(frozen=True)
class Region:
    """An area that somebody drew, and the class that its pixels have."""

    code: int
    """Class code."""
    geometry: Mapping[str, Any]
    """GeoJSON Polygon or MultiPolygon."""
    crs: str = "EPSG:4326"
    """What its coordinates are in; ``pixel`` for columns and rows."""

    def onto(self, grid: Grid) -> Mapping[str, Any]:
        """The geometry in columns and rows of ``grid``.

        Raises:
            ValueRangeError: places on Earth, of a grid without a coordinate system.
        """
        if self.crs == PIXEL:
            return self.geometry
        if grid.crs is None:
            raise ValueRangeError(
                f"a region drawn in {self.crs} on a scene without a coordinate system",
                "columns and rows (crs: pixel)", "draw it anew",
            )  # fmt: skip
        placed = transform_geom(self.crs, grid.crs, dict(self.geometry))
        many = placed["type"] == "MultiPolygon"
        polygons = placed["coordinates"] if many else [placed["coordinates"]]
        back = ~grid.transform
        rows = [[[back @ tuple(p[:2]) for p in ring] for ring in poly] for poly in polygons]
        return {"type": "MultiPolygon", "coordinates": rows}


@dataclass(frozen=True)
class Review:
    """What was decided about one scene."""

    rejected: bool = False
    note: str = ""
    regions: tuple[Region, ...] = ()


def redrawn(classes: ByteArray, regions: tuple[Region, ...], grid: Grid, at: Affine) -> ByteArray:
    """The mask with drawn regions over it; pixels without data stay so.

    Args:
        classes: (y, x) a window of the mask.
        regions: in the order in which they were drawn.
        grid: of the scene.
        at: columns and rows of the window to those of the scene.
    """
    if not regions:
        return classes
    shapes = [(r.onto(grid), r.code + 1) for r in regions]
    drawn = rasterize(shapes, classes.shape, fill=0, transform=at, dtype="uint8")
    return np.where((drawn > 0) & (classes != NODATA), drawn - 1, classes).astype(np.uint8)


@dataclass(frozen=True)
class Reviews:
    """All decisions of a file."""

    path: Path
    found: Mapping[str, Review]
    """By scene, as the file names it."""

    def of(self, scene: str | Path) -> Review:
        """The review of a scene, by its path, its file name or its stem; an empty one if none."""
        path = Path(scene)
        for name in (str(scene), str(path.absolute()), path.name, path.stem):
            if name in self.found:
                return self.found[name]
        return Review()


def read_reviews(path: str | Path) -> Reviews:
    """Read a file of decisions.

    Raises:
        FileError: no such file, or a line is no JSON object.
        ValueRangeError: another decision or class than those there are, or no polygon.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path} does not exist", "a file of decisions", "correct the path")
    found: dict[str, Review] = {}
    for number, record in enumerate(read_lines(path), 1):
        where = f"decision {number} of {path}"
        scene, decision = record.get("scene"), record.get("decision")
        if not isinstance(scene, str) or not scene:
            raise ValueRangeError(where, "the name of a scene (scene)", "add it")
        if decision not in (ACCEPT, REJECT, None):
            raise ValueRangeError(
                f"{where} is '{decision}'", f"{ACCEPT}, {REJECT} or none", "correct it"
            )
        rows = record.get("regions") or []
        if not isinstance(rows, list):
            raise ValueRangeError(f"{where} with regions {rows!r}", "a list", "correct it")
        regions = tuple(_region(row, where) for row in rows)
        found[scene] = Review(decision == REJECT, str(record.get("note") or ""), regions)
    return Reviews(path, found)


def _region(row: Any, where: str) -> Region:
    row = row if isinstance(row, Mapping) else {}
    name, geometry, crs = row.get("class"), row.get("geometry"), row.get("crs", "EPSG:4326")
    if name not in CLASS_NAMES:
        raise ValueRangeError(
            f"{where} has a region of class '{name}'", f"one of {', '.join(CLASS_NAMES)}",
            "correct it",
        )  # fmt: skip
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if kind not in ("Polygon", "MultiPolygon") or not is_valid_geom(geometry):
        raise ValueRangeError(
            f"{where} has a region of geometry {kind}", "a GeoJSON Polygon or MultiPolygon",
            "draw it anew",
        )  # fmt: skip
    if crs != PIXEL:
        try:
            CRS.from_user_input(crs)
        except CRSError as error:
            raise ValueRangeError(
                f"{where} has a region in '{crs}'", "EPSG:<code> or pixel", "correct it"
            ) from error
    return Region(CLASS_NAMES.index(name), geometry, crs)
