"""What each set of bands is worth to a mask: the same weights, or the same rule, fewer bands.

    python benchmarks/bands.py DATA_FOLDER [--split test] [--detectors unet hot ...]
        [--fold-weights FILE ...]

Prints balanced accuracy against people's labels, pooled over all pixels, and the share of clear
tiles (snow, ice, sand, water among them) that is called cloud or shadow. A detector is left out of
a set that lacks a band that it needs, and all are judged on the images that have every set. With
``--fold-weights`` each image is judged by the fold of the network ``unet`` that left it out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kumosan.datasets.bands import BLUE, CIRRUS, GREEN, NIR, RED, SWIR1, SWIR2, BandSet
from kumosan.datasets.catalog import Row, read_catalog
from kumosan.datasets.protocols import Detector
from kumosan.datasets.read import read
from kumosan.datasets.tables import table
from kumosan.datasets.tile import CloudMask, Tile
from kumosan.detection import get
from kumosan.detection.decision import fold_detectors
from kumosan.detection.evaluation import Score, evaluate
from kumosan.detection.metrics import VIEWS, pooled, show

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

    detector: Detector
    windows: BandSet

    @property
    def bands(self) -> BandSet:
        return self.detector.bands

    def mask(self, tile: Tile) -> CloudMask:
        kept = list(tile.bands.locate(self.windows))
        few = Tile(
            tile.data[kept], tile.bands.select(kept), tile.transform, tile.crs, tile.acquired
        )
        return self.detector.mask(few)


def shown(give: Callable[[Row], Detector], windows: BandSet) -> Callable[[Row], OnBands]:
    """The detector that ``give`` gives for an image, with the bands of ``windows`` only."""
    return lambda row: OnBands(give(row), windows)


def detectors(name: str, fold_weights: list[Path]) -> Callable[[Row], Detector]:
    """Which detector judges an image."""
    if name == "unet" and fold_weights:
        return fold_detectors(fold_weights)
    made = get(name)
    return lambda row: made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds catalog.json")
    parser.add_argument("--split", default="test")
    parser.add_argument("--detectors", nargs="+", default=["unet"])
    parser.add_argument("--fold-weights", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    rows = [r for r in read_catalog(args.data) if r.split == args.split]
    rows = [r for r in rows if r.mask_kind == "human"]
    every = BandSet(tuple(dict.fromkeys(w for windows in SETS.values() for w in windows)))
    rows = [r for r in rows if not read(r.image).bands.missing(every)]
    head = ("detector", "bands", "images", *VIEWS, "false alarms on clear tiles")
    print(table([head]))
    for name in args.detectors:
        give = detectors(name, args.fold_weights)
        sets = {key: shown(give, BandSet(windows)) for key, windows in SETS.items()}
        for bands, scores in evaluate(rows, sets, worst=0).scores.items():
            if scores:
                print(f"| {name} | {bands} | {len(scores)} | {figures(scores)} |", flush=True)


def figures(scores: Sequence[Score]) -> str:
    """Balanced accuracies by view, and false alarms."""
    boa = [show(pooled([s.views[v] for s in scores if v in s.views]).boa) for v in VIEWS]
    seen = [s.views["contaminated"] for s in scores]
    clear = pooled([c for c in seen if c.tp + c.fn == 0])
    return " | ".join([*boa, show(clear.fp / clear.n) if clear.n else "-"])


if __name__ == "__main__":
    main()
