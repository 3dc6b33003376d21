"""Where one filler costs more than another with the true mask: thin cloud over shadow told apart.

    python benchmarks/thin_over_shadow.py DATA_FOLDER [--fillers auto idw] [-n 30] [--size 128]

The pairs are those of ``kumosan tune --catalog DATA`` with the same ``-n`` and ``--size``: clear
images of split ``train`` under painted clouds. The cost is that of docs/tuning.md, in units of
0.0001 of reflectance, as a sum over what hides the ground; the mask calls thin cloud thin cloud,
whether or not the ground below lies in the shadow of another cloud.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy: the machine may be busy

import argparse
from pathlib import Path

import numpy as np

from kumosan import gan
from kumosan.datasets.pair import CloudyPair
from kumosan.datasets.tables import table
from kumosan.datasets.tile import SHADOW, THICK, THIN, BoolArray
from kumosan.gan.mask_cost import errors
from kumosan.scripts.options import Reading
from kumosan.scripts.pipeline import filler_settings
from kumosan.scripts.tuning_ground import clear_scenes
from kumosan.synthesis.pairs import PairSource
from kumosan.synthesis.sampler import CloudSampler

SHADED = 0.95
"""Light on the ground, over that without clouds, below which it counts as shaded."""
SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds catalog.json")
    parser.add_argument("--fillers", nargs=2, default=("auto", "idw"))
    parser.add_argument("-n", type=int, default=30, help="pairs")
    parser.add_argument("--size", type=int, default=128, help="side of a pair, pixels")
    options = parser.parse_args()
    others = ("unet", "hot", "ukis")  # the images that docs/tuning.md is of
    scenes, _ = clear_scenes((), options.data, Reading(), "fmask", others)
    source = PairSource(scenes, CloudSampler(("mixed",)), SEED, options.size, None)
    sums: dict[str, list[tuple[float, float, float]]] = {}
    for i in range(options.n):
        pair = source.draw(i)[0]
        one, other = (
            errors(pair, pair.mask, gan.get(name, **filler_settings(name, SEED)))
            for name in options.fillers
        )
        for name, where in parts(pair).items():
            at = where & one.valid
            costs = (1e4 * e.error[at].sum() / one.valid.sum() for e in (one, other))
            share = 100 * at.sum() / one.valid.sum()
            sums.setdefault(name, []).append((float(share), *map(float, costs)))
    first, second = options.fillers
    rows = [["hidden by", "% of pixels", first, second, f"{first} less {second}"]]
    for name, values in [*sums.items(), ("all", list(np.sum(list(sums.values()), axis=0)))]:
        share, a, b = np.mean(values, axis=0)
        more = np.array([v[1] - v[2] for v in values])
        error = more.std(ddof=1) / np.sqrt(len(more)) if len(more) > 1 else np.nan
        told = f"{more.mean():+.1f} ± {error:.1f}"
        rows.append([name, f"{share:.1f}", f"{a:.1f}", f"{b:.1f}", told])
    print(f"{options.n} pairs of {options.size} pixels, means and standard errors\n")
    print(table(rows))


def parts(pair: CloudyPair) -> dict[str, BoolArray]:
    """What hides the ground, by name."""
    classes, shaded = pair.mask.classes, pair.shadow_factor < SHADED
    return {
        "thin cloud over lit ground": (classes == THIN) & ~shaded,
        "thin cloud over shadow": (classes == THIN) & shaded,
        "shadow": classes == SHADOW,
        "thick cloud": classes == THICK,
    }


if __name__ == "__main__":
    main()
