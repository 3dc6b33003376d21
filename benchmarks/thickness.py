"""How well brightness tells the labellers' thin cloud from their thick cloud.

    python benchmarks/thickness.py DATA_FOLDER

Reads the hand-labelled tiles of split ``train``; prints the balanced accuracy of every limit on the
pixels that Fmask and the labels both call cloud, the tiles having equal weight.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from kumosan.datasets import read, read_mask
from kumosan.datasets.bands import BLUE, GREEN, RED, BandSet
from kumosan.detection.fmask import Fmask
from kumosan.detection.thickness import MAX_THIN

PER_TILE = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds catalog.json")
    data = parser.parse_args().data
    rng = np.random.default_rng(0)
    brightness, thick = [], []
    for row in json.loads((data / "catalog.json").read_text()):
        if row["split"] != "train" or row["mask_kind"] != "human":
            continue
        tile = read(data / row["image"])
        label = read_mask(data / row["mask"], like=tile)
        both = np.flatnonzero(label.cloud & Fmask(shadow=False).mask(tile).cloud)
        chosen = rng.permutation(both)[:PER_TILE]
        brightness.append(tile.pick(BandSet((BLUE, GREEN, RED))).mean(0).ravel()[chosen])
        thick.append(label.classes.ravel()[chosen] == 1)
    values, truth = np.concatenate(brightness), np.concatenate(thick)
    print("| limit | thick found | thin found | balanced accuracy |\n| --- | --- | --- | --- |")
    for limit in (0.20, 0.25, 0.30, 0.33, MAX_THIN, 0.40, 0.45, 0.50):
        hit, right = (values > limit)[truth].mean(), (values <= limit)[~truth].mean()
        print(f"| {limit:.2f} | {hit:.3f} | {right:.3f} | {(hit + right) / 2:.3f} |")


if __name__ == "__main__":
    main()
