"""Temperature, threshold and AUC, against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumosan.datasets.errors import UnfitError
from kumosan.detection.patch_decision import auc, calibrate, temperature, threshold

CASES = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=60).filter(
    lambda pairs: len({c for _, c in pairs}) == 2
)


@pytest.mark.parametrize("t", [0.3, 1.0, 4.0])
def test_the_temperature_that_made_the_logits_is_found(t):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    clear = rng.random(20_000) < 1 / (1 + np.exp(-logits))
    assert temperature(logits * t, clear) == pytest.approx(t, rel=0.05)


@settings(deadline=None)
@given(CASES, st.sampled_from([0.6, 0.9, 1.0]))
def test_the_threshold_is_the_lowest_that_is_precise_enough(pairs, precision):
    p = (np.array([k for k, _ in pairs]) + 0.5) / 21  # a sigmoid gives neither 0 nor 1
    clear = np.array([c for _, c in pairs])
    at = threshold(p, clear, precision)

    def share(limit):
        return clear[p >= limit].mean() if (p >= limit).any() else 0.0

    useful = [v for v in np.unique(p) if clear[p >= v].sum() >= clear.sum() / 2]
    enough = [v for v in useful if share(v) >= precision]
    called = p >= at
    assert clear[called].sum() >= clear.sum() / 2
    if enough:
        assert share(at) >= precision
        assert p[called].min() == min(enough)
    else:
        assert share(at) == max(share(v) for v in useful)


@settings(deadline=None)
@given(CASES)
def test_auc_is_the_share_of_pairs_in_order(pairs):
    logits = np.array([k for k, _ in pairs], float)
    clear = np.array([c for _, c in pairs])
    ahead = logits[clear][:, None] - logits[~clear]
    assert auc(logits, clear) == pytest.approx(((ahead > 0) + (ahead == 0) / 2).mean())


def test_scores_tell_what_the_threshold_reaches():
    logits = np.array([4.0, 3, 2, 1, 0, -1, -2, -3])
    clear = np.array([1, 1, 0, 1, 0, 0, 0, 0], bool)
    found = calibrate(logits, clear, 0.98)
    assert (found.scores["precision"], found.scores["recall"]) == (1.0, pytest.approx(2 / 3, 1e-3))
    assert (found.scores["patches"], found.scores["clear"]) == (8, 3)


@pytest.mark.parametrize("clear", [True, False])
def test_one_class_alone_cannot_calibrate(clear):
    with pytest.raises(UnfitError, match="all c"):
        calibrate(np.arange(4.0), np.full(4, clear), 0.98)
