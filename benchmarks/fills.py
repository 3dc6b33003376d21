"""Score the rule-based fillers on clear tiles under clouds whose truth is known.

    python benchmarks/fills.py DATA_FOLDER [--split test] [--seed 0 1 2] [--log FILE]
        [--fold 1/4 --fillers auto-far gan --fill-weights FILE]

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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kumosan import gan
from kumosan.datasets import read
from kumosan.datasets.errors import UnfitError
from kumosan.datasets.protocols import Filler
from kumosan.datasets.splits import Fold
from kumosan.datasets.tile import CLEAR, SHADOW, THICK, THIN, CloudMask, FilledTile, Tile
from kumosan.gan.calibration import error_ratios
from kumosan.gan.metrics import reflectances, rmse
from kumosan.scripts.train import fold_of

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

FILLERS = (
    "identity", "nearest", "telea", "navier-stokes", "biharmonic", "idw", "idw-far",
    "dark-object", "hot", "dark-channel", "homomorphic", "regression", "adaptive", "auto",
    "auto-far",
)  # fmt: skip
QUANTILES = tuple(np.linspace(0.01, 0.99, 50))

Array = NDArray[np.float32]
Case = tuple[str, int, str, str]
"""Tile, seed, kind, method."""


def load(path: Path, size: int) -> Tile:
    """The central ``size`` x ``size`` pixels of a catalogue image, in reflectance."""
    tile = read(path)
    (height, width) = tile.shape
    top, left = max(height - size, 0) // 2, max(width - size, 0) // 2
    data = tile.data[:, top : top + size, left : left + size]
    return Tile(np.ascontiguousarray(data), tile.bands, acquired=tile.acquired, path=str(path))


def clear_tiles(
    folder: Path, split: str, size: int, fold: Fold | None = None
) -> Iterator[tuple[int, Tile]]:
    """The clear tiles of a split of the catalogue in ``folder``, or of one fold of its places, with
    the number of each, which decides its sky."""
    rows = json.loads((folder / "catalog.json").read_text())
    for number, stem in enumerate(CLEAR_TILES if split == "train" else TEST_TILES):
        for row in rows:
            held = fold is None or fold.holds(row["group"])
            if row["split"] == split and stem in row["image"] and held:
                yield number, load(folder / row["image"], size)
    if split == "test":
        parts = [[read(folder / f"test/enmap_potsdam_{n}.tif") for n in row] for row in ENMAP]
        whole = np.block([[part.data for part in row] for row in parts])
        yield (
            len(TEST_TILES),
            Tile(whole, parts[0][0].bands, acquired=parts[0][0].acquired, path="enmap_potsdam"),
        )


def field(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """(y, x) smooth random field, uniform in [0, 1] by rank."""
    total = np.zeros(shape)
    for sigma, weight in ((36, 1.0), (14, 0.5), (5, 0.2)):
        layer = ndimage.gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
        total += weight * layer / layer.std()
    rank = np.argsort(np.argsort(total, axis=None)).reshape(shape)
    return (rank / max(rank.size - 1, 1)).astype(np.float32)


def cloudify(
    tile: Tile, kind: str, rng: np.random.Generator, cover: float = 0.35
) -> tuple[Tile, CloudMask]:
    """Paint one kind of cloud over a share of the tile."""
    rank, edge = field(tile.shape, rng), 1 - cover
    body = np.clip((rank - edge) / cover, 0, 1)  # 0 at the border, 1 in the middle
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
            opacity = np.clip(alpha * grown * texture, 0, 0.98) * (rank > edge)
            if kind == "thick":
                opacity = np.clip(0.85 * (rank > edge) + 0.13 * grown, 0, 0.98) * (rank > edge)
            data[i] = tile.data[i] * (1 - opacity) + colour * texture * opacity
    code = {"haze": THIN, "thin": THIN, "thick": THICK, "shadow": SHADOW}[kind]
    classes = np.where(rank > edge, code, CLEAR)
    painted = tile.with_data(data.astype(np.float32))
    return painted, CloudMask.like(painted, classes)


def methods(names: Sequence[str], weights: Path | None = None) -> dict[str, Filler]:
    """Fillers by name; what one leaves unfilled counts as observed."""
    own = {"gan": {"weights": weights}} if weights else {}
    return {n: gan.get(n, **own.get(n, {})) for n in names}


def family(tile: Tile) -> str:
    """Tiles are told apart by how many bands they have, and from where."""
    if len(tile.bands) > 32:
        return "spectrometer"
    return "Sentinel-2" if "sentinel" in (tile.acquired.sensor or "").lower() else "Landsat-like"


def judge(truth: Tile, done: FilledTile, mask: CloudMask) -> dict[str, Any]:
    """What a case tells: errors on all hidden pixels, and how far the confidence can be trusted.

    ``coverage`` is the share of filled values whose 90 % interval, by the confidence, holds the
    truth, and ``ratio`` the quantiles of error over half width of the interval at QUANTILES.
    """
    reflective = [b for b in truth.bands if b.kind == "reflective"]
    visible = [i for i, b in enumerate(reflective) if b.center_nm < 700]
    true, made = reflectances(truth, done.tile, mask.contaminated)
    facts = {"rmse": rmse(true, made), "visible": rmse(true[visible], made[visible])}
    facts["filled"] = float(done.filled.sum() / max(mask.contaminated.sum(), 1))
    ratio = error_ratios(truth, done)
    if ratio.size:
        facts["coverage"] = float((ratio <= 1).mean())
        facts["ratio"] = [round(float(q), 4) for q in np.quantile(ratio, QUANTILES)]
    return facts


def run(
    tiles: list[tuple[int, Tile]],
    names: Sequence[str],
    seed: int,
    kinds: Sequence[str],
    known: set[Case],
    weights: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """One record of every case that is not ``known``."""
    for number, tile in tiles:
        for kind in kinds:
            stem = Path(tile.path or "").stem
            left = [n for n in names if (stem, seed, kind, n) not in known]
            if not left:
                continue
            rng = np.random.default_rng([seed, number, len(kind), ord(kind[-1])])
            cloudy, mask = cloudify(tile, kind, rng)
            for name, filler in methods(left, weights).items():
                start = time.perf_counter()
                try:
                    done = filler.fill(cloudy, mask)
                except UnfitError:
                    continue
                seconds = time.perf_counter() - start
                head = {"tile": stem, "family": family(tile), "seed": seed, "kind": kind}
                yield head | {"method": name, "seconds": seconds} | judge(tile, done, mask)


def table(records: Sequence[Mapping[str, Any]], names: Sequence[str], kinds: Sequence[str]) -> str:
    """RMSE of all / visible bands, medians over cases, and the coverage of intervals."""
    lines = [f"| method | {' | '.join(kinds)} | coverage | s per tile |"]
    lines.append("|---" * (len(kinds) + 3) + "|")
    for name in names:
        ours = [r for r in records if r["method"] == name]
        cells = []
        for kind in kinds:
            both = [(r["rmse"], r["visible"]) for r in ours if r["kind"] == kind]
            middle = np.median(both, axis=0) if both else (np.nan, np.nan)
            cells.append(" / ".join(f"{m:.4f}" for m in middle))
        covered = [r["coverage"] for r in ours if "coverage" in r]
        cells.append(f"{100 * np.mean(covered):.0f} %" if covered else "")
        cells.append(f"{np.mean([r['seconds'] for r in ours]):.2f}" if ours else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def factors(records: Sequence[Mapping[str, Any]]) -> str:
    """By method and kind: coverage, and what widths have to be multiplied with for 90 %."""
    lines = ["| method | kind | coverage | factor for 90 % |", "|---|---|---|---|"]
    for name, kind in dict.fromkeys((r["method"], r["kind"]) for r in records):
        ours = [r for r in records if (r["method"], r["kind"]) == (name, kind) and "ratio" in r]
        if ours:
            covered = 100 * np.mean([r["coverage"] for r in ours])
            pooled = np.quantile(np.concatenate([r["ratio"] for r in ours]), 0.9)
            lines.append(f"| {name} | {kind} | {covered:.0f} % | {pooled:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with catalog.json")
    parser.add_argument("--split", choices=("train", "test"), default="train")
    parser.add_argument("--tiles", type=int, help="how many tiles; all if not given")
    parser.add_argument("--size", type=int, default=256, help="side of the tiles in pixels")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="of the clouds; several")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--fillers", nargs="*", default=FILLERS)
    parser.add_argument("--fold", type=fold_of, help="K/N: part K of N of the places alone")
    parser.add_argument("--fill-weights", type=Path, help="of the filler gan")
    parser.add_argument("--log", type=Path, help="JSON lines, one a case; those in it are not run")
    options = parser.parse_args()
    lines = options.log.read_text().splitlines() if options.log and options.log.exists() else []
    records = [json.loads(line) for line in lines]
    known = {(r["tile"], r["seed"], r["kind"], r["method"]) for r in records}
    found = clear_tiles(options.data, options.split, options.size, options.fold)
    tiles = list(islice(found, options.tiles))
    with options.log.open("a") if options.log else nullcontext(sys.stderr) as log:
        for seed in options.seed:
            for record in run(
                tiles, options.fillers, seed, options.kinds, known, options.fill_weights
            ):
                records.append(record)
                print(json.dumps(record), file=log, flush=True)
    records = [
        r
        for r in records
        if r["seed"] in options.seed
        and r["kind"] in options.kinds
        and r["method"] in options.fillers
    ]
    kinds = [k for k in KINDS if k in options.kinds]
    print(f"RMSE of all / visible bands on masked pixels, {len(tiles)} tiles of split "
          f"{options.split}, clouds of seed {', '.join(map(str, options.seed))}")  # fmt: skip
    families = dict.fromkeys(r["family"] for r in records)
    for name, ours in [("all", records)] + [
        (f, [r for r in records if r["family"] == f]) for f in families
    ]:
        count = len({r["tile"] for r in ours})
        print(f"\n{name}, median of {count} tiles\n\n{table(ours, options.fillers, kinds)}")
    print(f"\n90 % intervals\n\n{factors(records)}")


if __name__ == "__main__":
    main()
