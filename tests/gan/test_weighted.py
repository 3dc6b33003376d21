"""Inverse-distance weighting: mixtures of clear spectra, and how their weights fall."""

import numpy as np
import pytest

from kumosan.datasets.bands import BLUE, NIR, BandSet
from kumosan.datasets.tile import THICK, UNFILLABLE, CloudMask, Tile
from kumosan.gan import get
from kumosan.gan.weighted import InverseDistance, Nearest, spread

BANDS = BandSet((BLUE, NIR))


def row(*blue: float) -> Tile:
    data = np.float32([blue, np.float32(blue) * 2])[:, None]
    return Tile(data, BANDS)


def hole(tile: Tile, *columns: int) -> CloudMask:
    classes = np.zeros(tile.shape, np.uint8)
    classes[:, list(columns)] = THICK
    return CloudMask.like(tile, classes)


@pytest.mark.parametrize("place", [(512, 512), (513, 514), (511, 517)])
def test_weights_fall_with_the_fourth_power_of_the_distance(place):
    point = np.zeros((1025, 1025), np.float32)
    point[place] = 1
    weight = spread(point)
    y, x = place
    for r in (8, 16, 32, 64, 128, 256):
        ring = [weight[y + r, x], weight[y - r, x], weight[y, x + r], weight[y, x - r]]
        assert 0.2 < np.mean(ring) * r**4 < 0.4
    assert weight[y, x + 256] / weight[y, x + 16] == pytest.approx(1 / 16**4, rel=0.25)


def test_a_pixel_amid_two_rims_is_their_mean_and_one_beside_a_rim_is_like_it():
    tile = row(*[0.1] * 9, *[0.9] * 7, *[0.5] * 9)
    filled = InverseDistance().fill(tile, hole(tile, *range(9, 16))).tile.data[:, 0]
    assert filled[0, 12] == pytest.approx(0.3, abs=0.02)
    assert filled[0, 9] == pytest.approx(0.1, abs=0.02)
    assert filled[0, 15] == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(filled[1, 9:16], 2 * filled[0, 9:16], rtol=1e-5)


def test_one_missed_row_of_cloud_is_outvoted():
    """Ground of .1 with cloud of .9, whose outermost pixels the mask misses: they are nearest."""
    data = np.full((2, 60, 60), 0.1, np.float32)
    data[:, 20:40, 20:40] = 0.9
    tile = Tile(data, BANDS)
    classes = np.zeros(tile.shape, np.uint8)
    classes[21:39, 21:39] = THICK
    filled = InverseDistance().fill(tile, CloudMask.like(tile, classes)).tile.data[0]
    assert filled[30, 30] < 0.3


def test_values_stay_between_those_of_the_surroundings():
    rng = np.random.default_rng(0)
    tile = Tile(rng.random((2, 40, 40), np.float32), BANDS)
    classes = np.zeros(tile.shape, np.uint8)
    classes[10:30, 10:30] = THICK
    result = InverseDistance(max_distance_px=20).fill(tile, CloudMask.like(tile, classes))
    clear = tile.data[:, classes == 0]
    new = result.tile.data[:, 10:30, 10:30].reshape(2, -1)
    assert result.filled.sum() == 400
    assert (new >= clear.min(axis=1, keepdims=True)).all()
    assert (new <= clear.max(axis=1, keepdims=True)).all()


def test_what_lies_beyond_reach_stays_and_says_so():
    tile = row(*[0.1] * 5, *[0.9] * 7, *[0.1] * 5)
    result = InverseDistance(max_distance_px=2).fill(tile, hole(tile, *range(5, 12)))
    assert list(result.provenance[0, 5:12] == UNFILLABLE) == [False] * 2 + [True] * 3 + [False] * 2
    assert (result.tile.data[0, 0, 7:10] == np.float32(0.9)).all()


def test_pixels_without_data_are_no_source():
    tile = row(0.1, 0.9, np.nan, 0.9, 0.4)
    filled = InverseDistance().fill(tile, hole(tile, 1, 3)).tile.data[0, 0]
    assert 0.1 < filled[1] < 0.25 < filled[3] < 0.4
    assert np.isnan(filled[2])


def test_nearest_copies_whole_spectra_from_any_distance():
    tile = row(0.1, *[0.9] * 40, 0.4)
    result = Nearest().fill(tile, hole(tile, *range(1, 41)))
    assert (result.tile.data[0, 0, 1:21] == np.float32(0.1)).all()
    assert (result.tile.data[1, 0, 21:41] == np.float32(0.8)).all()
    assert result.filled.sum() == 40


def test_identity_leaves_all():
    tile = row(0.1, 0.9, 0.4)
    result = get("identity").fill(tile, hole(tile, 1))
    assert result.tile is tile and (result.provenance[0] == [0, UNFILLABLE, 0]).all()
