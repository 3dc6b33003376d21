"""What choosing tiles to label saves: cloud IoU on held-out places against the number of labels.

    python benchmarks/learning_curve.py DATA --config benchmarks/label_loop.toml
    python benchmarks/learning_curve.py --made 24 --config benchmarks/label_loop.toml

Of the hand-labelled tiles of split ``train`` (never ``test``) a third of the places is held out.
With ``--made`` the tiles are landscapes under painted clouds, whose truth is known to the pixel.
For each seed, training starts from the same few tiles drawn by chance; then tiles are added by
`suggest` (entropy x diversity) or by chance, and the network is trained anew on what is labelled.
The configuration has one source of kind ``labelled``, and others as it likes.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kumosan.datasets.catalog import CatalogTiles, Row, read_catalog
from kumosan.datasets.labels.decisions import DROP, KEEP, write_decisions
from kumosan.datasets.write import write_mask, write_tile
from kumosan.detection.metrics import compare, pooled
from kumosan.detection.segmenter import Segmenter
from kumosan.detection.segmenter_training import Run
from kumosan.detection.suggest import suggest
from kumosan.detection.train_config import SegmenterConfig, read_config
from kumosan.detection.train_data import Fold
from kumosan.synthesis.composite import cloudify
from kumosan.synthesis.landscapes import Landscapes
from kumosan.synthesis.sampler import CloudSampler

KINDS = ("cumulus", "broken", "mixed", "stratus", "frontal", "cirrus", "haze", "fog")
"""Painted on made tiles."""


def trained(
    config: SegmenterConfig, data: Path, labelled: Sequence[Row], out: Path, seed: int, fold: Fold
) -> Path:
    """Weights of a network that knows the labels of ``labelled`` alone."""
    out.mkdir(parents=True)
    names = {row.id for row in labelled}
    every = [(row.id, KEEP if row.id in names else DROP, "") for row in read_catalog(data)]
    write_decisions(out / "decisions.csv", every)
    sources = tuple(
        replace(s, decisions=str(out / "decisions.csv")) if s.kind == "labelled" else s
        for s in config.sources
    )
    return Run(replace(config, sources=sources), out, data, seed, fold).train()


def iou(weights: Path, rows: Sequence[Row]) -> float:
    """Of cloud, all pixels of the held-out images pooled."""
    detector = Segmenter(weights)
    return pooled(
        compare(item.mask.classes, detector.mask(item.tile).classes)["cloud"]
        for item in CatalogTiles(tuple(rows))
        if item.mask is not None
    ).iou


def curve(args: argparse.Namespace, config: SegmenterConfig, seed: int) -> list[dict[str, Any]]:
    """Both ways of adding tiles, from the same start."""
    fold = Fold(seed % 3, 3)
    rows = [
        r for r in read_catalog(args.data)
        if r.split == "train" and r.mask and r.mask_kind.startswith("human")
    ]  # fmt: skip
    held = [r for r in rows if fold.holds(r.group)]
    pool = [r for r in rows if not fold.holds(r.group)]
    start = np.random.default_rng(seed).permutation(len(pool)).tolist()
    out: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for how in ("random", "suggest"):
            taken, weights = start[: args.steps[0]], Path()
            for size in args.steps:
                if len(taken) < size:
                    rest = [i for i in start if i not in taken]
                    more = size - len(taken)
                    if how == "suggest":
                        tiles = [CatalogTiles((pool[i],))[0].tile for i in rest]
                        rest = [rest[s.number] for s in suggest(tiles, [Segmenter(weights)], more)]
                    taken = taken + rest[:more]
                place = Path(folder) / f"{how}-{size}"
                chosen = [pool[i] for i in taken]
                weights = trained(config, args.data, chosen, place, seed, fold)
                point = {"seed": seed, "how": how, "labels": len(taken)}
                out.append(point | {"iou": round(iou(weights, held), 4)})
    return out


def make(folder: Path, count: int, size: int = 192) -> Path:
    """A catalogue of landscapes under painted clouds, each a place of its own."""
    sampler, rows = CloudSampler(KINDS), []
    for number, tile in enumerate(Landscapes(count, size, seed=0)):
        pair = cloudify(tile, sampler, rng=np.random.default_rng(number))
        write_tile(folder / f"{number}.tif", pair.cloudy)
        write_mask(folder / f"{number}_mask.tif", pair.mask)
        rows.append(
            {
                "image": f"{number}.tif", "mask": f"{number}_mask.tif", "split": "train",
                "group": str(number), "sensor": "made", "mask_kind": "human",
                "classes_labelled": "clear, thick cloud, thin cloud, cloud shadow",
            }
        )  # fmt: skip
    (folder / "catalog.json").write_text(json.dumps(rows))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--made", type=int, default=0, help="tiles to make in place of DATA")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, nargs="+", default=[2, 4, 8, 16])
    args = parser.parse_args()
    config = read_config(SegmenterConfig, args.config, "segmenter")
    with tempfile.TemporaryDirectory() as folder:
        if args.made:
            args.data = make(Path(folder), args.made)
        points = [point for seed in range(args.seeds) for point in curve(args, config, seed)]
    print(json.dumps(points, indent=1))


if __name__ == "__main__":
    main()
