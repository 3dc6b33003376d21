"""Clean-up of masks: specks, buffers, priorities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kumosan.datasets.errors import GridError, ValueRangeError
from kumosan.datasets.tile import CLEAR, NODATA, SHADOW, THICK, THIN, CloudMask
from kumosan.detection.postprocess import buffer, clean_up, drop_specks

MASKS = arrays(
    np.uint8,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([CLEAR, THICK, THIN, SHADOW, NODATA]),
)


def grid(text):
    """Rows of ``.`` clear, ``#`` thick, ``t`` thin, ``s`` shadow, ``x`` nodata."""
    code = {".": CLEAR, "#": THICK, "t": THIN, "s": SHADOW, "x": NODATA}
    return np.array([[code[c] for c in row] for row in text.split()], np.uint8)


def test_specks_go_and_groups_stay():
    before = grid("#....  ..#t.  ..#..  .....  ss..#")
    after_ = grid(".....  ..#t.  ..#..  .....  .....")
    assert np.array_equal(drop_specks(before, 3), after_)


def test_thick_and_thin_count_together_and_diagonals_join():
    mask = grid("#..  .t.  ..#")
    assert np.array_equal(drop_specks(mask, 3), mask)
    assert not drop_specks(mask, 4).any()


def test_a_shadow_that_touches_cloud_is_no_speck():
    mask = grid("###.  ###s  ....")
    assert np.array_equal(drop_specks(mask, 5), mask)


def test_a_cloud_speck_in_a_shadow_goes_though_the_shadow_stays():
    assert np.array_equal(drop_specks(grid("sss s#s sss"), 2), grid("sss s.s sss"))


def test_buffer_of_one_pixel_is_a_cross_and_sqrt2_a_square():
    mask = grid("..... ..... ..#.. ..... .....")
    assert np.array_equal(buffer(mask, 1), grid("..... ..#.. .###. ..#.. ....."))
    assert np.array_equal(buffer(mask, 1.5), grid("..... .###. .###. .###. ....."))
    assert np.array_equal(buffer(mask, 0.9), mask)


def test_buffered_pixels_get_the_nearest_class():
    assert np.array_equal(buffer(grid("#...s"), 5), grid("###ss"))  # a tie: thick wins
    assert np.array_equal(buffer(grid("t...s"), 5), grid("tttss"))
    assert np.array_equal(buffer(grid("t...#"), 5), grid("tt###"))
    assert np.array_equal(buffer(grid("#..t"), 5), grid("##tt"))


def test_buffer_leaves_contaminated_pixels_and_nodata():
    assert np.array_equal(buffer(grid("#ts.x.x"), 2), grid("#tssx.x"))


def test_buffer_crosses_nodata_within_its_radius():
    assert np.array_equal(buffer(grid("#x..."), 3), grid("#x##."))


def test_metres():
    mask = CloudMask(grid("........ ...##... ...##... ........ .......#"))
    done = clean_up(mask, 10.0, min_area_m2=400, buffer_m=10)
    assert np.array_equal(done.classes, grid("...##... ..####.. ..####.. ...##... ........"))
    assert not clean_up(mask, 10.0, min_area_m2=401).contaminated.any()
    assert clean_up(mask, 10.0, min_area_m2=0).classes[4, 7] == THICK
    assert clean_up(mask).classes[4, 7] == CLEAR  # 4 pixels unless told otherwise


def test_unknown_pixel_size():
    mask = CloudMask(grid("##"))
    for settings_ in ({"buffer_m": 30.0}, {"min_area_m2": 900.0}):
        with pytest.raises(GridError, match="--sensor"):
            clean_up(mask, None, **settings_)
    assert np.array_equal(clean_up(mask, None, buffer_m=0, min_size_px=1).classes, mask.classes)


@pytest.mark.parametrize(
    "bad",
    [
        {"buffer_m": -1.0},
        {"min_area_m2": float("nan")},
        {"min_size_px": -1},
        {"min_size_px": 1, "min_area_m2": 1.0},
    ],
)
def test_senseless_sizes(bad):
    with pytest.raises(ValueRangeError):
        clean_up(CloudMask(grid("##")), 10.0, **bad)


def test_grid_and_probability_are_kept():
    p = np.zeros((4, 1, 2), np.float32)
    mask = CloudMask(grid("##"), probability=p)
    done = clean_up(mask, min_size_px=2)
    assert done.probability is p
    assert done.transform == mask.transform


@settings(max_examples=60, deadline=None)
@given(MASKS, st.floats(0, 6))
def test_buffer_like_brute_force(classes, radius):
    found = buffer(classes, radius)
    rows, cols = np.indices(classes.shape)
    expected = classes.copy()
    for r, c in np.argwhere(classes == CLEAR):
        best = (np.inf, CLEAR)
        for code in (THICK, THIN, SHADOW):
            d = np.hypot(rows - r, cols - c)[classes == code]
            d = np.float32(d.min()) if d.size else np.inf
            if d <= radius and d < best[0]:
                best = (d, code)
        expected[r, c] = best[1]
    assert np.array_equal(found, expected)


@settings(max_examples=60, deadline=None)
@given(MASKS, st.integers(0, 6))
def test_specks_only_ever_clear(classes, size):
    found = drop_specks(classes, size)
    changed = found != classes
    assert (found[changed] == CLEAR).all()
    assert not changed[classes == NODATA].any()
    assert np.array_equal(drop_specks(found, size), found) or size > 1
