"""Rules that take haze off: cases whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from kumosan.datasets.bands import BLUE, CIRRUS, GREEN, NIR, RED, SWIR1, BandSet
from kumosan.datasets.errors import UnfitError
from kumosan.datasets.tile import CLEAR, SHADOW, SPECTRAL, THICK, THIN, CloudMask, Tile
from kumosan.gan import get
from kumosan.gan.common import plausible_range
from kumosan.gan.dark_channel import KEPT, DarkChannel
from kumosan.gan.haze import FLOOR, box_mean, box_minimum, dark_rise

BANDS = BandSet((BLUE, GREEN, RED, NIR))
RULES = ("dark-object", "hot", "dark-channel", "homomorphic", "cirrus")
SIDE = 120


def ground(bands=BANDS, seed=0):
    """Bare ground along one line of colours, a dark pixel in every fifth place."""
    rng = np.random.default_rng(seed)
    bright = rng.uniform(0.1, 0.3, (SIDE, SIDE))
    bright[::5, ::5] = 0.05
    data = np.stack([bright * (0.6 + 0.2 * i) for i in range(len(bands))])
    for i, band in enumerate(bands):
        if band.kind == "cirrus":
            data[i] = 0.001
    return Tile(data.astype(np.float32), bands)


def half(tile, code=THIN):
    classes = np.full(tile.shape, CLEAR, np.uint8)
    classes[:, SIDE // 2 :] = code
    return CloudMask.like(tile, classes)


def under(truth, add):
    """``truth`` with haze of ``add`` (band, y, x) over the half that the mask calls thin."""
    veil = np.zeros(truth.data.shape, np.float32)
    veil[..., SIDE // 2 :] = np.broadcast_to(add, truth.data.shape)[..., SIDE // 2 :]
    return truth.with_data(truth.data + veil), half(truth)


def errors(truth, result):
    return np.abs(result.tile.data - truth.data)[:, result.filled]


@pytest.mark.parametrize("name", RULES)
def test_only_thin_cloud_is_corrected(name):
    bands = BandSet((*BANDS, CIRRUS))
    truth = ground(bands)
    tile, mask = under(truth, 0.1)
    classes = mask.classes.copy()
    classes[:20, SIDE // 2 :], classes[20:40, SIDE // 2 :] = THICK, SHADOW
    result = get(name).fill(tile, replace(mask, classes=classes))
    assert result.filled.any()
    assert (classes[result.filled] == THIN).all()
    assert (result.provenance[result.filled] == SPECTRAL).all()
    left = ~result.filled
    np.testing.assert_array_equal(result.tile.data[:, left], tile.data[:, left])
    sure = result.confidence[result.filled]
    assert sure.min() > 0 and sure.max() < 0.05 / (0.05 + FLOOR) + 1e-6


@pytest.mark.parametrize(("excess", "power"), [(0.02, 4.0), (0.06, 1.0), (0.12, 0.5)])
def test_dark_objects_tell_the_haze_and_its_fall_with_wavelength(excess, power):
    truth = ground()
    nm = np.array([b.center_nm for b in BANDS])
    add = excess * (nm / nm[0]) ** -power
    result = get("dark-object").fill(*under(truth, add[:, None, None].astype(np.float32)))
    assert result.filled.sum() == SIDE * SIDE // 2
    assert errors(truth, result).max() < 1e-5


def test_hot_levels_take_off_what_each_has():
    """Haze in two steps, stronger in the blue: the ground's line tells them apart exactly."""
    truth = ground()
    noise = np.random.default_rng(1).normal(0, 0.001, truth.data.shape)
    truth = truth.with_data(truth.data + noise.astype(np.float32))  # ties would be sorted by chance
    add = np.zeros_like(truth.data)
    for rows, blue in ((slice(0, 60), 0.04), (slice(60, None), 0.12)):
        add[:, rows] = np.array([1, 0.8, 0.6, 0.3], np.float32)[:, None, None] * blue
    tile, mask = under(truth, add)
    result = get("hot").fill(tile, mask)
    hazy = np.abs(tile.data - truth.data)[:, result.filled]
    assert np.median(errors(truth, result)) < 0.1 * np.median(hazy)


def test_the_dark_channel_is_that_of_the_formula():
    """Ground with a black visible band, one transmittance, one air: J = (I - A) / t + A."""
    data = np.tile(ground().data, 3)
    data[2] = 0  # no red anywhere
    truth, air, through = Tile(data, BANDS), 0.8, 0.7
    mask = CloudMask.like(truth, np.where(np.arange(3 * SIDE) < 20, CLEAR, THIN) + data[0] * 0)
    veiled = mask.classes == THIN
    data = truth.data.copy()
    data[:, veiled] = data[:, veiled] * through + air * (1 - through)
    data[:, 40:70, 60:90] = air  # opaque: tells the colour of the air
    result = DarkChannel().fill(truth.with_data(data), mask)
    t = 1 - KEPT * (1 - through)
    seen = result.filled & (np.arange(3 * SIDE) > 200)  # guided filters look 60 pixels far
    for i in (0, 1, 3):
        limits = plausible_range(truth, i, ~veiled)
        expected = np.clip((data[i] - air) / t + air, *limits)
        np.testing.assert_allclose(result.tile.data[i][seen], expected[seen], atol=1e-4)


def test_homomorphic_undoes_a_factor():
    truth = ground()
    tile = truth.with_data(truth.data.copy())
    mask = half(truth)
    tile.data[:, mask.classes == THIN] *= np.float32(1.8)
    result = get("homomorphic").fill(tile, mask)
    assert np.median(errors(truth, result)) < 0.1 * np.median(np.abs(tile.data - truth.data)[
        :, result.filled
    ])  # fmt: skip


def test_cirrus_is_a_multiple_of_its_own_band():
    bands = BandSet((*BANDS, SWIR1, CIRRUS))
    truth = ground(bands)
    rng = np.random.default_rng(1)
    cirrus = rng.uniform(0.01, 0.06, truth.shape)
    slope = np.array([2.0, 2, 2, 2, 1, 1])
    tile, mask = under(truth, (slope[:, None, None] * cirrus).astype(np.float32))
    result = get("cirrus").fill(tile, mask)
    assert result.filled.sum() == SIDE * SIDE // 2
    before = np.abs(tile.data - truth.data)[:5][:, result.filled].mean()
    assert errors(truth, result)[:5].mean() < 0.15 * before


def test_low_haze_is_not_cirrus():
    bands = BandSet((*BANDS, CIRRUS))
    truth = ground(bands)
    add = np.array([0.1, 0.1, 0.1, 0.1, 0])[:, None, None]
    assert not get("cirrus").fill(*under(truth, add.astype(np.float32))).filled.any()


def test_bands_that_are_needed_are_named():
    truth = ground()
    with pytest.raises(UnfitError, match="cirrus"):
        get("cirrus").fill(truth, half(truth))
    nir = Tile(truth.data[:1], BandSet((NIR,)))
    for name in ("hot", "dark-channel"):
        with pytest.raises(UnfitError):
            get(name).fill(nir, half(nir))


@pytest.mark.parametrize("name", RULES)
def test_without_clear_ground_nothing_is_known(name):
    truth = ground(BandSet((*BANDS, CIRRUS)))
    mask = CloudMask.like(truth, np.full(truth.shape, THIN, np.uint8))
    assert not get(name).fill(truth, mask).filled.any()


def test_boxes_leave_others_out():
    plane = np.arange(9, dtype=np.float32).reshape(3, 3)
    where = np.zeros((3, 3), bool)
    where[0, 0] = where[1, 1] = True
    np.testing.assert_allclose(box_mean(plane, where, 3)[0, 0], 2.0)
    assert np.isnan(box_mean(plane, where, 1)[2, 2])
    assert box_minimum(plane, where, 3)[2, 2] == 4 and np.isinf(box_minimum(plane, where, 1)[2, 2])


def test_dark_values_rise_by_level():
    rng = np.random.default_rng(0)
    clear = rng.uniform(0.1, 0.3, 4000).astype(np.float32)
    index = np.repeat(np.float32([1, 2]), 2000)
    thin = rng.uniform(0.1, 0.3, 4000).astype(np.float32) + index / 10
    at, rise = dark_rise(clear, thin, index)
    np.testing.assert_allclose(rise, at / 10, atol=0.01)
