"""Tags that let a written tile be read again as what it is, wherever it came from.

Tags of the source are kept as they are. What they lack (a product's folder or its metadata
file said it, or the user did) is added under the names that the reader understands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from .acquisition import from_tags
from .bands import Band
from .errors import BandError
from .families import origin
from .tile import Acquisition, Tile
from .wavelengths import to_nm


def dataset_tags(tile: Tile) -> dict[str, str]:
    """The dataset tags of ``tile``, and those of its acquisition that they do not tell."""
    tags, acquired = dict(tile.tags), tile.acquired
    stem = Path(tile.path).stem if tile.path else ""
    found = origin(tags, stem, tile.bands.names)
    told = replace(from_tags(tags, found, tile.bands.names), sensor=found.label)
    known = acquired.sensor is not None and acquired.sensor != told.sensor
    if known and not found.named:
        tags["SENSOR"] = str(acquired.sensor)
    return tags | {k: v for k, v in _facts(acquired).items() if k not in _facts(told)}


def _facts(acquired: Acquisition) -> dict[str, str]:
    """Level, time and sun as tags; what is not known is left out."""
    facts = {
        "LEVEL": acquired.level,
        "ACQUISITION_TIME": acquired.time.isoformat() if acquired.time else None,
        "SUN_ZENITH": _text(acquired.sun_zenith_deg),
        "SUN_AZIMUTH": _text(acquired.sun_azimuth_deg),
    }
    return {k: v for k, v in facts.items() if v is not None}


def band_tags(tile: Tile, keep_statistics: bool = False) -> list[dict[str, str]]:
    """The tags of each band with its wavelength.

    Args:
        tile: the tile.
        keep_statistics: keep STATISTICS_* tags; they are wrong once pixels have changed.
    """
    rows = tile.band_tags or ({},) * len(tile.bands)
    out = []
    for band, row in zip(tile.bands, rows, strict=True):
        kept = {k: v for k, v in row.items() if keep_statistics or "STATISTICS_" not in k}
        out.append(kept if _declares(kept, band) else kept | _spectral(band))
    return out


def _declares(tags: Mapping[str, str], band: Band) -> bool:
    """Whether the tags give the band's own wavelength already, in any unit."""
    lower = {k.lower(): v for k, v in tags.items()}
    if "wavelength" not in lower:
        return False
    try:
        nm, _ = to_nm(lower["wavelength"], lower.get("wavelength_units"), band.name)
    except BandError:
        return False
    bad = band.kind == "other" and nm != 0 and not lower.get("bbl", "1").startswith("0")
    return not bad and (abs(nm - band.center_nm) < 0.5 or (nm == 0 and band.kind == "other"))


def _spectral(band: Band) -> dict[str, str]:
    """Centre and width in nm; 0 and ``bbl`` 0 (as in ENVI's bad-band list): not for use."""
    center = "0" if math.isnan(band.center_nm) else f"{band.center_nm:.10g}"
    tags = {"wavelength": center, "wavelength_units": "nm"}
    if math.isfinite(band.fwhm_nm) and band.fwhm_nm > 0:
        tags["fwhm"] = f"{band.fwhm_nm:.10g}"
    return tags | ({"bbl": "0"} if band.kind == "other" else {})


def _text(number: float | None) -> str | None:
    return None if number is None else f"{number:.10g}"
