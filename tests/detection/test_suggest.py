"""Tiles to label next: unsure ones, and not the same one twice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumosan.datasets.errors import UsageError
from kumosan.datasets.tile import CloudMask
from kumosan.detection.suggest import choose, suggest, uncertainty


def sure(p):
    rest = (1 - p) / 3
    return np.full((4, 2, 2), rest, np.float32) + np.array([p - rest, 0, 0, 0])[:, None, None]


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


def test_nothing_to_choose_from_is_one_sentence():
    with pytest.raises(UsageError):
        choose(np.zeros(0), np.zeros((0, 1), np.float32), 5)


def test_pixels_without_data_are_not_what_is_unsure(scene):
    """A detector gives them 1/4 for each class; a tile of nothing else has nothing to label."""

    class Sure:
        def mask(self, tile):
            p = np.full((4, *tile.shape), 0.25, np.float32)
            p[:, tile.valid] = np.array([0.7, 0.1, 0.1, 0.1])[:, None]
            return CloudMask.like(tile, np.zeros(tile.shape), p)

    whole, half, none = (scene(np.zeros((16, 16), bool)) for _ in range(3))
    half.data[:, :8] = np.nan
    none.data[:] = np.nan
    found = {s.number: s.uncertainty for s in suggest([none, half, whole], [Sure()], 3)}
    assert found[0] == 0
    assert found[1] == pytest.approx(found[2], abs=1e-6) and found[1] > 0
