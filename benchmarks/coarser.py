"""What it costs to run the network on coarser pixels: ``--network-m`` against the full grid.

    python benchmarks/coarser.py DATA --weights FILE [--factor 2] [--json-out FILE]

On the tiles of split ``train`` that people labelled (never on ``test``), and on made pairs whose
mask is known: balanced accuracy and intersection over union of each view on the full grid, with
coarser pixels brought back linearly, and along the edges of the image. Weights that were trained on
these tiles flatter all three alike: compare the columns, not the level.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from unittest.mock import patch

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, str(len(os.sched_getaffinity(0))))

from collections.abc import Iterator

from kumosan.datasets.catalog import CatalogTiles, read_catalog
from kumosan.datasets.tile import ByteArray, FloatArray, Tile
from kumosan.detection import guided as guided_module
from kumosan.detection.inputs import resized
from kumosan.detection.metrics import VIEWS, Confusion, compare, pooled
from kumosan.detection.segmenter import Segmenter
from kumosan.synthesis.demo import demo_pair


def linear(p: FloatArray, coarse: FloatArray, fine: FloatArray) -> FloatArray:
    return resized(p, (fine.shape[0], fine.shape[1]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--factor", type=float, default=2.0)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--json-out", type=Path)
    options = parser.parse_args()
    found = {}
    for kind, tiles in (("labelled", labelled(options.data)), ("painted", painted(options.pairs))):
        counts: dict[str, dict[str, list[Confusion]]] = defaultdict(lambda: defaultdict(list))
        took: dict[str, float] = defaultdict(float)
        for tile, truth in tiles:
            network_m = options.factor * (tile.gsd_m or 30.0)
            full = Segmenter(options.weights)
            coarse = Segmenter(options.weights, network_m=network_m)
            for name, segmenter in (("full", full), ("linear", coarse), ("guided", coarse)):
                began = time.perf_counter()
                if name == "linear":
                    with patch.object(guided_module, "guided", linear):
                        mask = segmenter.mask(tile)
                else:
                    mask = segmenter.mask(tile)
                took[name] += time.perf_counter() - began
                for view, confusion in compare(truth, mask.classes).items():
                    counts[name][view].append(confusion)
        found[kind] = {
            name: {
                "seconds": round(took[name], 2),
                **{
                    f"{view} {measure}": round(getattr(pooled(views[view]), measure), 4)
                    for view in VIEWS
                    for measure in ("boa", "iou")
                },
            }
            for name, views in counts.items()
        }
        for name, row in found[kind].items():
            print(f"{kind:9}{name:8}", *(f"{key} {value:<8}" for key, value in row.items()))
    if options.json_out:
        options.json_out.write_text(json.dumps(found, indent=1))
    return 0


def labelled(data: Path) -> Iterator[tuple[Tile, ByteArray]]:
    rows = tuple(
        r
        for r in read_catalog(data)
        if r.split == "train" and r.mask and r.mask_kind.startswith("human")
    )
    for item in CatalogTiles(rows):
        if item.mask is not None:
            yield item.tile, item.mask.classes


def painted(count: int) -> Iterator[tuple[Tile, ByteArray]]:
    for seed in range(count):
        pair = demo_pair(seed=100 + seed)
        yield pair.cloudy, pair.mask.classes


if __name__ == "__main__":
    sys.exit(main())
