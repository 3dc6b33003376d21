"""Spectra before and after each fill: drawings, and their numbers for those who cannot see them."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ..datasets.html_page import figure, picture, table
from ..datasets.spectra_svg import Line, sample, spectra_svg

MAX_ROWS = 40
"""Bands above which the numbers stand in the JSON only."""


def spectra_section(facts: Mapping[str, Any], places_uri: str) -> str:
    """A drawing for each point, a key, and tables.

    Args:
        facts: with ``points`` and ``spectra_nm``.
        places_uri: picture of the scene with the numbered points.
    """
    if not facts["points"]:
        return ""
    names = list(dict.fromkeys(n for p in facts["points"] for n in p["reflectance"]))
    styles = {name: i for i, name in enumerate(names)}
    keys = "".join(f"<li>{sample(i)}{escape(name)}</li>" for name, i in styles.items())
    figures = [picture(places_uri, "Where the points lie in the scene", "Where the points lie")]
    tables = []
    for number, point in enumerate(facts["points"], 1):
        drawing, caption = _drawing(number, point, facts["spectra_nm"], styles)
        figures.append(figure(drawing, caption))
        tables.append(_numbers(number, point, facts))
    details = f"<details><summary>The same in numbers</summary>{''.join(tables)}</details>"
    return (
        f'<ul class="lines">{keys}</ul><div class="grid">{"".join(figures)}</div>'
        f"{details if any(tables) else ''}"
    )


def _drawing(
    number: int, point: Mapping[str, Any], nm: list[float], styles: Mapping[str, int]
) -> tuple[str, str]:
    lines = []
    for name, values in point["reflectance"].items():
        known = [float("nan") if v is None else v for v in values]
        pairs = sorted(zip(nm, known, strict=True))
        lines.append(Line(name, [p[0] for p in pairs], [p[1] for p in pairs], styles[name]))
    called = ", ".join(f"{n}: {c.replace('_', ' ')}" for n, c in point["detectors"].items())
    head = f"{number}. {point['title']}, column {point['column']}, row {point['row']}"
    return spectra_svg(lines, f"Reflectance over wavelength at point {head}"), f"{head}. {called}"


def _numbers(number: int, point: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    if len(facts["spectra_nm"]) > MAX_ROWS:
        return ""
    columns = list(point["reflectance"].values())
    rows = [
        [name, f"{nm:.0f}", *("-" if c[i] is None else f"{c[i]:.3f}" for c in columns)]
        for i, (name, nm) in enumerate(
            zip(facts["spectra_bands"], facts["spectra_nm"], strict=True)
        )
    ]
    return table(
        f"Reflectance at point {number}, {point['title']}",
        ["band", "nm", *point["reflectance"]],
        rows,
    )
