"""A small made catalogue: labelled tiles with a cloud and its shadow, and clear ones."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets.bands import BandSet
from kumosan.datasets.samples import CANONICAL_BANDS
from kumosan.datasets.tile import CloudMask, Tile
from kumosan.datasets.write import write_mask, write_tile

BANDS = BandSet(tuple(replace(b, gsd_m=20.0) for b in CANONICAL_BANDS))
GROUND = np.array([0.08, 0.09, 0.08, 0.30, 0.20, 0.12, 0.001], np.float32)
CLOUD = np.array([0.55, 0.55, 0.55, 0.6, 0.5, 0.4, 0.006], np.float32)
SIDE = 64


def make(folder: Path, labelled: int = 6, clear: int = 2) -> Path:
    """Write the catalogue; every second labelled tile has its shadows drawn."""
    rng, rows = np.random.default_rng(0), []
    crs = CRS.from_epsg(32633)
    for i in range(labelled + clear):
        transform = Affine(20, 0, 300_000 + 10_000 * i, 0, -20, 5_000_000)
        classes = np.zeros((SIDE, SIDE), np.uint8)
        if i < labelled:
            y, x = rng.integers(8, 40, 2)
            classes[y : y + 16, max(x - 8, 0) : x + 8] = 3
            classes[y : y + 16, x : x + 16] = 1 + i % 2
        data = GROUND[:, None, None] * (1 + 0.05 * rng.standard_normal((7, SIDE, SIDE)))
        data = np.where(classes == 3, data * 0.4, data)
        data = np.where((classes == 1) | (classes == 2), CLOUD[:, None, None], data)
        image = f"t{i}.tif"
        tile = Tile(data.astype(np.float32), BANDS, transform, crs)
        write_tile(folder / image, tile)
        drawn = i < labelled and i % 2 == 0
        if not drawn:
            classes[classes == 3] = 0
        row = {
            "image": image, "mask": None, "split": "train", "group": f"place{i}",
            "sensor": "made", "mask_kind": "none", "classes_labelled": "none", "role": "clear",
        }  # fmt: skip
        if i < labelled:
            write_mask(folder / f"t{i}_mask.tif", CloudMask(classes, transform, crs))
            words = "clear, thick cloud, thin cloud" + (", cloud shadow" if drawn else "")
            row |= {"mask": f"t{i}_mask.tif", "mask_kind": "human (a test)"}
            row |= {"classes_labelled": words, "role": "cloudy"}
        rows.append(row)
    (folder / "catalog.json").write_text(json.dumps(rows))
    return folder


CONFIG = """
network = { encoder = "resnet18", depth = 3, decoder_channels = [16, 8, 8] }
[[sources]]
kind = "labelled"
shadow_boost = 2.0
[[sources]]
kind = "painted"
[[sources]]
kind = "landscape"
count = 2
size = 64
[augment]
flip = {}
jitter = {}
dropout = { share = 0.5 }
[training]
epochs = 2
samples = 16
batch_size = 4
crop = 32
workers = 0
cache_mb = 10
"""
