"""Labels of shadow, checked against the image."""

from dataclasses import replace

import numpy as np
import pytest

from kumosan.datasets.bands import BandSet
from kumosan.datasets.labelled import ALL_CLASSES, LabelledTile
from kumosan.datasets.tile import CLEAR, NODATA, SHADOW, THICK, THIN, CloudMask, Tile
from kumosan.detection.matched import with_matched_shadows
from kumosan.synthesis.landscape import landscape

from .small_set import BANDS, CLOUD

UNDRAWN = ALL_CLASSES - {SHADOW}
OFFSET = (-18, -10)
"""Rows and columns from a cloud at 500 m to its shadow; the landscape's sun is at 150 degrees."""


@pytest.fixture(scope="module")
def scene():
    """A tile with clouds and their shadows, and the whole truth about it."""
    rng = np.random.default_rng(5)
    ground = landscape((160, 160), BANDS, rng, 30.0)
    cloud = np.zeros(ground.shape, bool)
    for y, x in ((40, 60), (80, 110), (110, 50), (50, 135)):
        cloud[y : y + 18, x : x + 14] = True
    shadow = np.roll(cloud, OFFSET, (0, 1)) & ~cloud
    nir = ground.find(BANDS.bands[3])
    shadow &= nir > 0.15  # on dark ground no shadow can be told from the ground
    data = np.where(shadow, ground.data * 0.4, ground.data)
    data = np.where(cloud, CLOUD[:, None, None], data).astype(np.float32)
    truth = np.where(cloud, THICK, np.where(shadow, SHADOW, CLEAR)).astype(np.uint8)
    return ground.with_data(data), truth


def labelled(scene, classes, codes=ALL_CLASSES):
    tile, _ = scene
    return LabelledTile("a", tile, CloudMask.like(tile, classes.astype(np.uint8)), labelled=codes)


def test_shadows_that_nobody_drew_are_found(scene):
    _, truth = scene
    undrawn = np.where(truth == SHADOW, CLEAR, truth)
    item = with_matched_shadows(labelled(scene, undrawn, UNDRAWN))
    found = item.mask.classes == SHADOW
    assert found[truth == SHADOW].mean() > 0.8
    assert (truth[found] == SHADOW).mean() > 0.7
    assert np.array_equal(item.mask.classes == THICK, truth == THICK)
    assert item.labelled == ALL_CLASSES
    missed = (truth == SHADOW) & (item.mask.classes == CLEAR)
    assert missed.mean() < 0.1 * (truth == SHADOW).mean()  # dark basins are left open


def test_a_right_drawing_stays_and_one_beside_the_shadow_is_doubted(scene):
    _, truth = scene
    right = with_matched_shadows(labelled(scene, truth)).mask.classes
    assert (right[truth == SHADOW] == SHADOW).mean() > 0.9
    beside = np.roll(truth == SHADOW, -25, axis=0) & (truth == CLEAR)
    wrong = np.where(beside, SHADOW, np.where(truth == SHADOW, CLEAR, truth))
    out = with_matched_shadows(labelled(scene, wrong)).mask.classes
    assert (out[truth == SHADOW] == NODATA).mean() > 0.8  # matched, and drawn as clear
    assert (out[beside] == SHADOW).mean() < 0.6


def test_without_cloud_or_infrared_nothing_changes(scene):
    tile, truth = scene
    thin = np.where(truth == THICK, THIN, CLEAR)
    for item in (
        labelled(scene, np.zeros_like(truth)),
        replace(
            labelled(scene, thin, UNDRAWN),
            tile=Tile(tile.data[:3], BandSet(BANDS.bands[:3]), tile.transform, tile.crs),
        ),
        replace(labelled(scene, truth), mask=None),
    ):
        assert with_matched_shadows(item) is item
