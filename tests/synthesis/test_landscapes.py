"""Landscapes to learn from: each is decided by its number."""

import numpy as np
import pytest

from kumosan.datasets.samples import WITH_THERMAL
from kumosan.synthesis.landscapes import Landscapes


def test_seasons_differ_in_temperature():
    few = Landscapes(5, 32, seed=1, bands=WITH_THERMAL)
    kelvin = [float(tile.data[-1].mean()) for tile in few]
    assert 200 < min(kelvin) < max(kelvin) - 5 < 340


def test_landscapes_are_drawn_by_their_number():
    a, b = Landscapes(3, 32, seed=5), Landscapes(2, 32, seed=5)
    assert np.array_equal(a[1].data, b[1].data)
    assert not np.array_equal(a[0].data, a[1].data)
    assert {a[i].acquired.level for i in range(2)} == {"TOA", "SR"}
    with pytest.raises(IndexError):
        a[3]
