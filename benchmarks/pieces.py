"""What each piece of the generator is worth: short trainings, judged where none of them was.

    python benchmarks/pieces.py DATA_FOLDER [--fold 0/4] [-o FOLDER]

``pieces.toml`` says what is changed. All are trained on the same painted samples in the same order
and for as many steps, then judged by ``fills.py`` on the tiles of the fold, beside the first guess
alone. Trainings that were stopped go on.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy: thread pools that fight cost 10 x

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from fills import KINDS, clear_tiles, cloudify, factors, judge, table

from kumosan import gan
from kumosan.datasets.bands import BandSet
from kumosan.datasets.configuration import read_toml, validated
from kumosan.datasets.fitting import WEIGHTS
from kumosan.datasets.protocols import Filler
from kumosan.datasets.tile import CloudMask, FilledTile, Tile
from kumosan.datasets.weights import load_weights, read_card, save_weights
from kumosan.gan.network_filler import NetworkFiller
from kumosan.gan.train_config import GanConfig
from kumosan.gan.training import Run
from kumosan.scripts.train import fold_of

ASKED = Path(__file__).with_name("pieces.toml")


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with what ``over`` says instead; tables are merged, but for ``loss``."""
    out = dict(base)
    for key, value in over.items():
        deep = isinstance(value, Mapping) and isinstance(out.get(key), Mapping) and key != "loss"
        out[key] = merged(out[key], value) if deep else value
    return out


def configs() -> dict[str, GanConfig]:
    """The trainings by name."""
    asked = read_toml(ASKED)
    base = merged(read_toml(ASKED.parent / asked["base"]), {"training": asked["training"]})
    return {
        name: validated(GanConfig, merged(base, over), name, "docs/gan.md")
        for name, over in asked["pieces"].items()
    }


@dataclass(frozen=True)
class Given:
    """A fill that was made before: all networks start from the same one."""

    bands: ClassVar[BandSet] = BandSet(())

    done: FilledTile

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        return self.done


def judged(
    tiles: Sequence[tuple[int, Tile]], seed: int, kind: str, paths: Mapping[str, Path]
) -> Iterator[dict[str, Any]]:
    """One record for each tile and network, and for the first guess alone."""
    for number, tile in tiles:
        rng = np.random.default_rng([seed, number, len(kind), ord(kind[-1])])
        cloudy, mask = cloudify(tile, kind, rng)
        guesses = [Given(gan.get(n).fill(cloudy, mask)) for n in ("auto-far", "idw-far")]
        fillers: dict[str, Filler] = {"auto-far": guesses[0]}
        for name, path in paths.items():
            starts = read_card(path).training["prior"]
            both = {"prior": guesses[0], "second": guesses[1]} if starts else {}
            fillers[name] = NetworkFiller(path, others=None if starts else guesses[0], **both)
        for name, filler in fillers.items():
            head = {"tile": Path(tile.path or "").stem, "seed": seed, "kind": kind, "method": name}
            yield head | {"seconds": 0.0} | judge(tile, filler.fill(cloudy, mask), mask)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with catalog.json")
    parser.add_argument("--fold", type=fold_of, default=fold_of("0/4"), help="K/N, left out")
    parser.add_argument("-o", "--output", type=Path, default=Path("pieces"))
    parser.add_argument("--size", type=int, default=256, help="side of the tiles in pixels")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="of the clouds; several")
    parser.add_argument("--pieces", nargs="*", default=list(configs()), help="some of them")
    parser.add_argument("--fill-weights", type=Path, help="judged too, as 'gan'")
    parser.add_argument("--ship", type=Path, help="write those with their scores to this file")
    options = parser.parse_args()
    out = options.output
    out.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name in options.pieces:
        config, folder = configs()[name], out / name.replace(" ", "_")
        paths[name] = folder / WEIGHTS
        if not paths[name].exists():
            print(f"training: {name}", flush=True)
            keep = out / "paintings"
            Run(config, folder, options.data, fold=options.fold, paintings=keep).train()
    if options.fill_weights:
        paths["gan"] = options.fill_weights
    tiles = list(clear_tiles(options.data, "train", options.size, options.fold))
    records = []
    with (out / "cases.jsonl").open("w") as log:
        for seed in options.seed:
            for kind in KINDS:
                for record in judged(tiles, seed, kind, paths):
                    records.append(record)
                    print(json.dumps(record), file=log, flush=True)
    print(table(records, ["auto-far", *paths], KINDS))
    print(f"\n90 % intervals\n\n{factors(records)}")
    if options.fill_weights and options.ship:
        card, state = load_weights(options.fill_weights, "generator")
        card = replace(card, scores={"clouds of benchmarks/fills.py": scores(records)})
        save_weights(options.ship, state, card, overwrite=True)


def scores(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """By kind of cloud, the median RMSE of the network and of its first guess, on places that
    it had not seen."""
    return {
        kind: {
            name: round(float(np.median(errors)), 4)
            for name in ("auto-far", "gan")
            if (errors := [r["rmse"] for r in records if (r["method"], r["kind"]) == (name, kind)])
        }
        for kind in KINDS
    }


if __name__ == "__main__":
    main()
