"""Outlines against hand counts and against exact distances."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from kumosan.datasets.errors import GridError
from kumosan.detection.boundary import Boundary, compare_boundaries, pooled_boundaries


def square(top, left, side, shape=(40, 40)):
    out = np.zeros(shape, np.uint8)
    out[top : top + side, left : left + side] = 1
    return out


def test_the_same_mask():
    c = compare_boundaries(square(10, 10, 12), square(10, 10, 12), (1,))
    assert c.shared == c.either == 12**2 - 8**2  # a frame of 2 pixels
    assert c.true == c.found == 12**2 - 10**2
    assert (c.iou, c.f1(1), c.f1(3)) == (1, 1, 1)


def test_a_shift_of_two_pixels():
    c = compare_boundaries(square(10, 10, 12), square(10, 12, 12), (1,))
    assert 0 < c.iou < 1
    assert c.f1(1) < 1
    assert c.f1(3) == 1


def test_a_shift_of_ten_pixels_and_nothing_found():
    far = compare_boundaries(square(2, 2, 6), square(25, 25, 6), (1,))
    assert (far.iou, far.f1(3)) == (0, 0)
    none = compare_boundaries(square(2, 2, 6), np.zeros((40, 40), np.uint8), (1,))
    assert (none.iou, none.f1(3)) == (0, 0)


def test_without_outlines():
    for classes in (0, 1):  # a tile full of cloud has none either
        full = np.full((9, 9), classes, np.uint8)
        c = compare_boundaries(full, full, (1,))
        assert c == Boundary()
        assert isnan(c.iou) and isnan(c.f1(1))


def test_the_edges_of_image_and_nodata_are_no_outlines():
    truth = square(0, 0, 10, (20, 20))
    truth[:, 10:] = 255
    c = compare_boundaries(truth, truth, (1,))
    assert c.true == 10  # the lower side only
    assert c.either == 20


def test_a_missing_prediction_is_no_cloud():
    truth = square(10, 10, 12)
    none = compare_boundaries(truth, np.full_like(truth, 255), (1,))
    assert (none.found, none.f1(3)) == (0, 0)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_like_exact_distances(seed, smooth):
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.standard_normal((2, 30, 34)), (0, smooth, smooth))
    masks = field > 0
    c = compare_boundaries(*masks.astype(np.uint8), (1,))
    padded = [np.pad(m, 1, mode="edge") for m in masks]
    chess, outline = [], []
    for m, p in zip(masks, padded, strict=True):
        there = ndimage.distance_transform_cdt(m, "chessboard") if not m.all() else np.inf * m
        chess.append(m & (there <= 2))
        next_to = ~p[:-2, 1:-1] | ~p[2:, 1:-1] | ~p[1:-1, :-2] | ~p[1:-1, 2:]
        outline.append(m & next_to)
    assert (c.shared, c.either) == ((chess[0] & chess[1]).sum(), (chess[0] | chess[1]).sum())
    assert (c.true, c.found) == (outline[0].sum(), outline[1].sum())
    for k, tolerance in enumerate((1, 3)):
        if outline[0].any() and outline[1].any():
            near = ndimage.distance_transform_edt(~outline[1]) <= tolerance
            assert c.true_met[k] == (outline[0] & near).sum()


def test_they_add_up():
    one = compare_boundaries(square(10, 10, 12), square(10, 11, 12), (1,))
    two = pooled_boundaries([one, one])
    assert two.either == 2 * one.either
    assert two.iou == one.iou
    assert two.f1(1) == pytest.approx(one.f1(1))


def test_shapes_must_agree():
    with pytest.raises(GridError):
        compare_boundaries(square(1, 1, 3), square(1, 1, 3, (9, 9)), (1,))
