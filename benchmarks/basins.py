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
from blend import boa, judged

from kumosan.datasets.catalog import CatalogTiles, read_catalog
from kumosan.datasets.coarse import averaged_tile
from kumosan.datasets.tile import CLEAR, SHADOW, ByteArray, Tile
from kumosan.detection import fmask_shadow
from kumosan.detection.fmask import Fmask
from kumosan.detection.metrics import VIEWS
from kumosan.synthesis.demo import demo_pair

SIDE = 1220


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with catalog.json")
    options = parser.parse_args()
    rows = [r for r in read_catalog(options.data) if r.split == "train" and r.mask_kind == "human"]
    items, pair = list(CatalogTiles(tuple(rows))), demo_pair(shape=(SIDE, SIDE))
    print("| k | " + " | ".join([*VIEWS, "shadow, drawn, 20 m", "40 m"]) + " |")
    print("| --- " * (len(VIEWS) + 3) + "|")
    for k in (1, 2, 3, 4, 6):
        fmask_shadow.FILLED_PX = items[0].tile.data[0].size / k**2  # they are of one size
        found = list(boa([[judged(Fmask(), item) for item in items]]).values())
        found += [drawn(pair.cloudy, pair.mask.classes, k, averaged) for averaged in (1, 2)]
        print(f"| {k} | " + " | ".join(f"{x:.3f}" for x in found) + " |", flush=True)


def drawn(tile: Tile, truth: ByteArray, k: int, averaged: int) -> float:
    """Mean of the shadow that is found and of the clear ground that is not called shadow."""
    small = averaged_tile(tile, averaged, range(len(tile.bands)))
    fmask_shadow.FILLED_PX = small.data[0].size / k**2
    found, truth = Fmask().mask(small).classes == SHADOW, truth[::averaged, ::averaged]
    return float(np.mean([found[truth == SHADOW].mean(), 1 - found[truth == CLEAR].mean()]))


if __name__ == "__main__":
    main()
