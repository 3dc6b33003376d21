"""An evaluation as one HTML page: readable without scripts, network or other files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ..datasets.html_page import figure, image_uri, img, key, table
from ..datasets.html_page import page as html_page
from ..datasets.legend import MASK_LEGEND
from ..datasets.tile import CLASS_NAMES
from .boundary import TOLERANCES_PX
from .evaluation_facts import digits, unfit_text
from .evaluation_pictures import Sight, classes_uri
from .metrics import MEASURES

MAX_PICTURES_BYTES = 4_000_000
"""Pictures beyond this are left out, so that the page stays below 5 MB."""
_STYLE = "figure{display:inline-block;margin:0 .6rem .8rem 0;vertical-align:top;max-width:16rem}"
_MEANING = """PA: share of the class that was found (recall). UA: share of what was found that is
right (precision). OA: share of all pixels that is right. BOA: mean of the recalls of the class and
of the rest. All pixels are pooled; in brackets the 95 % interval from resampling whole places, not
given for fewer than two. Pixels without a truth are left out; a pixel that a detector leaves open
counts as an error. Shadow is scored only where the labellers drew it; in "contaminated" (cloud or
shadow) a shadow that nobody drew counts as a false alarm."""

Part = tuple[str, Mapping[str, Any], Sequence[Sight]]
"""Title, figures of `evaluation_facts.facts`, and the worst images."""


def page(title: str, parts: Iterable[Part]) -> str:
    """The whole page. Texts of the catalogue are escaped: they may come from anywhere."""
    body = [f"<p>{_MEANING}</p>"]
    left = MAX_PICTURES_BYTES
    for heading, facts, sights in parts:
        body.append(f"<h2>{escape(heading)}</h2>")
        body.append(f"<p>{facts['tiles']} images of {facts['groups']} places.</p>")
        body += [
            _main(facts),
            f"<p>{escape(unfit_text(facts))}</p>",
            _patches(facts),
            _classes(facts),
            _outlines(facts),
            _sensors(facts),
        ]
        body.append(_curves(facts))
        shown, left = _worst(sights, left)
        body.append(shown)
    return html_page(title, body, _STYLE)


def _views(facts: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Detector, view and figures, where the view is scored."""
    return [
        (name, view, of)
        for name, detector in facts["detectors"].items()
        for view, of in detector["views"].items()
        if of["n"]
    ]


def _main(facts: Mapping[str, Any]) -> str:
    rows = []
    for name, view, of in _views(facts):
        cells = []
        for measure in MEASURES:
            low, high = of["interval_95"].get(measure, (None, None))
            ends = "" if low is None else f" ({digits(low)} to {digits(high)})"
            cells.append(digits(of[measure]) + ends)
        rows.append([name, view, *cells, of["tiles"], f"{of['n'] / 1e6:.2f}"])
    head = ["detector", "view", *(m.upper() for m in MEASURES[:4]), "IoU", "Dice", "tiles", "Mpx"]
    return table("All pixels pooled", head, rows, 2)


def _patches(facts: Mapping[str, Any]) -> str:
    rows = []
    for name, view, of in _views(facts):
        medians = [digits(of["patch_median"][m]) for m in ("pa", "ua", "boa")]
        shares = [digits(v, 2) for m in ("pa", "ua") for v in of["patch_shares"][m]]
        rows.append([name, view, *medians, *shares])
    head = ["detector", "view", "median PA", "median UA", "median BOA"]
    head += [f"{m} {r}" for m in ("PA", "UA") for r in ("< .1", ".1 to .9", "> .9")]
    return table("Image by image: medians, and the share of images in each range", head, rows, 2)


def _classes(facts: Mapping[str, Any]) -> str:
    rows = [
        [n, *(digits(d["classes"]["iou"][c]) for c in CLASS_NAMES), *(
            digits(d["classes"][m]) for m in ("miou", "micro_iou")
        )]
        for n, d in facts["detectors"].items()
        if d["fitted"]
    ]  # fmt: skip
    names = [c.replace("_", " ") for c in CLASS_NAMES]
    caption = "IoU of the four classes, their mean, and over the pixels of all classes"
    return table(caption, ["detector", *names, "mean", "micro"], rows)


def _outlines(facts: Mapping[str, Any]) -> str:
    keys = ["iou", *(f"f1_{t}px" for t in TOLERANCES_PX)]
    rows = [
        [name, view, *(digits(of["boundary"][k]) for k in keys)] for name, view, of in _views(facts)
    ]
    head = ["detector", "view", "boundary IoU", *(f"F1, {t} px" for t in TOLERANCES_PX)]
    return table("Outlines", head, rows, 2)


def _sensors(facts: Mapping[str, Any]) -> str:
    rows = []
    for name, detector in facts["detectors"].items():
        for sensor, of in detector["sensors"].items():
            for view in (v for v in of if v != "tiles" and of[v]["tiles"]):
                cells = [digits(of[view][m]) for m in ("pa", "ua", "boa", "iou")]
                rows.append([name, sensor, view, *cells, of[view]["tiles"]])
    head = ["detector", "sensor", "view", "PA", "UA", "BOA", "IoU", "tiles"]
    return table("Sensor by sensor", head, rows, 3)


def _curves(facts: Mapping[str, Any]) -> str:
    figures = []
    for name, view, of in _views(facts):
        if of["reliability"]:
            told = f"{name}, {view}: calibration error {digits(of['reliability']['error'])}"
            figures.append(figure(_curve(of["reliability"], told), told))
    if not figures:
        return ""
    how = "Of the pixels given a probability, how many are positive; the thin line is perfect."
    return f"<h3>Reliability</h3><p>{how}</p>{''.join(figures)}"


def _curve(of: Mapping[str, Any], told: str) -> str:
    """SVG of 200 px: probability across, frequency up, one dot a bin that holds pixels."""
    pairs = zip(of["probability"], of["frequency"], strict=True)
    dots = [(20 + 170 * p, 190 - 170 * f) for p, f in pairs if p is not None]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    drawn = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#2666d6"/>' for x, y in dots)
    return (
        f'<svg width="210" height="210" role="img" aria-label="{escape(told)}">'
        '<path d="M20 20V190H190" fill="none" '
        'stroke="#888"/><path d="M20 190L190 20" stroke="#bbb"/>'
        '<text x="16" y="206" font-size="11">0</text><text x="184" y="206" font-size="11">1</text>'
        '<text x="8" y="26" font-size="11">1</text>'
        f'<polyline points="{line}" fill="none" stroke="#2666d6" stroke-width="2"/>{drawn}</svg>'
    )


def _worst(sights: Sequence[Sight], left: int) -> tuple[str, int]:
    """Rows of pictures while there is room, and the room that is left in bytes."""
    body, dropped = [], 0
    for sight in sights:
        who = sight.row.id
        figures = [
            figure(img(image_uri(sight.image), f"{who} as it looks"), "image"),
            figure(img(classes_uri(sight.truth), f"{who}, labels"), "truth"),
        ]
        for name, found in sight.found.items():
            wrong = f"{100 * sight.wrong[name]:.1f} % wrong"
            mask = img(classes_uri(found), f"{who}, mask of {name}")
            figures.append(figure(mask, f"{name}: {wrong}"))
        text = f"<h4>{escape(sight.row.id)}, {escape(sight.row.sensor)}</h4>{''.join(figures)}"
        if len(text) > left:
            dropped += 1
            continue
        left -= len(text)
        body.append(text)
    if not sights:
        return "", left
    note = f"<p>{dropped} more are left out to keep the page small.</p>" if dropped else ""
    keys = " ".join(key(e.rgb, e.name.replace("_", " ")) for e in MASK_LEGEND)
    told = f"<h3>The images that a detector misjudged most</h3><p>{keys}</p>"
    return told + "".join(body) + note, left
