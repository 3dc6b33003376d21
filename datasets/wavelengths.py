"""Bands of a raster file: where their wavelengths come from, in a fixed order.

1. the user's ``bands``; 2. band tags ``wavelength``; 3. lists of the ENVI domain; 4. the IMAGERY
domain; 5. band names looked up in the sensor tables, when the sensor is known. Nothing else is
tried: what is not found is refused with a proposal, never guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rasterio.enums import ColorInterp

from .bandlists import parse_bands, propose, standard_layout
from .bands import Band, BandSet, kind_of
from .errors import BandError
from .families import Origin

_OTHER = re.compile(
    r"(SCL|QA.*|.*_QA|PIXEL_QA|BQA|AOT|WVP|TCI.*|MSK_.*|FMASK|CLM|CLP|DATAMASK|MASK|ALPHA|UDM2?.*"
    r"|CLOUD_?(MASK|PROB.*)|S2CLOUDLESS.*|SZA|SAA|VZA|VAA|ANGLE.*)$",
    re.I,
)
"""Names of layers that are not spectral bands."""
_RADAR = re.compile(r"(VV|VH|HH|HV)(_.*|_?DB)?$|SIGMA0.*|GAMMA0.*", re.I)
_UNITS = {
    **dict.fromkeys(("nm", "nanometer", "nanometers", "nanometre", "nanometres"), 1.0),
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer"), 1000.0),
    **dict.fromkeys(("micrometers", "micrometre", "micrometres"), 1000.0),
}
_RANGE_NM = (300.0, 20_000.0)
"""What an optical or thermal imager can see; outside it a unit is wrong."""


def read_bands(dataset: Any, origin: Origin, bands: str | None = None) -> BandSet:
    """The bands of an open rasterio dataset, in file order.

    Args:
        dataset: rasterio dataset.
        origin: the sensor, as far as it is known.
        bands: the user's list, which then replaces whatever the file says.

    Raises:
        BandError: no wavelengths, contradictory ones, double names, or a radar image.
    """
    refuse_radar(dataset)
    names = band_names(dataset)
    if bands is not None:
        return BandSet(complete(parse_bands(bands, len(names), origin), origin))
    envi = _envi_lists(dataset)
    found: list[Band | None] = []
    for i, name in enumerate(names):
        band = _declared(dataset, i, name, envi) or origin.band(name) or _in_name(name)
        if band is None and is_other(dataset, i, name):
            band = Band(name, math.nan, math.nan, kind="other")
        found.append(replace(band, name=name) if band else None)
    if not any(found) and (layout := standard_layout(origin, len(names))):
        found = list(layout)
    known = [b for b in found if b is not None]
    lost = [n for n, b in zip(names, found, strict=True) if b is None]
    if lost or all(b.kind == "other" for b in known):
        some = ", ".join(lost[:4] or names[:4]) + (", ..." if len(lost) > 4 else "")
        raise BandError(
            f"{dataset.name} has no wavelength for {len(lost) or len(names)} of its "
            f"{len(names)} bands ({some})",
            "a centre wavelength for every band",
            f"pass --sensor or --bands; {propose(names)}",
        )
    return BandSet(complete(known, origin))


def band_names(dataset: Any) -> list[str]:
    """Band descriptions; where there are none the file's name (``..._B04.jp2``), or ``band_1``."""
    file = Path(dataset.name).name
    single = dataset.count == 1 and re.search(r"(?:^|_)(B\d[\dA]?)(?:_\d\dm)?\.\w+$", file)
    return [
        (d or "").strip() or (single.group(1) if single else f"band_{i}")
        for i, d in enumerate(dataset.descriptions, 1)
    ]


def is_other(dataset: Any, i: int, name: str) -> bool:
    """Whether band ``i`` (from 0) is a mask, a class layer or alpha by its name or colour."""
    return bool(_OTHER.match(name)) or dataset.colorinterp[i] == ColorInterp.alpha


def refuse_radar(dataset: Any) -> None:
    """Raise BandError for radar backscatter: names VV, VH, ... or values in dB."""
    names = [(d or "").strip() for d in dataset.descriptions]
    decibel = any((u or "").lower() == "db" for u in dataset.units)
    if decibel or any(_RADAR.match(n) for n in names if n):
        shown = ", ".join(n for n in names if n) or "in dB"
        raise BandError(
            f"{dataset.name} is a radar image (bands {shown})",
            "an optical image: kumosan handles reflectance",
            "give the optical image of the place; radar sees through clouds anyway",
        )


def _declared(dataset: Any, i: int, name: str, envi: dict[str, list[str]]) -> Band | None:
    """The band as tags, ENVI lists or the IMAGERY domain of the file declare it."""
    tags = {k.lower(): v for k, v in dataset.tags(i + 1).items()}
    imagery = dataset.tags(i + 1, ns="IMAGERY")
    listed = {k: v[i] for k, v in envi.items() if i < len(v)}
    units = tags.get("wavelength_units") or ",".join(envi.get("wavelength_units", []))
    if "wavelength" in tags:
        source, center, fwhm = tags, tags["wavelength"], tags.get("fwhm")
    elif "wavelength" in listed:
        source, center, fwhm = listed, listed["wavelength"], listed.get("fwhm")
    elif "CENTRAL_WAVELENGTH_UM" in imagery:
        source, units = {}, "um"
        center, fwhm = imagery["CENTRAL_WAVELENGTH_UM"], imagery.get("FWHM_UM")
    else:
        return None
    value, factor = to_nm(center, units, name)
    bad = source.get("bbl", listed.get("bbl", "1")).strip()
    width = _number(fwhm)
    width = width * factor if width > 0 else math.nan
    if value == 0 or bad in ("0", "0.0", "0.00"):
        return Band(name, value or math.nan, width, kind="other")
    return Band(name, value, width, kind=kind_of(value))


def _in_name(name: str) -> Band | None:
    """The band of a name that is its wavelength: ``HC_670`` (Satellogic hyperspectral)."""
    match = re.fullmatch(r"HC_(\d{3})", name)
    return Band(name, float(match.group(1)), math.nan) if match else None


def to_nm(text: str, units: str | None, name: str) -> tuple[float, float]:
    """Wavelength in nm, and the factor from the file's unit; 0 stays 0 (an unused band).

    Without a unit a value below 100 is in micrometres.

    Raises:
        BandError: not a number, an unknown unit, or outside 300 to 20,000 nm.
    """
    value = _number(text)
    unit = (units or "").strip().lower()
    factor = _UNITS.get(unit, 0.0) if unit else (1000.0 if value < 100 else 1.0)
    nm = round(value * factor, 6)
    if math.isnan(nm) or not factor or (nm != 0 and not _RANGE_NM[0] <= nm <= _RANGE_NM[1]):
        raise BandError(
            f"wavelength '{text}' {units or 'without unit'} of band {name}",
            "a number between 300 and 20000 nm (0.3 and 20 um)",
            "correct the tags wavelength and wavelength_units, or pass --bands",
        )
    return nm, factor


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else math.nan
    except ValueError:
        return math.nan


def _envi_lists(dataset: Any) -> dict[str, list[str]]:
    """ENVI-domain items as lists, keys in lower case with underscores."""
    items = {k.lower().replace(" ", "_"): v for k, v in dataset.tags(ns="ENVI").items()}
    return {k: [t.strip() for t in v.strip().strip("{}").split(",")] for k, v in items.items()}


def complete(bands: Sequence[Band], origin: Origin) -> tuple[Band, ...]:
    """Fill widths and pixel sizes from the sensor table, else estimate the width.

    The estimate is 6 % of the centre wavelength (40 nm in the red), but no more than the
    distance to the next band: imaging spectrometers sample at about their width.
    """
    centers = [b.center_nm for b in bands if b.kind != "other"]
    full = []
    for b in bands:
        known = origin.band(b.name)
        if known is None or abs(known.center_nm - b.center_nm) > known.fwhm_nm / 2:
            known = origin.near(b.center_nm)
        fwhm, gsd = b.fwhm_nm, b.gsd_m
        if known is not None and b.kind != "other":
            fwhm = known.fwhm_nm if math.isnan(fwhm) else fwhm
            gsd = known.gsd_m if gsd is None else gsd
        if math.isnan(fwhm) and b.kind != "other":
            gaps = [abs(c - b.center_nm) for c in centers if c != b.center_nm]
            fwhm = min([0.06 * b.center_nm, *gaps])
        full.append(replace(b, fwhm_nm=fwhm, gsd_m=gsd))
    return tuple(full)
