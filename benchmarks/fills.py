"""Score the rule-based fillers on clear tiles under clouds whose truth is known.

    python benchmarks/fills.py DATA_FOLDER [--split test] [--seed 0 1 2] [--fillers telea ...]

DATA_FOLDER holds ``catalog.json``. Choose on split ``train``, which is the default; ``test`` is for
the report. The clouds are painted here, by a model of its own: opacity from Gaussian-filtered
noise, blended linearly with a cloud colour; shadow a smooth factor that falls with wavelength. No
filler knows it: those that learn from painted clouds are taught with two-stream clouds from
Perlin noise and with veils of Angstrom's law. "identity" leaves the cloud as it is, "nearest"
copies the nearest clear pixel: a filler that ignores opacity loses to one of the two.
"""

from __future__ import annotations

import os
import sys

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy: thread pools that fight cost 10 x

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kumosan import gan
from kumosan.datasets import read
from kumosan.datasets.tile import CLEAR, SHADOW, THICK, THIN, CloudMask, Tile
from kumosan.gan.metrics import reflectances, rmse

CLEAR_TILES = (
    "l8biome_Barren_00", "l8biome_Barren_08", "l8biome_SnowIce_00", "l8biome_Wetlands_01",
    "l8biome_Water_01", "dsen2_T33UUB", "dsen2_T49JGM", "scg_clear", "sia_pilbara_s2_20181201",
    "sia_aquileia", "sia_betsiboka_l8_20170118",
)  # fmt: skip
"""Stems of clear train tiles: coast, desert, snow, wetland, water, fields, sand."""

TEST_TILES = ("l8biome_Shrubland_01", "sen12mscr_p797_clear", "eolearn_slovenia_20150830")
"""Stems of test tiles that the catalogue calls clear: shrubs, fields, a lake and woods."""
ENMAP = (("064_000", "096_000", "128_000"), ("064_032", "096_032", "128_032"))
"""Tiles of split test that together are 64 x 96 pixels of one clear scene in 224 bands."""

KINDS = ("haze", "thin", "thick", "shadow")

Array = NDArray[np.float32]


def load(path: Path, size: int) -> Tile:
    """The central ``size`` x ``size`` pixels of a catalogue image, in reflectance."""
    tile = read(path)
    (height, width) = tile.shape
    top, left = max(height - size, 0) // 2, max(width - size, 0) // 2
    data = tile.data[:, top : top + size, left : left + size]
    return Tile(np.ascontiguousarray(data), tile.bands, acquired=tile.acquired, path=str(path))


def clear_tiles(folder: Path, split: str, size: int) -> Iterator[Tile]:
    """The clear tiles of a split of the catalogue in ``folder``."""
    rows = json.loads((folder / "catalog.json").read_text())
    for stem in CLEAR_TILES if split == "train" else TEST_TILES:
        for row in rows:
            if row["split"] == split and stem in row["image"]:
                yield load(folder / row["image"], size)
    if split == "test":
        parts = [[read(folder / f"test/enmap_potsdam_{n}.tif") for n in row] for row in ENMAP]
        whole = np.block([[part.data for part in row] for row in parts])
        yield Tile(whole, parts[0][0].bands, acquired=parts[0][0].acquired, path="enmap_potsdam")


def field(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """(y, x) smooth random field, uniform in [0, 1] by rank."""
    total = np.zeros(shape)
    for sigma, weight in ((36, 1.0), (14, 0.5), (5, 0.2)):
        layer = ndimage.gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
        total += weight * layer / layer.std()
    rank = np.argsort(np.argsort(total, axis=None)).reshape(shape)
    return (rank / max(rank.size - 1, 1)).astype(np.float32)


def cloudify(tile: Tile, kind: str, rng: np.random.Generator) -> tuple[Tile, CloudMask]:
    """Paint one kind of cloud over 35 % of the tile."""
    rank = field(tile.shape, rng)
    body = np.clip((rank - 0.65) / 0.35, 0, 1)  # 0 at the border, 1 in the middle
    texture = 0.75 + 0.25 * field(tile.shape, rng)
    data = tile.data.copy()
    strength = rng.uniform(0.7, 1.3)
    for i, band in enumerate(tile.bands):
        nm = band.center_nm
        if band.kind in ("reflective", "vapour"):
            if kind == "shadow":
                depth = min(0.62 + 0.22 * np.clip((nm - 450) / 1200, 0, 1), 0.9)
                soft = np.clip(body / 0.08, 0, 1) * depth * (0.8 + 0.2 * texture)
                data[i] = tile.data[i] * (1 - soft)
                continue
            absorbs = 1.0 if nm < 1200 else (0.72 if nm < 1900 else 0.5)
            if kind == "haze":
                alpha, colour = 0.3 * strength * (nm / 550) ** -1.1, 0.42
            elif kind == "thin":
                alpha, colour = 0.45 * strength, 0.62 * absorbs
            else:
                alpha, colour = 1.0, 0.78 * absorbs
            grown = np.clip(body / 0.1, 0, 1) if kind == "thick" else 0.15 + 0.85 * body
            opacity = np.clip(alpha * grown * texture, 0, 0.98) * (rank > 0.65)
            if kind == "thick":
                opacity = np.clip(0.85 * (rank > 0.65) + 0.13 * grown, 0, 0.98) * (rank > 0.65)
            data[i] = tile.data[i] * (1 - opacity) + colour * texture * opacity
    code = {"haze": THIN, "thin": THIN, "thick": THICK, "shadow": SHADOW}[kind]
    classes = np.where(rank > 0.65, code, CLEAR)
    painted = tile.with_data(data.astype(np.float32))
    return painted, CloudMask.like(painted, classes)


def nearest(tile: Tile, mask: CloudMask) -> Array:
    """Every masked pixel takes the values of the nearest clear one."""
    clear = mask.classes == CLEAR
    _, (row, col) = ndimage.distance_transform_edt(~clear, return_indices=True)
    return tile.data[:, row, col]


def methods(names: list[str]) -> dict[str, Callable[[Tile, CloudMask], Array]]:
    """Filled data by method name; what a filler leaves unfilled counts as observed."""

    def through(name: str) -> Callable[[Tile, CloudMask], Array]:
        return lambda tile, mask: gan.get(name).fill(tile, mask).tile.data

    table: dict[str, Callable[[Tile, CloudMask], Array]] = {
        "identity": lambda tile, mask: tile.data,
        "nearest": nearest,
    }
    return table | {name: through(name) for name in names}


def run(
    tiles: list[Tile], names: list[str], seed: int, kinds: Sequence[str]
) -> Iterator[tuple[str, str, list[float]]]:
    """(kind, method, [rmse of all bands, rmse of visible bands, seconds]) of every tile."""
    for number, tile in enumerate(tiles):
        reflective = [b for b in tile.bands if b.kind == "reflective"]
        visible = [i for i, b in enumerate(reflective) if b.center_nm < 700]
        for kind in kinds:
            rng = np.random.default_rng([seed, number, len(kind), ord(kind[-1])])
            cloudy, mask = cloudify(tile, kind, rng)
            for name, method in methods(names).items():
                start = time.perf_counter()
                data = method(cloudy, mask)
                seconds = time.perf_counter() - start
                true, made = reflectances(tile, tile.with_data(data), mask.contaminated)
                yield kind, name, [rmse(true, made), rmse(true[visible], made[visible]), seconds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with catalog.json")
    parser.add_argument("--split", choices=("train", "test"), default="train")
    parser.add_argument("--tiles", type=int, help="how many tiles; all if not given")
    parser.add_argument("--size", type=int, default=256, help="side of the tiles in pixels")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="of the clouds; several")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    fillers = ["telea", "biharmonic", "idw", "regression", "adaptive", "auto"]
    parser.add_argument("--fillers", nargs="*", default=fillers)
    options = parser.parse_args()
    tiles = list(islice(clear_tiles(options.data, options.split, options.size), options.tiles))
    found: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for seed in options.seed:
        for kind, name, scores in run(tiles, options.fillers, seed, options.kinds):
            found[kind, name].append(scores)
            print(f"{seed} {kind} {name}", *(f"{s:.4f}" for s in scores), file=sys.stderr)
    kinds = list(dict.fromkeys(kind for kind, _ in found))
    where = f"{len(tiles)} tiles of split {options.split}"
    print(f"RMSE of all / visible bands on masked pixels, median of {where}, ", end="")
    print(f"clouds of seed {', '.join(map(str, options.seed))}\n")
    print(f"| method | {' | '.join(kinds)} | s per tile |")
    print("|---" * (len(kinds) + 2) + "|")
    for name in methods(options.fillers):
        cells = [np.median(found[kind, name], axis=0) for kind in kinds]
        text = " | ".join(f"{a:.4f} / {v:.4f}" for a, v, _ in cells)
        print(f"| {name} | {text} | {np.mean([c[2] for c in cells]):.2f} |")


if __name__ == "__main__":
    main()
