"""The cost of a mask: four parts that add up, each of its own kind of pixel."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from kumosan.datasets.bands import BLUE, NIR, THERMAL, BandSet
from kumosan.datasets.errors import ValueRangeError
from kumosan.datasets.pair import CloudyPair
from kumosan.datasets.tile import CloudMask, FilledTile, Tile
from kumosan.gan.mask_cost import cost, mean_cost

SHAPE = (8, 10)
BANDS = BandSet((BLUE, NIR, THERMAL))


def drawn(draw):
    """A strategy of arrays that ``draw(generator)`` makes: far faster than element by element."""
    return st.integers(0, 2**32 - 1).map(lambda seed: draw(np.random.default_rng(seed)))


codes = drawn(lambda rng: rng.integers(0, rng.integers(1, 5), SHAPE).astype(np.uint8))
flags = drawn(lambda rng: rng.random(SHAPE) < rng.random())


class To:
    """Fills all that is masked with ``value``, but for pixels of ``unknown``."""

    bands = BandSet(())

    def __init__(self, value, unknown=None):
        self.value, self.unknown = value, unknown

    def fill(self, tile, mask):
        masked = mask.contaminated
        known = masked if self.unknown is None else masked & ~self.unknown
        data = np.where(known, self.value, tile.data).astype(np.float32)
        provenance = np.where(tile.valid, np.where(masked, np.where(known, 2, 4), 0), 255)
        sure = np.ones(tile.shape, np.float32)
        return FilledTile(tile.with_data(data), provenance.astype(np.uint8), sure)


def pair_of(classes, empty=None):
    """Ground that rises from left to right, and clouds 0.5 brighter in all bands."""
    clear = np.broadcast_to(np.linspace(0.1, 0.3, SHAPE[1]), (3, *SHAPE)).astype(np.float32)
    cloudy = clear + np.where(classes > 0, 0.5, 0).astype(np.float32)
    if empty is not None:
        clear, cloudy = (np.where(empty, np.float32(np.nan), a) for a in (clear, cloudy))
    tiles = [Tile(a, BANDS, Affine(20, 0, 0, 0, -20, 0)) for a in (cloudy, clear)]
    none = np.zeros(SHAPE, np.float32)
    return CloudyPair(*tiles, CloudMask.like(tiles[1], classes), none, none + 1, ())


def mask_of(pair, classes):
    return CloudMask.like(pair.clear, classes)


@given(truth=codes)
def test_the_true_mask_with_a_perfect_fill_costs_nothing(truth):
    pair = pair_of(truth)
    assert cost(pair, pair.mask, To(pair.clear.data)).total == pytest.approx(0, abs=1e-7)


@given(truth=codes)
def test_no_mask_costs_what_the_cloud_hides(truth):
    pair = pair_of(truth)
    found = cost(pair, mask_of(pair, np.zeros(SHAPE, np.uint8)), To(0.0))
    assert found.missed == found.total == pytest.approx(0.5 * (truth > 0).mean(), abs=1e-6)


@given(truth=codes, said=codes, lost=flags)
def test_each_pixel_costs_in_one_part_only(truth, said, lost):
    pair = pair_of(truth)
    found = cost(pair, mask_of(pair, said), To(pair.clear.data + 0.25, lost))
    cloudy, hidden = truth > 0, said > 0
    n = truth.size
    assert found.missed == pytest.approx(0.5 * (cloudy & ~hidden).sum() / n, abs=1e-6)
    assert found.filled == pytest.approx(0.25 * (cloudy & hidden & ~lost).sum() / n, abs=1e-6)
    assert found.spoilt == pytest.approx(0.25 * (~cloudy & hidden & ~lost).sum() / n, abs=1e-6)
    guess = np.abs(pair.clear.data[0] - pair.clear.data[0].mean())
    assert found.lost == pytest.approx(guess[hidden & lost].sum() / n, abs=1e-6)
    assert sum(list(found.parts().values())[:-1]) == pytest.approx(found.total)


def test_bands_without_reflectance_do_not_count():
    pair = pair_of(np.ones(SHAPE, np.uint8))
    value = pair.clear.data.copy()
    value[2] += 30  # kelvin
    assert cost(pair, pair.mask, To(value)).total == pytest.approx(0, abs=1e-7)


def test_pixels_without_data_do_not_count():
    truth = np.zeros(SHAPE, np.uint8)
    truth[:, 5:] = 1
    empty = np.zeros(SHAPE, bool)
    empty[:, :5] = True
    found = cost(pair_of(truth, empty), mask_of(pair_of(truth), truth * 0), To(0.0))
    assert found.missed == pytest.approx(0.5)
    with pytest.raises(ValueRangeError, match="without pixels"):
        cost(pair_of(truth, np.ones(SHAPE, bool)), mask_of(pair_of(truth), truth), To(0.0))


def test_the_mean_is_taken_part_by_part():
    one, other = (pair_of(np.full(SHAPE, c, np.uint8)) for c in (0, 1))
    costs = [cost(p, p.mask, To(p.clear.data + 0.1)) for p in (one, other)]
    assert mean_cost(costs).filled == pytest.approx(0.05) and mean_cost(costs).missed == 0
