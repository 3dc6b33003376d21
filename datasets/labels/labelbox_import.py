"""What Labelbox takes: data rows, and pre-labels as NDJSON rows."""

from __future__ import annotations

import base64
import io
import json
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..tile import CLASS_NAMES, SHADOW, THICK, BoolArray, ByteArray
from .chips import FOLDER, Chip
from .classes import PATCH


def write_data_rows(path: Path, chips: Iterable[Chip]) -> None:
    """The chips as data rows; ``row_data`` and attachments are files beside, to be uploaded."""
    rows = [
        {
            "row_data": f"{FOLDER}/{chip.name}", "global_key": chip.key, "external_id": chip.name,
            "media_type": "IMAGE",
            "attachments": [
                {"type": "IMAGE", "name": "infrared", "value": f"{FOLDER}/{chip.false_colour}"}
            ] if chip.false_colour else [],
        }
        for chip in chips
    ]  # fmt: skip
    path.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


def write_prelabels(
    path: Path,
    found: Iterable[tuple[Chip, ByteArray, str | None]],
) -> None:
    """One NDJSON row for each class that occurs in a chip, and one for the chip as a whole."""
    with path.open("w", encoding="utf-8") as file:
        for chip, classes, answer in found:
            for row in prelabels(chip.key, classes, answer):
                file.write(json.dumps(row) + "\n")


def prelabels(key: str, classes: ByteArray, answer: str | None) -> Iterator[dict[str, Any]]:
    """Rows for one chip. Their ids are made of what they say: sent twice, they count once."""
    for code in range(THICK, SHADOW + 1):
        drawn = classes == code
        if drawn.any():
            name, png = CLASS_NAMES[code], _png(drawn)
            yield {
                "uuid": _uuid(key, name, png), "dataRow": {"globalKey": key}, "name": name,
                "mask": {"png": png},
            }  # fmt: skip
    if answer is not None:
        yield {
            "uuid": _uuid(key, PATCH, answer), "dataRow": {"globalKey": key}, "name": PATCH,
            "answer": {"name": answer},
        }  # fmt: skip


def _png(mask: BoolArray) -> str:
    """A binary PNG, 0 and 1 as the SDK makes them, in base 64."""
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(held, format="PNG")
    return base64.b64encode(held.getvalue()).decode()


def _uuid(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(parts)))
