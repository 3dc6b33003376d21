"""Labelled patches: each one clear or cloudy as a whole, from a CSV file or two folders."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.errors import FileError, UnfitError, ValueRangeError
from ..datasets.labelled import LabelledTile
from ..datasets.labels.chips import scene_of
from ..datasets.read import read
from ..datasets.tile import CLEAR, THICK, CloudMask
from ..datasets.tile_store import resized
from ..datasets.torch_data import SegmentationDataset

LABELS = ("clear", "cloudy")
_RASTERS = (".tif", ".tiff", ".jp2")


@dataclass(frozen=True)
class PatchLabel:
    """One patch and what somebody said of it."""

    image: Path
    clear: bool
    group: str
    """The scene: its patches never lie on both sides of a split."""


def read_patch_labels(path: str | Path) -> tuple[PatchLabel, ...]:
    """Labels of a CSV file with the columns image, label (clear or cloudy) and perhaps group, or
    of a folder with the subfolders clear and cloudy.

    Paths count from the CSV file's folder. Without a group, patches of one name but for the
    position that `kumosan tiles` appends are of one group.

    Raises:
        FileError: something is missing, or is no CSV file.
        ValueRangeError: a label is neither, or a patch has two.
        UnfitError: a class is missing.
    """
    path = Path(path)
    found = _of_folder(path) if path.is_dir() else _of_csv(path)
    counts = {name: sum(p.clear == (name == "clear") for p in found) for name in LABELS}
    if not all(counts.values()):
        raise UnfitError(
            f"{path} with {counts['clear']} clear and {counts['cloudy']} cloudy patches",
            "patches of both classes",
            "label some of the other one",
        )
    return found


def _of_folder(path: Path) -> tuple[PatchLabel, ...]:
    return tuple(
        PatchLabel(image, name == "clear", scene_of(image))
        for name in LABELS
        for image in sorted((path / name).glob("*"))
        if image.suffix.lower() in _RASTERS
    )


def _of_csv(path: Path) -> tuple[PatchLabel, ...]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise FileError(f"{path} cannot be read ({error})", "a CSV file", "correct it") from error
    out, lines = [], dict[Path, int]()
    for number, row in enumerate(rows, 2):
        image, label = (row.get("image") or "").strip(), (row.get("label") or "").strip().lower()
        if not image or label not in LABELS:
            raise ValueRangeError(
                f"line {number} of {path} with image '{image}' and label '{label}'",
                "the columns image and label, the label clear or cloudy", "correct it",
            )  # fmt: skip
        place = path.parent / image
        if not place.is_file():
            raise FileError(f"line {number} of {path} names {place}", "a file", "restore it")
        if place.resolve() in lines:
            raise ValueRangeError(
                f"lines {lines[place.resolve()]} and {number} of {path}, both of {image}",
                "one label for each patch", "remove one of them",
            )  # fmt: skip
        lines[place.resolve()] = number
        out.append(PatchLabel(place, label == "clear", row.get("group") or scene_of(place)))
    return tuple(out)


@dataclass(frozen=True)
class LabelledPatches(Sequence[LabelledTile]):
    """The patches, read when they are asked for; the mask of each is all clear or all cloud."""

    labels: tuple[PatchLabel, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: Any) -> Any:
        label = self.labels[i]
        tile = read(label.image)
        mask = CloudMask.like(tile, np.full(tile.shape, CLEAR if label.clear else THICK, np.uint8))
        return LabelledTile(str(label.image), tile, mask, group=label.group)


class PatchLabelDataset(SegmentationDataset):
    """Whole patches, brought to one size: a part of a cloudy patch may be clear."""

    def _crop(self, i: int, rng: np.random.Generator) -> LabelledTile:
        packed = self.store[i]
        whole = packed.cut(0, 0, *packed.shape)
        return whole if self.size is None else resized(whole, (self.size, self.size))
