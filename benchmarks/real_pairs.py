"""Score fillers on real cloudy images beside a clear image of another date.

    python benchmarks/real_pairs.py DATA_FOLDER [--split test] [--seed 0 1] [--fillers auto ...]

DATA_FOLDER holds ``catalog.json``; its pairs are a row of role "cloudy" and one of role "clear" of
one group, on one grid. The mask is that of ``--detector``, with a buffer of 2 pixels. The clear
date is brought to the radiometry of the cloudy one by a straight line a band, fitted where both are
clear; so it is no exact truth: ground changes, and the row "change" tells how far both dates differ
where both are clear. Intervals are widened by that, band by band.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy: thread pools that fight cost 10 x

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kumosan import detection, gan
from kumosan.datasets import read
from kumosan.datasets.catalog import read_catalog
from kumosan.datasets.tile import CLEAR, SHADOW, THICK, THIN, CloudMask, FilledTile, Tile
from kumosan.detection.postprocess import buffer, clean_up
from kumosan.gan.calibration import Z90
from kumosan.gan.metrics import reflectances, rmse
from kumosan.gan.real_pairs import DatePair, date_pairs, matched
from kumosan.gan.relation import expected_error

BUFFER_PX = 2
LEAST_CLEAR = 1000
"""Pixels clear in both, below which a pair is not judged."""
CLASSES = {"thin": THIN, "thick": THICK, "shadow": SHADOW}
SEEDED = ("regression", "adaptive", "auto")


@dataclass(frozen=True)
class Pair:
    """A cloudy image, and what it would be without clouds, nearly."""

    name: str
    """Stems of the cloudy and the clear image."""
    cloudy: Tile
    mask: CloudMask
    truth: Tile
    known: NDArray[np.bool_]
    """(y, x) where the other date is clear."""
    change: NDArray[np.float64]
    """(reflective band,) RMSE between both where both are clear."""


def pairs(folder: Path, split: str, detector: str) -> Iterator[Pair]:
    """The pairs of a split."""
    for dates in date_pairs(r for r in read_catalog(folder) if r.split == split):
        dates.check()
        one = pair(dates, detector)
        if one is not None:
            yield one


def pair(dates: DatePair, detector: str) -> Pair | None:
    """One pair; None if the images share too little clear ground."""
    tile, other = (read(row.image) for row in dates)
    mask, seen = (found(t, detector) for t in (tile, other))
    known = other.valid & (seen.classes == CLEAR)
    both = known & tile.valid & (mask.classes == CLEAR)
    truth = matched(tile, mask, other, known)
    if truth is None or np.count_nonzero(both) < LEAST_CLEAR:
        return None
    a, b = reflectances(truth, tile, both)
    change = np.sqrt(np.mean((a - b) ** 2, axis=1))
    return Pair(Path(dates.cloudy.id).stem, tile, mask, truth, known, change)


def found(tile: Tile, detector: str) -> CloudMask:
    """The mask that `kumosan clean` would fill."""
    _, method = detection.choose(tile, detector)
    mask = clean_up(method.mask(tile), tile.gsd_m)
    return replace(mask, classes=buffer(mask.classes, BUFFER_PX))


def line(one: Pair, done: FilledTile, code: int) -> list[str]:
    """Cells of one filler and class."""
    where = one.known & (one.mask.classes == code)
    visible = [b.center_nm < 700 for b in one.cloudy.bands if b.kind == "reflective"]
    true, made = reflectances(one.truth, done.tile, where)
    cells = [f"{rmse(true, made):.4f} / {rmse(true[visible], made[visible]):.4f}"]
    count = np.count_nonzero(where)
    where &= done.filled & one.truth.valid & one.cloudy.valid
    cells.append(f"{np.count_nonzero(where) / max(count, 1):.2f}")
    true, made = reflectances(one.truth, done.tile, where)
    expected = expected_error(done.confidence[where])
    width = Z90 * np.hypot(expected, one.change[:, None])
    held = f"{100 * np.mean(np.abs(made - true) <= width):.0f} %" if true.size else ""
    return [*cells, held]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with catalog.json")
    parser.add_argument("--split", choices=("train", "test"), default="train")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="of fillers that draw")
    fillers = ["identity", "nearest", "idw", "hot", "regression", "adaptive", "auto"]
    parser.add_argument("--fillers", nargs="*", default=fillers)
    options = parser.parse_args()
    print("| pair | class | pixels | filler | seed | RMSE all / visible bands | filled | in 90 % |")
    print("|---|---|---|---|---|---|---|---|")
    for one in pairs(options.data, options.split, options.detector):
        both = f"{np.sqrt(np.mean(one.change**2)):.4f}"
        print(f"| {one.name} | clear | | change | | {both} | | |")
        for name in options.fillers:
            for seed in options.seed if name in SEEDED else options.seed[:1]:
                settings = {"seed": seed} if name in SEEDED else {}
                done = gan.get(name, **settings).fill(one.cloudy, one.mask)
                for kind, code in CLASSES.items():
                    count = np.count_nonzero(one.known & (one.mask.classes == code))
                    if count:
                        head = [one.name, kind, str(count), name, str(seed)]
                        print(f"| {' | '.join([*head, *line(one, done, code)])} |", flush=True)


if __name__ == "__main__":
    main()
