"""Sets of bands that hold each other, whatever the sensor."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumosan.datasets.band_order import (
    FIRST,
    VISIBLE,
    band_order,
    band_windows,
    some_bands,
    spectrometer,
)
from kumosan.datasets.bands import GREEN, RED, BandSet
from kumosan.datasets.errors import UnfitError
from kumosan.datasets.sensors import sensor

CUBE = spectrometer()


@given(st.integers(3, 223))
def test_a_set_is_part_of_every_larger_one(count):
    assert set(some_bands(CUBE, count)) < set(some_bands(CUBE, count + 1))


@pytest.mark.parametrize("count", [3, 4, 6, 13, 32, 224])
def test_every_set_has_the_same_visible_bands(count):
    chosen = CUBE.select(some_bands(CUBE, count))
    assert len(chosen) == count
    assert chosen.select(chosen.locate(VISIBLE)) == CUBE.select(CUBE.locate(VISIBLE))


def test_sentinel_2_is_ordered_as_users_name_its_sets():
    bands = sensor("sentinel-2a").bands
    names = [bands[i].name for i in band_order(bands)]
    assert names[:6] == ["B02", "B03", "B04", "B08", "B11", "B12"]
    assert sorted(names) == sorted(bands.names)


def test_bands_beyond_the_first_spread_over_the_spectrum():
    nm = [CUBE[i].center_nm for i in some_bands(CUBE, 32)]
    assert max(b - a for a, b in pairwise(nm)) < 120


def test_all_bands_are_asked_for_by_their_number():
    whole = sensor("landsat-8").bands  # two of them thermal
    assert some_bands(whole, 11) == list(range(11))
    with pytest.raises(UnfitError, match="10 of 9"):
        some_bands(whole, 10)
    with pytest.raises(UnfitError, match="2 of"):
        some_bands(whole, 2)
    with pytest.raises(UnfitError, match="blue"):
        band_order(BandSet((GREEN, RED)))


def test_windows_find_the_bands_that_they_stand_for():
    windows = band_windows(CUBE, 32)
    assert windows.bands[:6] == FIRST[:6]
    assert sorted(CUBE.locate(windows)) == some_bands(CUBE, 32)
    assert sensor("sentinel-2b").bands.missing(band_windows(CUBE, 13)) == ()
