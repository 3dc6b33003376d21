"""Shadows moved to the level of their surroundings: how far, what stays, where nothing moves."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from kumosan.datasets.bands import BandSet
from kumosan.datasets.sensors import sensor
from kumosan.datasets.tile import (
    CLEAR,
    SHADOW,
    SPATIAL,
    SPECTRAL,
    THICK,
    THIN,
    CloudMask,
    FilledTile,
    Tile,
)
from kumosan.gan.cascade import Cascade
from kumosan.gan.common import Area, assemble
from kumosan.gan.levelled import Levelled
from kumosan.gan.relation import confidence, expected_error
from kumosan.gan.weighted import InverseDistance
from kumosan.synthesis.landscape import landscape

BANDS = BandSet(tuple(b for b in sensor("landsat-8").bands if b.kind == "reflective"))


@dataclass(frozen=True)
class Fixed:
    """Fills with given values and a given error to expect."""

    bands: ClassVar[BandSet] = BandSet(())

    values: np.ndarray
    error: float
    code: int
    where: np.ndarray | bool = True

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        area = Area.of(tile, mask)
        filled = area.todo & self.where
        sure = np.full(filled.sum(), confidence(np.float32(self.error)))
        return assemble(tile, area, filled, self.values[:, filled], sure, self.code)


@pytest.fixture(scope="module")
def ground():
    return landscape((96, 96), BANDS, np.random.default_rng(3), 30.0)


def case(ground, code=SHADOW):
    """A square in the middle, half as bright."""
    inside = np.zeros(ground.shape, bool)
    inside[24:72, 24:72] = True
    data = np.where(inside, ground.data * np.float32(0.5), ground.data)
    tile = ground.with_data(data)
    return tile, CloudMask.like(tile, np.where(inside, code, CLEAR)), inside


def fill(ground, own=0.02, theirs=0.02, off=0.03, code=SHADOW, reach=True):
    tile, mask, inside = case(ground, code)
    level = ground.data.mean(axis=(1, 2), keepdims=True)
    relit = Fixed(ground.data + np.float32(off), own, SPECTRAL)
    around = Fixed(np.broadcast_to(level, ground.data.shape), theirs, SPATIAL, reach)
    return Levelled(relit, around).fill(tile, mask), tile, inside


@pytest.mark.parametrize(("own", "theirs"), [(0.02, 0.02), (0.04, 0.02), (0.02, 0.06)])
def test_the_level_moves_by_the_inverse_squares_of_the_errors(ground, own, theirs):
    done, _, inside = fill(ground, own, theirs)
    level = ground.data.mean(axis=(1, 2))
    before = ground.data[:, inside].mean(axis=1) + np.float32(0.03)
    share = own**2 / (own**2 + theirs**2)
    expected = before + share * (level - before)
    np.testing.assert_allclose(done.tile.data[:, inside].mean(axis=1), expected, atol=2e-3)
    assert set(done.provenance[inside]) == {SPATIAL if share > 0.5 else SPECTRAL}


def test_the_texture_stays_and_the_error_falls(ground):
    done, _, inside = fill(ground)
    fine = np.diff(done.tile.data, axis=2) - np.diff(ground.data, axis=2)
    both = inside[:, 1:] & inside[:, :-1]
    contrast = np.diff(ground.data, axis=2)[:, both].std()
    assert fine[:, both].std() < 0.15 * contrast  # a plain mean of both would lose one half
    before, after = 0.03, np.sqrt(((done.tile.data - ground.data)[:, inside] ** 2).mean())
    assert after < 0.8 * before


def test_two_errors_that_agree_promise_less(ground):
    done, _, inside = fill(ground, 0.03, 0.04)
    error = expected_error(done.confidence[inside])
    np.testing.assert_allclose(error, 0.03 * 0.04 / 0.05, rtol=1e-4)


def test_thin_cloud_and_clear_ground_stay(ground):
    done, tile, inside = fill(ground, code=THIN)
    np.testing.assert_allclose(done.tile.data[:, inside], ground.data[:, inside] + 0.03, atol=1e-6)
    done, tile, inside = fill(ground)
    assert (done.tile.data[:, ~inside] == tile.data[:, ~inside]).all()


def test_where_the_surroundings_do_not_reach_nothing_moves(ground):
    rows = np.arange(ground.shape[0])[:, None] < 48
    done, _, inside = fill(ground, reach=np.broadcast_to(rows, ground.shape))
    left = inside & ~rows
    np.testing.assert_allclose(done.tile.data[:, left], ground.data[:, left] + 0.03, atol=1e-6)
    assert (np.abs(done.tile.data - ground.data - 0.03)[:, inside & rows] > 1e-4).any()


def test_auto_levels_shadows(ground):
    tile, mask, inside = case(ground)
    relit = Fixed(ground.data + np.float32(0.05), 0.05, SPECTRAL)
    done = Cascade(spectral=relit).fill(tile, mask)
    off = (done.tile.data - ground.data)[:, inside].mean()
    assert 0 < off < 0.045


def test_shadows_are_levelled_from_afar_and_the_rest_is_filled_within_reach(ground):
    tile, _, inside = case(ground)
    classes = np.where(inside, SHADOW, CLEAR)
    classes[inside & (np.arange(ground.shape[1]) < 48)] = THICK
    mask = CloudMask.like(tile, classes)
    relit = Fixed(ground.data + np.float32(0.05), 0.05, SPECTRAL, classes == SHADOW)
    before = tile.data.copy()
    done = Levelled(relit, InverseDistance(max_distance_m=None, max_distance_px=4)).fill(tile, mask)
    assert (tile.data == before).all(), "the caller's values are the caller's"
    assert done.filled[classes == SHADOW].all() and done.filled[48, 25]
    assert done.provenance[48, 25] == SPATIAL and not done.filled[48, 40]
    moved = np.abs(done.tile.data - ground.data - np.float32(0.05)).max(axis=0)
    assert moved[48, 50] > 1e-4, "22 pixels from clear ground, beyond the reach"
    assert (done.tile.data[:, ~done.filled] == before[:, ~done.filled]).all()
