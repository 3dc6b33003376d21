"""Tiles to label next: unsure ones, and not the same one twice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumosan.datasets.bands import RED, BandSet
from kumosan.datasets.errors import UsageError
from kumosan.datasets.tile import CloudMask, Tile
from kumosan.detection.suggest import choose, suggest, uncertainty


def sure(p):
    rest = (1 - p) / 3
    return np.full((4, 5), rest, np.float32) + np.array([p - rest, 0, 0, 0])[:, None]


def test_uncertainty_is_entropy_in_nats():
    assert uncertainty([sure(0.25)]) == pytest.approx(np.log(4), abs=1e-5)
    assert uncertainty([sure(1.0)]) == pytest.approx(0, abs=1e-4)


def test_of_several_networks_only_what_they_disagree_on_counts():
    same = uncertainty([sure(0.25), sure(0.25)])
    other = np.roll(sure(1.0), 1, axis=0)
    assert same == pytest.approx(0, abs=1e-5)
    assert uncertainty([sure(1.0), other]) == pytest.approx(np.log(2), abs=1e-3)


def test_twins_are_not_both_chosen_before_something_new():
    unsure = np.array([1.0, 0.99, 0.3])
    features = np.array([[0.0, 0], [0.001, 0], [5, 5]], np.float32)
    assert [s.number for s in choose(unsure, features, 2)] == [0, 2]
    assert [s.number for s in choose(unsure, features, 9)] == [0, 2, 1]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 15), st.integers(0, 99), st.booleans())
def test_each_tile_once_and_as_many_as_asked(tiles, n, seed, random):
    rng = np.random.default_rng(seed)
    unsure = rng.random(tiles) * rng.integers(0, 2, tiles)
    features = rng.integers(0, 2, (tiles, 3)).astype(np.float32)
    found = [s.number for s in choose(unsure, features, n, random, seed)]
    assert len(found) == len(set(found)) == min(n, tiles)


def test_chance_is_chance():
    unsure, features = np.arange(9.0), np.zeros((9, 1), np.float32)
    first = [s.number for s in choose(unsure, features, 9, random=True, seed=1)]
    assert first == [s.number for s in choose(unsure, features, 9, random=True, seed=1)]
    assert first != [s.number for s in choose(unsure, features, 9, random=True, seed=2)]


class Says:
    """A detector that gives all pixels of a tile the probabilities that its first value names."""

    def __init__(self, *table):
        self.table = table

    def mask(self, tile):
        p = self.table[int(tile.data[0, 0, 0] * 10)]
        plane = np.array(p, np.float32)[:, None, None] * np.ones((1, *tile.shape), np.float32)
        return CloudMask.like(tile, plane.argmax(axis=0).astype(np.uint8), plane)


def test_one_network_asks_for_what_it_doubts_several_for_what_they_dispute():
    """Both networks doubt tile 0 in one way; of tile 1 both are sure, of opposite things."""
    tiles = [Tile(np.full((1, 4, 4), 0.1 * i + 0.05, np.float32), BandSet((RED,))) for i in (0, 1)]
    doubt, clear, cloud = (0.25,) * 4, (0.97, 0.01, 0.01, 0.01), (0.01, 0.97, 0.01, 0.01)
    first, second = Says(doubt, clear), Says(doubt, cloud)
    assert [s.number for s in suggest(tiles, [first], 1)] == [0]
    (asked,) = suggest(tiles, [first, second], 1)
    assert asked.number == 1 and asked.uncertainty > 0.5


def test_what_a_network_says_beside_the_image_does_not_count():
    tiles = [Tile(np.full((1, 4, 4), v, np.float32), BandSet((RED,))) for v in (0.05, 0.15, 0.25)]
    tiles[1].data[0, 1:] = np.nan  # beside a strip
    tiles[2].data[:] = np.nan
    table = Says((0.7, 0.1, 0.1, 0.1), (0.97, 0.01, 0.01, 0.01))

    class DoubtsTheOutside(Says):
        def mask(self, tile):
            found = table.mask(tile) if tile.valid.any() else CloudMask.like(tile, np.zeros((4, 4)))
            if found.probability is not None:
                found.probability[:, ~tile.valid] = 0.25
            return found

    first, second, empty = suggest(tiles, [DoubtsTheOutside()], 3)
    assert (first.number, second.number, empty.number) == (0, 1, 2)
    assert second.uncertainty < 0.2 and empty.uncertainty == 0


def test_nothing_to_choose_from_is_one_sentence():
    with pytest.raises(UsageError):
        choose(np.zeros(0), np.zeros((0, 1), np.float32), 5)
