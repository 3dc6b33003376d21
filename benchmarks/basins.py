"""What it costs to fill Fmask's dark basins on a coarser grid, as is done for large scenes.

    python benchmarks/basins.py DATA_FOLDER

By k, pixels along the side of what counts as one: balanced accuracies of `fmask` on the
hand-labelled images of split train (256 x 256 pixels of 30 m; pixels pooled), and of shadow in a
drawn scene of 1220 x 1220 pixels of 20 m, as it is and averaged to 40 m, as a large scene is shown
to `fmask-unet`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from kumosan.datasets.catalog import CatalogTiles, read_catalog
from kumosan.datasets.coarse import averaged_tile
from kumosan.datasets.labelled import LabelledTile
from kumosan.datasets.tile import CLEAR, SHADOW, ByteArray, CloudMask, Tile
from kumosan.detection import fmask_shadow
from kumosan.detection.fmask import Fmask
from kumosan.detection.metrics import VIEWS, compare, pooled
from kumosan.detection.postprocess import clean_up
from kumosan.synthesis.demo import demo_pair

SIDE = 1220


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with catalog.json")
    options = parser.parse_args()
    rows = [r for r in read_catalog(options.data) if r.split == "train" and r.mask_kind == "human"]
    items = list(CatalogTiles(tuple(rows)))
    pair = demo_pair(shape=(SIDE, SIDE))
    print("| k | " + " | ".join([*VIEWS, "shadow, drawn, 20 m", "40 m"]) + " |")
    print("| --- " * (len(VIEWS) + 3) + "|")
    for k in (1, 2, 3, 4, 6):
        found = [
            *labelled(items, k),
            *(drawn(pair.cloudy, pair.mask.classes, k, n) for n in (1, 2)),
        ]
        print(f"| {k} | " + " | ".join(f"{x:.3f}" for x in found) + " |", flush=True)


def labelled(items: list[LabelledTile], k: int) -> list[float]:
    """Balanced accuracy of each view; shadow where somebody drew it."""
    counts: dict[str, list] = {view: [] for view in VIEWS}
    for item in items:
        found = compare(item.mask.classes, clean_up(masked(item.tile, k), item.tile.gsd_m).classes)
        for view in VIEWS:
            if view != "shadow" or SHADOW in item.labelled:
                counts[view].append(found[view])
    return [pooled(counts[view]).boa for view in VIEWS]


def drawn(tile: Tile, truth: ByteArray, k: int, averaged: int) -> float:
    """Mean of the shadow that is found and of the clear ground that is not called shadow."""
    small = averaged_tile(tile, averaged, range(len(tile.bands)))
    found, truth = masked(small, k).classes == SHADOW, truth[::averaged, ::averaged]
    return float(np.mean([found[truth == SHADOW].mean(), 1 - found[truth == CLEAR].mean()]))


def masked(tile: Tile, k: int) -> CloudMask:
    fmask_shadow.FILLED_PX = tile.data[0].size / k**2
    return Fmask().mask(tile)


if __name__ == "__main__":
    main()
