"""When and under which sun: what tags of a raster file say about its acquisition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone

from .families import Origin
from .tile import Acquisition

_TIMES = (
    r"(PRODUCT_)?START_TIME|ACQUISITION.*|ACQUIRED|SENSING_TIME|DATE_?TIME|SCENE_CENTER_DATETIME",
    r"DATE|DATE_ACQUIRED|SENSING_DATE",
    r"TIFFTAG_DATETIME",  # last: some programs write the time of processing here
)
_TOA = re.compile(r"\bL(EVEL)?-?1[A-Z]*\b|\bTOA\b|TOP.OF.ATMOSPHERE|MSIL1C", re.I)
_SR = re.compile(r"\bL(EVEL)?-?2[A-Z]*\b|\bBOA\b|\bSR\b|SURFACE|BOTTOM.OF.ATMOSPHERE|MSIL2A", re.I)


def from_tags(tags: Mapping[str, str], origin: Origin, names: Iterable[str] = ()) -> Acquisition:
    """Acquisition from dataset tags; what is absent or makes no sense stays None.

    Args:
        tags: dataset tags, any case.
        origin: the sensor, as far as it is known.
        names: band names; ``SR_...`` says surface reflectance.
    """
    upper = {k.upper(): v for k, v in tags.items()}
    zenith = _angle(upper, "ZENITH", 0, 180)
    elevation = _angle(upper, "ELEVATION", -90, 90)
    return Acquisition(
        sensor=origin.label,
        level=_level(upper, names),
        time=_time(upper),
        sun_zenith_deg=90 - elevation if zenith is None and elevation is not None else zenith,
        sun_azimuth_deg=_angle(upper, "AZIMUTH", -180, 360),
    )


def parse_time(text: str) -> datetime | None:
    """An ISO 8601 or TIFF date (with or without time) as UTC; None if it is neither."""
    text = re.sub(r"^(\d{4}):(\d\d):(\d\d)", r"\1-\2-\3", text.strip())
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)  # datetime knows microseconds
    text = re.sub(r"\.(\d{1,5})(?=Z|[+-]|$)", lambda m: "." + m[1].ljust(6, "0"), text)
    try:
        time = datetime.fromisoformat(re.sub(r"Z$", "+00:00", text))
    except ValueError:
        return None
    return utc(time)


def utc(time: datetime) -> datetime:
    """``time`` in UTC; one without a time zone is in UTC already."""
    return time.astimezone(timezone.utc) if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _level(tags: Mapping[str, str], names: Iterable[str]) -> str | None:
    """``TOA`` or ``SR`` by tags such as LEVEL; None if they name neither, or both."""
    for key in ("LEVEL", "PROCESSING_LEVEL", "PRODUCT_TYPE", "PRODUCT_URI", "PRODUCT_ID"):
        text = tags.get(key, "").replace("_", " ")
        toa, surface = bool(_TOA.search(text)), bool(_SR.search(text))
        if toa != surface:
            return "TOA" if toa else "SR"
    return "SR" if any(n.upper().startswith("SR_B") for n in names) else None


def _time(tags: Mapping[str, str]) -> datetime | None:
    for pattern in _TIMES:
        for key, text in tags.items():
            if re.fullmatch(pattern, key) and (time := parse_time(text)):
                return time
    return None


def _angle(tags: Mapping[str, str], what: str, low: float, high: float) -> float | None:
    """The sun's angle ``what`` in degrees, from any tag that names sun or solar and it."""
    for key, text in tags.items():
        if re.search(rf"(SUN|SOLAR).*{what}", key):
            try:
                value = float(text)
            except ValueError:
                continue
            if low <= value <= high:
                return value
    return None
