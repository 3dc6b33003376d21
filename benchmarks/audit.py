"""How many planted label errors the audit finds: precision and recall at the top k.

    python benchmarks/audit.py DATA [--share 0.07] [--seeds 3] [--fold-weights F ...] > audit.json
    python benchmarks/audit.py DATA --config benchmarks/label_loop.toml   # and what it gains
    python benchmarks/audit.py DATA --parts 2     # of the tiles cut in four: 7 % are six of 92

Copies the hand-labelled tiles of split ``train`` (never ``test``), spoils a share of the labels in
turn (empty, full, shifted by 12 to 24 pixels, another tile's; one of each at least), and audits the
copy. Without
``--fold-weights`` a rule judges, which learnt from no label. With ``--config`` it also trains: on
what is left of the copy when a third of the places is held out, with and without the first twice
as many suspects as errors were planted, and compares the cloud IoU on the true labels held out.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from learning_curve import iou, trained
from rasterio.windows import Window

from kumosan import detection
from kumosan.datasets.catalog import Row, read_catalog
from kumosan.datasets.read import read_mask
from kumosan.datasets.tile import NODATA, ByteArray, CloudMask
from kumosan.datasets.write import write_mask
from kumosan.detection.audit import audit
from kumosan.detection.decision import fold_detectors
from kumosan.detection.train_config import SegmenterConfig, read_config
from kumosan.detection.train_data import Fold

KINDS = ("empty", "full", "shifted", "swapped")


def spoiled(kind: str, classes: ByteArray, other: ByteArray, rng: np.random.Generator) -> ByteArray:
    """A wrong label of the same size; pixels without data stay so."""
    if kind == "shifted":
        y, x = rng.integers(12, 25, 2) * rng.choice([-1, 1], 2)
        wrong = np.roll(classes, (y, x), axis=(0, 1))
    else:
        wrong = {"empty": np.zeros_like(classes), "full": np.ones_like(classes)}.get(kind, other)
    return np.where(classes == NODATA, NODATA, wrong).astype(np.uint8)


def cut(data: Path, folder: Path, parts: int) -> Path:
    """A catalogue of the hand-labelled tiles of split ``train``, each in ``parts`` x ``parts``."""
    entries = []
    for number, row in enumerate(labelled(data)):
        for k in range(parts**2):
            names = {"image": f"{number}_{k}.tif", "mask": f"{number}_{k}_mask.tif"}
            for path, name in zip((row.image, row.mask), names.values(), strict=True):
                with rasterio.open(path) as whole:
                    height, width = (side // parts for side in whole.shape)
                    window = Window(k % parts * width, k // parts * height, width, height)
                    size = {"height": height, "width": width}
                    grid = {"transform": whole.window_transform(window)}
                    with rasterio.open(folder / name, "w", **whole.profile | size | grid) as part:
                        part.write(whole.read(window=window))
                        part.descriptions = whole.descriptions
                        part.update_tags(**whole.tags())
                        for band in whole.indexes:
                            part.update_tags(band, **whole.tags(band))
            entries.append(names | described(row))
    (folder / "catalog.json").write_text(json.dumps(entries))
    return folder


def labelled(data: Path) -> list[Row]:
    """The tiles of split ``train`` whose masks people drew."""
    return [
        r for r in read_catalog(data)
        if r.split == "train" and r.mask and r.mask_kind.startswith("human")
    ]  # fmt: skip


def described(row: Row) -> dict[str, str]:
    """What a catalogue says of an image, but for its files."""
    return {
        "split": row.split, "group": row.group, "sensor": row.sensor,
        "mask_kind": row.mask_kind, "classes_labelled": row.classes_labelled,
    }  # fmt: skip


def plant(
    rows: Sequence[Row], folder: Path, share: float, rng: np.random.Generator
) -> tuple[list[Row], dict[str, str]]:
    """Rows whose masks lie in ``folder``, and the kind of error by image.

    An error that would change nothing (an empty label emptied) is not planted there.
    """
    masks = {row.id: read_mask(row.mask) for row in rows if row.mask}
    order = [rows[i] for i in rng.permutation(len(rows))]
    wanted = max(round(share * len(rows)), len(KINDS))
    planted: dict[str, str] = {}
    for row in order:
        if len(planted) == wanted:
            break
        kind = KINDS[len(planted) % len(KINDS)]
        classes = masks[row.id].classes
        fits = [
            m.classes for k, m in masks.items() if k != row.id and m.classes.shape == classes.shape
        ]
        if not fits:
            continue
        wrong = spoiled(kind, classes, fits[rng.integers(len(fits))], rng)
        if ((wrong > 0) != (classes > 0)).mean() > 0.1:
            planted[row.id] = kind
            masks[row.id] = CloudMask(wrong, masks[row.id].transform, masks[row.id].crs)
    changed = []
    for number, row in enumerate(rows):
        path = folder / f"{number}_mask.tif"
        write_mask(path, masks[row.id])
        changed.append(replace(row, mask=path))
    return changed, planted


def run(args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One planting and its audit."""
    rows = labelled(args.data)
    folds = fold_detectors(args.fold_weights) if args.fold_weights else None
    folder = Path(tempfile.mkdtemp())
    try:
        changed, planted = plant(rows, folder, args.share, np.random.default_rng(seed))

        def judge(row: Row) -> Any:
            return folds(row) if folds else detection.get("fmask")

        ranked = [s.row.id for s in audit(changed, judge)]
        gain = gained(args, changed, ranked[: 2 * len(planted)], seed) if args.config else {}
    finally:
        shutil.rmtree(folder)
    out: dict[str, Any] = {"seed": seed, "labels": len(rows), "planted": planted}
    for k in sorted({len(planted), 2 * len(planted)}):
        hits = sum(name in planted for name in ranked[:k])
        out[f"precision at {k}"] = round(hits / k, 3)
        out[f"recall at {k}"] = round(hits / len(planted), 3)
    out["rank"] = {name: ranked.index(name) + 1 for name in planted}
    return out | gain


def gained(
    args: argparse.Namespace, rows: Sequence[Row], suspects: Sequence[str], seed: int
) -> dict[str, float]:
    """Cloud IoU on places held out, trained on the spoiled labels and without the suspects."""
    config, fold = read_config(SegmenterConfig, args.config, "segmenter"), Fold(seed % 3, 3)
    outside = {row.id for row in rows if fold.holds(row.group)}
    held = [row for row in read_catalog(args.data) if row.id in outside]
    out = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copies = write_copy(folder, rows)
        for how, dropped in (("spoiled", ()), ("without suspects", suspects)):
            kept = [copy for copy, row in zip(copies, rows, strict=True) if row.id not in dropped]
            weights = trained(config, folder, kept, folder / how, seed, fold)
            out[f"IoU {how}"] = round(iou(weights, held), 4)
    return out


def write_copy(folder: Path, rows: Sequence[Row]) -> tuple[Row, ...]:
    """A catalogue of ``rows`` with their spoiled masks, in the same order."""
    entries = []
    for number, row in enumerate(rows):
        for path, end in ((row.image, ""), (row.mask, "_mask")):
            if path is not None:
                shutil.copyfile(path, folder / f"{number}{end}.tif")
        names = {"image": f"{number}.tif", "mask": f"{number}_mask.tif"}
        entries.append(names | described(row))
    (folder / "catalog.json").write_text(json.dumps(entries))
    return read_catalog(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--share", type=float, default=0.07)
    parser.add_argument("--parts", type=int, default=1, help="cut each tile in PARTS x PARTS")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--config", type=Path, help="of a training; without it, none")
    parser.add_argument("--fold-weights", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.parts > 1:
            args.data = cut(args.data, Path(folder), args.parts)
        print(json.dumps([run(args, seed) for seed in range(args.seeds)], indent=1))


if __name__ == "__main__":
    main()
