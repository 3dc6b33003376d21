"""Sort patches by the classifier: the scores of all, and links to those that are kept."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..datasets.atomic import atomic_folder, refuse_existing
from ..datasets.errors import FileError, KumosanError, OutputError, UsageError
from ..datasets.labels.chips import scene_of
from ..datasets.manifest import read_lines
from ..datasets.plain import number
from ..datasets.read import read
from ..datasets.stretch import find_stretch, stretch_rgb
from ..datasets.weights import WeightsError
from ..synthesis.contact_sheet import sheet
from .classifier import Classifier, check_varied

if TYPE_CHECKING:
    from PIL import Image

LINES, TABLE, SHEET = "manifest.jsonl", "scores.csv", "borderline.png"
"""What is written beside the patches that are kept."""
CATALOG = "catalog.json"
"""Written beside clear patches, so that `kumosan train` paints clouds on them."""
SHOWN, COLUMNS = 30, 6
"""Patches on the sheet of borderline cases, and how many of them in a row."""
_RASTERS = (".tif", ".tiff", ".jp2")
Link = Literal["hard", "symlink", "copy"]
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Score:
    """One patch and what the classifier says of it."""

    path: Path
    p_clear: float
    """NaN where no pixel is valid, or the patch could not be scored."""
    kept: bool
    sensor: str = "unknown"
    problem: str | None = None
    """Why it could not be scored."""


def patch_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The patches that ``paths`` name: files, and the rasters of folders but for ``*_mask``.

    Raises:
        FileError: one does not exist, or a folder holds no raster.
        UsageError: two have one name, so that one folder cannot hold both.
    """
    found: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in _RASTERS)
            inside = [p for p in inside if not p.stem.endswith("_mask")]
        if not inside or not path.exists():
            raise FileError(
                f"{path} {'holds no patch' if path.exists() else 'does not exist'}",
                f"patches ending in {', '.join(_RASTERS)}, as kumosan tiles writes them",
                "correct the path",
            )
        found += inside
    names: dict[str, Path] = {}
    for file in found:
        other = names.setdefault(file.name, file)
        if other is not file:
            raise UsageError(
                f"{other} and {file}", "patches of different names", "filter them one by one"
            )
    return tuple(found)


def score(
    files: Iterable[Path],
    classifier: Classifier,
    keep: Literal["clear", "cloudy"] = "clear",
    tell: Tell = lambda done, total: None,
) -> list[Score]:
    """Score every patch. One without a valid pixel, or that cannot be scored, is never kept.

    Raises:
        WeightsError: the weights are bad, see `Classifier`.
        KumosanError: of the first patch, where none could be scored.
    """
    files, out, first = list(files), [], None
    limit = classifier.decision
    for file in files:
        try:
            tile = read(file)
            p = classifier.clear_probability(tile)
        except WeightsError:
            raise
        except KumosanError as error:
            first = first or error
            out.append(Score(file, np.nan, False, problem=str(error)))
        else:
            kept = p >= limit if keep == "clear" else p < limit  # both False for NaN
            out.append(Score(file, p, kept, tile.acquired.sensor or "unknown"))
        tell(len(out), len(files))
    if first is not None and all(s.problem for s in out):
        raise first
    check_varied([s.p_clear for s in out], classifier.path)
    return out


def write(
    folder: Path,
    scores: Sequence[Score],
    threshold: float,
    link: Link,
    overwrite: bool = False,
    catalog: bool = False,
) -> None:
    """Write the folder: kept patches under their own names, scores, and the borderline cases.

    All of it is there in the end, or nothing. With ``overwrite`` patches that an earlier manifest
    lists as kept go first.

    Args:
        folder: new or empty, or one to replace.
        scores: of all patches.
        threshold: what they were parted by.
        link: how a kept patch gets there: another name of the same file, a symbolic link, a copy.
        overwrite: replace what an earlier run left.
        catalog: write a catalogue of the kept patches, which are clear. It cannot hold symbolic
            links that lead out of the folder.

    Raises:
        OutputError: the folder holds files, or cannot be written; or the file system cannot link.
    """
    with atomic_folder(folder, overwrite) as place:
        for s in scores:
            if s.kept:
                _link(s.path, place / s.path.name, link)
        rows = [
            {"path": str(s.path), "p_clear": number(s.p_clear), "kept": s.kept}
            | ({"problem": s.problem} if s.problem else {})
            for s in scores
        ]
        (place / LINES).write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
        with (place / TABLE).open("w", encoding="utf-8", newline="") as file:
            names = ["path", "p_clear", "kept"]
            table = csv.DictWriter(file, names, lineterminator="\n", extrasaction="ignore")
            table.writeheader()
            table.writerows(r | {"kept": int(bool(r["kept"]))} for r in rows)
        if catalog:
            clear = [_row(s) for s in scores if s.kept]
            (place / CATALOG).write_text(json.dumps(clear, indent=1) + "\n", "utf-8")
        _sheet(scores, threshold).save(place / SHEET, format="PNG")
        if overwrite:
            _remove_kept(folder)


def _row(s: Score) -> dict[str, str | None]:
    """A clear patch in a catalogue; patches of one scene stay on one side of a split."""
    return {
        "image": s.path.name, "mask": None, "split": "train", "group": scene_of(s.path),
        "sensor": s.sensor, "mask_kind": "none", "classes_labelled": "none", "role": "clear",
    }  # fmt: skip


def borderline(scores: Sequence[Score], threshold: float) -> list[Score]:
    """The patches nearest to the threshold, in the order of their probability."""
    known = [s for s in scores if s.p_clear == s.p_clear]
    nearest = sorted(known, key=lambda s: abs(s.p_clear - threshold))[:SHOWN]
    return sorted(nearest, key=lambda s: s.p_clear)


def _sheet(scores: Sequence[Score], threshold: float) -> Image.Image:
    shown = []
    for s in borderline(scores, threshold):
        tile = read(s.path)
        name = s.path.stem if len(s.path.stem) <= 16 else f"..{s.path.stem[-14:]}"
        caption = f"{s.p_clear:.3f} {name}"
        shown.append((caption, [stretch_rgb(tile, find_stretch(tile))]))
    return sheet(shown, COLUMNS)


def _link(source: Path, place: Path, how: Link) -> None:
    try:
        if how == "hard":
            os.link(source.resolve(), place)
        elif how == "symlink":
            place.symlink_to(source.resolve())
        else:
            shutil.copy2(source, place)
    except OSError as error:
        raise OutputError(
            f"{source.name} cannot be put there ({error.strerror or error})",
            f"a file system that takes {how} links of it" if how != "copy" else "room for a copy",
            "choose another --link (hard, symlink, copy) or another output",
        ) from error


def _remove_kept(folder: Path) -> None:
    """Remove what the manifest in ``folder`` lists as kept, and the catalogue of it."""
    (folder / CATALOG).unlink(missing_ok=True)
    for record in read_lines(folder / LINES):
        if record.get("kept"):
            (folder / Path(str(record.get("path", ""))).name).unlink(missing_ok=True)


def check_output(folder: Path, files: Iterable[Path], overwrite: bool) -> None:
    """Refuse an output before any work.

    Raises:
        OutputError: it exists, cannot be made, or is where the patches are.
    """
    refuse_existing(folder, overwrite)
    homes = {file.resolve().parent for file in files}
    if folder.resolve() in homes:
        raise OutputError(
            f"{folder} is where the patches are", "a folder of its own", "choose another output"
        )
