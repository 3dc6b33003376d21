"""Windows: the fewest that cover, evenly spaced, and weights that add up to one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kumosan.datasets.errors import ValueRangeError
from kumosan.datasets.windows import best_size, grid, ramp, spans

SIZES = st.tuples(st.integers(1, 700), st.integers(8, 128), st.integers(0, 32)).filter(
    lambda s: s[2] <= s[1] // 2
)


@given(SIZES)
def test_they_cover_everything_and_are_the_fewest(sizes):
    n, size, overlap = sizes
    found = spans(n, size, overlap)
    assert found[0].start == 0 and found[-1].stop == n
    assert all(s.stop - s.start == min(size, n) for s in found)
    assert len(found) == (1 if n <= size else -(-(n - overlap) // (size - overlap)))
    assert all(b.start <= a.stop - overlap for a, b in pairwise(found))


@given(SIZES)
def test_the_ramps_add_up_to_one_where_no_three_windows_meet(sizes):
    n, size, overlap = sizes
    total, met = np.zeros(n), np.zeros(n, int)
    for span in spans(n, size, overlap):
        total[span.start : span.stop] += ramp(span)
        met[span.start : span.stop] += 1
    assert (total > 0).all()
    assert total[met <= 2] == pytest.approx(1, abs=1e-6)


@given(SIZES, st.floats(1, 9))
def test_windows_begin_at_whole_steps(sizes, step):
    n, size, overlap = sizes
    size, overlap = round(size // step * step) + 1, round(overlap // step * step)
    assume(2 * np.ceil(overlap / step) <= np.ceil(size / step))
    found = spans(n, size, overlap, step)
    assert found[0].start == 0 and found[-1].stop == n
    for span in found:
        assert abs(span.start - round(span.start / step) * step) <= 0.5
    for one, other in pairwise(found):
        assert one.after == other.before == one.stop - other.start >= overlap - 1
        assert one.start < other.start


def test_steps_of_no_whole_number_of_pixels_are_no_more_of_them():
    step = 64 * 10 / 3
    found = spans(20_000, 23 * step, 3 * step, step)
    assert [s.start for s in found] == [round(k * step) for k in (0, 18, 36, 53, 71)]
    assert found[0].stop == round(23 * step)


@given(SIZES, st.integers(1, 40))
def test_windows_may_fade_in_the_middle_of_what_they_share(sizes, width):
    n, size, overlap = sizes
    total, met = np.zeros(n), np.zeros(n, int)
    found = spans(n, size, overlap)
    for span in found:
        total[span.start : span.stop] += ramp(span, width)
        met[span.start : span.stop] += 1
    assert (total > 0).all()
    assert total[met <= 2] == pytest.approx(1, abs=1e-5)
    if len(found) > 1 and found[0].after > width:
        border = ramp(found[0], width)[-((found[0].after - width) // 2) or size :]
        assert found[0].after - width < 2 or (border == 0).all()


def test_the_grid_is_rows_by_columns():
    boxes = [(r.start, c.start) for r, c in grid((100, 64), 64, 16)]
    assert boxes == [(0, 0), (36, 0)]


def test_too_much_overlap_is_refused():
    with pytest.raises(ValueRangeError, match="half a window"):
        spans(100, 16, 9)


def test_windows_are_as_large_as_covers_least() -> None:
    sizes = range(512, 1153, 64)
    assert best_size(5490, 64, 64, sizes) == 1152  # five windows, a twentieth too much
    assert best_size(512, 64, 64, sizes) == 1152  # one window, of 512
    for n in (600, 1000, 3000, 5490, 10980, 7611, 7781):
        covered = {s: len(spans(n, s, 64)) * min(s, -(-n // 64) * 64) for s in sizes}
        assert covered[best_size(n, 64, 64, sizes)] == min(covered.values())
