"""A comparison in numbers: what its JSON, its page and its lines on the terminal all show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from ..datasets import FilledTile, Tile
from ..datasets.plain import plain
from ..detection.metrics import MEASURES, agreement
from ..detection.metrics import VIEWS as MASK_VIEWS
from ..detection.metrics import compare as compare_masks
from ..gan.artefacts import artefacts
from ..gan.metrics import VIEWS, measures_by_class, reflectances, rmse
from .comparison import Comparison, Outcome
from .comparison_points import Point, point_facts
from .pipeline import cover_facts, fill_facts

VISIBLE_NM = 700.0
"""Bands below count as visible."""


def facts(found: Comparison, shown: Sequence[Point] = ()) -> dict[str, Any]:
    """All figures, JSON-ready: None where undefined; ``shown`` are the points of the spectra."""
    tile = found.tile
    figures: dict[str, Any] = plain(
        {
            "scene": {
                "sensor": tile.acquired.sensor,
                "level": tile.acquired.level,
                "shape": list(tile.shape),
                "gsd_m": tile.gsd_m,
                "bands": list(tile.bands.names),
            },
            "truth": {
                "mask": found.truth.mask is not None,
                "clear": found.truth.clear is not None,
            },
            "mask_by": found.hidden_by,
            "hidden": cover_facts(found.hidden.cover()),
            "detectors": [_detector(o, found) for o in found.masks],
            "agreement": _agreement(found),
            **_fills(found),
            "spectra_bands": [tile.bands[i].name for i in tile.optical],
            "spectra_nm": [tile.bands[i].center_nm for i in tile.optical],
            "points": point_facts(found, shown),
        }
    )
    return figures


def _cost(outcome: Outcome[Any], found: Comparison) -> dict[str, Any]:
    """Name, reason, and what it took; the rate is that of the scene's pixels."""
    cost: dict[str, Any] = {"name": outcome.name, "reason": outcome.reason or None}
    if outcome.seconds is not None:
        pixels = found.tile.data[0].size
        cost["seconds"] = outcome.seconds
        cost["mpix_per_s"] = pixels / 1e6 / max(outcome.seconds, 1e-9)
        cost["memory_mb"] = outcome.memory_mb
    return cost


def _detector(outcome: Outcome[Any], found: Comparison) -> dict[str, Any]:
    row = _cost(outcome, found)
    mask = outcome.result
    if mask is not None:
        row["cover"] = cover_facts(mask.cover())
        if found.truth.mask is not None:
            seen = compare_masks(found.truth.mask.classes, mask.classes)
            row["views"] = {v: {m: getattr(c, m) for m in MEASURES} for v, c in seen.items()}
    return row


def _agreement(found: Comparison) -> dict[str, Any]:
    """IoU of every two detectors, by view."""
    masks = found.found
    table: dict[str, Any] = {view: {name: {} for name in masks} for view in MASK_VIEWS}
    for view, codes in MASK_VIEWS.items():
        for (a, one), (b, other) in combinations_with_replacement(masks.items(), 2):
            same = agreement(one.classes, other.classes, codes)
            table[view][a][b] = table[view][b][a] = same
    return table


def _fills(found: Comparison) -> dict[str, Any]:
    """Row by row; two at a time, for most of it is work outside of Python."""
    with ThreadPoolExecutor(2) as pool:
        left = pool.submit(_errors, found.tile, found)
        rows = pool.map(lambda outcome: _filler(outcome, found), found.fills)
        return {"fillers": list(rows), "left_as_it_was": left.result()}


def _filler(outcome: Outcome[FilledTile], found: Comparison) -> dict[str, Any]:
    row = _cost(outcome, found)
    if outcome.result is not None:
        hidden = int(found.hidden.contaminated.sum())
        row["pixels"] = fill_facts(outcome.result)
        row["filled_share"] = float(outcome.result.filled.sum()) / hidden if hidden else None
        row |= asdict(artefacts(outcome.result))
        row["errors"] = _errors(outcome.result.tile, found)
    return row


def _errors(tile: Tile, found: Comparison) -> dict[str, Any] | None:
    """By class of the hidden mask: errors of all pixels, those that were left as well."""
    clear = found.truth.clear
    if clear is None:
        return None
    measures = measures_by_class(clear, tile, found.hidden)
    visible = [b.center_nm < VISIBLE_NM for b in clear.bands if b.kind == "reflective"]
    errors: dict[str, Any] = {}
    for name, codes in VIEWS.items():
        true, said = reflectances(clear, tile, np.isin(found.hidden.classes, codes))
        seen = rmse(true[visible], said[visible])
        errors[name] = {"pixels": true.shape[1], **measures[name], "rmse_visible": seen}
    return errors


def brief(figures: Mapping[str, Any]) -> str:
    """The figures in lines for a terminal."""
    lines = [f"{'detector':14}{'s':>8}{'cloud, %':>10}{'shadow, %':>11}{'cloud BOA':>11}"]
    for row in (r for r in figures["detectors"] if r["reason"] is None):
        cover = row["cover"]
        cloud = cover["thick_cloud"] + cover["thin_cloud"]
        boa = _shown(row["views"]["cloud"]["boa"], 3) if "views" in row else "-"
        line = f"{row['name']:14}{row['seconds']:8.2f}{cloud:10.1f}{cover['shadow']:11.1f}{boa:>11}"
        lines.append(line)
    lines.append(f"\n{'filler':14}{'s':>8}{'filled, %':>10}{'seam':>11}{'RMSE':>11}")
    for row in (r for r in figures["fillers"] if r["reason"] is None):
        share = 100 * (row["filled_share"] or 0)
        error = _shown(row["errors"]["all"]["rmse"], 4) if row["errors"] else "-"
        seam = _shown(row["seam"], 2)
        lines.append(f"{row['name']:14}{row['seconds']:8.2f}{share:10.1f}{seam:>11}{error:>11}")
    out = [r["name"] for kind in ("detectors", "fillers") for r in figures[kind] if r["reason"]]
    return "\n".join([*lines, f"\nleft out: {', '.join(out) or 'none'}"])


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
