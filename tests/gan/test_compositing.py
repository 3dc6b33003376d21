"""Composites of several dates: what each method promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumosan.gan.compositing import (
    REACH_PX,
    composite,
    least_bad,
    pixel_score,
    reach_px,
)

SHAPE = (5, 3, 4, 6)
"""(date, band, y, x)"""
METHODS = ["median", "best", "geomedian"]


def drawn(draw):
    """A strategy of arrays that ``draw(generator)`` makes: far faster than element by element."""
    return st.integers(0, 2**32 - 1).map(lambda seed: draw(np.random.default_rng(seed)))


values = drawn(lambda rng: np.round(rng.random(SHAPE), rng.integers(0, 6)).astype(np.float32))
masks = drawn(lambda rng: rng.random((5, 4, 6)) < rng.random())


def made(method, data, clear, score=None):
    if method == "geomedian":
        pytest.importorskip("geomad", reason="the extra composite is not installed")
    score = np.zeros(clear.shape, np.float32) if score is None else score
    return composite(data, clear, method, (0, 1, 2), score)


@pytest.mark.parametrize("method", METHODS)
@given(data=values, clear=masks)
def test_only_clear_dates_count(method, data, clear):
    spoilt = np.where(clear[:, None], data, np.float32(9))
    one, other = made(method, data, clear), made(method, spoilt, clear)
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.count, clear.sum(axis=0))
    never = ~clear.any(axis=0)
    assert np.isnan(one.values[:, never]).all() and np.isfinite(one.values[:, ~never]).all()
    np.testing.assert_array_equal(one.date < 0, never)
    rows, columns = np.nonzero(~never)
    assert clear[one.date[rows, columns], rows, columns].all()


@pytest.mark.parametrize("method", METHODS)
@given(data=values, clear=masks)
def test_the_order_of_the_dates_does_not_matter(method, data, clear):
    score = np.random.default_rng(0).random(clear.shape).astype(np.float32)
    turned = np.s_[::-1]
    one = made(method, data, clear, score)
    other = made(method, data[turned], clear[turned], score[turned])
    np.testing.assert_allclose(one.values, other.values, atol=2e-3)


@pytest.mark.parametrize("method", METHODS)
def test_equal_dates_give_themselves(method):
    data = np.broadcast_to(np.float32([0.1, 0.2, 0.3])[:, None, None], SHAPE).copy()
    done = made(method, data, np.ones((5, 4, 6), bool))
    np.testing.assert_allclose(done.values, data[0], atol=1e-6)


@given(data=values, clear=masks)
def test_the_median_is_that_of_numpy(data, clear):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.nanmedian(np.where(clear[:, None], data, np.nan), axis=0)
    np.testing.assert_allclose(made("median", data, clear).values, expected, atol=1e-6)


def test_the_geometric_median_stands_a_missed_cloud_and_keeps_spectra_together():
    rng = np.random.default_rng(3)
    data = (0.2 + 0.005 * rng.standard_normal(SHAPE)).astype(np.float32)
    data[:2] = 0.9
    done = made("geomedian", data, np.ones((5, 4, 6), bool))
    assert np.abs(done.values - 0.2).max() < 0.03
    # least sum of distances: no observed spectrum has less
    sums = [np.linalg.norm(data - v, axis=1).sum(axis=0) for v in (done.values, *data)]
    assert (sums[0] <= np.min(sums[1:], axis=0) + 1e-3).all()


def test_bands_without_reflectance_are_taken_by_their_median():
    data = np.full(SHAPE, 0.2, np.float32)
    data[:, 2] = np.arange(290, 295, dtype=np.float32)[:, None, None]
    data[0, 2] = np.nan
    clear = np.ones((5, 4, 6), bool)
    pytest.importorskip("geomad", reason="the extra composite is not installed")
    done = composite(data, clear, "geomedian", (0, 1), np.zeros(clear.shape, np.float32))
    np.testing.assert_allclose(done.values[2], 292.5)


def test_best_takes_whole_pixels_of_the_highest_score():
    rng = np.random.default_rng(5)
    data = rng.random(SHAPE).astype(np.float32)
    clear, score = rng.random((5, 4, 6)) > 0.4, rng.random((5, 4, 6)).astype(np.float32)
    done = made("best", data, clear, score)
    for y, x in np.argwhere(clear.any(axis=0)):
        k = done.date[y, x]
        assert (done.values[:, y, x] == data[k, :, y, x]).all()
        assert score[k, y, x] == score[clear[:, y, x], y, x].max()


def test_the_score_rises_away_from_cloud_and_falls_with_the_days():
    cloud = np.zeros((9, 120), bool)
    cloud[:, 0] = True
    row = pixel_score(cloud, 30.0, 0.0)[4]
    assert (np.diff(row[1:50]) > 0).all() and np.ptp(row[51:]) == 0
    assert row[60] == pytest.approx(1.993, abs=1e-3)  # logistic at 50 pixels, and the Gaussian's 1
    days = [pixel_score(cloud, 30.0, d)[4, 60] for d in (0, 10, -30, 90)]
    assert days == sorted(days, reverse=True)
    assert pixel_score(cloud, 30.0, -10)[4, 60] == pixel_score(cloud, 30.0, 10)[4, 60]
    assert pixel_score(cloud, 30.0, None)[4, 60] == pytest.approx(row[60] - 1)


def test_distance_is_measured_in_metres():
    fine, coarse = np.zeros((3, 400), bool), np.zeros((3, 100), bool)
    fine[:, 0] = coarse[:, 0] = True
    a, b = pixel_score(fine, 10.0, None)[1], pixel_score(coarse, 30.0, None)[1]
    np.testing.assert_allclose(a[3:300:3], b[1:100], atol=1e-5)
    assert reach_px(10.0) == 3 * REACH_PX == 3 * reach_px(None)


def test_without_cloud_all_pixels_are_far_from_it():
    assert (pixel_score(np.zeros((4, 4), bool), 30.0, None) > 0.99).all()


def test_what_is_never_clear_leaves_the_least_bad_observation():
    data = np.arange(3, dtype=np.float32)[:, None, None, None] * np.ones((3, 2, 1, 4), np.float32)
    classes = np.array([[[1, 1, 3, 255]], [[2, 1, 1, 255]], [[2, 1, 1, 255]]], np.uint8)
    values, code = least_bad(data, classes, [5, 30, 2])
    assert code.tolist() == [[2, 1, 3, 255]]
    assert values[0, 0, :3].tolist() == [2, 2, 0] and np.isnan(values[:, 0, 3]).all()
