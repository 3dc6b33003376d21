"""How much Fmask's word should count beside the network's: `fmask-unet` with other odds.

    python benchmarks/blend.py DATA_FOLDER --fold-weights F0 --fold-weights F1 ...
                               [--averaged 2] [--flip]

Each hand-labelled image of split train is judged by the network that had not seen its place (after
``kumosan train calibrate``: the files calibrated.safetensors). "chosen elsewhere": for the images
of each fold the odds of the best mean on the other folds. Balanced accuracies, pixels pooled.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from kumosan.datasets.catalog import CatalogTiles, read_catalog
from kumosan.datasets.labelled import LabelledTile
from kumosan.datasets.protocols import Detector
from kumosan.datasets.splits import Fold
from kumosan.datasets.tile import SHADOW
from kumosan.datasets.weights import read_card
from kumosan.detection.fmask_unet import FmaskUnet
from kumosan.detection.metrics import VIEWS, Confusion, compare, pooled
from kumosan.detection.postprocess import clean_up

ODDS = (1.0, 1.3, 1.6, 2.2, 2.7, 3.5, 4.5, 7.4)

Counts = list[dict[str, Confusion]]
"""Of the images of a fold."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with catalog.json")
    parser.add_argument("--fold-weights", type=Path, action="append", required=True)
    parser.add_argument(
        "--averaged", type=int, default=1, help="pixels a side that Fmask is shown as one"
    )
    parser.add_argument("--flip", action="store_true", help="average with the image upside down")
    options = parser.parse_args()
    rows = [r for r in read_catalog(options.data) if r.split == "train" and r.mask_kind == "human"]
    averaged = options.averaged
    found: dict[float, list[Counts]] = {odds: [] for odds in ODDS}
    for path in options.fold_weights:
        fold = Fold(**read_card(path).training["fold"])
        items = list(CatalogTiles(tuple(row for row in rows if fold.holds(row.group))))
        for odds in ODDS:
            made = partial(FmaskUnet, path, odds=odds, flip=options.flip)
            detectors = [made(shown_px=item.tile.data[0].size // averaged**2) for item in items]
            found[odds].append([judged(d, item) for d, item in zip(detectors, items, strict=True)])
    print("| odds | " + " | ".join([*VIEWS, "mean"]) + " |")
    print("| --- " * (len(VIEWS) + 2) + "|")
    for odds in ODDS:
        print(line(f"{odds:g}", found[odds]))
    chosen = []
    for k in range(len(options.fold_weights)):
        best = max(ODDS, key=lambda odds: mean(found[odds][:k] + found[odds][k + 1 :]))
        chosen.append(found[best][k])
    print(line("chosen elsewhere", chosen))


def judged(detector: Detector, item: LabelledTile) -> dict[str, Confusion]:
    """Counts by view; without shadow where nobody drew any."""
    mask = clean_up(detector.mask(item.tile), item.tile.gsd_m)
    views = compare(item.mask.classes, mask.classes)
    return {name: c for name, c in views.items() if name != "shadow" or SHADOW in item.labelled}


def boa(folds: Sequence[Counts]) -> dict[str, float]:
    counts = [views for fold in folds for views in fold]
    return {view: pooled([c[view] for c in counts if view in c]).boa for view in VIEWS}


def mean(folds: Sequence[Counts]) -> float:
    return float(np.nanmean(list(boa(folds).values())))


def line(name: str, folds: Sequence[Counts]) -> str:
    figures = [*boa(folds).values(), mean(folds)]
    return f"| {name} | " + " | ".join(f"{x:.3f}" for x in figures) + " |"


if __name__ == "__main__":
    main()
