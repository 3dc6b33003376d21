"""A small made catalogue of clear tiles, and a training on it that takes seconds."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets.bands import BandSet
from kumosan.datasets.configuration import as_json
from kumosan.datasets.samples import CANONICAL_BANDS
from kumosan.datasets.tile import Tile
from kumosan.datasets.weights import ModelCard, save_weights
from kumosan.datasets.write import write_tile
from kumosan.gan.restorer import NetworkConfig, Restorer

BANDS = BandSet(tuple(replace(b, gsd_m=20.0) for b in CANONICAL_BANDS))
GROUND = np.array([0.08, 0.09, 0.08, 0.30, 0.20, 0.12, 0.001], np.float32)
SIDE = 64


def clear_tile(seed=0, side=SIDE, bands=BANDS) -> Tile:
    """Fields of 8 x 8 pixels; bands beyond the canonical ones lie between them."""
    rng = np.random.default_rng(seed)
    fields = np.kron(rng.uniform(0.6, 1.4, (side // 8, side // 8)), np.ones((8, 8)))
    nm = [b.center_nm for b in CANONICAL_BANDS]
    order = np.argsort(nm)
    level = np.interp([b.center_nm for b in bands], np.array(nm)[order], GROUND[order])
    noise = rng.standard_normal((len(bands), side, side))
    data = level[:, None, None] * fields * (1 + 0.02 * noise)
    transform = Affine(20, 0, 300_000 + 10_000 * seed, 0, -20, 5_000_000)
    return Tile(data.astype(np.float32), bands, transform, CRS.from_epsg(32633))


def make(folder: Path, clear: int = 3) -> Path:
    """Write the catalogue; its last row is of split ``test``."""
    rows = []
    for i in range(clear + 1):
        write_tile(folder / f"t{i}.tif", clear_tile(i))
        split = "test" if i == clear else "train"
        rows.append(
            {"image": f"t{i}.tif", "mask": None, "split": split, "group": f"place{i}"}
            | {"sensor": "made", "mask_kind": "none", "classes_labelled": "none", "role": "clear"}
        )
    (folder / "catalog.json").write_text(json.dumps(rows))
    return folder


def generator(path: Path, prior: str = "", seed: int | None = None) -> Path:
    """Write weights of a small generator: untrained, it puts out the prior; with a seed, noise."""
    net = Restorer(NetworkConfig(channels=(8, 16)), len(CANONICAL_BANDS))
    if seed is not None:
        torch.manual_seed(seed)
        torch.nn.init.normal_(net.net.leave[1].weight, 0, 0.05)
    facts = as_json(net.config)
    card = ModelCard("generator", facts, CANONICAL_BANDS.names, training={"prior": prior})
    save_weights(path, net.state_dict(), card)
    return path


CONFIG = """
loss = { l1 = 100.0, sam = 1.0, ssim = 1.0 }
clear_weight = 0.2
network = { channels = [8, 16] }
[adversary]
channels = 4
layers = 1
norm = "instance"
[[sources]]
kind = "painted"
presets = ["haze", "cirrus"]
veil_share = 0.5
[[sources]]
kind = "landscape"
count = 2
size = 64
[augment.dropout]
share = 0.5
[training]
epochs = 2
constant_epochs = 1
samples = 4
batch_size = 2
crop = 32
workers = 0
cache_mb = 10
picture_epochs = 2
ema = 0.9
"""
