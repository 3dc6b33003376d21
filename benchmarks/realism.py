"""Real against synthetic clouds: how far apart they are, and whether a classifier tells them apart.

    python benchmarks/realism.py DATA_FOLDER [--per-tile 12] [--seed 1]

Real clouds are those that people drew in the tiles of split ``train`` (Landsat 8 Biome); synthetic
ones are painted on the clear part of tiles of the same set and sensor, with every preset in turn;
not on snow and open water, since no labelled cloud lies over them.
Shadow is compared where it was drawn. Prints one table:

- distance: Wasserstein distance of reflectance in thick and in thin cloud, for each band;
- ratio: 10th, 50th and 90th percentile of band ratios inside cloud;
- shadow / clear: median reflectance in shadow over that of clear ground of the same tile;
- spectrum: slope of the radial power spectrum of the red band in patches full of cloud;
- perimeter: exponent b of perimeter ~ area^b of single clouds, over 2 (Lovejoy 1982: 1.35 / 2);
- AUC: of a random forest that tells real from synthetic patches it has not seen the place of.
  0.5: it cannot. Features: mean, spread, ratios of the bands (colour); contrasts at four
  scales, spectrum and edges of the red band over its mean (texture).
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from scipy.stats import wasserstein_distance
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from kumosan.datasets.bands import BLUE, CIRRUS, GREEN, NIR_NARROW, RED, SWIR1, SWIR2, BandSet
from kumosan.datasets.catalog import CatalogTiles, read_catalog
from kumosan.datasets.tile import (
    CLEAR,
    NODATA,
    SHADOW,
    THICK,
    THIN,
    BoolArray,
    ByteArray,
    FloatArray,
    Tile,
)
from kumosan.synthesis.composite import cloudify, generator
from kumosan.synthesis.presets import PRESETS
from kumosan.synthesis.sampler import CloudSampler

BANDS = BandSet((BLUE, GREEN, RED, NIR_NARROW, SWIR1, SWIR2, CIRRUS))
MIN_CLEAR = 0.75
"""Share of clear ground from which a tile is painted on; what is cloudy there becomes nodata."""
BARE_OF_CLOUD = ("SnowIce", "Water")
RED_AT, PATCH, PIXELS = 2, 64, 1500
RATIOS = {
    "blue / red": (0, 2), "NIR / red": (3, 2), "SWIR 1 / red": (4, 2), "SWIR 2 / SWIR 1": (5, 4),
    "cirrus / red": (6, 2),
}  # fmt: skip


@dataclass(frozen=True)
class View:
    """A cloudy tile with its classes."""

    data: FloatArray
    """(band, y, x) reflectance in BANDS."""
    classes: ByteArray
    group: str
    has_shadow: bool
    """Whether shadow was drawn wherever it is."""


def main() -> None:
    args = parser().parse_args()
    cv2.setNumThreads(1)
    real, clear = real_views(args.data)
    made = list(synthetic_views(clear, args.presets.split(","), args.per_tile, args.seed))
    counts = f"{len(real)} tiles", f"{len(made)} tiles"
    print(f"| figure | real | synthetic | distance |\n| --- | --- | --- | --- |\n"
          f"| images | {counts[0]} | {counts[1]} | |")  # fmt: skip
    rng = np.random.default_rng(args.seed)
    for name, code in (("thick", THICK), ("thin", THIN)):
        distances(name, pixels(real, code, rng), pixels(made, code, rng))
    shadows(real, made)
    row("spectrum slope, red", slopes(real), slopes(made))
    print(f"| perimeter exponent | {exponent(real):.3f} | {exponent(made):.3f} | |")
    classify(real, made, args.explain)


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    out.add_argument("data", type=Path, help="folder that holds catalog.json")
    out.add_argument("--per-tile", type=int, default=12, help="clouds painted on each clear tile")
    out.add_argument("--seed", type=int, default=1)
    out.add_argument("--presets", default=",".join(PRESETS))
    out.add_argument("--explain", action="store_true", help="name what the classifier looks at")
    return out


def real_views(data: Path) -> tuple[list[View], list[tuple[Tile, str]]]:
    """Labelled train tiles with cloud, and the clear ground of the same set."""
    rows = [r for r in read_catalog(data) if r.split == "train" and r.mask_kind == "human"]
    views, clear = [], []
    for item in CatalogTiles(tuple(rows)):
        if item.mask is None:
            continue
        share = item.mask.cover()["clear"]
        if share >= MIN_CLEAR and not any(b in item.group for b in BARE_OF_CLOUD):
            data = np.where(item.mask.contaminated, np.float32(np.nan), item.tile.data)
            clear.append((replace(item.tile, data=data, stored=None), item.group))
        if share == 1:
            continue
        drawn = SHADOW in item.labelled
        views.append(View(item.tile.pick(BANDS), item.mask.classes, item.group, drawn))
    return views, clear


def synthetic_views(
    clear: list[tuple[Tile, str]], presets: list[str], per_tile: int, seed: int
) -> Iterator[View]:
    """Clouds painted on every clear tile, preset after preset."""
    number = 0
    for tile, group in clear:
        for _ in range(per_tile):
            sampler = CloudSampler((presets[number % len(presets)],))
            pair = cloudify(tile, sampler, rng=generator(seed, number))
            yield View(pair.cloudy.pick(BANDS), pair.mask.classes, group, True)
            number += 1


def pixels(views: list[View], code: int, rng: np.random.Generator) -> FloatArray:
    """(band, n) reflectance at random pixels of a class, equally many of each tile at most."""
    parts = []
    for v in views:
        where = np.flatnonzero(v.classes == code)
        chosen = rng.permutation(where)[:PIXELS]
        parts.append(v.data.reshape(len(BANDS), -1)[:, chosen])
    return np.concatenate(parts, 1)


def distances(name: str, real: FloatArray, made: FloatArray) -> None:
    for i, band in enumerate(BANDS):
        row(f"{name} cloud, {band.name}", real[i], made[i])
    for label, (a, b) in RATIOS.items():
        row(f"{name} cloud, {label}", *(v[a] / np.maximum(v[b], 0.01) for v in (real, made)))


def row(name: str, real: FloatArray, made: FloatArray) -> None:
    """A line with the percentiles of both and their Wasserstein distance."""
    told = [" / ".join(f"{q:.3g}" for q in np.percentile(v, (10, 50, 90))) for v in (real, made)]
    print(f"| {name} | {told[0]} | {told[1]} | {wasserstein_distance(real, made):.3f} |")


def shadows(real: list[View], made: list[View]) -> None:
    """Median over tiles of (median in shadow / median in clear), band by band."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    for kind, views in (("real", real), ("made", made)):
        for v in views:
            dark, light = v.classes == SHADOW, v.classes == CLEAR
            if v.has_shadow and min(dark.sum(), light.sum()) > 500:
                found[kind].append(
                    [float(np.median(b[dark]) / np.median(b[light])) for b in v.data]
                )
    tiles = {k: len(v) for k, v in found.items()}
    for i, band in enumerate(BANDS[:6]):
        row(f"shadow / clear, {band.name} ({tiles['real']} and {tiles['made']} tiles)",
            *(np.array(found[k], np.float32)[:, i] for k in ("real", "made")))  # fmt: skip


def patches(v: View) -> Iterator[tuple[FloatArray, BoolArray, str]]:
    """Patches at least half cloud: their bands, where the cloud is, and how thick it is mostly."""
    for top in range(0, v.classes.shape[0] - PATCH + 1, PATCH):
        for left in range(0, v.classes.shape[1] - PATCH + 1, PATCH):
            part = np.s_[top : top + PATCH, left : left + PATCH]
            codes = v.classes[part]
            cloud = (codes == THICK) | (codes == THIN)
            if cloud.mean() >= 0.5 and (codes != NODATA).all():
                thick = (codes == THICK).sum() > cloud.sum() / 2
                yield v.data[(slice(None), *part)], cloud, "thick" if thick else "thin"


def slope(plane: FloatArray) -> float:
    """Slope of log power over log frequency between 2 and 20 cycles a patch, Hann window."""
    window = np.hanning(PATCH)[:, None] * np.hanning(PATCH)
    power = np.abs(np.fft.fft2((plane - plane.mean()) * window)) ** 2
    f = np.fft.fftfreq(PATCH, 1 / PATCH)
    radius = np.hypot(f[:, None], f).round().astype(int).ravel()
    mean = np.bincount(radius, power.ravel()) / np.maximum(np.bincount(radius), 1)
    band = np.arange(2, 21)
    return float(np.polyfit(np.log(band), np.log(mean[band] + 1e-12), 1)[0])


def slopes(views: list[View]) -> FloatArray:
    """Slopes of the patches that are nearly full of cloud."""
    found = [slope(p[RED_AT]) for v in views for p, cloud, _ in patches(v) if cloud.mean() > 0.98]
    return np.array(found, np.float32)


def exponent(views: list[View]) -> float:
    """b of perimeter ~ area^b by least squares over clouds of 12 pixels and more."""
    areas, lengths = [], []
    for v in views:
        cloud = ((v.classes == THICK) | (v.classes == THIN)).astype(np.uint8)
        inner = np.pad(cloud[1:-1, 1:-1], 1)
        n, labels, stats, _ = cv2.connectedComponentsWithStats(inner, connectivity=4)
        sides = np.zeros(n)
        for a, b in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
            for one, other in ((a, b), (b, a)):
                sides += np.bincount(one[one != other], minlength=n)
        x, y, w, h, area = stats.T
        whole = (x > 1) & (y > 1) & (x + w < 255) & (y + h < 255) & (area >= 12)
        whole[0] = False
        areas += area[whole].tolist()
        lengths += sides[whole].tolist()
    return float(np.polyfit(np.log(areas), np.log(lengths), 1)[0]) if len(areas) > 5 else np.nan


def features(patch: FloatArray, cloud: BoolArray) -> tuple[dict[str, float], dict[str, float]]:
    """Colour and texture of the cloud in a patch, apart."""
    inside = patch[:, cloud]
    colour = {}
    for band, values in zip(BANDS, inside, strict=True):
        colour[f"{band.name} mean"] = float(values.mean())
        colour[f"{band.name} spread"] = float(values.std())
    for label, (a, b) in RATIOS.items():
        colour[label] = float(inside[a].mean() / max(inside[b].mean(), 0.01))
    red = patch[RED_AT] / max(float(inside[RED_AT].mean()), 0.01)
    texture = {"slope": slope(patch[RED_AT])}
    texture["skew"] = float(np.mean((red - np.median(red)) ** 3))
    for sigma in (0.7, 1.5, 3.0, 6.0):
        fine = cv2.GaussianBlur(red, (0, 0), sigma) - cv2.GaussianBlur(red, (0, 0), 2 * sigma)
        texture[f"contrast at {sigma}"] = float(fine[cloud].std())
        texture[f"tail at {sigma}"] = float(
            np.mean(fine[cloud] ** 4) / (fine[cloud].var() ** 2 + 1e-12)
        )
    steep = np.hypot(*np.gradient(red))
    texture |= {"edge p50": float(np.median(steep)), "edge p99": float(np.percentile(steep, 99))}
    return colour, texture


def classify(real: list[View], made: list[View], explain: bool) -> None:
    """AUC of real against synthetic, places apart, for colour, texture and both."""
    rows = defaultdict(list)
    for truth, views in ((1, real), (0, made)):
        for v in views:
            for patch, cloud, kind in patches(v):
                rows[kind].append((truth, v.group, *features(patch, cloud)))
    for kind, found in rows.items():
        y = np.array([r[0] for r in found])
        groups = np.array([r[1] for r in found])
        for name, pick in (("colour", (2,)), ("texture", (3,)), ("both", (2, 3))):
            table = [{k: v for i in pick for k, v in r[i].items()} for r in found]
            x = np.array([list(t.values()) for t in table])
            forest = RandomForestClassifier(
                300, min_samples_leaf=4, class_weight="balanced", random_state=0
            )
            folds = StratifiedGroupKFold(5)
            guess = cross_val_predict(forest, x, y, groups=groups, cv=folds, method="predict_proba")
            auc = roc_auc_score(y, guess[:, 1])
            told = f"{int(y.sum())} patches | {int((1 - y).sum())} patches"
            print(f"| AUC, {kind} cloud, {name} | {told} | {auc:.3f} |")
            if explain:
                weights = forest.fit(x, y).feature_importances_
                best = np.argsort(-weights)[:6]
                keys = list(table[0])
                for i in best:
                    a, b = (np.percentile(x[y == t, i], (10, 50, 90)) for t in (1, 0))
                    print(f"    {keys[i]}: {weights[i]:.2f}, real {a.round(3)}, made {b.round(3)}")


if __name__ == "__main__":
    main()
