"""The ``.hdr`` text of an ENVI raster (NV5 ENVI, "ENVI Header Files")."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import BandError, FileError
from .wavelengths import to_nm

_ENTRY = re.compile(r"^[ \t]*([^=;\n{}]+?)[ \t]*=[ \t]*(\{[^}]*\}|[^\n]*)", re.M)
_MAX_BYTES = 16 * 2**20
DTYPES = {
    1: "uint8", 2: "int16", 3: "int32", 4: "float32", 5: "float64",
    12: "uint16", 13: "uint32", 14: "int64", 15: "uint64",
}  # fmt: skip
"""Real types by ``data type``; 6 and 9 are complex."""


@dataclass(frozen=True)
class EnviHeader:
    """Entries of a header by key in lower case."""

    path: Path
    entries: Mapping[str, str]

    def text(self, key: str) -> str | None:
        """The value of ``key`` without braces, or None."""
        value = self.entries.get(key)
        return None if value is None else value.strip().strip("{}").strip()

    def texts(self, key: str) -> list[str]:
        """The items of a list in braces; empty if there is none."""
        text = self.text(key)
        return [t.strip() for t in text.split(",")] if text else []

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number.

        Raises:
            FileError: missing without a default, no whole number, or negative.
        """
        text = self.text(key)
        if text is None and default is not None:
            return default
        if text is None or not re.fullmatch(r"\d{1,15}", text):
            raise FileError(
                f"{self.path} has {key} '{text or ''}'", "a whole number", "correct the header"
            )
        return int(text)

    def numbers(self, key: str, count: int) -> list[float] | None:
        """A list of ``count`` finite numbers; None if there is none.

        Raises:
            BandError: another number of items, or something else than numbers.
        """
        items = self.texts(key)
        if not items:
            return None
        try:
            values = [float(t) for t in items]
        except ValueError:
            values = [math.nan]
        if len(items) != count or not all(math.isfinite(v) for v in values):
            raise BandError(
                f"{self.path} has {len(items)} items in '{key}' ({', '.join(items[:3])}, ...)",
                f"{count} numbers, one for each band",
                "correct the header",
            )
        return values

    def wavelengths_nm(self, count: int) -> tuple[list[float], list[float]] | None:
        """Centres and widths (NaN where not given) in nm; None if there are no wavelengths.

        Raises:
            BandError: lists of another length, no numbers, or an unknown unit.
        """
        centers = self.numbers("wavelength", count)
        units = (self.text("wavelength units") or "").lower()
        if centers is None or units == "index":
            return None
        widths = self.numbers("fwhm", count) or [math.nan] * count
        unit = None if units in ("", "unknown") else units
        pairs = [to_nm(repr(c), unit, f"band_{i}") for i, c in enumerate(centers, 1)]
        # One unit for all bands: without one, 0 (unused) says nothing and 2450 no more than 450.
        factor = next((f for nm, f in pairs if nm), 1.0)
        return [nm for nm, _ in pairs], [round(w * factor, 6) for w in widths]


def read_header(path: Path) -> EnviHeader:
    """Parse a header.

    Raises:
        FileError: unreadable, too large, or no ENVI header.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path} is larger than 16 MiB", "an ENVI header", "check the file")
        text = path.read_bytes().decode("latin-1").replace("\r\n", "\n")
    except OSError as e:
        raise FileError(
            f"{path} cannot be read ({e.strerror})", "an ENVI header", "check its permissions"
        ) from e
    if not text.startswith("ENVI"):
        raise FileError(f"{path} does not begin with ENVI", "an ENVI header", "check the file")
    if text.count("{") != text.count("}"):
        raise FileError(
            f"{path} is damaged (a brace is not closed)", "a complete ENVI header", "copy it again"
        )
    entries = {re.sub(r"\s+", " ", m.group(1)).lower(): m.group(2) for m in _ENTRY.finditer(text)}
    return EnviHeader(path, entries)
