"""Reliability against scikit-learn and torchmetrics."""

from math import isnan

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from kumosan.datasets.errors import GridError
from kumosan.detection.calibration import reliability


@pytest.fixture
def case():
    """Truth and probabilities that say too much."""
    rng = np.random.default_rng(0)
    cloud = rng.random((60, 70)).astype(np.float32)
    truth = (rng.random(cloud.shape) < 0.2 + 0.5 * cloud).astype(np.uint8)
    probability = np.zeros((4, *cloud.shape), np.float32)
    probability[0], probability[1], probability[2] = 1 - cloud, 0.25 * cloud, 0.75 * cloud
    return truth, probability


def test_curve_like_scikit_learn(case):
    truth, probability = case
    said, true = reliability(truth, probability, (1, 2)).curve
    cloud = probability[1:3].sum(0, dtype=float).ravel()
    theirs_true, theirs_said = calibration_curve(truth.ravel() > 0, cloud, n_bins=10)
    assert said == pytest.approx(theirs_said)
    assert true == pytest.approx(theirs_true)


def test_error_like_torchmetrics(case, torchmetrics):
    import torch

    truth, probability = case
    error = torchmetrics.CalibrationError(task="binary", n_bins=10, norm="l1")(
        torch.from_numpy(probability[1:3].sum(0).ravel()),
        torch.from_numpy(truth.ravel().astype(int)),
    )
    ours = reliability(truth, probability, (1, 2)).error
    assert ours > 0.05
    assert ours == pytest.approx(float(error), abs=1e-5)


def test_perfect_and_hopeless():
    truth = np.array([[0, 1]], np.uint8)
    right = np.array([[[1, 0]], [[0, 1]], [[0, 0]], [[0, 0]]], np.float32)
    assert reliability(truth, right, (1, 2)).error == 0
    assert reliability(1 - truth, right, (1, 2)).error == 1


def test_nodata_and_missing_probabilities_are_left_out(case):
    truth, probability = case
    truth[:20] = 255
    probability[:, 20:30] = np.nan
    assert reliability(truth, probability, (1, 2)).n.sum() == 30 * 70
    truth[:] = 255
    nothing = reliability(truth, probability, (1, 2))
    assert isnan(nothing.error)
    assert np.isnan(nothing.curve).all()


def test_they_add_up(case):
    truth, probability = case
    halves = [reliability(truth[s], probability[:, s], (1,)) for s in (np.s_[:30], np.s_[30:])]
    assert (halves[0] + halves[1]).error == pytest.approx(
        reliability(truth, probability, (1,)).error
    )


def test_shapes_must_agree(case):
    truth, probability = case
    with pytest.raises(GridError):
        reliability(truth[1:], probability, (1,))
