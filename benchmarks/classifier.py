"""Judge the patch classifier on the hand-labelled images of a catalogue.

    python benchmarks/classifier.py DATA_FOLDER [--split test] [--size 64] [--weights FILE]

Images are cut into patches; a patch is cloudy if more than 5 % of it is labelled cloud, thin cloud
or shadow. Where nobody drew shadows only cloud counts. AUC: how often a clear patch is ranked
before a cloudy one. The interval is 90 % of 1000 draws of whole images, since patches of one image
are alike. Held-out scores of the training are those in the weights' card.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, BandSet
from kumosan.datasets.catalog import read_catalog
from kumosan.datasets.tile import Tile
from kumosan.datasets.weights import read_card
from kumosan.detection.classifier import Classifier
from kumosan.detection.classifier_data import patches_of
from kumosan.detection.patch_decision import auc

INPUTS = {
    "all bands": None,
    "blue, green, red, NIR": BandSet((BLUE, GREEN, RED, NIR)),
    "blue, green, red": BandSet((BLUE, GREEN, RED)),
}


def main() -> int:
    args = parser().parse_args()
    rows = [
        r
        for r in read_catalog(args.data)
        if r.split == args.split and r.mask and r.mask_kind.startswith("human")
    ]
    classifier = Classifier(args.weights)
    patches = [(r.id, tile, clear) for r in rows for tile, clear in patches_of(r, args.size)]
    images = np.array([name for name, _, _ in patches])
    clear = np.array([c for _, _, c in patches])
    print(
        f"{len(rows)} images of split {args.split}, {len(patches)} patches of {args.size} px, "
        f"{clear.sum()} clear; threshold {classifier.decision:.3f}\n"
    )
    print("| input | AUC | 90 % interval | precision of clear | recall of clear |")
    print("| --- | --- | --- | --- | --- |")
    for name, bands in INPUTS.items():
        p = np.array([classifier.clear_probability(only(tile, bands)) for _, tile, _ in patches])
        low, high = interval(p, clear, images)
        called = p >= classifier.decision
        precision = clear[called].mean() if called.any() else float("nan")
        print(
            f"| {name} | {auc(p, clear):.3f} | {low:.3f} to {high:.3f} "
            f"| {precision:.3f} | {called[clear].mean():.3f} |"
        )
    print(f"\nHeld-out places of the training: {json.dumps(read_card(classifier.path).scores)}")
    return 0


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    out.add_argument("data", type=Path, help="folder that holds catalog.json")
    out.add_argument("--split", default="test")
    out.add_argument("--size", type=int, default=64)
    out.add_argument("--weights", type=Path)
    return out


def only(tile: Tile, bands: BandSet | None) -> Tile:
    """The tile with those bands alone."""
    if bands is None:
        return tile
    places = tile.bands.locate(bands)
    return replace(tile, data=tile.data[list(places)], bands=tile.bands.select(places))


def interval(p: np.ndarray, clear: np.ndarray, images: np.ndarray) -> tuple[float, float]:
    """5th and 95th percentile of the AUC when whole images are drawn with replacement."""
    rng, names = np.random.default_rng(0), np.unique(images)
    where = {name: np.flatnonzero(images == name) for name in names}
    found = []
    for _ in range(1000):
        i = np.concatenate([where[name] for name in rng.choice(names, len(names))])
        if 0 < clear[i].sum() < len(i):
            found.append(auc(p[i], clear[i]))
    low, high = np.percentile(found, [5, 95])
    return float(low), float(high)


if __name__ == "__main__":
    sys.exit(main())
