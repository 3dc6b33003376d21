"""Chips: 8-bit pictures of patches to draw on, and the file that leads from them to the scene.

One stretch for all chips: the same brightness is the same reflectance everywhere, so that a chip
full of cloud is white and not grey. It is written into the file, ``chips.json``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from affine import Affine
from rasterio.crs import CRS

from ..bands import BLUE, GREEN, NIR, RED, SWIR1, Band
from ..errors import FileError, ValueRangeError
from ..fingerprint import changed_ns
from ..manifest import read_lines
from ..stretch import Stretch, find_stretch
from ..tile import Tile
from .strict_json import loads

SIDECAR = "chips.json"
FOLDER = "chips"
_FORMAT = 1
_VISIBLE_WHITE, _INFRARED_WHITE = 0.30, 0.45
"""Reflectance that becomes bright; brighter (cloud, snow) shares the rest up to white."""
_POSITION = re.compile(r"_\d{5}_\d{5}$")


@dataclass(frozen=True)
class Chip:
    """One chip and the patch that it shows."""

    name: str
    """File of the picture in natural colours, ``<patch stem>.png``."""
    key: str
    """What the labelling tool knows it by: the name, or Labelbox's global key."""
    image: str
    """The patch; a relative path counts from the folder of ``chips.json``."""
    group: str
    """Scene that the patch was cut from."""
    sensor: str
    width: int
    height: int
    transform: tuple[float, ...]
    """Six numbers of the patch's affine transform."""
    crs: str | None
    """WKT."""
    source: str | None = None
    """The scene's file, and the patch's upper left pixel in it, where `kumosan tiles` told."""
    row: int | None = None
    col: int | None = None
    stretch: str = ""
    """What the picture shows, in words."""
    false_colour: str | None = None
    """File of the second picture, where the sensor has the bands."""
    false_stretch: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def grid(self) -> tuple[Affine, CRS | None]:
        return Affine(*self.transform), CRS.from_wkt(self.crs) if self.crs else None


@dataclass(frozen=True)
class Chips:
    """The chips of one labelling project."""

    tool: str
    project: str
    chips: tuple[Chip, ...]
    folder: Path

    def image(self, chip: Chip) -> Path:
        return Path(os.path.normpath(self.folder / chip.image))

    def find(self, key: str) -> Chip | None:
        """The chip of a global key, or of a name with or without folder and extension."""
        table: dict[str, Chip] = {c.key: c for c in self.chips}
        name = PurePosixPath(key).name
        by_name = {c.name: c for c in self.chips} | {Path(c.name).stem: c for c in self.chips}
        return table.get(key) or by_name.get(name) or by_name.get(PurePosixPath(name).stem)


def pictures(tile: Tile) -> tuple[Stretch, Stretch | None]:
    """How a chip is shown: natural colours (or what comes nearest), and infrared if it can be.

    The second is SWIR 1, NIR, red: ice and snow are blue there, water cloud is white. Without
    SWIR it is NIR, red, green.
    """
    first = _fixed(tile, (RED, GREEN, BLUE)) or find_stretch(tile)
    second = _fixed(tile, (SWIR1, NIR, RED)) or _fixed(tile, (NIR, RED, GREEN))
    return first, second


def _fixed(tile: Tile, windows: tuple[Band, Band, Band]) -> Stretch | None:
    found = [i for w in windows if (i := tile.bands.find(w)) is not None]
    if len(set(found)) < 3:
        return None
    high = tuple(_VISIBLE_WHITE if w in (RED, GREEN, BLUE) else _INFRARED_WHITE for w in windows)
    names = ", ".join(tile.bands[i].name for i in found)
    return Stretch((found[0], found[1], found[2]), (0.0, 0.0, 0.0), high, names)


def told(stretch: Stretch) -> str:
    """A stretch in words: bands and their range of reflectance."""
    ranges = zip(stretch.low, stretch.high, strict=True)
    return f"{stretch.name}; reflectance " + ", ".join(f"{a:.3g} to {b:.3g}" for a, b in ranges)


def chip_of(file: Path, tile: Tile, key: str, folder: Path) -> Chip:
    """Describe the chip of a patch for the sidecar in ``folder``."""
    first, second = pictures(tile)
    record = _record(file)
    source = record.get("source")
    return Chip(
        name=f"{file.stem}.png",
        key=key,
        image=_relative(file, folder),
        group=scene_of(file),
        sensor=tile.acquired.sensor or "unknown",
        width=tile.shape[1],
        height=tile.shape[0],
        transform=tuple(float(v) for v in tile.transform[:6]),
        crs=tile.crs.to_wkt() if tile.crs else None,
        source=source if isinstance(source, str) else None,
        row=record.get("row"),
        col=record.get("col"),
        stretch=told(first),
        false_colour=f"{file.stem}_infrared.png" if second else None,
        false_stretch=told(second) if second else "",
    )


def scene_of(file: Path) -> str:
    """Name of the scene that a patch was cut from: its group in splits."""
    source = _record(file).get("source")
    return Path(source).stem if isinstance(source, str) else _POSITION.sub("", file.stem)


def _record(file: Path) -> dict[str, Any]:
    """What `kumosan tiles` wrote of a patch in the manifest beside it."""
    path = file.parent / "manifest.jsonl"
    return _records(path, changed_ns(path)).get(file.name, {})


@lru_cache(maxsize=4)
def _records(path: Path, changed_ns: int) -> dict[str, dict[str, Any]]:
    """The lines of a manifest by patch, the first of each; kept as long as it does not change."""
    return {str(r.get("file")): r for r in reversed(read_lines(path))}


def _relative(file: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return file.resolve().as_posix()


def write_sidecar(path: Path, tool: str, project: str, chips: Iterable[Chip]) -> None:
    """Write ``chips.json``."""
    facts = {"format": _FORMAT, "tool": tool, "project": project, "chips": [*map(asdict, chips)]}
    path.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read_sidecar(path: Path) -> Chips:
    """Read ``chips.json``, or that of a folder.

    Raises:
        FileError: it is missing or damaged.
        ValueRangeError: two chips have one name or key.
    """
    path = path / SIDECAR if path.is_dir() else path
    try:
        facts = loads(path.read_bytes(), str(path))
        listed = [Chip(**{**c, "transform": tuple(c["transform"])}) for c in facts["chips"]]
        whole = facts["format"] == _FORMAT and all(_sound(c) for c in listed)
        tool, project = str(facts["tool"]), str(facts["project"])
    except FileNotFoundError:
        raise FileError(
            f"{path} does not exist", f"the {SIDECAR} of kumosan labels push", "correct the path"
        ) from None
    except (OSError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise FileError(f"{path} is damaged", f"a {SIDECAR} of kumosan labels push", "push again")
    for what in ("name", "key"):
        seen: set[str] = set()
        for chip in listed:
            value = getattr(chip, what)
            if value in seen:
                raise ValueRangeError(f"{path} names {value} twice", "each chip once", "push again")
            seen.add(value)
    return Chips(tool, project, tuple(listed), path.parent)


def _sound(chip: Chip) -> bool:
    plain = PurePosixPath(chip.name).name == chip.name and "\\" not in chip.name
    numbers = all(isinstance(v, (int, float)) for v in chip.transform)
    sizes = all(type(v) is int and 0 < v < 1 << 20 for v in (chip.width, chip.height))
    texts = all(isinstance(v, str) for v in (chip.key, chip.image, chip.group, chip.sensor))
    return plain and texts and sizes and len(chip.transform) == 6 and numbers
