"""The sensor tables of ``sensors.toml``: data, not code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .bands import Band, BandSet, kind_of
from .errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - Python 3.10
    import tomli as tomllib


@dataclass(frozen=True)
class Sensor:
    """One row of the table."""

    key: str
    """Name for ``--sensor``, for example ``sentinel-2a``."""
    title: str
    names: tuple[str, ...]
    """What products call it in their metadata and file names."""
    bands: BandSet


@cache
def sensors() -> Mapping[str, Sensor]:
    """All known sensors by key."""
    text = files(__package__).joinpath("sensors.toml").read_text("utf-8")
    return {key: _sensor(key, row) for key, row in tomllib.loads(text).items()}


def _sensor(key: str, row: dict[str, list]) -> Sensor:  # type: ignore[type-arg]
    bands = tuple(Band(n, c, w, g, kind_of(c)) for n, c, w, g in row["bands"])
    return Sensor(key, str(row["title"]), tuple(row["names"]), BandSet(bands))


def sensor(key: str) -> Sensor:
    """The sensor called ``key``; UsageError lists the known ones."""
    table = sensors()
    if key not in table:
        raise UsageError(
            f"no sensor called '{key}'", f"one of {', '.join(table)}", "correct --sensor"
        )
    return table[key]
