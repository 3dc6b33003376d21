"""From a turned hyperspectral strip to networks of one's own, by commands, offline."""

import numpy as np
import pytest
import rasterio
from affine import Affine

from .running import answer as run

NM = (480, 550, 660, 840, 1370, 1610, 2200)
GROUND = (0.08, 0.09, 0.08, 0.30, 0.001, 0.20, 0.12)
CLOUD = (0.6, 0.6, 0.6, 0.65, 0.01, 0.5, 0.4)
SMALL = """
network = {{ encoder = "resnet18", depth = 3, decoder_channels = [16, 8, 8] }}
[[sources]]
kind = "labelled"
decisions = "{decisions}"
[training]
epochs = 1
samples = 8
batch_size = 8
crop = 32
workers = 0
"""
FILL = """
network = { channels = [8, 16] }
[[sources]]
kind = "painted"
[training]
epochs = 1
constant_epochs = 1
samples = 4
batch_size = 2
crop = 32
workers = 0
"""


def strip(path):
    """A strip turned by 20 degrees with square clouds, and nodata round about."""
    y, x = np.mgrid[:320, :320].astype(float)
    turn = np.deg2rad(20)
    along = -(x - 160) * np.sin(turn) + (y - 160) * np.cos(turn)
    inside = abs((x - 160) * np.cos(turn) + (y - 160) * np.sin(turn)) < 100
    cloudy = (np.floor(along / 40) % 3 == 0) & (np.floor(x / 40) % 2 == 0)
    rng = np.random.default_rng(0)
    data = np.where(cloudy, np.reshape(CLOUD, (7, 1, 1)), np.reshape(GROUND, (7, 1, 1)))
    data = data * (1 + 0.05 * rng.standard_normal((7, 320, 320)))
    numbers = np.where(inside, np.clip(data * 1e4, 1, 65535), 0).astype(np.uint16)
    with rasterio.open(
        path, "w", driver="GTiff", count=7, height=320, width=320, dtype="uint16", nodata=0,
        crs="EPSG:32633", transform=Affine(30, 0, 4e5, 0, -30, 5e6),
    ) as ds:  # fmt: skip
        ds.write(numbers)
        ds.scales, ds.offsets = (1e-4,) * 7, (0.0,) * 7
        for i, nm in enumerate(NM, 1):
            ds.update_tags(i, wavelength=str(nm), wavelength_units="nm")


@pytest.mark.slow
def test_from_a_strip_to_a_network_and_a_clean_scene(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    strip("strip.tif")
    cut = run("tiles", "strip.tif", "-o", "patches", "--size", 32)
    assert cut["patches"] > cut["plain_grid"]
    run("labels", "push", "cvat", "patches", "--project", "P", "--offline", "task",
        "--detector", "hot")  # fmt: skip
    pulled = run("labels", "pull", "cvat", "task/annotations.xml", "-o", "truth")
    assert pulled["catalog_rows"] == pulled["masks"] == cut["patches"]
    table = (tmp_path / "truth" / "patches.csv").read_text()
    assert ",clear," in table and ",cloudy," in table
    run("labels", "audit", "truth", "-o", "audit", "--n", 2, "--detector", "fmask")
    (tmp_path / "small.toml").write_text(SMALL.format(decisions="audit/decisions.csv"))
    run("train", "segmenter", "truth", "-o", "run", "--config", "small.toml")
    run("train", "classifier", "truth/patches.csv", "-o", "sorter", "--epochs", 1, "--folds", 0)
    kept = run("filter", "patches", "-o", "clear", "--weights", "sorter/weights.safetensors",
               "--threshold", 0.01)  # fmt: skip
    assert kept
    clear = sorted((tmp_path / "clear").glob("*.tif"))
    run("synthesize", *clear[:2], "-o", "pairs", "--n", 1, "--size", 32)
    run("labels", "suggest", "patches", "--n", 2, "-o", "next",
        "--weights", "run/weights.safetensors")  # fmt: skip
    (tmp_path / "fill.toml").write_text(FILL)
    run("train", "gan", "clear", "-o", "fill", "--config", "fill.toml")
    run("clean", "strip.tif", "-o", "cleaned", "--detector", "fmask", "--filler", "gan",
               "--fill-weights", "fill/weights.safetensors")  # fmt: skip
    assert (tmp_path / "cleaned" / "strip_clean.tif").exists()
