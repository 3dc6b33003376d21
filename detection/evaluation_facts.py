"""An evaluation in numbers: what its JSON, its HTML page and its table all show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..datasets.plain import number
from ..datasets.tables import table
from ..datasets.tile import CLASS_NAMES
from .bootstrap import intervals
from .boundary import TOLERANCES_PX, pooled_boundaries
from .class_counts import ClassCounts
from .evaluation import Evaluation, Score
from .metrics import MEASURES, VIEWS, patch_shares, per_patch_median, pooled, show

PATCH_MEASURES = ("pa", "ua", "boa")
INTERVALS = ("pa", "ua", "boa", "iou")


def facts(evaluation: Evaluation, seed: int = 0) -> dict[str, Any]:
    """All figures, JSON-ready: None where undefined, else six digits.

    Args:
        evaluation: what `evaluate` gave.
        seed: of the bootstrap.
    """
    by_image = {
        name: {score.row.image: score for score in scores}
        for name, scores in evaluation.scores.items()
    }
    return {
        "tiles": len(evaluation.rows),
        "groups": len({row.group for row in evaluation.rows}),
        "detectors": {
            name: {
                "fitted": len(scores),
                "unfit": [row.id for row in evaluation.unfit[name]],
                "seconds": round(sum(s.seconds for s in scores), 2),
                "views": {v: _view(v, scores, seed) for v in VIEWS},
                "classes": _classes(scores),
                "sensors": _sensors(scores),
            }
            for name, scores in evaluation.scores.items()
        },
        "images": [
            {
                "id": row.id,
                "group": row.group,
                "sensor": row.sensor,
                "detectors": {
                    name: {v: _measures(c) for v, c in scores[row.image].views.items()}
                    for name, scores in by_image.items()
                    if row.image in scores
                },
            }
            for row in evaluation.rows
        ],
    }


def _view(view: str, scores: Sequence[Score], seed: int) -> dict[str, Any]:
    """One view, over the images where it is scored."""
    seen = [s for s in scores if view in s.views]
    counts = [s.views[view] for s in seen]
    total = pooled(counts)
    ends = intervals([(s.row.group, s.views[view]) for s in seen], INTERVALS, seed)
    outlines = pooled_boundaries(s.boundaries[view] for s in seen)
    curves = [s.reliability[view] for s in seen if view in s.reliability]
    return {
        "tiles": len(seen),
        "groups": len({s.row.group for s in seen}),
        "n": total.n,
        **asdict(total),
        **_measures(total),
        "interval_95": {m: [number(v) for v in pair] for m, pair in ends.items()},
        "patch_median": {m: number(per_patch_median(counts, m)) for m in PATCH_MEASURES},
        "patch_shares": {m: [number(v) for v in patch_shares(counts, m)] for m in ("pa", "ua")},
        "boundary": {
            "iou": number(outlines.iou),
            **{f"f1_{t}px": number(outlines.f1(t)) for t in TOLERANCES_PX},
        },
        "reliability": _reliability(curves) if curves else None,
    }


def _classes(scores: Sequence[Score]) -> dict[str, Any]:
    total = sum((s.classes for s in scores), ClassCounts.zero())
    return {
        "iou": {n: number(v) for n, v in zip(CLASS_NAMES, total.iou, strict=True)},
        "miou": number(total.miou),
        "micro_iou": number(total.micro_iou),
        "counts": total.counts.tolist(),
    }


def _sensors(scores: Sequence[Score]) -> dict[str, Any]:
    """Pooled measures of each view, sensor by sensor."""
    out: dict[str, Any] = {}
    for sensor in dict.fromkeys(s.row.sensor for s in scores):
        ours = [s for s in scores if s.row.sensor == sensor]
        out[sensor] = {"tiles": len(ours)}
        for view in VIEWS:
            counts = [s.views[view] for s in ours if view in s.views]
            out[sensor][view] = {"tiles": len(counts), **_measures(pooled(counts))}
    return out


def _measures(counts: Any) -> dict[str, float | None]:
    return {m: number(getattr(counts, m)) for m in MEASURES}


def _reliability(curves: Sequence[Any]) -> dict[str, Any]:
    total = curves[0]
    for one in curves[1:]:
        total = total + one
    said, true = total.curve
    return {
        "error": number(total.error),
        "tiles": len(curves),
        "n": total.n.tolist(),
        "probability": [number(v) for v in said],
        "frequency": [number(v) for v in true],
    }


def markdown(part: Mapping[str, Any]) -> str:
    """One table of `facts`: detector x view, measures pooled over all pixels.

    A view of which a detector never finds a pixel (shadow, for rules that know none) has no
    row; images that a detector does not fit are told below.
    """
    lines = [["detector", "view", "PA", "UA", "BOA", "IoU", "median BOA", "tiles", "Mpx"]]
    for name, detector in part["detectors"].items():
        for view, of in detector["views"].items():
            if of["tp"] + of["fp"] == 0:
                continue
            measures = [digits(of[m]) for m in ("pa", "ua", "boa", "iou")]
            middle = digits(of["patch_median"]["boa"])
            size = [str(of["tiles"]), f"{of['n'] / 1e6:.2f}"]
            lines.append([name, view, *measures, middle, *size])
    return table(lines) + (f"\n\n{told}" if (told := unfit_text(part)) else "")


def unfit_text(part: Mapping[str, Any]) -> str:
    """How many images each detector does not fit; empty if all fit."""
    unfit = [f"{n} ({len(d['unfit'])})" for n, d in part["detectors"].items() if d["unfit"]]
    return f"Tiles that a detector does not fit: {', '.join(unfit)}." if unfit else ""


def digits(value: float | None, n: int = 3) -> str:
    """A number of `facts` for a table."""
    return show(float("nan") if value is None else value, n)
