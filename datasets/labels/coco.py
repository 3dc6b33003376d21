"""COCO instances, as CVAT exports them: polygons, and RLE column by column over the image."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import FileError, ValueRangeError
from .classes import code_of
from .drawing import ChipLabel, Shape, polygon, whole
from .rle import coco_counts, decode
from .strict_json import loads


def read_instances(content: bytes, where: str) -> list[ChipLabel]:
    """Labels of all images that have an annotation; later annotations lie on top.

    Raises:
        FileError: no JSON, or no COCO instances.
        ValueRangeError: an unknown class, an image or id that occurs twice, run lengths or points
            that cannot be.
    """
    facts = loads(content, where)
    try:
        info = facts.get("info") or {}
        said: dict[str, Any] = {
            "annotator": str(info.get("contributor") or ""),
            "time": str(info.get("date_created") or ""),
            "project": str(info.get("description") or ""),
        }
        names = {c["id"]: str(c["name"]) for c in facts["categories"]}
        images = _by_id(facts["images"], where)
        shapes: dict[Any, list[Shape]] = {key: [] for key in images}
        for each in facts["annotations"]:
            image = images[each["image_id"]]
            here = f"image '{image['file_name']}' of {where}"
            size = (int(image["height"]), int(image["width"]))
            code = code_of(names[each["category_id"]], here)
            shapes[each["image_id"]] += [
                Shape(code, covers) for covers in _covers(each, size, here)
            ]
        return [
            ChipLabel(
                str(image["file_name"]), (int(image["height"]), int(image["width"])),
                tuple(shapes[key]), drawn=True, **said,  # type: ignore[arg-type]
            )
            for key, image in images.items()
            if shapes[key]
        ]  # fmt: skip
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise FileError(
            f"{where} is no COCO file ({type(error).__name__}: {error})",
            "images, categories and annotations of COCO instances", "export it again",
        ) from error  # fmt: skip


def _by_id(images: list[dict[str, Any]], where: str) -> dict[Any, dict[str, Any]]:
    out: dict[Any, dict[str, Any]] = {}
    for image in images:
        if image["id"] in out:
            raise ValueRangeError(
                f"{where} has the image id {image['id']} twice", "each once", "export it again"
            )
        out[image["id"]] = image
    return out


def _covers(each: dict[str, Any], size: tuple[int, int], here: str) -> list[Any]:
    """What an annotation covers: each of its polygons, or its mask."""
    drawn = each["segmentation"]
    if isinstance(drawn, list):
        rings = [np.asarray(ring, float).reshape(-1, 2) for ring in _even(drawn, here)]
        return [polygon([(float(x), float(y)) for x, y in ring], here) for ring in rings]
    if tuple(drawn["size"]) != size:
        raise ValueRangeError(
            f"{here} has a mask of {drawn['size'][1]} x {drawn['size'][0]} pixels",
            f"{size[1]} x {size[0]}", "export it again",
        )  # fmt: skip
    counts = drawn["counts"]
    if isinstance(counts, str):
        counts = coco_counts(counts, here)
    if not all(type(c) is int for c in counts):
        raise ValueRangeError(f"{here} with broken run lengths", "whole numbers", "export it again")
    return [whole(decode(counts, size, "F", here), here)]


def _even(rings: list[Any], here: str) -> list[Any]:
    for ring in rings:
        numbers = all(isinstance(v, (int, float)) for v in ring)
        if not numbers or len(ring) % 2 or len(ring) < 6:
            raise ValueRangeError(
                f"{here} has a polygon of {len(ring)} numbers",
                "x and y of three or more points", "export it again",
            )  # fmt: skip
    return rings
