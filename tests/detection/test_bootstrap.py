"""Intervals by resampling places."""

from math import isnan, sqrt

import numpy as np
import pytest

from kumosan.detection.bootstrap import intervals, intervals_of_differences
from kumosan.detection.metrics import Confusion


def test_alike_places_leave_no_doubt():
    patches = [(g, Confusion(6, 2, 4, 8)) for g in "abc"]
    assert intervals(patches, ("pa", "ua")) == {"pa": (0.6, 0.6), "ua": (0.75, 0.75)}


def test_one_place_tells_nothing():
    patches = [("a", Confusion(6, 2, 4, 8)), ("a", Confusion(1, 2, 4, 8))]
    assert all(isnan(v) for v in intervals(patches, ("pa",))["pa"])
    assert all(isnan(v) for v in intervals([], ("pa",))["pa"])


def test_width_is_that_of_the_mean_over_places():
    rng = np.random.default_rng(0)
    hits = rng.integers(20, 81, 60)
    patches = [(g, Confusion(tp=int(h), fn=100 - int(h))) for g, h in enumerate(hits)]
    low, high = intervals(patches, ("pa",))["pa"]
    error = hits.std() / 100 / sqrt(len(hits))
    assert low == pytest.approx(hits.mean() / 100 - 1.96 * error, abs=0.15 * error + 0.005)
    assert high == pytest.approx(hits.mean() / 100 + 1.96 * error, abs=0.15 * error + 0.005)


def test_places_are_drawn_not_patches():
    """Ten copies of every patch in its own place add no certainty."""
    rng = np.random.default_rng(1)
    one = [
        (g, Confusion(tp=int(h), fn=100 - int(h))) for g, h in enumerate(rng.integers(0, 101, 9))
    ]
    assert intervals(one, ("pa",)) == intervals([p for p in one for _ in range(10)], ("pa",))


def test_the_seed_decides():
    patches = [(g, Confusion(tp=g * g, fn=400 - g * g)) for g in range(20)]
    assert intervals(patches, ("pa",), seed=1) == intervals(patches, ("pa",), seed=1)
    assert intervals(patches, ("pa",), seed=1) != intervals(patches, ("pa",), seed=2)


def test_undefined_draws_are_left_out():
    patches = [("clear", Confusion(tn=10)), ("cloudy", Confusion(tp=4, fn=6))]
    assert intervals(patches, ("pa",))["pa"] == (0.4, 0.4)


def test_what_both_share_cancels():
    """Places differ a lot, the two detectors by the same share everywhere."""
    hits = np.random.default_rng(3).integers(20, 81, 30)
    both = [
        (g, Confusion(tp=int(h) + 10, fn=90 - int(h)), Confusion(tp=int(h), fn=100 - int(h)))
        for g, h in enumerate(hits)
    ]
    low, high = intervals_of_differences(both, ("pa",))["pa"]
    assert low == pytest.approx(0.1) and high == pytest.approx(0.1)
    alone = intervals([(g, one) for g, one, _ in both], ("pa",))["pa"]
    assert alone[1] - alone[0] > 0.05


def test_a_difference_has_a_sign_and_needs_two_places():
    both = [(g, Confusion(tp=9, fn=1), Confusion(tp=4 + g, fn=6 - g)) for g in range(4)]
    low, high = intervals_of_differences(both, ("pa",))["pa"]
    assert 0 < low < high
    turned = intervals_of_differences([(g, b, a) for g, a, b in both], ("pa",))["pa"]
    assert turned == pytest.approx((-high, -low))
    assert all(isnan(v) for v in intervals_of_differences(both[:1], ("pa",))["pa"])


def test_a_difference_is_undefined_where_one_of_the_two_is():
    nothing_called = (Confusion(fn=4, tn=6), Confusion(tp=3, fn=1, tn=6))
    both = [(g, *nothing_called) for g in "ab"]
    assert all(isnan(v) for v in intervals_of_differences(both, ("ua",))["ua"])
