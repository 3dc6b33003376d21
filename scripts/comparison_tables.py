"""The tables of a comparison's page: what methods take, how good they are, what they leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..datasets.html_page import table


def costs(rows: Iterable[Mapping[str, Any]], caption: str) -> str:
    """Seconds, rate and memory of those that gave a result."""
    cells = [
        [
            r["name"],
            _digits(r["seconds"], 2),
            _digits(r["mpix_per_s"], 2),
            _digits(r["memory_mb"], 0),
        ]
        for r in rows
        if r["reason"] is None
    ]
    told = (
        "<p>Memory: by how much the process grew at its peak. Loading libraries and networks is "
        "in neither.</p>"
    )
    head = ["method", "seconds", "Mpix/s of the scene", "memory, MB"]
    return table(caption, head, cells) + (told if cells else "")


def accuracy(facts: Mapping[str, Any]) -> str:
    """Detectors against the true mask."""
    columns = [(v, m) for v in ("cloud", "shadow") for m in ("boa", "iou", "pa", "ua")]
    columns += [("contaminated", m) for m in ("boa", "iou")]
    rows = [
        [r["name"], *(_digits(r["views"][view][m]) for view, m in columns)]
        for r in facts["detectors"]
        if r["reason"] is None
    ]
    told = (
        "<p>BOA: mean of the recalls of the class and of the rest. IoU: overlap over union. PA: "
        "share of the class that was found. UA: share of what was found that is right. "
        "Contaminated: cloud or shadow.</p>"
    )
    names = {"boa": "BOA", "iou": "IoU", "pa": "PA", "ua": "UA"}
    head = ["detector", *(f"{view} {names[m]}" for view, m in columns)]
    return table("Masks against the true mask", head, rows) + told


def agreement(facts: Mapping[str, Any]) -> str:
    """How far every two detectors agree, where no truth is known."""
    body = []
    for view in ("cloud", "shadow"):
        pairs = facts["agreement"][view]
        if any(v is not None for row in pairs.values() for v in row.values()):
            rows = [[a, *(_digits(row[b], 2) for b in pairs)] for a, row in pairs.items()]
            caption = f"Agreement on {view}: overlap over union of every two masks"
            body.append(table(caption, ["detector", *pairs], rows))
    if not body:
        return ""
    return "".join(body) + "<p>Agreement is not accuracy: detectors may share a mistake.</p>"


def errors(facts: Mapping[str, Any]) -> str:
    """Fillers against the clear image, if there is one."""
    before = facts["left_as_it_was"]
    if before is None:
        return ""
    named = {r["name"]: r["errors"] for r in facts["fillers"] if r["reason"] is None}
    if "identity" not in named:
        named = {"left as it was": before, **named}
    columns = {
        "RMSE": ("all", "rmse", 4),
        "thick": ("thick", "rmse", 4),
        "thin": ("thin", "rmse", 4),
        "shadow": ("shadow", "rmse", 4),
        "visible bands": ("all", "rmse_visible", 4),
        "NDVI": ("all", "ndvi", 3),
        "SSIM": ("all", "ssim", 3),
        "SAM, degrees": ("all", "sam_deg", 2),
    }
    rows = [
        [name, *(_digits(seen[of][m], n) for of, m, n in columns.values())]
        for name, seen in named.items()
    ]
    told = (
        "<p>On the hidden pixels; one that a filler left counts as it was. Root mean square error "
        "of reflectance: all, under thick cloud, under thin cloud, in shadow, all in the visible "
        "bands; error of NDVI; similarity of structure (1 is best); spectral angle.</p>"
    )
    return table("Fills against the clear image", ["filler", *columns], rows) + told


def traces(facts: Mapping[str, Any]) -> str:
    """What fills leave behind."""
    rows = [
        [
            r["name"],
            _digits(100 * (r["filled_share"] or 0), 1),
            _digits(r["seam"], 2),
            _digits(r["texture"], 2),
            _percent(r["checkerboard"]),
            _percent(r["checkerboard_clear"]),
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


def left_out(facts: Mapping[str, Any]) -> str:
    """Those without a result."""
    rows = [
        [r["name"], kind, r["reason"]]
        for kind, key in (("detector", "detectors"), ("filler", "fillers"))
        for r in facts[key]
        if r["reason"] is not None
    ]
    return table("Methods without a result, and why", ["method", "kind", "why"], rows, 3)


def _digits(value: float | None, number: int = 3) -> str:
    """A number for a table; a dash where it is undefined."""
    return "-" if value is None else f"{value:.{number}f}"


def _percent(share: float | None) -> str:
    """A share in percent; a dash where it is undefined."""
    return _digits(None if share is None else 100 * share, 2)
