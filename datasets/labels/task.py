"""The folder that goes to a labelling tool: chips, ontology, pre-labels, and the way back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..atomic import AnyPath, atomic_folder
from ..errors import UsageError
from ..read import read
from ..stretch import stretch_rgb
from ..tile import ByteArray, CloudMask, Tile
from .chips import FOLDER, SIDECAR, Chip, Chips, chip_of, pictures, read_sidecar, write_sidecar
from .classes import cvat_labels, labelbox_ontology
from .cvat_xml import write_annotations
from .labelbox_import import write_data_rows, write_prelabels

Tool = Literal["labelbox", "cvat"]
Prelabels = list[tuple[Chip, ByteArray, str | None]]
"""Of each chip: classes, and ``clear`` or ``cloudy`` as a whole if that can be said."""
Answer = Callable[[ByteArray], Literal["clear", "cloudy"] | None]


def write_task(
    folder: AnyPath,
    tool: Tool,
    project: str,
    files: Sequence[Path],
    detect: Callable[[Tile], CloudMask] | None = None,
    answer: Answer = lambda classes: None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Chips:
    """Write everything that is sent to ``tool``.

    Args:
        folder: gets ``chips/``, ``chips.json``, the ontology (``ontology.json`` or
            ``labels.json``) and the pre-labels (``prelabels.ndjson`` or ``annotations.xml``).
        tool: who labels.
        project: its name there.
        files: patches, of different names.
        detect: what pre-labels a patch; None for no pre-labels.
        answer: what a mask says of the patch as a whole.
        overwrite: replace files of an earlier task.
        progress: called with (patches done, patches in all).

    Raises:
        UsageError: two patches have one name, but for its ending: so would their chips.
        OutputError: the folder holds files, or cannot be written.
        FileError, BandError: a patch cannot be read.
    """
    home = Path(folder)
    named: dict[str, Path] = {}
    for file in files:
        other = named.setdefault(file.stem, file)
        if other is not file:
            raise UsageError(f"{other} and {file}", "patches of different names", "rename one")
    with atomic_folder(home, overwrite) as place:
        chips: list[Chip] = []
        found: Prelabels = []
        (place / FOLDER).mkdir()
        for count, file in enumerate(files, 1):
            tile = read(file)
            key = f"{project}/{file.stem}.png" if tool == "labelbox" else f"{file.stem}.png"
            chip = chip_of(file, tile, key, home)
            _draw(place, tool, chip, tile)
            chips.append(chip)
            if detect is not None:
                classes = detect(tile).classes
                found.append((chip, classes, answer(classes)))
            progress(count, len(files))
        write_sidecar(place / SIDECAR, tool, project, chips)
        _write_rest(place, tool, project, chips, found if detect is not None else None)
    return read_sidecar(home)


def false_colour_path(tool: Tool, chip: Chip) -> str | None:
    """Where the second picture lies below ``chips/``: CVAT shows what it finds in this place."""
    if chip.false_colour is None or tool == "labelbox":
        return chip.false_colour
    return f"related_images/{chip.name.replace('.', '_')}/{chip.false_colour}"


def _draw(place: Path, tool: Tool, chip: Chip, tile: Tile) -> None:
    first, second = pictures(tile)
    _save(place / FOLDER / chip.name, stretch_rgb(tile, first))
    path = false_colour_path(tool, chip)
    if second is not None and path is not None:
        (place / FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        _save(place / FOLDER / path, stretch_rgb(tile, second))


def _save(path: Path, picture: NDArray[np.uint8]) -> None:
    from PIL import Image

    Image.fromarray(picture).save(path, format="PNG")


def _write_rest(
    place: Path, tool: Tool, project: str, chips: Iterable[Chip], found: Prelabels | None
) -> None:
    if tool == "cvat":
        _dump(place / "labels.json", cvat_labels())
        if found is not None:
            write_annotations(place / "annotations.xml", found)
        return
    _dump(place / "ontology.json", labelbox_ontology())
    write_data_rows(place / "data_rows.json", chips)
    if found is not None:
        write_prelabels(place / "prelabels.ndjson", found)


def _dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", "utf-8")
