"""``CVAT for images 1.1``: pre-labels written, exports read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from ..errors import FileError, ValueRangeError
from ..tile import CLASS_NAMES, SHADOW, THICK, ByteArray
from .chips import Chip
from .classes import TAG_PREFIX, answer_of, code_of
from .drawing import ChipLabel, Shape, boxed, polygon
from .rle import decode, encode


def write_annotations(
    path: Path,
    found: Iterable[tuple[Chip, ByteArray, str | None]],
) -> None:
    """Classes as ``<mask>`` and the chip's answer as ``<tag>``."""
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    for number, (chip, classes, said) in enumerate(found):
        size = {"width": str(chip.width), "height": str(chip.height)}
        image = ET.SubElement(root, "image", {"id": str(number), "name": chip.name, **size})
        if said is not None:
            ET.SubElement(image, "tag", {"label": TAG_PREFIX + said, "source": "auto"})
        for code in range(THICK, SHADOW + 1):
            drawn = classes == code
            if not drawn.any():
                continue
            rows, columns = (np.flatnonzero(drawn.any(axis=a)) for a in (1, 0))
            box = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            facts = {
                "label": CLASS_NAMES[code], "source": "auto", "occluded": "0",
                "rle": ", ".join(map(str, encode(box))),
                "left": str(columns[0]), "top": str(rows[0]),
                "width": str(box.shape[1]), "height": str(box.shape[0]), "z_order": "0",
            }  # fmt: skip
            ET.SubElement(image, "mask", facts)
    ET.indent(root)
    path.write_text(ET.tostring(root, "unicode", xml_declaration=True) + "\n", "utf-8")


def read_annotations(content: bytes, where: str) -> list[ChipLabel]:
    """Labels of all images of an export that anything was said of.

    Images without shape and tag are left out: nobody may have looked at them.

    Raises:
        FileError: no XML, XML with entities, or not this format (tracks of a video).
        ValueRangeError: an unknown class, run lengths or points that cannot be.
    """
    root = _parsed(content, where)
    if root.tag != "annotations" or root.find("image") is None:
        what = "tracks of a video" if root.find("track") is not None else "no image"
        raise FileError(
            f"{where} holds {what}", "an export in the format 'CVAT for images 1.1'",
            "export it in that format",
        )  # fmt: skip
    told = _Told(root)
    labels = (_label(image, where, told.of(image)) for image in root.iter("image"))
    return [label for label in labels if label is not None]


def _parsed(content: bytes, where: str) -> Any:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        return fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise FileError(
            f"{where} declares a document type or entities ({type(error).__name__})",
            "plain XML as CVAT writes it", "do not use this file",
        ) from error  # fmt: skip
    except (ET.ParseError, ValueError, LookupError) as error:
        raise FileError(f"{where} is no XML ({error})", "XML", "export it again") from error


class _Told:
    """Annotator, time and project of each image, as the export's ``<meta>`` tells them.

    The export of a task has one ``<task>``; that of a project has one for each of its tasks, and
    each image names its own.
    """

    def __init__(self, root: Any) -> None:
        self.meta = root.find("meta")
        tasks = () if self.meta is None else self.meta.iterfind("project/tasks/task")
        self.tasks = {task.findtext("id", "").strip(): task for task in tasks}

    def of(self, image: Any) -> dict[str, str]:
        """Of one image."""
        own = self.tasks.get(image.get("task_id", ""))
        whole = self.meta if own is None else None
        return {
            "annotator": _text(own, "assignee/username", "owner/username")
            or _text(
                whole, "task/assignee/username", "task/assignee", "job/assignee/username",
                "task/owner/username", "project/owner/username",
            ),
            "time": _text(own, "updated")
            or _text(self.meta, "task/updated", "job/updated", "project/updated", "dumped"),
            "project": _text(
                self.meta, "project/name", "task/project/name", "task/name", "job/name"
            ),
        }  # fmt: skip


def _text(element: Any, *paths: str) -> str:
    """The first of the texts that is there."""
    found = () if element is None else (element.findtext(path) for path in paths)
    return next((t.strip() for t in found if t and t.strip()), "")


def _label(image: Any, where: str, said: dict[str, str]) -> ChipLabel | None:
    name = image.get("name", "")
    here = f"image '{name}' of {where}"
    size = (_whole(image, "height", here, 1), _whole(image, "width", here, 1))
    patch, shapes, left_out = None, [], []
    for element in image:
        label = element.get("label", "")
        if element.tag == "tag":
            answer = answer_of(label, here)
            if patch not in (None, answer):
                raise ValueRangeError(
                    f"{here} is tagged clear and cloudy", "one of them", "correct it in CVAT"
                )
            patch = answer
        elif element.tag in ("polygon", "mask", "box"):
            z_order = _whole(element, "z_order", here, -(1 << 31), "0")
            shapes.append(Shape(code_of(label, here), _covers(element, here), z_order))
        elif element.tag not in ("attribute",):
            left_out.append(element.tag)
    if left_out:
        raise ValueRangeError(
            f"{here} has a {left_out[0]}", "masks, polygons, boxes and tags",
            "draw it as a mask or a polygon in CVAT",
        )  # fmt: skip
    if patch is None and not shapes:
        return None
    return ChipLabel(name, size, tuple(shapes), bool(shapes), patch, **said)  # type: ignore[arg-type]


def _covers(element: Any, here: str) -> Any:
    if element.tag == "mask":
        height, width = (_whole(element, k, here, 1) for k in ("height", "width"))
        left, top = (_whole(element, k, here, 0) for k in ("left", "top"))
        part = decode(_counts(element.get("rle", ""), here), (height, width), "C", here)
        return boxed(part, left, top, here)
    if element.tag == "polygon":
        return polygon(_points(element.get("points", ""), here), here)
    if set(element.get("rotation", "0")) - set("0."):
        raise ValueRangeError(f"{here} has a turned box", "a polygon", "draw it anew in CVAT")
    text = ";".join(
        f"{element.get(x)},{element.get(y)}"
        for x, y in (("xtl", "ytl"), ("xbr", "ytl"), ("xbr", "ybr"), ("xtl", "ybr"))
    )
    return polygon(_points(text, here), here)


def _counts(text: str, here: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueRangeError(
            f"{here} with the run lengths '{text[:40]}'", "whole numbers", "export it again"
        ) from None


def _points(text: str, here: str) -> list[tuple[float, float]]:
    try:
        pairs = [tuple(map(float, point.split(","))) for point in text.split(";") if point.strip()]
        return [(x, y) for x, y in pairs]
    except ValueError:
        raise ValueRangeError(
            f"{here} with the points '{text[:40]}'", "x,y;x,y;...", "export it again"
        ) from None


def _whole(element: Any, key: str, here: str, least: int, default: str = "") -> int:
    text = element.get(key, default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value.is_integer() and least <= value < 1 << 31):
        raise ValueRangeError(
            f"{here} has {key} '{text}'", f"a whole number from {least}", "export it again"
        )
    return int(value)
