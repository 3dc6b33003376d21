"""One door for every export: its format is found by what it holds."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ..archive import File, Member, head
from ..errors import FileError
from .coco import read_instances
from .cvat_xml import read_annotations
from .drawing import ChipLabel
from .labelbox_export import Fetch, Masks, read_labels, read_rows
from .mask_files import read_masks
from .strict_json import MAX_BYTES

_CVAT = "CVAT for images 1.1 (annotations.xml), COCO 1.0 or Segmentation mask 1.1"


def read_export(tool: str, path: Path, fetch: Fetch | None = None) -> list[ChipLabel]:
    """All labels of an export: a file, a ZIP archive, or a folder that one was unpacked to.

    Archives are read where they are; a name in them that leads elsewhere is refused.

    Args:
        tool: ``labelbox`` or ``cvat``.
        path: the export.
        fetch: how masks that do not lie beside a Labelbox export are come by.

    Raises:
        FileError: missing, damaged, hostile, or of a format that is not read.
        ValueRangeError: classes, run lengths, points or keys that cannot be.
    """
    if not path.exists():
        raise FileError(f"{path} does not exist", "an export", "correct the path")
    zipped = path.is_file() and zipfile.is_zipfile(path)
    if zipped and path.suffix.lower() != ".zip":
        raise FileError(f"{path} is a ZIP archive", "its name to end in .zip", "rename it")
    top: Path | Member = Member(path) if zipped else path
    folder = top if zipped or path.is_dir() else path.parent
    reader = _labelbox if tool == "labelbox" else _cvat
    return reader(top, folder, fetch)


def _cvat(top: Path | Member, folder: Path | Member, fetch: Fetch | None) -> list[ChipLabel]:
    if isinstance(top, Path) and top.is_file():
        return _cvat_file(top)
    if (top / "annotations.xml").is_file():
        return _cvat_file(top / "annotations.xml")
    instances: list[File] = sorted((top / "annotations").glob("*.json"), key=str)
    if instances:
        return [label for file in instances for label in _cvat_file(file)]
    if (top / "labelmap.txt").is_file():
        return read_masks(top, str(top))
    raise FileError(f"{top} holds no known labels", _CVAT, "export in one of these formats")


def _cvat_file(file: File) -> list[ChipLabel]:
    content = _content(file)
    if content.lstrip()[:1] == b"<" or file.suffix.lower() == ".xml":
        return read_annotations(content, str(file))
    if file.suffix.lower() == ".json":
        return read_instances(content, str(file))
    raise FileError(f"{file} is neither XML nor JSON", _CVAT, "export in one of these formats")


def _labelbox(top: Path | Member, folder: Path | Member, fetch: Fetch | None) -> list[ChipLabel]:
    files: list[File] = [top]
    if isinstance(top, Member) or top.is_dir():
        files = sorted((f for e in ("*.ndjson", "*.json") for f in top.glob(e)), key=str)
        if len(files) != 1:
            raise FileError(
                f"{top} holds {len(files)} JSON files", "one NDJSON export", "name the file itself"
            )
    rows = read_rows(_content(files[0]), str(files[0]))
    return read_labels(rows, str(files[0]), Masks(folder, fetch))


def _content(file: File) -> bytes:
    try:
        content = head(file, MAX_BYTES + 1)
    except OSError as error:
        raise FileError(f"{file} cannot be read ({error})", "a file", "check it") from error
    if len(content) > MAX_BYTES:
        raise FileError(f"{file} is larger than {MAX_BYTES} bytes", "less", "export in parts")
    return content
