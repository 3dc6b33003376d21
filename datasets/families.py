"""Which sensor made a file: from its tags, its name, or band names that fit one family only.

A family is a group of sensors with the same band names (Sentinel-2A, B and C). Where the
family is known and the satellite is not, the first of the family stands for the widths and
pixel sizes: they differ by less than they matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .bands import Band
from .errors import UsageError
from .sensors import sensors

MEMBERS: dict[str, tuple[str, ...]] = {
    "sentinel-2": ("sentinel-2a", "sentinel-2b", "sentinel-2c"),
    "landsat-8/9": ("landsat-8", "landsat-9"),
    "landsat-4/5/7": ("landsat-5", "landsat-4", "landsat-7"),
    "superdove": ("superdove",),
    "dove": ("dove-classic", "dove-r"),
}
"""Sensor keys of ``sensors.toml`` by family."""

_TAGS = re.compile(r"(SENSOR|SENSOR_?ID|SPACECRAFT.*|PLATFORM|SATELLITE|MISSION)$", re.I)
_NAMES = (  # what tags and file names (letters and digits only, lower case) call them
    (re.compile(r"^(sentinel2|s2)([abc])(?![a-z])"), "sentinel-2"),
    (re.compile(r"^(sentinel2|s2)([abc])(?=msi)"), "sentinel-2"),
    (re.compile(r"^(sentinel2|s2)()(?![abc])"), "sentinel-2"),
    (re.compile(r"^(landsat|l[co]0?)([89])"), "landsat-8/9"),
    (re.compile(r"^(landsat|l[te]0)([457])"), "landsat-4/5/7"),
    (re.compile(r"^()()(superdove|psbsd)"), "superdove"),
    (re.compile(r"^(dove)(classic|r)?$"), "dove"),
)


@dataclass(frozen=True)
class Origin:
    """What is known of the sensor; all None or False where nothing is."""

    family: str | None = None
    key: str | None = None
    """Sensor key, where the satellite itself is known."""
    named: bool = False
    """The file names a sensor, known to us or not: band names alone then prove nothing."""

    @property
    def label(self) -> str | None:
        """Sensor key, else the family's name."""
        return self.key or self.family

    def band(self, name: str) -> Band | None:
        """The band that the sensor calls ``name`` (also ``SR_B2``, ``B2``, ``b02``)."""
        if self.family is None:
            return None
        wanted = _plain(name, self.family)
        table = sensors()[self.key or MEMBERS[self.family][0]].bands
        return next((b for b in table if _plain(b.name, self.family) == wanted), None)

    def near(self, center_nm: float) -> Band | None:
        """The sensor's band whose range holds ``center_nm``, nearest first."""
        if self.family is None:
            return None
        table = sensors()[self.key or MEMBERS[self.family][0]].bands
        best = min(table, key=lambda b: abs(b.center_nm - center_nm))
        return best if abs(best.center_nm - center_nm) <= best.fwhm_nm / 2 else None


def origin(
    tags: Mapping[str, str], stem: str, names: Sequence[str], sensor: str | None = None
) -> Origin:
    """Find the sensor: the user's word, then tags, then the file's name, then band names.

    Args:
        tags: dataset tags.
        stem: file name, for prefixes such as ``S2A_`` and ``LC08_``.
        names: band names of the file.
        sensor: key of a sensor or family, as the user gave it.
    """
    if sensor is not None:
        return _asked(sensor)
    said = [v for k, v in tags.items() if _TAGS.match(k) and v.strip()]
    for text in said:
        found = _recognise(text)
        if found is not None:
            return found
    if said:
        return Origin(named=True)
    prefix = re.match(r"(?:S2[ABC]|L[CO]0[89]|LT0[45]|LE07)(?=_)", stem, re.I)
    if prefix:
        return _recognise(prefix.group()) or Origin()
    if re.match(r"HLS\.L30\.", stem, re.I):  # harmonised Landsat: B05 is its NIR
        return Origin("landsat-8/9", None, True)
    return Origin(family_of_names(names))


def family_of_names(names: Sequence[str]) -> str | None:
    """The one family whose spelling the band names have, or None.

    ``B02`` and ``B8A`` are Sentinel-2, ``SR_B6`` and ``ST_B10`` Landsat 8/9, ``ST_B6`` Landsat
    4 to 7. ``SR_B4`` alone is not enough, it is another band on either; ``B2`` may be
    Sentinel-2 or Landsat.
    """
    found = set(names)
    upper = {n.upper() for n in found}
    dove = {b.name for b in sensors()["superdove"].bands}
    if upper & {"SR_B6", "ST_B10"}:  # Landsat 4 to 7 have neither in Collection 2
        return "landsat-8/9"
    if "ST_B6" in upper:
        return "landsat-4/5/7"
    if any(re.fullmatch(r"B0[1-9]|B8A", n) for n in upper):
        return "sentinel-2"
    if found & {"coastal_blue", "green_i", "yellow"} and found <= dove:
        return "superdove"
    return None


def _asked(sensor: str) -> Origin:
    for family, keys in MEMBERS.items():
        if sensor == family:
            return Origin(family, keys[0] if len(keys) == 1 else None, True)
        if sensor in keys:
            return Origin(family, sensor, True)
    known = ", ".join(dict.fromkeys([*MEMBERS, *sensors()]))  # some are both
    raise UsageError(f"no sensor called '{sensor}'", f"one of {known}", "correct --sensor")


def _recognise(text: str) -> Origin | None:
    """The sensor that a tag's value or a file name's prefix means."""
    if text in MEMBERS:  # as our own writer puts it
        return Origin(text, None, True)
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    for pattern, family in _NAMES:
        match = pattern.match(plain)
        if match:
            unit = match.group(2)
            keys = [k for k in MEMBERS[family] if k.endswith(unit)] if unit else []
            key = keys[0] if keys else (family if family == "superdove" else None)
            return Origin(family, key, True)
    return None


def _plain(name: str, family: str) -> str:
    """A band name in the spelling that all products of the family can be reduced to."""
    text = name.upper()
    if family == "superdove":
        return text
    text = re.sub(r"^(SR|ST|TOA)_", "", text)
    match = re.fullmatch(r"B0*(\d+)(A?)", text)  # "Band 9" may be a position
    return f"B{match.group(1)}{match.group(2)}" if match else text
