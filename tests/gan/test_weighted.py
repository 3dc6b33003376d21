"""Inverse-distance weighting: mixtures of clear spectra, worked out by hand."""

import numpy as np
import pytest

from kumosan.datasets.bands import BLUE, NIR, BandSet
from kumosan.datasets.errors import ValueRangeError
from kumosan.datasets.tile import THICK, UNFILLABLE, CloudMask, Tile
from kumosan.gan import get
from kumosan.gan.weighted import InverseDistance, Nearest

BANDS = BandSet((BLUE, NIR))


def row(*blue: float) -> Tile:
    data = np.float32([blue, np.float32(blue) * 2])[:, None]
    return Tile(data, BANDS)


def hole(tile: Tile, *columns: int) -> CloudMask:
    classes = np.zeros(tile.shape, np.uint8)
    classes[:, list(columns)] = THICK
    return CloudMask.like(tile, classes)


def test_weights_fall_with_the_square_of_the_distance():
    tile = row(0.1, 0.9, 0.9, 0.4)  # at column 1: distances 1 and 2, weights 1 and 1/4
    filled = InverseDistance().fill(tile, hole(tile, 1, 2)).tile.data[:, 0]
    assert filled[0, 1] == pytest.approx((0.1 + 0.4 / 4) / 1.25)
    assert filled[1, 1] == pytest.approx(2 * filled[0, 1])
    assert filled[0, 2] == pytest.approx((0.1 / 4 + 0.4) / 1.25)


def test_one_neighbour_is_the_nearest_pixel():
    tile = row(0.1, 0.9, 0.9, 0.9, 0.4)
    filled = InverseDistance(neighbours=1).fill(tile, hole(tile, 1, 2, 3)).tile.data[0, 0]
    assert filled[1] == pytest.approx(0.1)
    assert filled[3] == pytest.approx(0.4)


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
    filled = InverseDistance(neighbours=1).fill(tile, hole(tile, 1, 3)).tile.data[0, 0]
    assert filled[1] == pytest.approx(0.1)
    assert np.isnan(filled[2])


def test_settings_are_checked():
    tile = row(0.1, 0.9)
    with pytest.raises(ValueRangeError, match="0 neighbours"):
        InverseDistance(neighbours=0).fill(tile, hole(tile, 1))


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
