"""A cleaned scene as one page, for whoever has to decide whether to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from .charts import Line, bar_chart, line_chart, line_key
from .html_page import Html, facts, figure, key, page, picture, section, table
from .legend import CONFIDENCE_LEGEND, MASK_LEGEND, PROVENANCE_LEGEND
from .outcome import Outcome
from .quicklook import panels
from .typical import Pixel, Preview

if TYPE_CHECKING:
    from .weights import ModelCard

PICTURE_PX = 900
"""Longer side of a picture, at most."""
_STYLE = """
#swipe .stack,#swipe label,#swipe input{display:block;max-width:38rem;width:100%}
#swipe .stack{position:relative}#swipe img{width:100%;image-rendering:pixelated}
#swipe .over{position:absolute;inset:0}
.panels img{width:100%;image-rendering:pixelated}
"""
_SCRIPT = """
const shown = document.querySelectorAll(".panels img"), box = document.getElementById("swipe");
if (shown.length === 3) {
  const [under, over] = box.querySelectorAll("img"), bar = box.querySelector("input");
  under.src = shown[0].src; over.src = shown[2].src; box.hidden = false;
  const move = () => { over.style.clipPath = `inset(0 0 0 ${100 - bar.value}%)`; };
  bar.addEventListener("input", move); move();
}
"""
_SWIPE = (
    '<div id="swipe" hidden><h3>Before and after in one place</h3><div class="stack">'
    '<img alt="The scene as it came"><img class="over" alt="The filled scene, from the right">'
    '</div><label>How much of the filled scene is shown<input type="range" min="0" max="100" '
    'value="50"></label></div>'
)
_ORIGINS = {
    "observed": "as it came, bit for bit",
    "spectral": "computed from the pixel's own bands",
    "spatial": "computed from its surroundings",
    "temporal": "taken from another date",
    "unfillable": "still cloudy: nothing here knows the ground",
}
_CLEAR, _WAS, _NOW = "#1b7d3a", "#b3261e", "#1a56b0"


@dataclass(frozen=True)
class Told:
    """What the page says beside pictures and figures."""

    name: str
    """Of the scene."""
    scene: Mapping[str, object]
    """What is known of it, by name; None where it is not."""
    settings: Mapping[str, object]
    """How it was cleaned."""
    files: Sequence[str] = ()
    """Names of the outputs in the same folder."""
    cards: Mapping[str, ModelCard] = field(default_factory=dict)
    """Of the networks that ran, by what they did."""


def clean_report(told: Told, preview: Preview, seen: Outcome, pixels: Sequence[Pixel]) -> str:
    """The page.

    Args:
        told: names and settings.
        preview: what the pictures show.
        seen: the figures.
        pixels: spectra of, clear ground first.
    """
    links = "".join(f'<li><a href="{escape(f)}">{escape(f)}</a></li>' for f in told.files)
    body = [
        facts(told.scene),
        section("Before and after", _pictures(preview), _SWIPE),
        section("What was found, and what became of it", _cover(seen), _sources(seen)),
        section("Confidence of what was filled", _confidence(seen)),
        section("Spectra of single pixels", *(_spectra(pixels))),
        section("How it was made", facts({"kumosan": __version__, **told.settings})),
        *(_card(what, card) for what, card in told.cards.items()),
        section("Files", f"<ul>{links}</ul>"),
    ]
    return page(f"{told.name}: cleaned", body, _STYLE, _SCRIPT)


def _pictures(preview: Preview) -> str:
    height, width = preview.scene.shape
    scale = min(1.0, PICTURE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    drawn = panels(preview.scene, preview.mask, preview.filled, size)
    legends = ((), MASK_LEGEND[1:], (), CONFIDENCE_LEGEND[1:])
    alts = (
        "The scene as it came",
        "The same scene with clouds and shadows tinted and outlined",
        "The scene with clouds and shadows filled; what could not be filled is hatched",
        "Confidence of the filled pixels",
    )
    shown = "".join(
        figure(picture(p.image, alt), p.title, [key(e.rgb, _plain(e.name)) for e in legend])
        for p, alt, legend in zip(drawn, alts, legends, strict=True)
    )
    return f'<div class="row panels">{shown}</div>'


def _cover(seen: Outcome) -> str:
    rows = [
        [key(e.rgb, _plain(e.name)), _percent(seen.cover[e.name]), _pixels(n)]
        for e, n in zip(MASK_LEGEND, seen.counts.sum(axis=(1, 2)), strict=True)
    ]
    return table("Share of the pixels with data", ["class", "share", "pixels"], rows)


def _sources(seen: Outcome) -> str:
    rows = []
    for name, sources in seen.crossed().items():
        for entry in PROVENANCE_LEGEND:
            if entry.name in sources and name != "clear":
                n, mean = sources[entry.name]
                label = Html(f"{_plain(name)}: {key(entry.rgb, entry.name)}")
                rows.append([label, _ORIGINS[entry.name], _pixels(n), f"{100 * mean:.0f} %"])
    head = ["class and source", "meaning", "pixels", "mean confidence"]
    told = table("Where the values of cloudy and shadowed pixels come from", head, rows, 2)
    return told or "<p>No pixel was called cloudy or shadowed: nothing was changed.</p>"


def _confidence(seen: Outcome) -> str:
    counts = seen.confidence
    if not counts.any():
        return "<p>Nothing was filled.</p>"
    bins = [counts[k : k + 5].sum() for k in range(0, 95, 5)] + [counts[95:].sum()]
    mean = float((counts * np.arange(counts.size)).sum() / counts.sum())
    caption = f"Filled pixels by confidence; the mean is {mean:.0f} %"
    shares = [float(n) / counts.sum() for n in bins]
    return figure(bar_chart(shares, 0, 100, "confidence (%)", caption), caption)


def _spectra(pixels: Sequence[Pixel]) -> tuple[str, ...]:
    lines: list[Line] = []
    where = []
    for p in pixels:
        place = f"column {p.column}, row {p.row}"
        if p.source == "observed":
            lines.append(Line("clear ground", p.nm, p.after, _CLEAR))
            where.append(f"Clear ground: {place}.")
        else:
            lines.append(Line(f"{_plain(p.found)}, as it came", p.nm, p.before, _WAS, "6 4"))
            lines.append(Line("the same, filled", p.nm, p.after, _NOW, "2 3"))
            where.append(f"Filled ({p.source}): {place}.")
    if not lines:
        return ("<p>There is no pixel with data.</p>",)
    told = f"Reflectance over wavelength. {' '.join(where)}"
    chart = line_chart(lines, "wavelength (nm)", "reflectance", told)
    rows = [
        [name, f"{nm:.0f}", *(f"{line.y[i]:.4f}" for line in lines)]
        for i, (name, nm) in enumerate(zip(pixels[0].names, pixels[0].nm, strict=True))
    ]
    values = table("The same in numbers", ["band", "nm", *(line.name for line in lines)], rows)
    return (
        figure(chart, told, [Html(line_key(line)) for line in lines]),
        f"<details><summary>The numbers</summary>{values}</details>",
    )


def _card(what: str, card: ModelCard) -> str:
    rows = {
        "kind": card.kind,
        "reads": ", ".join(card.bands),
        "trained on": card.data or None,
        **{f"score, {name}": value for name, value in _flat(card.scores)},
        "code": card.revision or None,
        "licence": card.licence,
        "SHA-256 of the weights": card.sha256,
    }
    return section(f"Model card of the network that {what}", facts(rows))


def _flat(scores: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Nested names joined: ``cross-validation BOA cloud``."""
    out: list[tuple[str, object]] = []
    for name, value in scores.items():
        if isinstance(value, Mapping):
            out += [(f"{name} {inner}", v) for inner, v in _flat(value)]
        else:
            out.append((name, value))
    return out


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _percent(share: float) -> str:
    return "< 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"


def _pixels(n: int) -> str:
    return f"{n:,}"
