"""The MTL metadata of a Landsat Collection 2 product, in any of its three spellings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath

from .archive import File, head
from .errors import FileError
from .safe_metadata import xml_root

_MAX_BYTES = 2**24
"""Real ones have 20 kB; a longer text ends as one that cannot be parsed."""
Groups = Mapping[str, Mapping[str, str]]
"""Entries by group and name; all values are texts."""


def mtl_file(folder: File) -> File | None:
    """The MTL file in ``folder`` (JSON preferred, then XML, then text), or None.

    Raises:
        FileError: the folder holds the MTL files of several scenes.
    """
    files: list[File] = list(folder.glob("*_MTL.*"))
    found = {f.suffix.lower(): f for f in files}
    scenes = sorted({f.stem for f in files})
    if len(scenes) > 1:
        raise FileError(
            f"{folder} holds {len(scenes)} scenes ({', '.join(scenes[:3])})",
            "one scene a folder",
            "name the MTL file of the scene",
        )
    return next((found[s] for s in (".json", ".xml", ".txt") if s in found), None)


class Mtl:
    """Entries of an MTL file, looked up with errors that name the file."""

    def __init__(self, path: File) -> None:
        """Parse ``path``; FileError if it is no Collection 2 MTL."""
        self.path = path
        parsers = {".json": _from_json, ".xml": _from_xml, ".txt": _from_odl}
        if path.suffix.lower() not in parsers:
            raise FileError(f"{path} is no MTL file", ".json, .xml or .txt", "name the MTL file")
        try:
            self.groups = parsers[path.suffix.lower()](path)
        except (LookupError, ValueError, AttributeError, TypeError) as e:
            raise FileError(
                f"{path} cannot be parsed ({e})", "a Landsat MTL file", "download it again"
            ) from e
        except OSError as e:
            raise FileError(
                f"{path} cannot be read ({e.strerror})", "a Landsat MTL file", "download it again"
            ) from e
        if self.find("PRODUCT_CONTENTS", "COLLECTION_NUMBER") != "02":
            raise FileError(
                f"{path} is not of Collection 2", "a Collection 2 MTL file",
                "download the scene from Collection 2, or stack it to one GeoTIFF with scales",
            )  # fmt: skip

    def find(self, group: str, key: str) -> str | None:
        """The entry, or None."""
        return self.groups.get(group, {}).get(key)

    def text(self, group: str, key: str) -> str:
        """The entry; FileError if it is missing."""
        value = self.find(group, key)
        if not value:
            raise FileError(
                f"{self.path} has no {key} in {group}", "a complete MTL file", "download it again"
            )
        return value

    def number(self, group: str, key: str) -> float:
        """The entry as a number; FileError if it is missing or none."""
        value = self.text(group, key)
        try:
            return float(value)
        except ValueError:
            raise FileError(
                f"{self.path} has {key} '{value}'", "a number", "download it again"
            ) from None

    def sibling(self, key: str) -> File:
        """The file that ``PRODUCT_CONTENTS`` names under ``key``, beside the MTL file."""
        name = self.text("PRODUCT_CONTENTS", key)
        if PurePosixPath(name).name != name or "\\" in name:
            raise FileError(f"{self.path} names the file '{name}'", "a plain name", "do not use it")
        path = self.path.parent / name
        if not path.is_file():
            raise FileError(
                f"{path} is missing, the MTL file names it", "all bands of the scene",
                "download the scene again",
            )  # fmt: skip
        return path


def _text(path: File) -> str:
    return head(path, _MAX_BYTES).decode("utf-8")


def _from_json(path: File) -> Groups:
    root = json.loads(_text(path))["LANDSAT_METADATA_FILE"]
    return {g: {k: str(v) for k, v in entries.items()} for g, entries in root.items()}


def _from_xml(path: File) -> Groups:
    return {g.tag: {e.tag: (e.text or "").strip() for e in g} for g in xml_root(path)}


def _from_odl(path: File) -> Groups:
    """Lines ``KEY = value`` between ``GROUP = name`` and ``END_GROUP = name`` (PDS ODL)."""
    groups: dict[str, dict[str, str]] = {}
    current: list[str] = []
    for line in _text(path).splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        if key == "GROUP":
            current.append(value)
        elif key == "END_GROUP" and current:
            current.pop()
        elif equals and current:
            groups.setdefault(current[-1], {})[key] = value.strip('"')
    return groups
