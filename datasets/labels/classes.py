"""Names of the classes as they stand in a labelling project, and the project's ontology."""

from __future__ import annotations

import re
from typing import Any

from ..errors import ValueRangeError
from ..legend import MASK_LEGEND
from ..tile import CLASS_NAMES, CLEAR, SHADOW, THICK, THIN

PATCH = "patch"
"""The question about the chip as a whole."""
PATCH_ANSWERS = ("clear", "cloudy")
TAG_PREFIX = "patch_"
"""In CVAT, which knows no questions but tags: ``patch_clear``, ``patch_cloudy``."""
_CODES = {
    "clear": CLEAR, "background": CLEAR, "thick_cloud": THICK, "cloud": THICK, "thin_cloud": THIN,
    "semi_transparent": THIN, "shadow": SHADOW, "cloud_shadow": SHADOW,
}  # fmt: skip
EXPECTED = "clear, thick_cloud (cloud), thin_cloud (semi_transparent), shadow (cloud_shadow)"


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def knows(name: str) -> bool:
    """Whether a name is that of a class of pixels."""
    return _plain(name) in _CODES


def code_of(name: str, where: str) -> int:
    """The code of a class of pixels.

    Raises:
        ValueRangeError: no class is called so.
    """
    if not knows(name):
        raise ValueRangeError(
            f"{where} has the class '{name}'", EXPECTED, "rename it in the labelling project"
        )
    return _CODES[_plain(name)]


def answer_of(name: str, where: str) -> str:
    """``clear`` or ``cloudy``.

    Raises:
        ValueRangeError: neither.
    """
    plain = _plain(name).removeprefix(TAG_PREFIX)
    if plain not in PATCH_ANSWERS:
        raise ValueRangeError(
            f"{where} says that the patch is '{name}'", " or ".join(PATCH_ANSWERS),
            "rename the answer in the labelling project",
        )  # fmt: skip
    return plain


def colour(code: int) -> str:
    """``#rrggbb`` of a class, as in the masks' colour table."""
    return "#{:02x}{:02x}{:02x}".format(*MASK_LEGEND[code].rgb)


def labelbox_ontology() -> dict[str, Any]:
    """Four raster segmentation tools and one question, in Labelbox's normalised form."""
    return {
        "tools": [
            {
                "tool": "raster-segmentation", "name": name, "color": colour(code),
                "required": False, "classifications": [],
            }
            for code, name in enumerate(CLASS_NAMES)
        ],
        "classifications": [
            {
                "type": "radio", "name": PATCH, "instructions": PATCH, "required": False,
                "scope": "global",
                "options": [{"label": a, "value": a} for a in PATCH_ANSWERS],
            }
        ],
    }  # fmt: skip


def cvat_labels() -> list[dict[str, Any]]:
    """Labels for CVAT's raw editor: classes to draw, and tags of the whole chip."""
    drawn = [
        {"name": name, "color": colour(code), "type": "any", "attributes": []}
        for code, name in enumerate(CLASS_NAMES)
    ]
    tags = [
        {"name": TAG_PREFIX + answer, "type": "tag", "attributes": []} for answer in PATCH_ANSWERS
    ]
    return [*drawn, *tags]
