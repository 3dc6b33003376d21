"""An evaluation of fills in numbers: what its JSON, its HTML page and its table all show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from ..datasets.bootstrap import percentiles, redrawn
from ..datasets.plain import number
from ..datasets.tables import table
from .evaluation import Evaluation, Score
from .metrics import MEASURES, VIEWS

SHOWN = ("rmse", "mae", "psnr", "ssim", "sam_deg", "ergas", "ndvi")
HEAD = ("RMSE", "MAE", "PSNR, dB", "SSIM", "SAM, deg", "ERGAS", "NDVI error")
"""Headings of SHOWN."""
_DIGITS = {"rmse": 4, "mae": 4, "psnr": 1, "ssim": 3, "sam_deg": 2, "ergas": 1, "ndvi": 3}


def facts(evaluation: Evaluation, seed: int = 0) -> dict[str, Any]:
    """All figures, JSON-ready: means over images, None where undefined or infinite.

    Args:
        evaluation: what `evaluate` gave.
        seed: of the bootstrap.
    """
    return {
        "images": len(evaluation.rows),
        "groups": len({row.group for row in evaluation.rows}),
        "skies": evaluation.skies,
        "fillers": {
            name: {
                "fitted": len({s.row.id for s in scores}),
                "unfit": [row.id for row in evaluation.unfit[name]],
                "seconds": round(sum(s.seconds for s in scores), 2),
                "filled": _mean([s.filled for s in scores]),
                "coverage_90": _mean([s.coverage for s in scores]),
                "views": {view: _view(view, scores, seed) for view in VIEWS},
                "sensors": _sensors(scores),
            }
            for name, scores in evaluation.scores.items()
        },
        "cases": [
            {
                "id": score.row.id,
                "group": score.row.group,
                "sensor": score.row.sensor,
                "sky": score.sky,
                "filler": name,
                "filled": number(score.filled),
                "coverage_90": number(score.coverage),
                "views": {
                    view: {m: number(v) for m, v in of.items()}
                    for view, of in score.measures.items()
                },
                "bands": {b: [number(v) for v in pair] for b, pair in score.bands.items()},
            }
            for name, scores in evaluation.scores.items()
            for score in scores
        ],
    }


def _view(view: str, scores: Sequence[Score], seed: int) -> dict[str, Any]:
    """One class, over the cases that hold it."""
    seen = [s for s in scores if not math.isnan(s.measures[view]["rmse"])]
    errors = [(s.row.group, s.measures[view]["rmse"]) for s in seen]
    return {
        "cases": len(seen),
        **{m: _mean([s.measures[view][m] for s in seen]) for m in MEASURES},
        "rmse_interval_95": [number(v) for v in interval(errors, seed)],
    }


def _sensors(scores: Sequence[Score]) -> dict[str, Any]:
    """Means by sensor: RMSE by view, RMSE and MAE by band."""
    out: dict[str, Any] = {}
    for sensor in dict.fromkeys(s.row.sensor for s in scores):
        ours = [s for s in scores if s.row.sensor == sensor]
        bands = dict.fromkeys(b for s in ours for b in s.bands)
        out[sensor] = {
            "rmse": {v: _mean([s.measures[v]["rmse"] for s in ours]) for v in VIEWS},
            "bands": {
                b: [_mean([s.bands[b][k] for s in ours if b in s.bands]) for k in (0, 1)]
                for b in bands
            },
        }
    return out


def interval(values: Sequence[tuple[str, float]], seed: int) -> tuple[float, float]:
    """95 % interval of a mean, places (the first of each pair) drawn again with replacement.

    NaN with fewer than two places.
    """
    parts = ((place, (value, 1)) for place, value in sorted(values, key=itemgetter(0)))
    return percentiles(total / count for total, count in redrawn(parts, seed))


def markdown(found: Mapping[str, Any]) -> str:
    """One table of `facts`: filler x class, means over images."""
    head = ["filler", "class", *HEAD, "filled", "in 90 %", "images"]
    text = table([head, *([name, view, *cells] for name, view, cells in rows(found))])
    told = clear_text(found)
    unfit = unfit_text(found)
    return "\n\n".join(part for part in (text, told, unfit) if part)


def rows(found: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Filler, class and cells of the table; classes that no image holds are left out."""
    out = []
    for name, of in found["fillers"].items():
        for view, figures in of["views"].items():
            if view == "clear" or not figures["cases"]:
                continue
            cells = [digits(figures[m], _DIGITS[m]) for m in SHOWN]
            whole = view == "all"
            cells += [digits(of[k], 2) if whole else "" for k in ("filled", "coverage_90")]
            out.append((name, view, [*cells, str(figures["cases"])]))
    return out


def clear_text(found: Mapping[str, Any]) -> str:
    """What happened to clear pixels: nothing, if all is well."""
    changed = {
        name: of["views"]["clear"]["rmse"]
        for name, of in found["fillers"].items()
        if of["views"]["clear"]["rmse"]
    }
    if not changed:
        return "No filler changed a clear pixel: their error is exactly 0."
    told = ", ".join(f"{name} ({value:.2g})" for name, value in changed.items())
    return f"Fillers that changed clear pixels, by RMSE: {told}."


def unfit_text(found: Mapping[str, Any]) -> str:
    """How many images each filler does not fit; empty if all fit."""
    unfit = [f"{n} ({len(of['unfit'])})" for n, of in found["fillers"].items() if of["unfit"]]
    return f"Images that a filler does not fit: {', '.join(unfit)}." if unfit else ""


def digits(value: float | None, n: int = 4) -> str:
    """A number of `facts` for a table."""
    return "" if value is None else f"{value:.{n}f}"


def _mean(values: Sequence[float]) -> float | None:
    known = [v for v in values if math.isfinite(v)]
    return number(float(np.mean(known))) if known else None
