"""The generator on other bands than the canonical ones, some of them learnt."""

import importlib.util

import numpy as np
import pytest
import torch

if importlib.util.find_spec("lightning") is None:  # importing it here would skip our cure
    pytest.skip("lightning is not installed: pip install 'kumosan[train]'", allow_module_level=True)

from kumosan.datasets.band_order import VISIBLE, band_windows, some_bands, spectrometer
from kumosan.datasets.tile import THIN, CloudMask, Tile
from kumosan.datasets.torch_data import Draw
from kumosan.datasets.weights import WeightsError, read_card
from kumosan.gan.mixture import Mixture
from kumosan.gan.network_filler import NetworkFiller
from kumosan.gan.train_config import Adversary, GanConfig, GanTraining, Source
from kumosan.gan.training import GanModule, Run

torch.set_num_threads(1)
CUBE = spectrometer(64)
WINDOWS = band_windows(CUBE, 9)
CONFIG = GanConfig(
    (Source("landscape", count=1, size=32, presets=("haze",)),),
    network={"channels": [8, 16]},
    adversary=Adversary(1.0, channels=4, layers=1, norm="instance"),
    training=GanTraining(
        epochs=1, constant_epochs=1, samples=4, batch_size=2, crop=32, workers=0, picture_epochs=1
    ),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    return Run(CONFIG, out, windows=WINDOWS, n_wanted=3, drawn=CUBE).train()


def test_samples_hold_the_windows_of_the_same_landscape():
    seen = [
        Mixture.of(CONFIG, None, 0, band_windows(CUBE, n), CUBE).dataset[Draw(0, 0, 0)]["target"]
        for n in (3, 9)
    ]
    assert [len(s) for s in seen] == [3, 9]
    # Cached as float16 or not, the ground is that of one landscape in one sensor's bands.
    assert torch.equal(seen[0], seen[1][:3])


def test_only_wanted_bands_are_learnt(trained):
    assert read_card(trained).bands == WINDOWS.names
    from kumosan.gan.network_filler import load_restorer

    last = load_restorer(trained, WINDOWS)[1].net.leave[1]
    moved = last.weight.abs().sum(dim=(1, 2, 3))
    assert (moved[:3] > 0).all()
    assert (moved[3:] == 0).all() and (last.bias[3:] == 0).all()


def test_all_bands_are_learnt_by_default():
    module = GanModule(CONFIG, n_bands=4)
    assert module.n_wanted == 4


def test_it_fills_the_bands_that_it_learnt(trained):
    rng = np.random.default_rng(0)
    kept = some_bands(CUBE, 9)
    data = rng.uniform(0.1, 0.3, (9, 48, 48)).astype(np.float32)
    tile = Tile(data, CUBE.select(kept))
    classes = np.zeros(tile.shape, np.uint8)
    classes[10:20, 10:30] = THIN
    done = NetworkFiller(trained, windows=WINDOWS).fill(tile, CloudMask.like(tile, classes))
    visible = list(tile.bands.locate(VISIBLE))
    changed = (done.tile.data != data).any(axis=(1, 2))
    assert np.flatnonzero(changed).tolist() == sorted(visible)
    assert done.filled.sum() == 200


def test_weights_of_other_bands_are_refused(trained):
    with pytest.raises(WeightsError, match="blue, green, red"):
        NetworkFiller(trained)
    with pytest.raises(WeightsError):
        NetworkFiller(trained, windows=band_windows(CUBE, 8))
