"""Spectra before and after each fill: charts, and their numbers for those who cannot see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..datasets.charts import Line, line_chart, line_key
from ..datasets.html_page import figure, picture, table
from .comparison_pictures import Picture

MAX_ROWS = 40
"""Bands above which the numbers stand in the JSON only."""
STYLES = (
    ("#1f1f1f", ""),
    ("#1a56b0", "6 2"),
    ("#b3261e", "2 2"),
    ("#146c2e", "8 2 2 2"),
    ("#8430ce", "4 3"),
    ("#8a5100", "1 2"),
    ("#00696e", "10 3"),
    ("#a0306f", "6 2 1 2 1 2"),
    ("#5f6368", "3 1"),
    ("#3949ab", "1 3"),
)
"""Colour and dashes of each line, round and round; contrast to white is 4.5 or more."""


def spectra_section(facts: Mapping[str, Any], places: Picture) -> str:
    """A chart for each point, a key, and tables.

    Args:
        facts: with ``points`` and ``spectra_nm``.
        places: the scene with the numbered points.
    """
    if not facts["points"]:
        return ""
    styles = line_styles(facts)
    keys = "".join(f"<li>{line_key(Line(n, (), (), *style))}</li>" for n, style in styles.items())
    where = "Where the points lie in the scene"
    figures = [figure(picture(places, where), where)]
    tables = []
    for number, point in enumerate(facts["points"], 1):
        figures.append(_chart(number, point, facts["spectra_nm"], styles))
        tables.append(_numbers(number, point, facts))
    details = f"<details><summary>The same in numbers</summary>{''.join(tables)}</details>"
    return (
        f'<ul class="keys">{keys}</ul><div class="grid charts">{"".join(figures)}</div>'
        f"{details if any(tables) else ''}"
    )


def line_styles(facts: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Colour and dashes of what is observed, of the truth and of each filler."""
    names = ["observed", *(["truth"] if facts["truth"]["clear"] else [])]
    names += [r["name"] for r in facts["fillers"] if r["reason"] is None]
    return {name: STYLES[i % len(STYLES)] for i, name in enumerate(names)}


def _chart(
    number: int,
    point: Mapping[str, Any],
    nm: list[float],
    styles: Mapping[str, tuple[str, str]],
) -> str:
    order = sorted(range(len(nm)), key=nm.__getitem__)
    lines = []
    for name, values in point["reflectance"].items():
        known = [float("nan") if values[i] is None else values[i] for i in order]
        lines.append(Line(name, [nm[i] for i in order], known, *styles[name]))
    head = f"{number}. {point['title']}, column {point['column']}, row {point['row']}"
    called = ", ".join(f"{n}: {c.replace('_', ' ')}" for n, c in point["detectors"].items())
    told = f"Reflectance over wavelength at point {head}"
    return figure(line_chart(lines, "nm", "reflectance", told), f"{head}. {called}")


def _numbers(number: int, point: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    if len(facts["spectra_nm"]) > MAX_ROWS:
        return ""
    columns = list(point["reflectance"].values())
    bands = zip(facts["spectra_bands"], facts["spectra_nm"], strict=True)
    rows = [
        [name, f"{nm:.0f}", *("-" if c[i] is None else f"{c[i]:.3f}" for c in columns)]
        for i, (name, nm) in enumerate(bands)
    ]
    head = ["band", "nm", *point["reflectance"]]
    return table(f"Reflectance at point {number}, {point['title']}", head, rows)
