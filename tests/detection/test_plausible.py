"""Where the spectrum allows a cloud: as Fmask's own tests say, and open where bands are lacking."""

import numpy as np
import pytest
import torch
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from kumosan.datasets.samples import CANONICAL_BANDS, WITH_THERMAL
from kumosan.datasets.tile import Tile
from kumosan.detection.fmask import Fmask, _Scene
from kumosan.detection.plausible import plausible

GROUND = {
    "field": (0.10, 0.10, 0.12, 0.30, 0.32, 0.22, 0.001),
    "plants": (0.08, 0.07, 0.04, 0.45, 0.2, 0.1, 0.001),
    "turbid water": (0.12, 0.13, 0.12, 0.03, 0.005, 0.003, 0.001),
    "snow": (0.9, 0.88, 0.86, 0.8, 0.06, 0.05, 0.002),
    "red sand": (0.15, 0.22, 0.32, 0.4, 0.48, 0.45, 0.002),
}
CLOUD = {
    "thick": (0.6, 0.6, 0.6, 0.65, 0.5, 0.4, 0.01),
    "thin": (0.2, 0.2, 0.18, 0.35, 0.25, 0.16, 0.005),
    "cirrus over plants": (0.1, 0.09, 0.07, 0.4, 0.2, 0.11, 0.03),
}


def seen(spectrum, names=CANONICAL_BANDS.names) -> bool:
    image = torch.tensor(spectrum, dtype=torch.float32)[None, :, None, None]
    there = torch.tensor([[float(n in names) for n in CANONICAL_BANDS.names]])
    return bool(plausible(image, there, CANONICAL_BANDS).item())


@pytest.mark.parametrize("name", GROUND)
def test_ground_that_networks_take_for_cloud(name):
    assert not seen(GROUND[name])


@pytest.mark.parametrize("name", CLOUD)
def test_cloud_stays_possible_whatever_bands_there_are(name):
    assert seen(CLOUD[name])
    for fewer in (("blue", "green", "red"), ("green", "red", "nir")):
        assert seen(CLOUD[name], fewer) or name == "cirrus over plants"


def test_a_test_without_its_bands_passes_everything():
    assert seen(GROUND["snow"], ("blue", "green", "red"))  # it takes an infrared band to know it
    assert seen(GROUND["field"], ("green", "red", "nir"))
    assert not seen(GROUND["field"], ("blue", "green", "red"))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_it_is_the_test_that_fmask_begins_with(seed):
    rng = np.random.default_rng(seed)
    data = rng.uniform(0.001, 0.6, (7, 16, 16)).astype(np.float32)
    data[:3] = data[:1] * rng.uniform(0.7, 1.3, (3, 16, 16))
    data[6] *= 0.05
    tile = Tile(data, CANONICAL_BANDS, Affine(30, 0, 0, 0, -30, 0))
    scene, rule = _Scene.of(tile), Fmask()
    expected = rule._spectral(scene) | rule._cirrus(scene)
    image = torch.from_numpy(data)[None]
    found = plausible(image, torch.ones(1, 7), CANONICAL_BANDS)[0, 0].numpy() > 0
    assert (found == expected).mean() > 0.995  # rounding decides on a limit itself
    warm = torch.cat([image, torch.full((1, 1, 16, 16), 290.0)], dim=1)
    again = plausible(warm, torch.ones(1, 8), WITH_THERMAL)[0, 0].numpy() > 0
    assert np.array_equal(again, found)
