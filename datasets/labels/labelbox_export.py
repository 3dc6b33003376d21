"""Labelbox exports (version 2): NDJSON rows, with the masks beside them or behind addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from ..archive import File, Member, head
from ..errors import FileError, KumosanError, ValueRangeError
from .classes import PATCH, answer_of, code_of
from .drawing import ChipLabel, Shape, polygon, whole
from .mask_files import covered
from .strict_json import loads

_MAX_BYTES = 64 * 2**20
_REMEDY = "export the project as NDJSON, version 2"
Fetch = Callable[[str], bytes]
"""From an address to its content; raises KumosanError."""


@dataclass(frozen=True)
class Masks:
    """Where the masks of an export are: beside it, in ``masks/``, or behind their addresses."""

    folder: Path | Member | None
    fetch: Fetch | None = None

    def load(self, url: str, feature: str, where: str) -> bytes:
        """The mask's PNG.

        Raises:
            FileError: it is not there, and cannot be fetched.
        """
        for name in _names(url, feature):
            for place in self._places(name):
                if place.is_file():
                    return head(place, _MAX_BYTES)
        if not urlsplit(url).scheme:
            raise FileError(f"{where} names the mask {url}", "a file beside it", "export it again")
        if self.fetch is None:
            raise FileError(
                f"{where} keeps a mask at {_host(url)}, which is not beside the export",
                f"masks/{feature or 'NAME'}.png, or a key to fetch it",
                "set LABELBOX_API_KEY and pull again",
            )
        return self.fetch(url)

    def _places(self, name: str) -> tuple[File, ...]:
        top = self.folder
        return () if top is None else (top / "masks" / name, top / name)


def _names(url: str, feature: str) -> Iterator[str]:
    """Plain file names under which a mask may lie beside the export."""
    last = PurePosixPath(unquote(urlsplit(url).path)).name
    for name in (f"{feature}.png" if feature else "", last, f"{last}.png" if last else ""):
        plain = name and name not in (".", "..") and not set(name) & set("/\\:\0")
        if plain:
            yield name


def _host(url: str) -> str:
    return urlsplit(url).hostname or url[:40]


def read_rows(content: bytes, where: str) -> list[dict[str, Any]]:
    """Rows of an NDJSON file, or of a JSON list.

    Raises:
        FileError: neither, or another format of Labelbox.
    """
    lines = [line for line in content.splitlines() if line.strip()]
    try:
        rows = [loads(line, f"line {n} of {where}") for n, line in enumerate(lines, 1)]
    except FileError as broken:
        try:
            whole = loads(content, where)
        except FileError:
            raise broken from None
        rows = whole if isinstance(whole, list) else [whole]
    else:
        rows = rows[0] if len(rows) == 1 and isinstance(rows[0], list) else rows
    if not rows:
        raise FileError(f"{where} is empty", "one row a chip", _REMEDY)
    for row in rows:
        if not isinstance(row, dict) or "data_row" not in row or "projects" not in row:
            old = isinstance(row, dict) and "Labeled Data" in row
            raise FileError(
                f"{where} holds {'an export of version 1' if old else 'other rows'}",
                "rows with data_row and projects", _REMEDY,
            )  # fmt: skip
    return list(rows)


def read_labels(rows: Iterable[dict[str, Any]], where: str, masks: Masks) -> list[ChipLabel]:
    """All labels of all rows; several of one chip are left for `conflicts` to settle.

    Raises:
        FileError: a row lacks what it must have; a mask is missing.
        ValueRangeError: an unknown class, a data row that occurs twice, points that cannot be.
    """
    seen: set[str] = set()
    out: list[ChipLabel] = []
    for number, row in enumerate(rows, 1):
        here = f"row {number} of {where}"
        try:
            data = row["data_row"]
            chip = str(data.get("global_key") or data.get("external_id") or data["id"])
            if chip in seen:
                raise ValueRangeError(
                    f"{where} has the data row '{chip}' twice", "each once", "export it again"
                )
            seen.add(chip)
            media = row.get("media_attributes") or {}
            size = (media["height"], media["width"]) if "height" in media else None
            for project in row["projects"].values():
                for label in project.get("labels") or ():
                    read = _label(label, project, chip, size, f"'{chip}' of {where}", masks)
                    out += [read] if read else []
        except KumosanError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise FileError(
                f"{here} is damaged ({type(error).__name__}: {error})",
                "a row as Labelbox exports it", _REMEDY,
            ) from error  # fmt: skip
    return out


def _label(
    label: dict[str, Any], project: dict[str, Any], chip: str, size: Any, here: str, masks: Masks
) -> ChipLabel | None:
    """None for a label that was skipped."""
    said = label.get("annotations")
    if said is None or (label.get("performance_details") or {}).get("skipped"):
        return None
    shapes = tuple(_shape(each, here, masks) for each in said.get("objects") or ())
    patch = _answer(said.get("classifications") or (), here)
    details = label.get("label_details") or {}
    return ChipLabel(
        chip,
        None if size is None else (int(size[0]), int(size[1])),
        shapes,
        drawn=bool(shapes) or patch != "cloudy",
        patch=patch,
        annotator=str(details.get("created_by") or ""),
        time=str(details.get("updated_at") or details.get("created_at") or ""),
        project=str(project.get("name") or ""),
        reviewed=bool(details.get("is_benchmark_reference") or details.get("reviews")),
    )


def _shape(each: dict[str, Any], here: str, masks: Masks) -> Shape:
    code = code_of(str(each.get("value") or each["name"]), here)
    if "polygon" in each:
        points = [(float(p["x"]), float(p["y"])) for p in each["polygon"]]
        return Shape(code, polygon(points, here))
    if "bounding_box" in each:
        box = each["bounding_box"]
        top, left = float(box["top"]), float(box["left"])
        bottom, right = top + float(box["height"]), left + float(box["width"])
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return Shape(code, polygon(corners, here))
    kind = next((k for k in ("composite_mask", "mask") if k in each), None)
    if kind is None:
        raise ValueRangeError(
            f"{here} has an object of kind {each.get('annotation_kind')}",
            "masks, polygons and boxes", "draw it as a mask in Labelbox",
        )  # fmt: skip
    url = str(each[kind]["url"])
    colour = tuple(map(int, each[kind]["color_rgb"])) if kind == "composite_mask" else None
    if colour is not None and (len(colour) < 3 or not all(0 <= c < 256 for c in colour)):
        raise ValueRangeError(f"{here} has the colour {colour}", "three bytes", _REMEDY)
    # A composite holds many objects: only its address names it.
    feature = "" if colour is not None else str(each.get("feature_id") or "")
    drawn = covered(masks.load(url, feature, here), f"a mask of {here}", colour)
    return Shape(code, whole(drawn, here))


def _answer(said: Iterable[dict[str, Any]], here: str) -> Any:
    for each in said:
        if PATCH in (str(each.get("value")).lower(), str(each.get("name")).lower()):
            answer = each.get("radio_answer")
            if answer is None and len(each.get("checklist_answers") or ()) == 1:
                answer = each["checklist_answers"][0]
            if answer is None:
                raise ValueRangeError(f"{here} answers 'patch' several times", "once", "correct it")
            return answer_of(str(answer.get("value") or answer["name"]), here)
    return None
