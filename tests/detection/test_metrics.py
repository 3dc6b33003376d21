"""Metrics against hand counts and scikit-learn."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as reference

from kumosan.datasets.errors import GridError
from kumosan.detection.metrics import (
    VIEWS,
    Confusion,
    agreement,
    compare,
    confusion,
    patch_shares,
    per_patch_median,
    pooled,
    show,
)

TRUTH = np.array([[0, 1, 2, 3, 255], [0, 1, 2, 3, 255]], np.uint8)
FOUND = np.array([[0, 2, 0, 3, 1], [1, 255, 1, 1, 0]], np.uint8)


def test_counts_by_hand():
    found = compare(TRUTH, FOUND)
    # cloud: (0,1) and (1,2) right; (1,0) and (1,3) false; (0,2) and (1,1 missing) lost
    assert found["cloud"] == Confusion(tp=2, fp=2, fn=2, tn=2)
    # shadow: (0,3) right, (1,3) lost; the missing (1,1) is an error though nobody said shadow
    assert found["shadow"] == Confusion(tp=1, fp=1, fn=1, tn=5)
    assert found["contaminated"] == Confusion(tp=4, fp=1, fn=2, tn=1)


def test_measures_by_hand():
    c = Confusion(tp=6, fp=2, fn=4, tn=8)
    assert c.n == 20
    assert (c.pa, c.ua, c.oa) == (0.6, 0.75, 0.7)
    assert c.boa == pytest.approx((0.6 + 0.8) / 2)
    assert c.iou == 0.5
    assert c.dice == pytest.approx(2 / 3)


def test_undefined_without_positives():
    c = confusion(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), (1,))
    assert all(isnan(v) for v in (c.pa, c.ua, c.boa, c.iou, c.dice))
    assert c.oa == 1
    assert show(c.pa) == "-"
    assert show(c.oa) == "1.000"


def test_nodata_in_the_truth_is_left_out():
    empty = np.full((3, 3), 255, np.uint8)
    assert confusion(empty, np.ones((3, 3), np.uint8), (1,)) == Confusion()


def test_like_scikit_learn():
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 4, (2, 50, 60)).astype(np.uint8)
    for view, classes in (("cloud", (1, 2)), ("shadow", (3,)), ("contaminated", (1, 2, 3))):
        t, p = np.isin(truth, classes).ravel(), np.isin(found, classes).ravel()
        c = compare(truth, found)[view]
        assert c.pa == pytest.approx(reference.recall_score(t, p))
        assert c.ua == pytest.approx(reference.precision_score(t, p))
        assert c.oa == pytest.approx(reference.accuracy_score(t, p))
        assert c.boa == pytest.approx(reference.balanced_accuracy_score(t, p))
        assert c.iou == pytest.approx(reference.jaccard_score(t, p))
        assert c.dice == pytest.approx(reference.f1_score(t, p))


def test_pooled_and_median():
    a, b, c = Confusion(1, 0, 1, 0), Confusion(3, 0, 1, 0), Confusion(0, 1, 0, 1)
    assert pooled([a, b, c]) == Confusion(4, 1, 2, 1)
    assert per_patch_median([a, b, c], "pa") == 0.625  # of .5 and .75; c has no positives
    assert isnan(per_patch_median([c], "pa"))


def test_shares_of_patches():
    patches = [Confusion(tp=t, fn=100 - t) for t in (5, 10, 50, 90, 95)] + [Confusion(tn=1)]
    assert patch_shares(patches, "pa") == (0.2, 0.6, 0.2)
    assert all(isnan(v) for v in patch_shares([Confusion(tn=1)], "pa"))


def test_pooled_iou_is_that_of_torchmetrics(torchmetrics):
    import torch

    metric = torchmetrics.JaccardIndex(task="binary")
    rng, counts = np.random.default_rng(3), []
    for share in (0.0, 0.1, 0.9):  # the first chip is empty in both
        truth = (rng.random((30, 30)) < share).astype(np.uint8)
        found = np.where(rng.random((30, 30)) < 0.8, truth, 1 - truth) if share else truth
        counts.append(confusion(truth, found.astype(np.uint8), (1, 2)))
        metric.update(torch.from_numpy(found.astype(int)), torch.from_numpy(truth.astype(int)))
    assert pooled(counts).iou == pytest.approx(float(metric.compute()))
    assert pooled(counts).iou == pooled(counts[1:]).iou


def test_shapes_must_agree():
    with pytest.raises(GridError):
        confusion(TRUTH, FOUND[:1], (1,))


def test_agreement_is_symmetric_and_leaves_nodata_of_both_out():
    cloud = VIEWS["cloud"]
    # cloud in both: (0,1) and (1,2); in one: (0,2), (1,0), (1,3); (1,1) and the last are unknown
    assert agreement(TRUTH, FOUND, cloud) == agreement(FOUND, TRUTH, cloud) == 2 / 5
    assert isnan(agreement(TRUTH * 0, FOUND * 0, cloud))
    with pytest.raises(GridError):
        agreement(TRUTH, FOUND[:, :2], cloud)


@given(st.data())
def test_agreement_is_a_share_and_full_only_where_masks_agree(draw):
    shape = st.just((4, 5))
    codes = st.sampled_from([0, 1, 2, 3, 255])
    one, other = (draw.draw(arrays(np.uint8, shape, elements=codes)) for _ in range(2))
    for classes in VIEWS.values():
        found = agreement(one, other, classes)
        assert found == agreement(other, one, classes) or isnan(found)
        assert isnan(found) or 0 <= found <= 1
        known = (one != 255) & (other != 255)
        same = np.isin(one, classes)[known] == np.isin(other, classes)[known]
        assert (found == 1) <= same.all()
