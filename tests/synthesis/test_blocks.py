"""Blocks hold the pixels that are to be painted, each once, and leave the others alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kumosan.synthesis import blocks as module
from kumosan.synthesis.blocks import blocks, exp, log


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_what_is_read_and_written_back_is_painted_once_and_nothing_else(rows, cols, share, seed):
    rng = np.random.default_rng(seed)
    painted = rng.random((rows, cols)) < share * (np.arange(rows) % 3)[:, None]
    plane = rng.random((rows, cols), np.float32)
    plane[~painted & (rng.random((rows, cols)) < 0.3)] = np.nan
    after, times = plane.copy(), np.zeros_like(plane)
    whole, module.BLOCK_PX = module.BLOCK_PX, 2 * cols
    try:
        found = blocks(painted)
    finally:
        module.BLOCK_PX = whole
    for block in found:
        block.write(after, block.read(after) + np.float32(2))
        block.write(times, block.read(times) + np.float32(1))
    assert np.array_equal(times, painted)
    expected = np.where(painted, plane + np.float32(2), plane)
    assert after.tobytes() == expected.tobytes()


def test_nothing_to_paint_is_no_block():
    assert blocks(np.zeros((9, 5), bool)) == []


def test_exp_and_log_are_those_of_numpy_whatever_the_place_in_memory():
    """Pixels must not depend on where an array begins: the same seed, the same bytes."""
    values = np.random.default_rng(0).uniform(-30, 3, 4000).astype(np.float32)
    whole = exp(values.copy())
    assert np.allclose(whole, np.exp(values.astype(np.float64)), rtol=1e-6, atol=0)
    back = log(whole.copy())
    assert np.allclose(back, values, atol=4e-6)
    for start in range(1, 20):
        assert np.array_equal(exp(values[start:].copy()), whole[start:])
        shifted = np.empty(5000, np.float32)[start : start + 1001]
        shifted[:] = whole[:1001]
        assert np.array_equal(log(shifted), back[:1001])
    assert exp(np.zeros(7, np.float32)).tolist() == [1] * 7
    assert log(np.ones(7, np.float32)).tolist() == [0] * 7
