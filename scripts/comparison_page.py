"""A comparison as one HTML page: tables, panels and spectra, readable without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ..datasets import CloudMask
from ..datasets.html_page import figure, key, page, picture, section, table
from ..datasets.legend import MASK_LEGEND
from .comparison import BUFFER_PX, TRUTH, Comparison
from .comparison_pictures import DIFFERENCE_WHITE, Panels, Picture
from .comparison_points import Point
from .comparison_spectra import spectra_section
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
_VIEWS = ("cloud", "shadow", "contaminated")


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
    whole = ""
    for side in _SIDES_PX:
        panels = Panels.of(found, side)
        whole = page(title, _body(found, facts, shown, panels), _STYLE)
        if len(whole) <= MAX_BYTES:
            break
    return whole


def _body(
    found: Comparison, facts: Mapping[str, Any], shown: Sequence[Point], panels: Panels
) -> Iterable[str]:
    sections = (
        ("Scene", _scene(found, panels)),
        ("Masks", _masks(found, facts, panels)),
        ("Fills", _fills(found, facts, panels)),
        ("Spectra", spectra_section(facts, panels.places(shown))),
        ("Left out", _left_out(facts)),
    )
    sections = tuple((name, text) for name, text in sections if text)
    links = "".join(f'<a href="#{_anchor(name)}">{name}</a>' for name, _ in sections)
    yield f'<nav aria-label="Sections">{links}</nav>'
    for name, text in sections:
        yield f'<div id="{_anchor(name)}">{section(name, text)}</div>'


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _scene(found: Comparison, panels: Panels) -> str:
    tile = found.tile
    pictures = [
        _shown(panels.scene(tile, s), f"The scene in {s.name}", s.name) for s in panels.stretches
    ]
    return _grid(pictures)


def _masks(found: Comparison, facts: Mapping[str, Any], panels: Panels) -> str:
    scene = panels.stretches[0]
    first = [_shown(panels.scene(found.tile, scene), "The scene", "The scene")]
    masks = dict(found.found)
    if found.truth.mask is not None:
        masks = {"the true mask": found.truth.mask, **masks}
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
    return _costs(facts["detectors"], "What finding clouds takes") + (
        _accuracy(facts) if facts["truth"]["mask"] else _agreement(facts)
    ) + told + _grid(first + pictures)  # fmt: skip


def _costs(rows: Iterable[Mapping[str, Any]], caption: str) -> str:
    cells = [
        [r["name"], digits(r["seconds"], 2), digits(r["mpix_per_s"], 2), digits(r["memory_mb"], 0)]
        for r in rows
        if r["reason"] is None
    ]
    return table(caption, ["method", "seconds", "Mpix/s of the scene", "memory, MB"], cells)


def _accuracy(facts: Mapping[str, Any]) -> str:
    measures = ("boa", "iou", "pa", "ua")
    rows = [
        [r["name"], view, *(digits(r["views"][view][m]) for m in measures)]
        for view in _VIEWS
        for r in facts["detectors"]
        if r["reason"] is None
    ]
    told = (
        "<p>BOA: mean of the recalls of the class and of the rest. IoU: overlap over union. PA: "
        "share of the class that was found. UA: share of what was found that is right.</p>"
    )
    head = ["detector", "view", "BOA", "IoU", "PA", "UA"]
    return table("Masks against the true mask", head, rows, 2) + told


def _agreement(facts: Mapping[str, Any]) -> str:
    body = []
    for view in ("cloud", "shadow"):
        pairs = facts["agreement"][view]
        if any(v is not None for row in pairs.values() for v in row.values()):
            rows = [[a, *(digits(row[b], 2) for b in pairs)] for a, row in pairs.items()]
            caption = f"Agreement on {view}: overlap over union of every two masks"
            body.append(table(caption, ["detector", *pairs], rows))
    if not body:
        return ""
    return "".join(body) + "<p>Agreement is not accuracy: detectors may share a mistake.</p>"


def _fills(found: Comparison, facts: Mapping[str, Any], panels: Panels) -> str:
    if not any(r["reason"] is None for r in facts["fillers"]):
        return ""
    by = "the true mask" if found.hidden_by == TRUTH else f"the mask of {found.hidden_by}"
    grown = "" if found.hidden_by == TRUTH else f", grown by {BUFFER_PX} pixels as clean does"
    hidden = _shown(panels.mask(found.hidden), f"What was hidden, by {by}", f"Hidden: {by}{grown}")
    return "".join(
        [
            f"<p>All were given {escape(by)}{grown}: {escape(_cover(found.hidden))}.</p>",
            _costs(facts["fillers"], "What filling takes"),
            _errors(facts),
            _traces(facts),
            _pair(found, panels),
            "<h3>Every fill</h3><p>Hatched pixels were left as they were: nothing there tells the "
            "ground.</p>",
            _grid([hidden, *_every(found, panels)]),
        ]
    )


def _errors(facts: Mapping[str, Any]) -> str:
    if not facts["truth"]["clear"]:
        return ""
    named = [("left as it was", facts["left_as_it_was"])]
    named += [(r["name"], r["errors"]) for r in facts["fillers"] if r["reason"] is None]
    measures = (("rmse", 4), ("rmse_visible", 4), ("mae", 4), ("psnr_db", 1), ("sam_deg", 2))
    rows = [
        [name, of, *(digits(errors[of][m], n) for m, n in measures)]
        for of in facts["left_as_it_was"]
        if facts["left_as_it_was"][of]["pixels"]
        for name, errors in named
    ]
    head = ["filler", "hidden by", "RMSE", "RMSE, visible", "MAE", "PSNR, dB", "SAM, degrees"]
    told = (
        "<p>Errors of reflectance on the hidden pixels of each kind; a pixel that a filler left "
        "counts as it was.</p>"
    )
    return table("Fills against the clear image", head, rows, 2) + told


def _traces(facts: Mapping[str, Any]) -> str:
    rows = [
        [
            r["name"],
            digits(100 * (r["filled_share"] or 0), 1),
            digits(r["seam"], 2),
            digits(r["texture"], 2),
            percent(r["checkerboard"]),
            percent(r["checkerboard_clear"]),
        ]
        for r in facts["fillers"]
        if r["reason"] is None and r["filled_share"]
    ]
    head = ["filler", "filled, %", "seam", "texture", "checkerboard, %", "of clear ground, %"]
    told = (
        "<p>Seam: step of reflectance across the border of the fill over that between clear "
        "neighbours; 1 is invisible. Texture: the same inside the fill; below 1 it is smoother "
        "than the ground. Checkerboard: share of the power in patterns of two pixels.</p>"
    )
    return table("Traces of the fills", head, rows) + (told if rows else "")


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


def _every(found: Comparison, panels: Panels) -> Iterable[str]:
    """Each fill in natural and false colours, and how far it is from the truth or the first."""
    names = list(found.filled)
    base, whose = found.truth.clear, "the clear image"
    if base is None and names:
        base, whose = found.filled[names[0]].tile, names[0]
    if found.truth.clear is not None:
        for stretch in panels.stretches[:2]:
            told = f"The clear image in {stretch.name}"
            yield _shown(panels.scene(found.truth.clear, stretch), told, told)
    for name, done in found.filled.items():
        for stretch in panels.stretches[:2]:
            told = f"{name}, {stretch.name}"
            yield _shown(panels.filled(done, stretch), f"Filled by {told}", told)
        if base is not None and base is not done.tile:
            told = f"Difference of {name} and {whose}"
            yield _shown(panels.difference(done.tile, base), told, f"{told}; {_scale()}")


def _scale() -> str:
    return f"black 0, white {DIFFERENCE_WHITE:g} or more reflectance"


def _left_out(facts: Mapping[str, Any]) -> str:
    rows = [
        [r["name"], kind, r["reason"]]
        for kind, key in (("detector", "detectors"), ("filler", "fillers"))
        for r in facts[key]
        if r["reason"] is not None
    ]
    return table("Methods without a result, and why", ["method", "kind", "why"], rows, 3)


def _shown(image: Picture, alt: str, caption: str) -> str:
    return figure(picture(image, alt), caption)


def _cover(mask: CloudMask) -> str:
    return shares_text(mask.cover())


def _grid(figures: Iterable[str]) -> str:
    return f'<div class="grid">{"".join(figures)}</div>'


def digits(value: float | None, number: int = 3) -> str:
    """A number for a table; a dash where it is undefined."""
    return "-" if value is None else f"{value:.{number}f}"


def percent(share: float | None) -> str:
    """A share in percent; a dash where it is undefined."""
    return digits(None if share is None else 100 * share, 2)
