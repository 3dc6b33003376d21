"""Fmask's clouds and shadows, with a veto of the network: on scenes whose truth is known."""

from dataclasses import replace
from math import hypot

import numpy as np
import pytest

from kumosan import detection
from kumosan.datasets.errors import UnfitError, ValueRangeError
from kumosan.datasets.tile import CLEAR, NODATA, SHADOW
from kumosan.datasets.weights import WeightsError
from kumosan.detection.fmask import Fmask
from kumosan.detection.fmask_unet import FmaskUnet
from kumosan.detection.segmenter import Segmenter
from kumosan.detection.sun import shadow_per_metre

SUN = (40.0, 150.0)
HEIGHT_M = 1500.0


def clouds(shape=(200, 200)):
    """Two round clouds, left and right."""
    y, x = np.indices(shape)
    return [(y - 120) ** 2 + (x - centre) ** 2 <= 15**2 for centre in (70, 150)]


@pytest.fixture
def two(scene):
    """Two clouds at 1500 m under a known sun, and their shadows."""
    left, right = clouds()
    empty = scene(left, sun=SUN)
    dcol, drow = (round(HEIGHT_M * step) for step in shadow_per_metre(empty))
    assert hypot(dcol, drow) > 35  # no shadow hides under its cloud
    shadows = [np.roll(cloud, (drow, dcol), (0, 1)) for cloud in (left, right)]
    return scene(left | right, shadows[0] | shadows[1], sun=SUN), (left, right), shadows


def suspecting(monkeypatch, where):
    """Let the network find cloud or shadow there: its probabilities, in two strips."""
    p = np.stack([np.where(where, 0.4, 0.6), *[np.where(where, 0.2, 0.4 / 3)] * 3])
    halves = np.array_split(p.astype(np.float32), 2, axis=1)
    monkeypatch.setattr(Segmenter, "probabilities", lambda *_, **__: iter(halves))


def test_where_the_network_suspects_everything_it_is_fmask(monkeypatch, two):
    tile, _, shadows = two
    suspecting(monkeypatch, np.ones(tile.shape, bool))
    found = FmaskUnet().mask(tile).classes
    assert np.array_equal(found, Fmask().mask(tile).classes)
    shadow = shadows[0] | shadows[1]
    assert (found[shadow] == SHADOW).mean() > 0.9


def test_a_cloud_that_the_network_calls_clear_goes_with_its_shadow(monkeypatch, two):
    tile, (left, right), (of_left, of_right) = two
    suspecting(monkeypatch, left)
    found = FmaskUnet().mask(tile).classes
    core = np.isin(found, (1, 2))
    assert (core == (left & np.isin(Fmask().mask(tile).classes, (1, 2)))).all()
    assert (found[right] == CLEAR).all()
    assert (found[of_left] == SHADOW).mean() > 0.9
    assert not (found[of_right] == SHADOW).any()


def test_where_the_network_suspects_nothing_all_is_clear(monkeypatch, two):
    tile = two[0]
    suspecting(monkeypatch, np.zeros(tile.shape, bool))
    assert (FmaskUnet().mask(tile).classes == CLEAR).all()
    assert (FmaskUnet(threshold=0.3).mask(tile).classes != CLEAR).any()  # 0.4 is above it


def test_the_network_that_ships_finds_clouds_and_keeps_clear_ground_clear(scene):
    left, right = clouds()
    cloud = left | right
    assert (FmaskUnet().mask(scene(cloud)).cloud[cloud]).mean() > 0.9
    assert (FmaskUnet().mask(scene(cloud & False)).classes == CLEAR).all()


def test_nodata_stays_nodata(scene):
    left, _ = clouds()
    tile = scene(left)
    data = tile.data.copy()
    data[:, :7] = np.nan
    found = FmaskUnet().mask(replace(tile, data=data)).classes
    assert ((found == NODATA) == ~np.isfinite(data).all(axis=0)).all()


def test_refusals(scene, tmp_path):
    with pytest.raises(UnfitError):
        FmaskUnet().mask(scene(clouds()[0], names=("blue", "green", "red", "nir")))
    with pytest.raises(ValueRangeError):
        FmaskUnet(threshold=1.5)
    broken = tmp_path / "w.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(WeightsError):
        detection.get("fmask-unet", weights=broken).mask(scene(clouds()[0]))
