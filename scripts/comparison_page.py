"""A comparison as one HTML page: tables, panels and spectra, readable without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ..datasets import CloudMask
from ..datasets.html_page import facts as fact_list
from ..datasets.html_page import figure, key, page, picture, section
from ..datasets.legend import MASK_LEGEND
from . import comparison_clicks
from .comparison import BUFFER_PX, TRUTH, Comparison
from .comparison_pictures import DIFFERENCE_WHITE, Panels, Picture
from .comparison_points import Point
from .comparison_spectra import line_styles, spectra_section
from .comparison_tables import accuracy, agreement, costs, errors, left_out, traces
from .pipeline import shares_text

MAX_BYTES = 4_800_000
"""Of the page: pictures are drawn smaller until they fit."""
_SIDES_PX = (384, 320, 256, 192, 128)
_STYLE = """
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,15rem),1fr));gap:.9rem}
.charts{grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr))}
.grid img,.grid svg{width:100%}.grid img{image-rendering:pixelated}
nav a{display:inline-block;padding:.3rem .8rem .3rem 0}table{margin:.3rem 0 .8rem}
details{margin:.4rem 0}summary{cursor:pointer}
"""
SUPPLIERS = ("qa", "scl", "udm2")
"""Detectors that are the supplier's masks; they stand first, beside the scene."""


def comparison_page(
    title: str, found: Comparison, facts: Mapping[str, Any], shown: Sequence[Point]
) -> str:
    """The whole page, below 5 MB.

    Args:
        title: its heading.
        found: the comparison, for the pictures.
        facts: `comparison_facts.facts`, with ``points`` (`comparison_points.point_facts`).
        shown: the points of ``facts``.
    """
    whole, script = "", comparison_clicks.SCRIPT
    style = _STYLE + comparison_clicks.STYLE
    for side in _SIDES_PX:
        panels = Panels.of(found, side)
        whole = page(title, _body(found, facts, shown, panels), style, script)
        if len(whole.encode()) <= MAX_BYTES:
            break
    return whole


def _body(
    found: Comparison, facts: Mapping[str, Any], shown: Sequence[Point], panels: Panels
) -> Iterable[str]:
    sections: tuple[tuple[str, str], ...] = (
        ("Scene", _scene(found, facts, panels)),
        ("Masks", _masks(found, facts, panels)),
        ("Fills", _fills(found, facts, panels)),
        ("Spectra", _spectra(found, facts, panels, shown)),
        ("Left out", left_out(facts)),
    )
    sections = tuple((name, text) for name, text in sections if text)
    links = "".join(f'<a href="#{_anchor(name)}">{name}</a>' for name, _ in sections)
    yield f'<nav aria-label="Sections">{links}</nav>'
    for name, text in sections:
        yield f'<div id="{_anchor(name)}">{section(name, text)}</div>'


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _scene(found: Comparison, facts: Mapping[str, Any], panels: Panels) -> str:
    tile = found.tile
    pictures = [
        _shown(panels.scene(tile, s), f"The scene in {s.name}", s.name) for s in panels.stretches
    ]
    of = facts["scene"]
    height, width = of["shape"]
    part = f"{width} x {height} pixels from column {of['column']} and row {of['row']}"
    rows = {
        "file": of["file"],
        "sensor": of["sensor"],
        "level": of["level"],
        "part": part,
        "pixel size, m": of["gsd_m"] and f"{of['gsd_m']:.4g}",
        "bands": ", ".join(of["bands"]),
        "kumosan": facts["kumosan"],
        "seed": facts["seed"],
    }
    return fact_list(rows) + _grid(pictures)


def _masks(found: Comparison, facts: Mapping[str, Any], panels: Panels) -> str:
    scene = panels.stretches[0]
    first = [_shown(panels.scene(found.tile, scene), "The scene", "The scene")]
    masks = dict(sorted(found.found.items(), key=lambda item: item[0] not in SUPPLIERS))
    if found.truth.mask is not None:
        masks["the true mask"] = found.truth.mask
    pictures = [
        _shown(
            panels.mask(mask),
            f"Clouds and shadows by {name}",
            f"{name}: {_cover(mask)}",
        )
        for name, mask in masks.items()
    ]
    how = ("", " (plain)", " (slanted lines)", " (level lines)")
    keys = "".join(
        f"<li>{key(e.rgb, e.name.replace('_', ' ') + h)}</li>"
        for e, h in zip(MASK_LEGEND, how, strict=True)
    )
    told = (
        f'<ul class="keys">{keys}</ul><p>Masks are as <code>kumosan mask</code> writes them: '
        "without specks, without a buffer.</p>"
    )
    return costs(facts["detectors"], "What finding clouds takes") + (
        accuracy(facts) if facts["truth"]["mask"] else agreement(facts)
    ) + told + _grid(first + pictures)  # fmt: skip


def _fills(found: Comparison, facts: Mapping[str, Any], panels: Panels) -> str:
    if not any(r["reason"] is None for r in facts["fillers"]):
        return ""
    by = "the true mask" if found.hidden_by == TRUTH else f"the mask of {found.hidden_by}"
    grown = "" if found.hidden_by == TRUTH else f", grown by {BUFFER_PX} pixels as clean does"
    hidden = _shown(panels.mask(found.hidden), f"What was hidden, by {by}", f"Hidden: {by}{grown}")
    return "".join(
        [
            f"<p>All were given {escape(by)}{grown}: {escape(_cover(found.hidden))}.</p>",
            costs(facts["fillers"], "What filling takes"),
            errors(facts),
            traces(facts),
            _pair(found, panels),
            "<h3>Every fill</h3><p>Hatched pixels were left as they were: nothing there tells the "
            "ground.</p>",
            *_every(found, panels, hidden),
        ]
    )


def _spectra(
    found: Comparison, facts: Mapping[str, Any], panels: Panels, shown: Sequence[Point]
) -> str:
    body = spectra_section(facts, panels.places(shown))
    return body + comparison_clicks.clicks(found, line_styles(facts)) if body else ""


def _pair(found: Comparison, panels: Panels) -> str:
    """RGB, fill A, fill B and their difference, of the first two."""
    names = list(found.filled)[:2]
    if len(names) < 2:
        return ""
    one, other = (found.filled[n] for n in names)
    rgb = panels.stretches[0]
    told = f"Difference of {names[0]} and {names[1]}"
    return f"<h3>{escape(names[0])} and {escape(names[1])}</h3>" + _grid(
        [
            _shown(panels.scene(found.tile, rgb), "The scene before", "Before"),
            *(
                _shown(panels.filled(found.filled[n], rgb), f"Filled by {n}", n) for n in names
            ),
            _shown(panels.difference(one.tile, other.tile), told, f"{told}; {_scale()}"),
        ]
    )  # fmt: skip


def _every(found: Comparison, panels: Panels, hidden: str) -> Iterable[str]:
    """A row for each fill: the views, and how far it is from the truth, or from the first fill."""
    stretches = panels.stretches[:3]
    base, whose = found.truth.clear, "the clear image"
    if base is None:
        whose, first = next(iter(found.filled.items()))
        base = first.tile
    before = found.tile if found.truth.clear is None else found.truth.clear
    told = "The scene" if found.truth.clear is None else "The clear image"
    views = [
        _shown(panels.scene(before, s), f"{told} in {s.name}", f"{told}, {s.name}")
        for s in stretches
    ]
    yield _grid([*views, hidden])
    for name, done in found.filled.items():
        views = [
            _shown(panels.filled(done, s), f"Filled by {name}, in {s.name}", s.name)
            for s in stretches
        ]
        if base is not done.tile:
            told = f"Difference of {name} and {whose}"
            views.append(_shown(panels.difference(done.tile, base), told, f"{told}; {_scale()}"))
        yield f"<h4>{escape(name)}</h4>{_grid(views)}"


def _scale() -> str:
    return f"black 0, white {DIFFERENCE_WHITE:g} or more reflectance"


def _shown(image: Picture, alt: str, caption: str) -> str:
    return figure(picture(image, alt), caption)


def _cover(mask: CloudMask) -> str:
    return shares_text(mask.cover())


def _grid(figures: Iterable[str]) -> str:
    return f'<div class="grid">{"".join(figures)}</div>'
