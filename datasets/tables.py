"""Tables in Markdown of figures that were measured several times."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean


def spread(values: Sequence[float], form: str) -> str:
    """Mean (smallest to largest) of those that are defined; ``form``: ``{:.3f}``, say."""
    known = [v for v in values if v == v]
    if len(known) < 2:
        return form.format(known[0]) if known else "-"
    ends = f" ({form.format(min(known))} to {form.format(max(known))})"
    return form.format(mean(known)) + ends


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first row is its head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
