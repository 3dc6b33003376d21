"""Packing squares into a mask: no overlap, all valid, and the best of all sliding bands."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kumosan.datasets.errors import GridError, ValueRangeError
from kumosan.datasets.swath import best_bands, pack, pack_rows, pixels_needed, running_sums

MASKS = st.tuples(st.integers(3, 9), st.integers(3, 9)).flatmap(lambda s: arrays(bool, s))


def fitting(valid, size, needed):
    """Upper left pixels of all windows with enough valid pixels, counted one by one."""
    height, width = valid.shape
    return {
        (y, x)
        for y in range(height - size + 1)
        for x in range(width - size + 1)
        if valid[y : y + size, x : x + size].sum() >= needed
    }


def best_in_row_bands(valid, size, needed):
    """Most squares in row bands, by trying every set of bands and every set of columns."""
    height, width = valid.shape
    windows = fitting(valid, size, needed)

    @cache
    def in_row(y, x):
        if x > width - size:
            return 0
        return max(in_row(y, x + 1), (1 + in_row(y, x + size)) if (y, x) in windows else 0)

    @cache
    def from_row(y):
        if y > height - size:
            return 0
        return max(from_row(y + 1), in_row(y, 0) + from_row(y + size))

    return from_row(0)


def most_squares(windows, size):
    """The largest set of windows that do not overlap, by trying all."""
    if not windows:
        return 0
    (y, x), *rest = sorted(windows)
    free = [w for w in rest if abs(w[0] - y) >= size or abs(w[1] - x) >= size]
    return max(1 + most_squares(free, size), most_squares(rest, size))


@given(MASKS, st.integers(1, 3), st.sampled_from([1.0, 0.75, 0.3]))
@settings(max_examples=300, deadline=None)
def test_the_packing_is_the_best_of_row_and_column_bands(valid, size, share):
    needed = pixels_needed(size, share)
    found = pack(valid, size, share)
    expected = max(
        best_in_row_bands(valid, size, needed), best_in_row_bands(valid.T.copy(), size, needed)
    )
    assert len(found.squares) == expected


@given(MASKS, st.integers(1, 3), st.sampled_from([1.0, 0.75, 0.3]))
@settings(max_examples=300, deadline=None)
def test_squares_are_valid_apart_and_no_more_than_the_bound(valid, size, share):
    found = pack(valid, size, share)
    taken = np.zeros(valid.shape, int)
    for y, x in found.squares:
        window = np.s_[y : y + size, x : x + size]
        assert valid[window].shape == (size, size)
        assert valid[window].mean() >= share
        taken[window] += 1
    assert taken.max(initial=0) <= 1
    assert found.plain <= found.one_offset <= len(found.squares) <= found.bound
    assert found.valid == valid.sum()
    assert list(found.squares) == sorted(found.squares)


@given(st.integers(4, 6).flatmap(lambda n: arrays(bool, (n, n))))
@settings(max_examples=60, deadline=None)
def test_no_packing_at_all_beats_the_bound(valid):
    found = pack(valid, 2)
    assert len(found.squares) <= most_squares(fitting(valid, 2, 4), 2) <= found.bound


@given(MASKS, st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_the_grids_for_comparison_are_those_counted_one_by_one(valid, size):
    windows = fitting(valid, size, size * size)
    grids = {
        (oy, ox): sum((y - oy) % size == 0 == (x - ox) % size for y, x in windows)
        for oy in range(size)
        for ox in range(size)
    }
    found = pack(valid, size)
    assert (found.plain, found.one_offset) == (grids[0, 0], max(grids.values()))


@given(MASKS, st.data())
@settings(max_examples=100, deadline=None)
def test_blocks_of_rows_give_what_the_whole_mask_gives(valid, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(valid)), max_size=4)))
    blocks = np.split(valid, cuts)
    assert pack_rows(blocks, valid.shape, 2) == pack(valid, 2)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), st.integers(1, 4))
def test_best_bands_are_the_best_of_all_sets_of_starts(counts, size):
    def best(y):
        return 0 if y >= len(counts) else max(best(y + 1), counts[y] + best(y + size))

    starts = best_bands(np.array(counts), size)
    assert all(b - a >= size for a, b in pairwise(starts))
    assert sum(counts[y] for y in starts) == best(0)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=40), st.data())
def test_running_sums_are_sums_of_neighbours(values, data):
    size = data.draw(st.integers(1, len(values)))
    expected = [sum(values[i : i + size]) for i in range(len(values) - size + 1)]
    assert running_sums(np.array(values, np.int32), size).tolist() == expected


def test_bands_slide_where_a_grid_cannot():
    # Two bands of one square each, shifted by one pixel: a 2 x 2 grid holds one of them only.
    valid = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 1, 1]], bool)
    found = pack(valid, 2)
    assert found.squares == ((0, 0), (2, 1))
    assert (found.plain, found.one_offset, found.bound) == (1, 1, 2)


def test_columns_slide_where_rows_cannot():
    # The same mask turned: the left pair of columns starts one row above the right one.
    valid = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1]], bool)
    found = pack(valid, 2)
    assert found.squares == ((0, 0), (1, 2))
    assert found.direction == "columns"


def test_a_rotated_swath_holds_more_than_the_plain_grid():
    y, x = np.mgrid[:400, :400] - 199.5
    turn = np.deg2rad(20)
    swath = (abs(x * np.cos(turn) + y * np.sin(turn)) < 100) & (
        abs(y * np.cos(turn) - x * np.sin(turn)) < 180
    )
    found = pack(swath, 32)
    assert found.plain < len(found.squares) <= found.bound == swath.sum() // 1024
    assert len(found.squares) >= 0.75 * found.bound


@pytest.mark.parametrize(
    ("size", "share", "needed"),
    [(10, 0.07, 7), (10, 0.29, 29), (256, 1.0, 65536), (256, 0.95, 62260), (3, 0.001, 1)],
)
def test_pixels_needed_are_whole_and_not_one_too_many(size, share, needed):
    assert pixels_needed(size, share) == needed


@pytest.mark.parametrize(
    ("run", "error", "says"),
    [
        (lambda: pack(np.ones((3, 9), bool), 4), GridError, "smaller --size"),
        (lambda: pack(np.ones((3, 9), bool), 0), ValueRangeError, "larger --size"),
        (lambda: pack(np.ones((3, 3), bool), 2, 0.0), ValueRangeError, "--min-valid"),
        (lambda: pack(np.ones((3, 3), bool), 2, 1.1), ValueRangeError, "--min-valid"),
        (lambda: pack(np.ones((3, 3), bool), 2, float("nan")), ValueRangeError, "--min-valid"),
        (lambda: pack_rows([np.ones((2, 4), bool)], (3, 4), 2), GridError, "whole scene"),
        (lambda: pack_rows([np.ones((3, 3), bool)], (3, 4), 2), GridError, "whole rows"),
    ],
)
def test_bad_input_is_refused(run, error, says):
    with pytest.raises(error, match=says):
        run()
