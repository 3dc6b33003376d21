"""What each set of bands is worth to the network: the same weights, fewer bands.

    python benchmarks/bands.py DATA_FOLDER [--split test] [--fold-weights FILE ...]

Prints balanced accuracy against people's labels, pooled over all pixels, and the share of clear
tiles (snow, ice, sand, water among them) that is called cloud or shadow. With ``--fold-weights``
each image is judged by the fold that left it out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from kumosan.datasets.bands import BLUE, CIRRUS, GREEN, NIR, RED, SWIR1, SWIR2, BandSet
from kumosan.datasets.catalog import Row, read_catalog
from kumosan.datasets.tile import CloudMask, Tile
from kumosan.detection.decision import fold_detectors
from kumosan.detection.evaluation import evaluate
from kumosan.detection.metrics import VIEWS, pooled, show
from kumosan.detection.segmenter import Segmenter

SETS = {
    "RGB": (BLUE, GREEN, RED),
    "green, red, NIR": (GREEN, RED, NIR),
    "RGB + NIR": (BLUE, GREEN, RED, NIR),
    "six": (BLUE, GREEN, RED, NIR, SWIR1, SWIR2),
    "all seven": (BLUE, GREEN, RED, NIR, SWIR1, SWIR2, CIRRUS),
}


@dataclass(frozen=True)
class OnBands:
    """A detector that is shown some of a tile's bands."""

    detector: Segmenter
    windows: BandSet
    bands: ClassVar[BandSet] = BandSet((GREEN, RED))

    def mask(self, tile: Tile) -> CloudMask:
        kept = list(tile.bands.locate(self.windows))
        few = Tile(
            tile.data[kept], tile.bands.select(kept), tile.transform, tile.crs, tile.acquired
        )
        return self.detector.mask(few)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds catalog.json")
    parser.add_argument("--split", default="test")
    parser.add_argument("--fold-weights", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    catalog = read_catalog(args.data)
    rows = [r for r in catalog if r.split == args.split and r.mask_kind == "human"]
    network = fold_detectors(args.fold_weights) if args.fold_weights else lambda row: Segmenter()

    def shown(windows: tuple[object, ...]) -> Callable[[Row], OnBands]:
        return lambda row: OnBands(network(row), BandSet(windows))  # type: ignore[arg-type]

    found = evaluate(rows, {name: shown(windows) for name, windows in SETS.items()}, worst=0)
    print("| bands | cloud | shadow | contaminated | false alarms on clear tiles |")
    print("| --- | --- | --- | --- | --- |")
    for name, scores in found.scores.items():
        boa = [show(pooled([s.views[v] for s in scores if v in s.views]).boa) for v in VIEWS]
        clear = pooled(
            [
                s.views["contaminated"]
                for s in scores
                if s.views["contaminated"].tp + s.views["contaminated"].fn == 0
            ]
        )
        alarms = show(clear.fp / clear.n) if clear.n else "-"
        print(f"| {name} | {' | '.join(boa)} | {alarms} |")


if __name__ == "__main__":
    main()
