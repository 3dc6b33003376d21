"""Fmask's word weighed with the network's: on scenes whose truth is known."""

import errno
from dataclasses import replace
from functools import partial
from math import hypot

import numpy as np
import pytest
import rasterio

import kumosan.datasets as kd
from kumosan import detection
from kumosan.datasets.errors import OutputError, UnfitError, ValueRangeError
from kumosan.datasets.tile import CLEAR, NODATA, SHADOW, THICK, THIN
from kumosan.datasets.weights import WeightsError
from kumosan.datasets.write import in_percent
from kumosan.detection import answers, scene_rows
from kumosan.detection.answers import WORD, answered, heard, moved
from kumosan.detection.fmask import Fmask
from kumosan.detection.fmask_unet import FmaskUnet
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
    words = WORD[np.array([[CLEAR, THICK, THIN], [SHADOW, NODATA, CLEAR]])]
    p = moved(np.full((4, 2, 3), 0.25, np.float32), words, 4.0)
    clear, cloud, shadow = [1, 1 / 4, 1 / 4, 1], [1, 4, 4, 1], [1, 1 / 4, 1 / 4, 4]
    expected = np.array([[clear, cloud, cloud], [shadow, clear, clear]])
    expected /= expected.sum(axis=2, keepdims=True)
    np.testing.assert_allclose(p.transpose(1, 2, 0), expected, rtol=1e-6)


def test_each_word_gets_the_class_of_the_odds_that_it_moved():
    rng, network = np.random.default_rng(0), Segmenter(threshold=0.4)
    p = rng.dirichlet((1, 1, 1, 1), (50, 60)).transpose(2, 0, 1).astype(np.float32)
    words = rng.integers(0, 3, (50, 60)).astype(np.uint8)
    found = heard(answered(p, network, 2.2), words)
    assert np.array_equal(found, network.classes(moved(p, words, 2.2)))
    assert not np.array_equal(found, network.classes(p))


def test_a_full_disk_is_told_and_nothing_stays(two, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(answers.Kept, "add", full)
    kd.write_tile(tmp_path / "scene.tif", two[0])
    with pytest.raises(OutputError, match="No space left on device"):
        detection.mask_scene(kd.open_scene(tmp_path / "scene.tif"), tmp_path / "mask.tif")
    assert {path.name for path in tmp_path.iterdir()} == {"scene.tif"}


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


@pytest.mark.parametrize(("shown_px", "factor"), [(200 * 200, 1), (100 * 100, 2), (60 * 60, 4)])
def test_a_scene_gives_the_mask_of_the_tile(two, tmp_path, monkeypatch, shown_px, factor):
    monkeypatch.setitem(detection.DETECTORS, "fmask-unet", partial(FmaskUnet, shown_px=shown_px))
    monkeypatch.setattr(scene_rows, "BLOCK", 64)
    kd.write_tile(tmp_path / "scene.tif", two[0])
    scene = kd.open_scene(tmp_path / "scene.tif")
    settings = detection.MaskSettings("fmask-unet", probability=True)
    detection.mask_scene(scene, tmp_path / "mask.tif", settings)
    detector = FmaskUnet(shown_px=shown_px)
    assert detector._factor(scene.shape) == factor
    mask = detector.mask(kd.read(tmp_path / "scene.tif"))
    written = kd.read_mask(tmp_path / "mask.tif").classes
    assert np.array_equal(written, clean_up(mask, 30.0).classes)
    assert (written == SHADOW).any()
    with rasterio.open(tmp_path / "mask_probability.tif") as p:
        assert np.array_equal(p.read(), in_percent(mask.probability))


def test_a_scene_is_read_once(two, tmp_path, monkeypatch):
    """Every pixel, of each band that network or rule looks at or that tells where there is data."""
    monkeypatch.setattr(scene_rows, "BLOCK", 64)
    kd.write_tile(tmp_path / "scene.tif", two[0])
    scene, seen = kd.open_scene(tmp_path / "scene.tif"), np.zeros((200, 200), int)

    class Counting:
        def stored(self, window, bands):
            seen[window.toslices()] += 1
            return scene.source.stored(window, bands)

        def missing(self, window):
            return scene.source.missing(window)

    counted = replace(scene, source=Counting())
    detection.mask_scene(counted, tmp_path / "mask.tif", detection.MaskSettings("fmask-unet"))
    assert (seen == 1).all()


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
