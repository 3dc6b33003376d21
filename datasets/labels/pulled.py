"""What was labelled, as files: masks on the patches' grid, a catalogue, labels of patches."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..atomic import AnyPath, atomic_folder
from ..errors import FileError, GridError
from ..read import read
from ..tile import CloudMask
from ..write import write_mask
from .chips import Chip, Chips
from .conflicts import OnConflict, Settled, settle
from .drawing import ChipLabel
from .task import Answer

CATALOG, PATCHES = "catalog.json", "patches.csv"
_COLUMNS = ("image", "label", "group", "annotator", "time", "project")


@dataclass(frozen=True)
class Pulled:
    """What a pull wrote."""

    masks: int
    patches: int
    """Labels of whole patches."""
    rows: int
    """Of the catalogue: masks whose patch is known and there."""
    unknown: tuple[str, ...]
    """Labelled images that were never sent as chips."""
    lost: tuple[str, ...]
    """Patches that are no longer where they were: their masks have no catalogue row."""


@dataclass(frozen=True, eq=False)
class _Item:
    """A chip with what counts for it."""

    stem: str
    chip: Chip | None
    image: Path | None
    settled: Settled


def settled(
    labels: Iterable[ChipLabel], chips: Chips | None, how: OnConflict
) -> tuple[list[_Item], tuple[str, ...]]:
    """Bring labels and chips together; nothing is written.

    Returns:
        items in the order of the export, and the names of images that ``chips`` does not have.

    Raises:
        ValueRangeError, GridError: see `conflicts.settle`.
        FileError: the export labels something, and nothing of it was sent as a chip; without
            chips, two images have one name in different folders.
    """
    found: dict[str, list[ChipLabel]] = {}
    known: dict[str, Chip | None] = {}
    unknown: dict[str, None] = {}
    for label in labels:
        chip = chips.find(label.chip) if chips else None
        if chips and chip is None:
            unknown[label.chip] = None
            continue
        stem = Path(chip.name).stem if chip else _stem(label.chip)
        known[stem] = chip
        same = found.setdefault(stem, [])
        if chip is None and same and same[0].chip != label.chip:
            raise FileError(
                f"labels of {same[0].chip} and of {label.chip}, both of which would be written "
                f"to {stem}_mask.tif",
                "images of different names", "name the folder of the push with --task",
            )  # fmt: skip
        same.append(label)
    if unknown and not found:
        raise FileError(
            f"labels of {next(iter(unknown))}, which was not sent from {chips and chips.folder}",
            "labels of its chips", "name the folder of that push with --task",
        )  # fmt: skip
    items = []
    for stem, each in found.items():
        chip = known[stem]
        size = chip.shape if chip else next((label.shape for label in each if label.shape), None)
        if size is None:
            raise FileError(
                f"the label of {each[0].chip} does not say how large the image is",
                "the folder of the push", "name it with --task",
            )  # fmt: skip
        image = chips.image(chip) if chips and chip else None
        items.append(_Item(stem, chip, image, settle(each[0].chip, each, size, how)))
    return items, tuple(unknown)


def _stem(name: str) -> str:
    plain = PurePosixPath(name).name
    stem = Path(plain).stem
    if not stem.strip(". ") or set(plain) & set("\\:\0"):
        raise FileError(f"a label of the image '{name}'", "a plain file name", "rename the image")
    return stem


def write_pulled(
    folder: AnyPath,
    labels: Sequence[ChipLabel],
    chips: Chips | None,
    *,
    judge: Answer = lambda classes: None,
    how: OnConflict = "refuse",
    split: str = "train",
    classes_labelled: str = "clear, thick cloud, thin cloud, cloud shadow",
    tool: str = "",
    overwrite: bool = False,
) -> Pulled:
    """Write ``<image stem>_mask.tif``, ``patches.csv`` and, with the patches, ``catalog.json``.

    Patches are put beside their masks as hard links (copies on another file system), so that the
    folder is a catalogue that training and evaluation read. Pixels without data in the patch are
    255 in the mask, whatever was drawn there.

    Args:
        folder: the output.
        labels: of an export.
        chips: what was sent; None where it is not known: then masks have no map grid.
        judge: what a mask says of the patch as a whole, where nobody answered.
        how: what to do with several labels of one chip.
        split: that of the catalogue's rows.
        classes_labelled: classes that the labellers were to draw.
        tool: for the catalogue's rows.
        overwrite: replace files of an earlier pull.

    Raises:
        ValueRangeError, GridError, FileError: see `settled`; a patch has changed since.
        OutputError: the folder holds files, or cannot be written.
    """
    items, unknown = settled(labels, chips, how)
    rows, patches, lost, masks = [], [], [], 0
    with atomic_folder(folder, overwrite) as place:
        for item in items:
            mask = _mask(item)
            there = item.image is not None and item.image.is_file()
            if item.image is not None and not there:
                lost.append(item.image.name)
            # The patch's own name: the image may be what a link of another name leads to.
            named = PurePosixPath(item.settled.chip).name
            name = f"{item.stem}{item.image.suffix}" if item.image else named
            if there and item.image is not None:
                _link(item.image, place / name)
            if mask is not None:
                write_mask(place / f"{item.stem}_mask.tif", mask)
                masks += 1
            if mask is not None and there and item.chip is not None:
                rows.append(_row(item, mask, name, split, classes_labelled, tool))
            answer = item.settled.patch or (judge(mask.classes) if mask else None)
            if answer is not None:
                said = item.settled
                group = item.chip.group if item.chip else ""
                patches.append((name, answer, group, said.annotator, said.time, said.project))
        if rows:
            text = json.dumps(rows, indent=1, ensure_ascii=False)
            (place / CATALOG).write_text(text + "\n", "utf-8")
        with (place / PATCHES).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([_COLUMNS, *patches])
    return Pulled(masks, len(patches), len(rows), unknown, tuple(lost))


def _mask(item: _Item) -> CloudMask | None:
    """The classes on the patch's grid; None if no pixel was labelled."""
    classes = item.settled.classes
    if item.chip is None or item.image is None:
        return None if classes is None else CloudMask(classes)
    if not item.image.is_file():
        return None if classes is None else CloudMask(classes, *item.chip.grid)
    tile = read(item.image)
    same = np.allclose(tile.transform[:6], item.chip.transform, rtol=1e-9, atol=0)
    if tile.shape != item.chip.shape or not same:
        raise GridError(
            f"{item.image} lies on another grid than when its chip was made",
            f"{item.chip.width} x {item.chip.height} pixels at {item.chip.transform[:6]}",
            "restore the patch that was sent",
        )
    return None if classes is None else CloudMask.like(tile, classes)


def _link(source: Path, target: Path) -> None:
    with suppress(OSError):
        os.link(source, target)
        return
    shutil.copyfile(source, target)


def _row(
    item: _Item, mask: CloudMask, image: str, split: str, classes_labelled: str, tool: str
) -> dict[str, Any]:
    chip, said = item.chip, item.settled
    counts = np.bincount(mask.classes.ravel(), minlength=256)
    return {
        "image": image,
        "mask": f"{item.stem}_mask.tif",
        "split": split,
        "group": chip.group if chip else item.stem,
        "sensor": chip.sensor if chip else "unknown",
        "mask_kind": "human",
        "classes_labelled": classes_labelled,
        "class_pixels": {str(c): int(n) for c, n in enumerate(counts) if n},
        "labelling_tool": tool,
        "annotator": said.annotator,
        "time": said.time,
        "project": said.project,
        "labels": said.votes,
    }
