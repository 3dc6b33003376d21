"""Band tests of Fmask, by hand."""

import numpy as np
import pytest

from kumosan.datasets.bands import BandSet
from kumosan.datasets.tile import CLEAR, NODATA, THICK, THIN, Tile
from kumosan.detection.fmask import Fmask, _Scene, majority, ratio

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
CLOUD = (0.30, 0.30, 0.30, 0.35, 0.30, 0.20)


def potential(pixel, **changes):
    """Whether the spectral tests pass for one pixel."""
    values = {**dict(zip(BANDS, CLOUD, strict=True)), **changes}
    return bool(Fmask()._spectral(_Scene.of(pixel(**values)))[0, 0])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"swir2": 0.03}, False),  # basic test: SWIR2 > .03
        ({"green": 0.95, "blue": 0.95, "red": 0.95, "nir": 0.95, "swir1": 0.10}, False),  # NDSI
        ({"nir": 2.8}, False),  # NDVI = 2.5 / 3.1 = .81
        ({"blue": 0.60, "red": 0.15, "green": 0.15}, False),  # whiteness .6 / .3 = 2
        ({"blue": 0.22}, False),  # HOT: .22 - .15 - .08 < 0
        ({"nir": 0.22, "swir1": 0.30}, False),  # NIR / SWIR1 = .73: rock
        ({"nir": 0.23, "swir1": 0.30}, True),  # .77
        ({"thermal": 299.0}, True),  # 25.85 C
        ({"thermal": 301.0}, False),  # 27.85 C: too warm
    ],
)
def test_spectral_tests(pixel, changes, expected):
    assert potential(pixel, **changes) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cirrus": 0.011}, True),
        ({"cirrus": 0.009}, False),
        ({"cirrus": 0.011, "green": 0.6, "nir": 0.6, "swir1": 0.1}, False),  # snow: NDSI .71
        ({"cirrus": 0.011, "green": 0.6, "nir": 0.6, "swir1": 0.1, "thermal": 280.0}, True),
    ],
)
def test_cirrus_test(pixel, changes, expected):
    values = {**dict(zip(BANDS, (0.1, 0.1, 0.1, 0.3, 0.2, 0.1), strict=True)), **changes}
    assert bool(Fmask()._cirrus(_Scene.of(pixel(**values)))[0, 0]) is expected


@pytest.mark.parametrize(
    ("nir", "red", "expected"),
    [(0.10, 0.11, True), (0.12, 0.13, False), (0.045, 0.040, True), (0.05, 0.045, False)],
)
def test_water(pixel, nir, red, expected):
    tile = pixel(blue=0.1, green=0.1, red=red, nir=nir, swir1=0.02, swir2=0.01)
    assert bool(_Scene.of(tile).water[0, 0]) is expected


def test_cirrus_alone_is_thin_and_cloud_thick(scene):
    cloud = np.zeros((40, 40), bool)
    cloud[5:15, 5:15] = True
    tile = scene(cloud)
    i = tile.bands.names.index("cirrus")
    tile.data[i, 25:35, 25:35] = 0.03
    classes = Fmask().mask(tile).classes
    assert (classes[6:14, 6:14] == THICK).all()
    assert (classes[26:34, 26:34] == THIN).all()
    assert (classes == CLEAR).sum() > 1350


def test_without_cirrus_and_thermal(scene):
    cloud = np.zeros((40, 40), bool)
    cloud[5:15, 5:15] = True
    classes = Fmask().mask(scene(cloud, names=BANDS)).classes
    assert set(np.unique(classes)) == {CLEAR, THICK}
    assert (classes[6:14, 6:14] == THICK).all()


def test_warm_white_ground_is_not_cloud(scene):
    cloud = np.zeros((40, 40), bool)
    cloud[5:15, 5:15] = True
    tile = scene(cloud)
    tile.data[tile.bands.names.index("thermal"), 5:15, 5:15] = 303.0
    assert not Fmask().mask(tile).cloud.any()


@pytest.mark.parametrize("missing", [np.nan, 0.0])  # files without a nodata value hold 0 K
def test_missing_temperature_speaks_neither_for_nor_against(scene, missing):
    cloud = np.zeros((40, 40), bool)
    cloud[5:15, 5:15] = True
    tile = scene(cloud)
    tile.data[tile.bands.names.index("thermal"), :, 5:10] = missing
    mask = Fmask().mask(tile)
    assert mask.valid.all()
    assert (mask.classes[6:14, 6:14] == THICK).all()
    assert not mask.cloud[20:].any()


def test_all_cloud_and_no_cloud(scene):
    every = np.ones((20, 20), bool)
    assert (Fmask().mask(scene(every)).classes == THICK).all()
    assert (Fmask().mask(scene(~every)).classes == CLEAR).all()


def test_majority():
    flag = np.zeros((5, 5), bool)
    flag[1:4, 1:4] = True
    valid = np.ones_like(flag)
    expected = flag.copy()
    expected[[1, 1, 3, 3], [1, 3, 1, 3]] = False  # corners: 4 of 9
    assert np.array_equal(majority(flag, valid), expected)
    flag[2, 2] = False
    assert majority(flag, valid)[2, 2]  # a hole: 8 of 9
    assert not majority(flag, valid)[0, 0]
    single = np.ones((1, 1), bool)
    assert majority(single, single)[0, 0]


def test_majority_counts_valid_pixels_only():
    flag = np.zeros((3, 3), bool)
    flag[0] = True
    valid = np.ones_like(flag)
    assert not majority(flag, valid)[1, 1]  # 3 of 9
    valid[2] = False
    valid[1, 0] = False
    assert majority(flag, valid)[1, 1]  # 3 of 5
    assert not majority(flag, valid)[2].any()


def test_ratio_of_zero():
    a, b = np.float32([1, 0, 3]), np.float32([0, 0, 2])
    assert ratio(a, b).tolist() == [0, 0, 1.5]


def test_nodata_does_not_spread(scene):
    cloud = np.zeros((60, 60), bool)
    cloud[20:40, 20:40] = True
    tile = scene(cloud, sun=(40.0, 150.0))
    whole = Fmask().mask(tile).classes
    data = tile.data.copy()
    data[:, :10] = np.nan
    data[0, 30, 30] = np.nan  # one band is enough to lose a pixel
    holed = (
        Fmask()
        .mask(Tile(data, BandSet(tile.bands.bands), tile.transform, tile.crs, tile.acquired))
        .classes
    )
    lost = np.zeros_like(cloud)
    lost[:10] = lost[30, 30] = True
    assert (holed[lost] == NODATA).all()
    assert np.array_equal(holed[~lost], whole[~lost])


@pytest.mark.parametrize("missing", [np.nan, 0.0])
def test_pale_plants_without_a_temperature_are_not_the_coldest_cloud(scene, missing):
    """Bright as haze, and green: 0 K would make cloud of them."""
    field = np.zeros((40, 40), bool)
    field[5:15, 5:15] = True
    tile = scene(np.zeros((40, 40), bool))
    pale = {"blue": 0.22, "green": 0.2, "red": 0.2, "nir": 0.8, "swir1": 0.4, "swir2": 0.3}
    for name, value in {**pale, "thermal": missing}.items():
        tile.data[tile.bands.names.index(name), field] = value
    assert Fmask()._spectral(_Scene.of(tile))[field].all()
    assert not Fmask().mask(tile).cloud.any()
