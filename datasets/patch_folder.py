"""What a folder of patches says of itself: its header, and what an earlier run left there."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from .atomic import AnyPath
from .errors import FileError
from .manifest import Record, read_lines
from .swath import Packing

HEADER, LINES = "manifest.json", "manifest.jsonl"
"""Names of the header and of the list of patches that are done."""


def read_header(folder: AnyPath) -> Record | None:
    """``manifest.json`` of a folder of patches, or None where there is none.

    Raises:
        FileError: it is damaged.
    """
    path = Path(folder) / HEADER
    try:
        header = json.loads(path.read_bytes())
        squares = header["patches"]
        found = header["search"]["patches"] == len(squares)
        whole = found and all(
            len(s) == 2 and all(type(v) is int and v >= 0 for v in s) for s in squares
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise FileError(
            f"{path} is damaged",
            "the header of a run of kumosan tiles",
            "start again with --overwrite",
        )
    return dict(header)


def search_facts(packing: Packing) -> Record:
    """The outcome of a search, and what it is to be compared with."""
    return {
        "patches": len(packing.squares),
        "plain_grid": packing.plain,
        "one_offset": packing.one_offset,
        "upper_bound": packing.bound,
        "direction": packing.direction,
        "valid_pixels": packing.valid,
    }


def holds_files(folder: Path) -> bool:
    """Whether a folder holds anything but what a killed process left while it wrote."""
    return folder.is_dir() and any(not p.name.startswith(".kumosan-") for p in folder.iterdir())


def remove_patches(folder: Path) -> None:
    """Remove the patches that the manifest in ``folder`` lists, and then the manifest."""
    with suppress(FileError):
        for record in read_lines(folder / LINES):
            name = str(record.get("file", ""))
            if name.endswith(".tif") and Path(name).name == name:  # never outside the folder
                (folder / name).unlink(missing_ok=True)
    for name in (LINES, HEADER):
        (folder / name).unlink(missing_ok=True)


def told(header: Record) -> str:
    """Source and settings of a run, for messages."""
    return (
        f"{header.get('source')} with --size {header.get('size')} "
        f"--min-valid {header.get('min_valid')}"
    )
