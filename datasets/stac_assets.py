"""What a STAC item says of its images: bands with wavelengths, scaling, nodata, acquisition.

Sources: STAC 1.1 (``bands`` with ``eo:``, ``raster:`` fields on band or asset) and the older
extensions eo 1.x (``eo:bands``) and raster 1.x (``raster:bands``). Wavelengths are in um there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .acquisition import from_tags
from .bands import Band, kind_of
from .errors import BandError, FileError, MissingExtraError
from .families import Origin, origin
from .tile import Acquisition

_MAX_BYTES = 16 * 2**20
_ROLES = frozenset({"data", "reflectance"})
_RASTERS = ("tiff", "geotiff", "jp2", "jpeg2000")
_RASTER_NAMES = (".tif", ".tiff", ".jp2")


@dataclass(frozen=True)
class AssetBand:
    """One band of one asset."""

    key: str
    """Key of its asset."""
    href: str
    number: int
    """Position in the file, from 1."""
    band: Band
    scaling: tuple[float, float] | None
    """(scale, offset) as the item declares them, None where it does not."""
    nodata: float | None


def load_item(item: str | Path | Mapping[str, Any]) -> tuple[Any, Path | None]:
    """The pystac.Item, and the folder it lies in (None for one that is not a file).

    Raises:
        FileError: not there, or no STAC item.
        MissingExtraError: pystac is not installed.
    """
    try:
        import pystac
    except ImportError as e:
        raise MissingExtraError("reading STAC items", "stac") from e
    if isinstance(item, pystac.Item):
        own = item.get_self_href()
        local = own is not None and "://" not in own
        return item, Path(str(own)).parent if local else None
    path = None if isinstance(item, Mapping) else Path(item)
    name = str(path or "the item")
    content = item if isinstance(item, Mapping) else _parsed(Path(item))
    if not isinstance(content, Mapping) or content.get("type") != "Feature":
        kind = content.get("type") if isinstance(content, Mapping) else type(content).__name__
        raise FileError(f"{name} is a {kind}", "a STAC item (a Feature)", "name an item")
    try:
        return pystac.Item.from_dict(dict(content), migrate=True), path and path.parent
    except (pystac.STACError, KeyError, TypeError, ValueError, AttributeError) as e:
        reason = f"{type(e).__name__}: {e}".split("\n")[0]
        raise FileError(f"{name} is no valid STAC item ({reason})", "one", "correct it") from e


def _parsed(path: Path) -> Any:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path} is larger than 16 MiB", "a STAC item", "name the item's file")
        return json.loads(path.read_bytes())
    except OSError as e:
        raise FileError(
            f"{path} cannot be read ({e.strerror})", "a STAC item", "correct the path"
        ) from e
    except (ValueError, RecursionError) as e:
        raise FileError(
            f"{path} is not valid JSON ({e})", "a STAC item", "download it again"
        ) from e


def acquisition(item: Any) -> tuple[Acquisition, Origin, dict[str, str]]:
    """Acquisition, sensor and tags from the item's properties."""
    p = item.properties
    time = item.datetime or _begun(item)
    said = {
        "SENSOR": p.get("platform"),
        "LEVEL": p.get("processing:level") or p.get("landsat:correction"),
        "PRODUCT_ID": p.get("s2:product_uri") or item.collection_id or item.id,
        "ACQUISITION_TIME": time.isoformat() if time else None,
        "SUN_ELEVATION": p.get("view:sun_elevation"),
        "SUN_AZIMUTH": p.get("view:sun_azimuth"),
    }
    tags = {k: str(v) for k, v in said.items() if v is not None}
    found = origin(tags, "", ())
    return from_tags(tags, found), found, tags


def _begun(item: Any) -> datetime | None:
    """When an acquisition began that the item tells as a span; a longer span is no time at all."""
    start, end = item.common_metadata.start_datetime, item.common_metadata.end_datetime
    if start is None or (end is not None and end - start > timedelta(days=1)):
        return None
    begun: datetime = start
    return begun


def asset_bands(item: Any, chosen: Sequence[str] | None = None) -> list[AssetBand]:
    """The spectral bands of an item's images, in the order of its assets or of ``chosen``.

    Args:
        item: pystac.Item.
        chosen: keys of assets or names of bands; all spectral bands of assets with the role
            ``data`` or ``reflectance`` by default, each name once (GeoTIFF first).

    Raises:
        BandError: nothing chosen has a wavelength, or something chosen is not there.
    """
    found = acquisition(item)[1]
    bands = [b for key, asset in _images(item) for b in _of_asset(item, key, asset, found)]
    if chosen is None:
        out: dict[str, AssetBand] = {}
        for b in bands:
            out.setdefault(b.band.name, b)
        if not out:
            raise _none(item)
        return list(out.values())
    picked = []
    for name in chosen:
        fits = [b for b in bands if b.key == name] or [b for b in bands if b.band.name == name][:1]
        if not fits:
            known = ", ".join(dict.fromkeys(b.band.name for b in bands)) or "none"
            raise BandError(
                f"no band '{name}' with a wavelength in item {item.id}", f"one of {known}",
                "correct the selection",
            )  # fmt: skip
        picked += fits
    return picked


def _none(item: Any) -> BandError:
    return BandError(
        f"item {item.id} has no image with a centre wavelength",
        "assets of role data or reflectance with eo:center_wavelength, or names that its "
        "platform's table knows",
        "read the files themselves, with --sensor or --bands",
    )


def _images(item: Any) -> Iterator[tuple[str, Any]]:
    """Assets that are images of reflectance, GeoTIFF before JPEG 2000."""
    rasters = [
        (key, a)
        for key, a in item.assets.items()
        if _is_raster(a) and (not a.roles or _ROLES & set(a.roles))
    ]
    yield from sorted(rasters, key=lambda pair: "jp2" in f"{pair[1].media_type} {pair[1].href}")


def _is_raster(asset: Any) -> bool:
    kind = (asset.media_type or "").lower()
    name = asset.href.split("?")[0].lower()
    return any(r in kind for r in _RASTERS) or (not kind and name.endswith(_RASTER_NAMES))


def _of_asset(item: Any, key: str, asset: Any, found: Origin) -> Iterator[AssetBand]:
    fields = asset.extra_fields
    rows = fields.get("bands") or fields.get("eo:bands") or [{}]
    raster = fields.get("raster:bands") or []
    if not all(isinstance(r, Mapping) for r in [*rows, *raster]):
        raise BandError(
            f"asset {key} of {item.id} with bands {rows}", "objects", "correct the item"
        )
    for i, row in enumerate(rows):
        band = _band(row, key, single=len(rows) == 1, found=found, fields=fields)
        if band is None:
            continue
        # The nearest word counts: the band's own, then the old extension's, then the asset's.
        said = {**fields, **(raster[i] if i < len(raster) else {}), **row}
        yield AssetBand(key, asset.href, i + 1, band, _scaling(said, item, key), _nodata(said, key))


def _band(
    row: Mapping[str, Any], key: str, *, single: bool, found: Origin, fields: Mapping[str, Any]
) -> Band | None:
    said = {**fields, **row} if single else row
    name = str(row.get("name") or key)
    center = said.get("eo:center_wavelength", said.get("center_wavelength"))
    known = found.band(name) or (found.band(key) if single else None)
    if center is None:
        return None if known is None else Band(
            name, known.center_nm, known.fwhm_nm, known.gsd_m, known.kind
        )  # fmt: skip
    nm = 1000 * _number(center, f"the centre wavelength of {name}")
    if not 300 <= nm <= 20_000:
        raise BandError(
            f"band {name} with a centre wavelength of {center} um", "0.3 to 20", "correct the item"
        )
    width = said.get("eo:full_width_half_max", said.get("full_width_half_max"))
    fwhm = math.nan if width is None else 1000 * _number(width, f"the width of {name}")
    if not fwhm > 0:
        fwhm = known.fwhm_nm if known else 0.06 * nm
    gsd = said.get("gsd")
    size = _number(gsd, f"gsd of {name}") if gsd is not None else (known.gsd_m if known else None)
    return Band(name, round(nm, 6), round(fwhm, 6), size, kind_of(nm))


def _scaling(said: Mapping[str, Any], item: Any, key: str) -> tuple[float, float] | None:
    """Scale and offset; without the offset where the catalogue has applied it to the pixels."""
    scale = said.get("raster:scale", said.get("scale"))
    offset = said.get("raster:offset", said.get("offset"))
    if scale is None and offset is None:
        return None
    if item.properties.get("earthsearch:boa_offset_applied") is True:
        offset = 0.0
    factor = _number(1.0 if scale is None else scale, f"scale of {key}")
    return factor, _number(0.0 if offset is None else offset, f"offset of {key}")


def _nodata(said: Mapping[str, Any], key: str) -> float | None:
    value = said.get("nodata")
    if value is None:
        return None
    words = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
    return words[value] if value in words else _number(value, f"nodata of {key}")


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise BandError(f"{what} is '{value}'", "a number", "correct the item")
    return number
