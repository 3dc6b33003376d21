"""Score every detector on the labelled images of a catalogue, through ``kumosan mask``.

    python benchmarks/masks.py DATA_FOLDER [--split test] [--kind human] [--json-out FILE]

DATA_FOLDER holds ``catalog.json``. For each labelled image and detector the command is run as
a user runs it, and the mask that it wrote is compared with the label. Shadow is scored only
where the labellers drew shadows. Agreement with automatic masks gets a table of its own: it
is not accuracy.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from kumosan import detection
from kumosan.datasets import read_mask
from kumosan.datasets.errors import UnfitError
from kumosan.detection.metrics import MEASURES, VIEWS, Confusion, compare, pooled, show
from kumosan.detection.metrics import per_patch_median as typical
from kumosan.scripts.main import app

Scores = dict[str, dict[str, list[Confusion]]]
"""detector -> view -> one confusion a tile."""


def main() -> int:
    args = parser().parse_args()
    catalog = json.loads((args.data / "catalog.json").read_text())
    rows = [r for r in catalog if r["split"] == args.split and r["mask"]]
    human = [r for r in rows if r["mask_kind"] == "human"]
    groups = {f"Accuracy against people's labels, split {args.split}": human}
    if args.kind == "all":
        rest = [r for r in rows if r["mask_kind"] != "human"]
        groups[f"Agreement with automatic masks (not accuracy), split {args.split}"] = rest
    report = {}
    for title, members in groups.items():
        scores, left_out = score(args.data, members, args.detectors, args.buffer_m)
        print(f"{title}: {len(members)} tiles\n\n{table(scores, left_out)}\n")
        report[title] = {"pooled": as_json(scores), "did_not_fit": left_out}
    if args.json_out:
        args.json_out.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    out.add_argument("data", type=Path, help="folder that holds catalog.json")
    out.add_argument("--split", choices=("test", "train"), default="test")
    out.add_argument("--kind", choices=("human", "all"), default="human")
    names = list(detection.AUTO)
    out.add_argument("--detectors", nargs="+", default=names, metavar="NAME")
    out.add_argument("--buffer-m", type=float, default=0.0)
    out.add_argument("--json-out", type=Path)
    return out


def score(
    data: Path, rows: list[dict[str, Any]], detectors: list[str], buffer_m: float
) -> tuple[Scores, dict[str, int]]:
    """Confusions of every detector, and on how many images it does not work."""
    scores: Scores = {name: defaultdict(list) for name in detectors}
    left_out = dict.fromkeys(detectors, 0)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "mask.tif"
        for row in rows:
            truth = read_mask(data / row["mask"]).classes
            for name in detectors:
                if not run_mask(data / row["image"], out, name, buffer_m):
                    left_out[name] += 1
                    continue
                found = compare(truth, read_mask(out).classes)
                for view, counts in found.items():
                    if view != "shadow" or "cloud shadow" in row["classes_labelled"]:
                        scores[name][view].append(counts)
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return scores, left_out


def run_mask(image: Path, out: Path, detector: str, buffer_m: float) -> bool:
    """Run ``kumosan mask``; False where the detector does not fit the image."""
    command = ["mask", str(image), "-o", str(out), "--detector", detector]
    command += ["--buffer-m", str(buffer_m), "--json", "--overwrite"]
    result = CliRunner().invoke(app, command)
    if result.exit_code == UnfitError.exit_code:
        return False
    if result.exit_code != 0:
        raise SystemExit(f"kumosan {' '.join(command)}: exit {result.exit_code}\n{result.output}")
    return True


def table(scores: Scores, left_out: dict[str, int]) -> str:
    """One markdown table: detector x view, measures pooled over all pixels.

    A detector that fits no tile is named below the table; a view of which it never finds a
    pixel (shadow, for rules that know none) has no row.
    """
    lines = [["detector", "view", "PA", "UA", "BOA", "IoU", "median BOA", "tiles", "Mpx"]]
    lines.append(["---"] * len(lines[0]))
    for name, views in scores.items():
        for view in VIEWS:
            total = pooled(views[view])
            if total.tp + total.fp == 0:
                continue
            measures = [show(getattr(total, m)) for m in ("pa", "ua", "boa", "iou")]
            middle = show(typical(views[view], "boa"))
            size = [str(len(views[view])), f"{total.n / 1e6:.2f}"]
            lines.append([name, view, *measures, middle, *size])
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    unfit = [f"{name} ({n})" for name, n in left_out.items() if n]
    return text + (f"\n\nTiles that a detector does not fit: {', '.join(unfit)}." if unfit else "")


def as_json(scores: Scores) -> dict[str, Any]:
    """Pooled counts and measures, None where undefined."""
    out: dict[str, Any] = {}
    for name, views in scores.items():
        out[name] = {}
        for view in VIEWS:
            total = pooled(views[view])
            measures = {m: round(v, 4) if (v := getattr(total, m)) == v else None for m in MEASURES}
            out[name][view] = {"tiles": len(views[view]), **asdict(total), **measures}
    return out


if __name__ == "__main__":
    sys.exit(main())
