"""Values of a product's metadata XML, with one sentence for each that is missing or wrong."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .errors import FileError


def child_text(root: Any, path: str, file: Path) -> str:
    """Stripped text of the first element at ``path`` (ElementPath).

    Raises:
        FileError: there is none, or it is empty.
    """
    text = (root.findtext(path) or "").strip()
    if not text:
        raise FileError(
            f"{file} has no {path.removeprefix('.//')}",
            "the metadata of the product",
            "download the product again",
        )
    return text


def child_number(root: Any, path: str, file: Path) -> float:
    """The finite number at ``path``.

    Raises:
        FileError: missing, no number, or not finite.
    """
    return finite(child_text(root, path, file), path.removeprefix(".//"), file)


def finite(text: str, name: str, file: Path) -> float:
    """``text`` as a finite number; FileError otherwise."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FileError(f"{file} has {name} '{text}'", "a number", "download the product again")
    return value


def product_part(folder: Path, pattern: str) -> Path:
    """The one file of ``folder`` that matches ``pattern``, in any case of its letters.

    Raises:
        FileError: none or several.
    """
    found = matching(folder, pattern)
    if len(found) != 1:
        raise FileError(
            f"{folder} has {len(found)} files {pattern}",
            "exactly one",
            "download the product again, or keep each product in its own folder",
        )
    return found[0]


def matching(folder: Path, pattern: str) -> list[Path]:
    """Files of ``folder`` (not below it) whose name matches ``pattern`` in any case.

    None in a folder that cannot be listed.
    """
    try:
        names = [p for p in folder.iterdir() if fnmatchcase(p.name.lower(), pattern.lower())]
    except OSError:
        return []
    return sorted(p for p in names if p.is_file())
