"""What was found, as JSON can hold it."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from numbers import Integral, Real
from typing import Any


def number(value: float) -> float | None:
    """Six digits; None for NaN and infinity, which JSON does not know."""
    return round(float(value), 6) if isfinite(value) else None


def plain(value: Any) -> Any:
    """A copy of texts, whole numbers, `number` of the others, lists and objects with texts as keys.

    NumPy's numbers are numbers, and what is none of all this (a path, a date) becomes its text.
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, Integral):
        return int(value)
    return number(float(value)) if isinstance(value, Real) else str(value)
