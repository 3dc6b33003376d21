"""The vectorised noise against the ``noise`` package, and for every seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumosan.datasets.errors import ValueRangeError
from kumosan.synthesis.lattice import PERMUTATION
from kumosan.synthesis.perlin import fractal_noise, noise_grid, random_offset

reference = pytest.importorskip("noise")
ANY = st.floats(-1e12, 1e12)


def test_permutation_holds_every_number_twice():
    assert np.array_equal(np.sort(PERMUTATION), np.repeat(np.arange(256), 2))


def test_one_octave_equals_pnoise2_anywhere():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-100, 100, 40), rng.uniform(-100, 100, 30)
    expected = [[reference.pnoise2(a, b) for a in x] for b in y]
    assert noise_grid(x, y) == pytest.approx(np.array(expected), abs=2e-5)


@pytest.mark.parametrize("octaves, persistence", [(1, 0.5), (4, 0.5), (6, 0.7)])
def test_fractal_equals_pnoise2(octaves, persistence):
    rows, cols = 20, 24
    found = fractal_noise(
        (rows, cols), (9.0, 7.0), offset=(3.3, 11.7), octaves=octaves, persistence=persistence
    )
    expected = [
        [
            reference.pnoise2(
                11.7 + c / 7, 3.3 + r / 9, octaves=octaves, persistence=persistence
            )
            for c in range(cols)
        ]
        for r in range(rows)
    ]  # fmt: skip
    assert found == pytest.approx(np.array(expected), abs=1e-5)


def test_zero_on_the_integer_lattice_and_not_beside_it():
    whole = np.arange(-5, 300)
    assert not noise_grid(whole, whole).any()
    assert np.abs(noise_grid(whole + 0.5, whole + 0.5)).max() > 0.3


@given(ANY, ANY, st.floats(0.01, 1e6))
@settings(max_examples=60, deadline=None)
def test_any_offset_and_scale_works(row, col, period):
    field = fractal_noise((5, 7), period, offset=(row, col))
    assert field.dtype == np.float32 and field.shape == (5, 7)
    assert np.isfinite(field).all() and np.abs(field).max() <= 1.5


@given(st.integers(0, 2**128))
@settings(max_examples=30, deadline=None)
def test_any_seed_works(seed):
    offset = random_offset(np.random.default_rng(seed))
    assert fractal_noise((6, 6), 3.0, offset=offset).std() > 0


def test_a_window_is_a_part_of_the_plane():
    whole = fractal_noise((40, 40), 8.0, offset=(2.0, 3.0))
    part = fractal_noise((10, 12), 8.0, offset=(2.0 + 16 / 8, 3.0 + 24 / 8))
    assert part == pytest.approx(whole[16:26, 24:36], abs=1e-6)


def test_billow_is_one_minus_twice_the_fold():
    plain = fractal_noise((8, 8), 5.0, offset=(0.3, 0.4), octaves=1)
    heaps = fractal_noise((8, 8), 5.0, offset=(0.3, 0.4), octaves=1, fold="ridged")
    assert heaps == pytest.approx(1 - 2 * np.abs(plain), abs=1e-6)


@pytest.mark.parametrize("settings", [{"octaves": 0}, {"period_px": 0.0}, {"period_px": -1.0},
                                      {"offset": (np.nan, 0.0)}])  # fmt: skip
def test_impossible_noise_is_refused(settings):
    with pytest.raises(ValueRangeError):
        fractal_noise((4, 4), **{"period_px": 4.0, **settings})
