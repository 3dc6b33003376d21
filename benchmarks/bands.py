"""What each set of bands is worth to a mask: the same weights, or the same rule, fewer bands.

    python benchmarks/bands.py DATA_FOLDER [--split test] [--detectors unet hot ...]
        [--fold-weights FILE ...]

Prints balanced accuracy against people's labels, pooled over all pixels, and the share of clear
tiles (snow, ice, sand, water among them) that is called cloud or shadow; then the same of every set
less that of a detector's first. Brackets hold 95 % intervals of a bootstrap over places; those of
differences draw the same places for both sets. A detector is left out of a set that lacks a band
that it needs, and all are judged on the images that have every set. With ``--fold-weights`` each
image is judged by the fold of the network that left it out.
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
from kumosan.detection import DETECTORS, NETWORKS, get
from kumosan.detection.bootstrap import intervals, intervals_of_differences
from kumosan.detection.decision import fold_detectors
from kumosan.detection.evaluation import Score, evaluate
from kumosan.detection.metrics import VIEWS, Confusion, pooled

SETS = {
    "RGB": (BLUE, GREEN, RED),
    "green, red, NIR": (GREEN, RED, NIR),
    "RGB + NIR": (BLUE, GREEN, RED, NIR),
    "six": (BLUE, GREEN, RED, NIR, SWIR1, SWIR2),
    "all seven": (BLUE, GREEN, RED, NIR, SWIR1, SWIR2, CIRRUS),
}

ALARMS = "false alarms on clear tiles"


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
    if name in NETWORKS and fold_weights:
        return fold_detectors(fold_weights, DETECTORS[name])
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
    head = ("detector", "bands", *VIEWS, ALARMS)
    print(table([head]))
    pairs: list[str] = []
    places = dict.fromkeys((*VIEWS, ALARMS), 0)
    for name in args.detectors:
        give = detectors(name, args.fold_weights)
        sets = {key: shown(give, BandSet(windows)) for key, windows in SETS.items()}
        found = {b: scores for b, scores in evaluate(rows, sets, worst=0).scores.items() if scores}
        for bands, scores in found.items():
            print(f"| {name} | {bands} | {figures(scores)} |", flush=True)
        if not found:
            continue
        (first, base), *others = found.items()
        places = {part: len({place for place, _ in c}) for part, c in parts(base).items()}
        pairs += [f"| {name} | {b} | {first} | {differences(s, base)} |" for b, s in others]
    told = ", ".join(f"{part}: {count}" for part, count in places.items())
    print(f"\n{len(rows)} images; places that a figure is of: {told}\n")
    print(table([("detector", "bands", "less", *head[2:])]))
    print("\n".join(pairs))


Counted = list[tuple[str, Confusion]]
"""Place and counts of each image."""


def parts(scores: Sequence[Score]) -> dict[str, Counted]:
    """By column: what its measure is taken of. False alarms are what clear tiles lose to cloud."""
    found = {v: [(s.row.group, s.views[v]) for s in scores if v in s.views] for v in VIEWS}
    clear = [(place, c) for place, c in found["contaminated"] if c.tp + c.fn == 0]
    return {**found, ALARMS: [(place, Confusion(tp=c.fp, fn=c.tn)) for place, c in clear]}


def measure(part: str) -> str:
    return "pa" if part == ALARMS else "boa"


def figures(scores: Sequence[Score]) -> str:
    """Balanced accuracies by view, and false alarms."""
    cells = []
    for part, counted in parts(scores).items():
        m = measure(part)
        value = getattr(pooled(c for _, c in counted), m)
        cells.append(cell(value, *intervals(counted, (m,))[m]))
    return " | ".join(cells)


def differences(one: Sequence[Score], other: Sequence[Score]) -> str:
    """What the first has more than the second, on the same images."""
    cells = []
    for (part, here), there in zip(parts(one).items(), parts(other).values(), strict=True):
        m = measure(part)
        both = [(place, a, b) for (place, a), (_, b) in zip(here, there, strict=True)]
        a, b = (getattr(pooled(c for _, c in counted), m) for counted in (here, there))
        cells.append(cell(a - b, *intervals_of_differences(both, (m,))[m], sign="+"))
    return " | ".join(cells)


def cell(value: float, low: float, high: float, sign: str = "-") -> str:
    """A figure with its interval, as far as there is one."""
    if value != value:
        return "-"
    value, low, high = (round(v, 3) + 0.0 for v in (value, low, high))
    within = f" ({low:{sign}.3f} to {high:{sign}.3f})" if low == low else ""
    return f"{value:{sign}.3f}{within}"


if __name__ == "__main__":
    main()
