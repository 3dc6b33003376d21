"""Score what other scenes taught on tiles without a clear pixel, under clouds whose truth is known.

    python benchmarks/overcast.py DATA_FOLDER [--split test] [--seed 0 1]

The clouds are those of ``fills.py``, laid over the whole tile. On split ``train`` each tile is
judged by relations fitted without its quarter of the places; on split ``test``, by those that come
with kumosan. What they leave unfilled counts as it is.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy: thread pools that fight cost 10 x

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fills import clear_tiles, cloudify, factors, judge, table

from kumosan.datasets.splits import Fold
from kumosan.datasets.tile import Tile
from kumosan.gan.identity import Identity
from kumosan.gan.taught import PACKAGED, Taught
from kumosan.gan.teaching import teach

KINDS = ("haze", "thin", "shadow")
FOLDS = 4


def tiles(folder: Path, split: str, size: int, keep: Path) -> Iterator[tuple[Path, int, Tile]]:
    """Weights that have not seen a tile, its number, and the tile."""
    if split == "test":
        for number, tile in clear_tiles(folder, split, size):
            yield PACKAGED, number, tile
        return
    for k in range(FOLDS):
        weights, fold = keep / f"relations_{k}.safetensors", Fold(k, FOLDS)
        if not weights.exists():
            keep.mkdir(parents=True, exist_ok=True)
            teach(folder, weights, fold=fold)
        for number, tile in clear_tiles(folder, split, size, fold):
            yield weights, number, tile


def cases(
    weights: Path, number: int, tile: Tile, seed: int, min_confidence: float | None
) -> Iterator[dict[str, Any]]:
    """One record for each kind of cloud, left and corrected."""
    for kind in KINDS:
        rng = np.random.default_rng([seed, number, len(kind), ord(kind[-1])])
        cloudy, mask = cloudify(tile, kind, rng, cover=1.0)
        taught = Taught.of(cloudy, mask, weights)
        if min_confidence is not None:
            taught = replace(taught, min_confidence=min_confidence)
        for name, filler in (("identity", Identity()), ("other scenes", taught)):
            facts = judge(tile, filler.fill(cloudy, mask), mask)
            head = {"tile": Path(tile.path or "").stem, "kind": kind, "method": name}
            yield head | {"seconds": 0.0} | facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with catalog.json")
    parser.add_argument("--split", choices=("train", "test"), default="train")
    parser.add_argument("--size", type=int, default=256, help="side of the tiles in pixels")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="of the clouds; several")
    parser.add_argument("--min-confidence", type=float, help="below it nothing is done")
    parser.add_argument("--keep", type=Path, default=Path("overcast"), help="folder of the fits")
    options = parser.parse_args()
    records = []
    for weights, number, tile in tiles(options.data, options.split, options.size, options.keep):
        for seed in options.seed:
            for record in cases(weights, number, tile, seed, options.min_confidence):
                records.append(record)
                print({k: record[k] for k in ("tile", "kind", "method", "rmse")}, flush=True)
    print(
        f"\nmedians, split {options.split}\n\n{table(records, ('identity', 'other scenes'), KINDS)}"
    )
    print(f"\n90 % intervals\n\n{factors(records)}")


if __name__ == "__main__":
    main()
