"""An evaluation of fills as one HTML page: readable without scripts, network or other files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..datasets.html_page import figure, page, picture, section, table
from .evaluation_facts import HEAD, clear_text, digits, rows, unfit_text
from .evaluation_pictures import Sight

MAX_PICTURES_BYTES = 4_000_000
"""Pictures beyond this are left out, so that the page stays below 5 MB."""
MOST_BANDS = 32
"""Sensors with more bands have no table of bands; the JSON has them."""
_MEANING = """Clouds and shadows were painted on clear images and filled again with the true mask;
errors are of reflectance, over all reflective bands, on the pixels of each class. What a filler
leaves counts as it is. Means over images; in brackets the 95 % interval from drawing places again.
PSNR: peak 1. SSIM: mean over the class. SAM: angle between spectra. ERGAS: relative error, percent.
NDVI error: root mean square. filled: share of the hidden pixels. in 90 %: share of the filled
values whose 90 % interval, by the confidence, holds the truth; 0.90 is what it promises."""


def report(title: str, found: Mapping[str, Any], sights: Sequence[Sight]) -> str:
    """The whole page. Texts of the catalogue are escaped: they may come from anywhere."""
    told = (
        f"{found['images']} images of {found['groups']} places; skies over each: {found['skies']}."
    )
    body = [f"<p>{_MEANING}</p><p>{escape(told)}</p>", _main(found)]
    body.append(f"<p>{escape(clear_text(found))} {escape(unfit_text(found))}</p>")
    body += _sensors(found)
    body.append(_pictures(sights))
    return page(title, body)


def _main(found: Mapping[str, Any]) -> str:
    lines = []
    for name, view, cells in rows(found):
        low, high = found["fillers"][name]["views"][view]["rmse_interval_95"]
        if low is not None:
            cells[0] += f" ({digits(low)} to {digits(high)})"
        lines.append([name, view, *cells])
    head = ["filler", "class", *HEAD, "filled", "in 90 %", "images"]
    return table("Means over images", head, lines, 2)


def _sensors(found: Mapping[str, Any]) -> list[str]:
    fillers = found["fillers"]
    out = []
    for sensor in dict.fromkeys(s for of in fillers.values() for s in of["sensors"]):
        there = {n: of["sensors"][sensor] for n, of in fillers.items() if sensor in of["sensors"]}
        views = next(iter(there.values()))["rmse"]
        lines = [[n, *(digits(of["rmse"][v]) for v in views)] for n, of in there.items()]
        parts = [table("RMSE by class", ["filler", *views], lines)]
        bands = next(iter(there.values()))["bands"]
        if len(bands) <= MOST_BANDS:
            lines = [[b, *(_pair(of["bands"].get(b)) for of in there.values())] for b in bands]
            parts.append(table("RMSE / MAE of hidden pixels by band", ["band", *there], lines))
        out.append(section(sensor, *parts))
    return out


def _pair(pair: Sequence[float | None] | None) -> str:
    return "" if pair is None else " / ".join(digits(v) for v in pair)


def _pictures(sights: Sequence[Sight]) -> str:
    """Rows of pictures while there is room."""
    shown, left = [], MAX_PICTURES_BYTES
    for sight in sights:
        who = sight.row.id
        figures = [
            figure(picture(sight.cloudy, f"{who} under painted clouds"), "cloudy"),
            figure(picture(sight.clear, f"{who} as it was"), "clear"),
        ]
        for name, image in sight.filled.items():
            told = f"{name}: RMSE {digits(sight.errors[name])}"
            figures.append(figure(picture(image, f"{who}, filled by {name}"), told))
        heading = f"<h3>{escape(who)}, {escape(sight.row.sensor)}</h3>"
        text = f'{heading}<div class="row">{"".join(figures)}</div>'
        if len(text) <= left:
            left -= len(text)
            shown.append(text)
    return section("The images with the largest errors", *shown) if shown else ""
