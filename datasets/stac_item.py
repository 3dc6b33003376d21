"""A cleaned scene as a STAC item: what `clean` writes as ``item.json``.

STAC 1.1.0 with the extensions classification 2.0, eo 2.0, projection 2.0, processing 1.2, raster
2.0 and view 1.0. `stac.open_stac` reads it again as the filled scene.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from .. import __version__
from .acquisition import utc
from .bands import Band
from .footprint import Geometry
from .legend import MASK_LEGEND, PROVENANCE_LEGEND, Legend
from .scene import Scene
from .tile import NODATA

_SCHEMAS = "https://stac-extensions.github.io/{}/schema.json"
_EXTENSIONS = {
    "classification": "classification/v2.0.0", "eo": "eo/v2.0.0", "proj": "projection/v2.0.0",
    "processing": "processing/v1.2.0", "raster": "raster/v2.0.0", "view": "view/v1.0.0",
}  # fmt: skip
"""By prefix of their fields; those that occur are declared."""
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_ANY_TIME = {"start_datetime": "1957-10-04T00:00:00Z", "end_datetime": "9999-12-31T23:59:59Z"}
"""No image from orbit is older than the first satellite; the end stands for none."""
_LEVELS = {"TOA": "L1", "SR": "L2"}
_MEANINGS = {
    "clear": "Clear ground", "thick_cloud": "Thick cloud", "thin_cloud": "Thin cloud",
    "shadow": "Shadow of a cloud", "observed": "As observed",
    "spectral": "Computed from the pixel's own bands",
    "spatial": "Computed from its surroundings", "temporal": "Taken from another date",
    "unfillable": "Still cloudy or shadowed",
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """How one output is described."""

    title: str
    roles: tuple[str, ...]
    media_type: str = _COG


KINDS: Mapping[str, Kind] = {
    "clean": Kind("Scene with clouds and shadows filled", ("data", "reflectance")),
    "mask": Kind("Clouds and their shadows", ("cloud", "cloud-shadow")),
    "provenance": Kind("How the value of each pixel was come by", ("metadata",)),
    "confidence": Kind("Confidence of each pixel", ("metadata",)),
    "quicklook": Kind("Scene, mask and filled scene", ("overview",), "image/png"),
    "report": Kind("Report", ("metadata",), "text/html"),
}


def stac_item(
    name: str,
    scene: Scene,
    files: Mapping[str, str],
    cloud_cover: float | None,
    place: tuple[Geometry, list[float]] | None,
    lineage: str,
) -> dict[str, Any]:
    """The item, ready for JSON.

    Where the time of the acquisition is not known, ``datetime`` is null, and the item spans all
    times from the first satellite on. The time of a file is not that of the image, and that of
    cleaning would make the same scene another item on another day.

    Args:
        name: the item's id.
        scene: as it came.
        files: names of the outputs beside the item, by their kind in `KINDS`.
        cloud_cover: share of the pixels with data that are cloud, None where none has data.
        place: see `footprint.footprint`; None makes an item without a place, as STAC allows.
        lineage: how it was made, in words.
    """
    geometry, box = place or (None, None)
    properties = {
        **_times(scene.acquired.time),
        "platform": scene.acquired.sensor,
        "gsd": scene.gsd_m,
        "eo:cloud_cover": None if cloud_cover is None else round(100 * cloud_cover, 2),
        "processing:software": {"kumosan": __version__},
        "processing:level": _LEVELS.get(scene.acquired.level or ""),
        "processing:lineage": lineage,
        "view:sun_azimuth": _azimuth(scene.acquired.sun_azimuth_deg),
        "view:sun_elevation": _elevation(scene.acquired.sun_zenith_deg),
    }
    known = {k: v for k, v in properties.items() if v is not None or k == "datetime"}
    content = {
        "properties": known | _grid(scene),
        "assets": {kind: _asset(kind, file, scene) for kind, file in files.items()},
    }
    text = json.dumps(content)
    used = [_SCHEMAS.format(e) for prefix, e in _EXTENSIONS.items() if f'"{prefix}:' in text]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": used,
        "id": name,
        "geometry": geometry,
        **({} if box is None else {"bbox": box}),
        **content,
        "links": [],
    }


def _times(time: datetime | None) -> dict[str, str | None]:
    if time is None:
        return {"datetime": None, **_ANY_TIME}
    return {"datetime": utc(time).isoformat().replace("+00:00", "Z")}


def _azimuth(degrees: float | None) -> float | None:
    return None if degrees is None else round(degrees % 360, 6)


def _elevation(zenith_deg: float | None) -> float | None:
    return None if zenith_deg is None else round(90 - zenith_deg, 6)


def _grid(scene: Scene) -> dict[str, Any]:
    grid, crs = scene.grid, scene.grid.crs
    named = crs.to_authority() if crs is not None else None
    told: dict[str, Any] = {"proj:code": ":".join(named) if named else None}
    if crs is not None and named is None:
        told["proj:wkt2"] = crs.to_wkt(version="WKT2_2019")
    return told | {"proj:shape": list(grid.shape), "proj:transform": list(grid.transform[:6])}


def _asset(kind: str, file: str, scene: Scene) -> dict[str, Any]:
    known = KINDS[kind]
    told: dict[str, Any] = {
        "href": f"./{file}",
        "title": known.title,
        "type": known.media_type,
        "roles": list(known.roles),
    }
    if kind == "clean":
        return told | _numbers(scene)
    if kind in ("mask", "provenance"):
        legend = MASK_LEGEND if kind == "mask" else PROVENANCE_LEGEND
        return told | {
            "data_type": "uint8",
            "nodata": NODATA,
            "classification:classes": _of(legend),
        }
    if kind == "confidence":
        return told | {"data_type": "uint8", "nodata": NODATA, "raster:scale": 0.01}
    return told


def _of(legend: Legend) -> list[dict[str, Any]]:
    classes: list[dict[str, Any]] = [
        {
            "value": e.code,
            "name": e.name,
            "description": _MEANINGS[e.name],
            "color_hint": "{:02X}{:02X}{:02X}".format(*e.rgb),
        }
        for e in legend
    ]
    return [*classes, {"value": NODATA, "name": "nodata", "description": "No data", "nodata": True}]


def _numbers(scene: Scene) -> dict[str, Any]:
    """What the numbers of the filled scene mean, band by band."""
    encoding, n = scene.encoding, len(scene.bands)
    scales, offsets = (np.broadcast_to(v, n).tolist() for v in (encoding.scale, encoding.offset))
    told: dict[str, Any] = {
        "data_type": encoding.dtype,
        "bands": _bands(scene.bands, scales, offsets),
    }
    if encoding.nodata is not None:
        told["nodata"] = encoding.nodata if math.isfinite(encoding.nodata) else str(encoding.nodata)
    return told


def _bands(
    bands: Iterable[Band], scales: Sequence[float], offsets: Sequence[float]
) -> list[dict[str, Any]]:
    rows = []
    for band, scale, offset in zip(bands, scales, offsets, strict=True):
        row: dict[str, Any] = {"name": band.name, "raster:scale": scale, "raster:offset": offset}
        if math.isfinite(band.center_nm):
            row["eo:center_wavelength"] = round(band.center_nm / 1000, 9)
            if math.isfinite(band.fwhm_nm) and band.fwhm_nm > 0:
                row["eo:full_width_half_max"] = round(band.fwhm_nm / 1000, 9)
        if band.kind == "thermal":
            row["unit"] = "K"
        rows.append(row)
    return rows
