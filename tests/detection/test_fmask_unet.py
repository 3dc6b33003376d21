"""Fmask's word weighed with the network's: on scenes whose truth is known."""

from dataclasses import replace
from functools import partial
from math import hypot

import numpy as np
import pytest

import kumosan.datasets as kd
from kumosan import detection
from kumosan.datasets.errors import GridError, UnfitError, ValueRangeError
from kumosan.datasets.tile import CLEAR, NODATA, SHADOW
from kumosan.datasets.weights import WeightsError
from kumosan.detection.fmask import Fmask
from kumosan.detection.fmask_unet import FmaskUnet, Said
from kumosan.detection.postprocess import clean_up
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


def test_odds_by_hand():
    said = np.array([[0, 1], [3, 255]], np.uint8)
    p = np.full((4, 3, 5), 0.25, np.float32)
    Said(said, 2, 4.0).weigh(p, top=1)  # of rows 1 to 3: the first is the coarse row 0
    clear, cloud, shadow, unknown = p[:, 0, 0], p[:, 0, 4], p[:, 1, 1], p[:, 2, 2]
    np.testing.assert_allclose(clear, np.array([1, 1 / 4, 1 / 4, 1]) / 2.5, rtol=1e-6)
    np.testing.assert_allclose(cloud, np.array([1, 4, 4, 1]) / 10, rtol=1e-6)
    np.testing.assert_allclose(shadow, np.array([1, 1 / 4, 1 / 4, 4]) / 5.5, rtol=1e-6)
    np.testing.assert_allclose(unknown, 0.25)
    assert (p[:, 0, :2] == clear[:, None]).all() and (p[:, 0, 2:] == cloud[:, None]).all()


def test_what_was_said_of_another_scene_is_refused(two):
    tile = two[0]
    informed = FmaskUnet()._told(tile, 1)
    part = replace(tile, data=tile.data[:, :100])
    with pytest.raises(GridError, match="200 x 100 pixels for what was said of another"):
        informed.mask(part)


def test_odds_of_1_leave_the_network_alone(two):
    tile = two[0]
    found = FmaskUnet(odds=1).mask(tile)
    assert np.array_equal(found.classes, Segmenter().mask(tile).classes)


def test_with_large_odds_fmask_decides(two):
    tile, (left, right), shadows = two
    found = FmaskUnet(odds=1e9).mask(tile)
    said = Fmask().mask(tile)
    assert said.cloud[left | right].mean() > 0.8
    assert (found.cloud == said.cloud).mean() > 0.99
    assert (found.classes[shadows[0] | shadows[1]] == SHADOW).mean() > 0.9
    assert found.probability is not None
    np.testing.assert_allclose(found.probability.sum(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize("shown_px", [200 * 200, 80 * 80])
def test_a_scene_gives_the_mask_of_the_tile(two, tmp_path, monkeypatch, shown_px):
    monkeypatch.setitem(detection.DETECTORS, "fmask-unet", partial(FmaskUnet, shown_px=shown_px))
    kd.write_tile(tmp_path / "scene.tif", two[0])
    scene = kd.open_scene(tmp_path / "scene.tif")
    detection.mask_scene(scene, tmp_path / "mask.tif", detection.MaskSettings("fmask-unet"))
    mask = FmaskUnet(shown_px=shown_px).mask(kd.read(tmp_path / "scene.tif"))
    written = kd.read_mask(tmp_path / "mask.tif").classes
    assert np.array_equal(written, clean_up(mask, 30.0).classes)
    assert (written == SHADOW).any()


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
    with pytest.raises(ValueRangeError, match=r"odds times 0\.5"):
        FmaskUnet(odds=0.5)
    for bad in ({"odds": np.inf}, {"odds": np.nan}, {"shown_px": 0}):
        with pytest.raises(ValueRangeError):
            FmaskUnet(**bad)
    broken = tmp_path / "w.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(WeightsError):
        detection.get("fmask-unet", weights=broken).mask(scene(clouds()[0]))
