"""Places drawn again: sums of whole places, and the ends that most of them lie between."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumosan.datasets.bootstrap import percentiles, redrawn


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), min_size=1, max_size=12),
    st.integers(0, 5),
)
def test_a_draw_is_of_whole_places_as_many_as_there_are(values, seed):
    places = dict.fromkeys(place for place, _ in values)
    sums = {p: [sum(v for q, v in values if q == p), 1] for p in places}
    drawn = redrawn([*values_with_one_count(values)], seed, resamples=20)
    if len(places) < 2:
        assert drawn.shape[0] == 0
        return
    assert drawn.shape == (20, 2)
    assert (drawn[:, 1] == len(places)).all()
    most, least = (f(s[0] for s in sums.values()) for f in (max, min))
    assert (drawn[:, 0] <= most * len(places)).all() and (drawn[:, 0] >= least * len(places)).all()


def values_with_one_count(values):
    """Every place counts once, in its first part."""
    seen = set()
    for place, value in values:
        yield place, (value, place not in seen)
        seen.add(place)


def test_draws_are_with_replacement():
    drawn = redrawn([("a", [1, 0]), ("b", [0, 1])], 0)
    found, counts = np.unique(drawn, axis=0, return_counts=True)
    assert found.tolist() == [[0, 2], [1, 1], [2, 0]]
    assert np.allclose(counts / 1000, (0.25, 0.5, 0.25), atol=0.05)


def test_ends_leave_out_what_is_undefined():
    values = [float("nan"), *range(1001)]
    assert percentiles(values) == pytest.approx((25, 975))
    assert all(map(isnan, percentiles([float("nan")]))) and all(map(isnan, percentiles([])))
