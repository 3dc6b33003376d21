"""Guided upsampling against what is known: edges of the guide, flat guides, sums of one."""

import cv2
import numpy as np
import pytest

from kumosan.detection.guided import guided


def halves(plane, factor=2):
    h, w = plane.shape
    return plane.reshape(h // factor, factor, w // factor, factor).mean((1, 3)).astype(np.float32)


@pytest.fixture
def disc():
    """A white disc on dark ground, its true probability, and both at half the resolution."""
    y, x = np.mgrid[:128, :128]
    truth = (np.hypot(y - 60.3, x - 66.8) < 31).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 0.004, truth.shape)
    image = (0.08 + 0.4 * truth + noise).astype(np.float32)
    return truth, image, halves(truth), halves(image)


def test_edges_come_back_sharper_than_by_linear_upsampling(disc):
    truth, image, coarse_truth, coarse_image = disc
    p = np.stack([1 - coarse_truth, coarse_truth])
    found = guided(p, coarse_image, image)[1]
    linear = cv2.resize(coarse_truth, (128, 128), interpolation=cv2.INTER_LINEAR)
    errors = [np.abs(f - truth).mean() for f in (found, linear)]
    assert errors[0] < 0.35 * errors[1]


def test_where_the_guide_is_flat_little_changes():
    rng = np.random.default_rng(1)
    p = cv2.GaussianBlur(rng.random((32, 32), np.float32), (0, 0), 5)
    found = guided(np.stack([1 - p, p]), np.full((32, 32), 0.1, "f"), np.full((64, 64), 0.1, "f"))
    linear = cv2.resize(p, (64, 64), interpolation=cv2.INTER_LINEAR)
    assert np.abs(found[1] - linear)[8:-8, 8:-8].max() < 0.03


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (50, 61)])
def test_probabilities_stay_probabilities(shape):
    rng = np.random.default_rng(2)
    odds = rng.random((4, *shape)) ** 4
    p = (odds / odds.sum(0)).astype(np.float32)
    fine = rng.random((2 * shape[0] + 1, 2 * shape[1]), np.float32)
    found = guided(p, cv2.resize(fine, shape[::-1]).reshape(shape), fine)
    assert found.shape == (4, *fine.shape)
    assert found.min() >= 0
    assert found.sum(axis=0) == pytest.approx(1, abs=1e-5)
