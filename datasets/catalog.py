"""A catalogue of images and their masks: a JSON list of rows with the files beside it.

Each row is an object with at least ``image``, ``split``, ``group``, ``sensor``, ``mask`` (or
null), ``mask_kind`` and ``classes_labelled``. Other keys are kept in ``more``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import FileError, UsageError, ValueRangeError
from .fingerprint import file_facts
from .labelled import LabelledTile, parse_classes
from .opening import open_raster
from .read import open_scene, read, read_mask
from .regrid import Grid
from .tile import CLEAR, NODATA

_TEXTS = ("image", "split", "group", "sensor", "mask_kind", "classes_labelled")


@dataclass(frozen=True)
class Row:
    """One image of a catalogue."""

    id: str
    """``image`` as the catalogue writes it: unique."""
    image: Path
    """Where the image is."""
    mask: Path | None
    """Where its class mask is (0 clear, 1 thick, 2 thin, 3 shadow, 255 nodata), if it has one."""
    split: str
    """What the image is for, for example ``train`` or ``test``."""
    group: str
    """Place or scene: images of one group never lie on both sides of a split."""
    sensor: str
    """Sensor as the catalogue names it."""
    mask_kind: str
    """Who made the mask, for example ``human``; ``none`` without one."""
    classes_labelled: str
    """The classes that the labellers drew, in words."""
    labelled: frozenset[int]
    """Codes of those classes; empty without a mask."""
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The row's other entries: licence, notes, ..."""


def read_catalog(path: str | Path) -> tuple[Row, ...]:
    """Read and check a catalogue. No image is opened; that every file exists is checked.

    Args:
        path: the JSON file, or the folder that holds ``catalog.json``.

    Raises:
        FileError: the catalogue or a file that it names is missing, it is no JSON list of
            objects, or a path leads out of the catalogue's folder.
        ValueRangeError: a row lacks an entry, an entry is of the wrong type, or an image
            occurs twice.
    """
    path = Path(path)
    path = path / "catalog.json" if path.is_dir() else path
    try:
        rows = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise FileError(f"{path} does not exist", "a catalogue", "correct the path") from None
    except (OSError, ValueError, RecursionError) as e:  # ValueError: no JSON, or no UTF-8
        raise FileError(f"{path} cannot be read ({e})", "a JSON catalogue", "correct it") from e
    if not isinstance(rows, list):
        raise FileError(f"{path} holds a JSON {_kind(rows)}", "a list of rows", "correct it")
    found: dict[str, Row] = {}
    for number, entry in enumerate(rows):
        row = _row(entry, f"row {number} of {path}", path.parent)
        if row.id in found:
            raise ValueRangeError(
                f"row {number} of {path} names {row.id} again", "each image once", "remove one"
            )
        found[row.id] = row
    return tuple(found.values())


def _row(entry: Any, where: str, folder: Path) -> Row:
    if not isinstance(entry, dict):
        raise ValueRangeError(f"{where} is a JSON {_kind(entry)}", "an object", "correct it")
    if isinstance(entry.get("image"), str):
        where = f"{where} ({entry['image']})"
    for key in _TEXTS:
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            got = f"'{key}' = {value!r}" if key in entry else f"no '{key}'"
            raise ValueRangeError(f"{where} has {got}", "a text that is not empty", "add it")
    if "mask" not in entry:
        raise ValueRangeError(f"{where} has no 'mask'", "a path, or null without one", "add it")
    mask = entry["mask"]
    if mask is not None and not isinstance(mask, str):
        raise ValueRangeError(f"{where} has 'mask' = {mask!r}", "a path or null", "correct it")
    return Row(
        id=entry["image"],
        image=_inside(entry["image"], "image", where, folder),
        mask=None if mask is None else _inside(mask, "mask", where, folder),
        **{key: entry[key] for key in _TEXTS[1:]},
        labelled=frozenset() if mask is None else parse_classes(entry["classes_labelled"], where),
        more={k: v for k, v in entry.items() if k not in (*_TEXTS, "mask")},
    )


def _inside(text: str, key: str, where: str, folder: Path) -> Path:
    """The existing file ``text`` below ``folder``; links that lead out are refused too."""
    plain = PurePosixPath(text)
    outside = plain.is_absolute() or ".." in plain.parts or "\\" in text or "\0" in text
    path = folder / plain
    if outside or not path.resolve().is_relative_to(folder.resolve()):
        raise FileError(
            f"{where} has the {key} path '{text}'",
            "a path inside the catalogue's folder, with / and without ..",
            "move the file there",
        )
    if not path.exists():
        raise FileError(f"{where} names {key} {path}, which does not exist", "a file", "restore it")
    return path


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "truth value", type(None): "null"}
    return names.get(type(value), "number")


def rows_to_learn(path: Path | None, split: str) -> tuple[Row, ...]:
    """The rows of ``split`` in the catalogue at ``path``.

    Raises:
        UsageError: the split is ``test``, or there is no path.
        FileError, ValueRangeError: see `read_catalog`.
    """
    if split == "test":
        raise UsageError(
            "a source of split 'test'", "images that nothing is judged by", "use another split"
        )
    if path is None:
        raise UsageError(
            "no catalogue", "a folder with catalog.json", "name it on the command line"
        )
    return tuple(row for row in read_catalog(path) if row.split == split)


def check_grids(rows: Sequence[Row]) -> None:
    """Raise GridError where a mask does not lie on its image's grid. No pixel is read.

    Raises:
        FileError, BandError: an image or a mask cannot be opened.
    """
    for row in rows:
        if row.mask is not None:
            with open_raster(row.mask) as ds:
                grid = Grid(ds.shape, ds.transform, ds.crs)
            open_scene(row.image).grid.check(
                grid, f"the mask {row.mask}", row.id, "correct the mask, or the catalogue's row"
            )


def made_by(row: Row) -> str:
    """Kind of the row's mask without remarks: ``automatic (SCL)`` is ``automatic``."""
    return row.mask_kind.split(" (")[0]


def is_clear(row: Row) -> bool:
    """Whether the catalogue says that the image is without cloud and shadow.

    Its ``role`` decides, if it has one; else a mask drawn by people, all of whose known pixels are
    clear. The mask is opened only where the row has no ``class_pixels``.

    Raises:
        FileError, BandError, ValueRangeError: see `read_mask`.
    """
    role = row.more.get("role")
    if role or row.mask is None or row.mask_kind != "human":
        return bool(role == "clear")
    if pixels := row.more.get("class_pixels"):
        counts = {int(code): n for code, n in pixels.items() if int(code) != NODATA}
        return bool(sum(counts.values()) == counts.get(CLEAR, 0) > 0)
    return read_mask(row.mask).cover()["clear"] == 1


@dataclass(frozen=True)
class CatalogTiles(Sequence[LabelledTile]):
    """The images of some rows, read one at a time when they are asked for. Picklable."""

    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return CatalogTiles(self.rows[i])
        row = self.rows[i]
        tile = read(row.image)
        mask = None if row.mask is None else read_mask(row.mask, tile)
        return LabelledTile(row.id, tile, mask, labelled=row.labelled, group=row.group)

    def __iter__(self) -> Iterator[LabelledTile]:
        return (self[i] for i in range(len(self)))

    def stamps(self) -> list[tuple[str, list[tuple[str, int, int]]]]:
        """Path and `file_facts` of each image: other ones are other images. Nothing is opened."""
        return [(str(row.image.resolve()), file_facts(row.image)) for row in self.rows]
