"""Four classes at once, against hand counts, scikit-learn and torchmetrics."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from kumosan.datasets.errors import GridError
from kumosan.detection.class_counts import ClassCounts, count_classes

TRUTH = np.array([[0, 0, 1, 2, 3, 255]], np.uint8)
FOUND = np.array([[0, 3, 2, 2, 255, 1]], np.uint8)


def test_counts_by_hand():
    counts = count_classes(TRUTH, FOUND)
    expected = np.zeros((4, 5), int)
    expected[0, 0] = expected[0, 3] = expected[1, 2] = expected[2, 2] = expected[3, 4] = 1
    assert np.array_equal(counts.counts, expected)
    assert counts.iou == (1 / 2, 0, 1 / 2, 0)
    assert counts.miou == 1 / 4
    assert counts.micro_iou == 2 / 7  # unions: clear 2, thick 1, thin 2, shadow 2


def test_classes_that_nobody_drew_are_those_they_hide_among():
    counts = count_classes(TRUTH, FOUND, frozenset({0, 1})).counts
    assert counts[0, 0] == 2  # the shadow found on clear ground
    assert counts[1, 1] == 2  # thin on thick, and thin on thin
    assert counts[:, 2:4].sum() == 0
    iou = count_classes(TRUTH, FOUND, frozenset({0, 1})).iou
    assert isnan(iou[2]) and isnan(iou[3])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_like_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    truth, found = rng.integers(0, 4, (2, 12, 9)).astype(np.uint8)
    counts = count_classes(truth, found)
    t, p = truth.ravel(), found.ravel()
    matrix = reference.confusion_matrix(t, p, labels=range(4))
    assert np.array_equal(counts.counts[:, :4], matrix)
    for code, ours in enumerate(counts.iou):
        if code in t or code in p:
            assert ours == pytest.approx(reference.jaccard_score(t == code, p == code))
        else:
            assert isnan(ours)
    assert counts.micro_iou == pytest.approx(reference.jaccard_score(t, p, average="micro"))


def test_like_torchmetrics(torchmetrics):
    import torch

    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 4, (2, 40, 30)).astype(np.uint8)
    truth[:5] = 255
    t, p = torch.from_numpy(truth.astype(int)), torch.from_numpy(found.astype(int))
    counts = count_classes(truth, found)
    for average, ours in (("macro", counts.miou), ("micro", counts.micro_iou)):
        theirs = torchmetrics.JaccardIndex(
            task="multiclass", num_classes=4, average=average, ignore_index=255
        )
        assert ours == pytest.approx(float(theirs(p, t)))


def test_they_add_up():
    one = count_classes(TRUTH, FOUND)
    both = count_classes(np.tile(TRUTH, (2, 1)), np.tile(FOUND, (2, 1)))
    assert np.array_equal((one + one).counts, both.counts)
    assert isnan(ClassCounts.zero().miou) and isnan(ClassCounts.zero().micro_iou)


def test_shapes_must_agree():
    with pytest.raises(GridError):
        count_classes(TRUTH, FOUND[:, 1:])
