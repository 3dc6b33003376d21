"""JSON of others: a key that occurs twice, or a file that is no JSON, is an error with a name."""

from __future__ import annotations

import json
from typing import Any

from ..errors import FileError, ValueRangeError

MAX_BYTES = 512 * 2**20
"""Larger exports are refused."""


def loads(content: bytes | str, where: str) -> Any:
    """Parse JSON.

    Raises:
        FileError: it is no JSON.
        ValueRangeError: an object has a key twice: readers differ in which one counts.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in pairs:
            if key in out:
                raise ValueRangeError(
                    f"{where} has the key '{key[:60]}' twice in one object",
                    "each key once", "export the labels again",
                )  # fmt: skip
            out[key] = value
        return out

    try:
        return json.loads(content, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where} is no JSON ({error})", "JSON", "export it again") from error
