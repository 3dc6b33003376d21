"""Stored numbers to physical values and back: never wrapped, never mistaken for nodata."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumosan.datasets import Encoding
from kumosan.datasets.errors import ValueRangeError

DTYPES = ("uint8", "int16", "uint16")


@given(
    dtype=st.sampled_from(DTYPES),
    scale=st.floats(1e-6, 10),
    relative_offset=st.floats(-20_000, 20_000),
    nodata=st.one_of(st.none(), st.integers(-40_000, 70_000)),
    seed=st.integers(0, 2**32 - 1),
)
def test_decode_then_encode_is_the_identity(dtype, scale, relative_offset, nodata, seed):
    """Offsets up to 20,000 steps: beyond that float32 does not hold every stored number."""
    info = np.iinfo(dtype)
    rng = np.random.default_rng(seed)
    stored = rng.integers(info.min, info.max, (2, 3, 4), dtype, endpoint=True)
    stored[0, 0, :2] = info.min, info.max
    encoding = Encoding(dtype, (scale,), (relative_offset * scale,), nodata)
    again = encoding.encode(encoding.decode(stored))
    assert again.dtype == stored.dtype
    assert np.array_equal(again, stored)


@given(
    dtype=st.sampled_from(DTYPES),
    scale=st.floats(1e-6, 1e6),
    offset=st.floats(-1e6, 1e6),
    value=st.floats(width=32, allow_nan=False),
)
def test_encode_clips_to_the_nearest_end_and_never_wraps(dtype, scale, offset, value):
    info = np.iinfo(dtype)
    data = np.full((1, 1, 1), value, np.float32)
    got = int(Encoding(dtype, (scale,), (offset,)).encode(data)[0, 0, 0])
    ideal = (float(np.float32(value)) - offset) / scale
    assert info.min <= got <= info.max
    if ideal <= info.min or ideal >= info.max:
        assert got == (info.min if ideal <= info.min else info.max)
    else:
        assert abs(got - ideal) <= 0.5


def test_a_negative_number_does_not_become_65531():
    data = np.array([[[-5.7, 65540.2, np.inf, -np.inf]]], np.float32)
    assert Encoding("uint16").encode(data).tolist() == [[[0, 65535, 65535, 0]]]


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int32", "uint32"])
def test_wide_integers_clip_at_both_ends(dtype):
    info = np.iinfo(dtype)
    data = np.array([[[3e38, -3e38]]], np.float32)
    top, bottom = (int(v) for v in Encoding(dtype).encode(data)[0, 0])
    assert bottom == info.min
    assert info.max - 2048 <= top <= info.max  # 2048: the spacing of float64 below 2**64


def test_nodata_of_64_bit_integers_is_compared_exactly():
    top = np.iinfo("int64").max
    stored = np.array([[[top, top - 1, 5]]])
    assert Encoding("int64", nodata=top).missing(stored).tolist() == [[[True, False, False]]]


@pytest.mark.parametrize("nodata", [-9999, 300, 0.5, float("nan"), float("inf")])
def test_nodata_that_the_dtype_cannot_hold_never_occurs(nodata):
    encoding = Encoding("uint8", nodata=nodata)
    stored = np.array([[[0, 1, 44, 241, 255]]], np.uint8)
    assert not encoding.missing(stored).any()
    assert encoding.encode(np.array([[[np.nan, 3]]], np.float32)).tolist() == [[[0, 3]]]


def test_float32_nodata_is_found_whatever_its_float64_spelling():
    stored = np.array([[[-3.4028235e38, 0.1, 1.0]]], np.float32)
    lost = Encoding("float32", nodata=-3.4028234663852886e38).missing(stored)
    assert lost.tolist() == [[[True, False, False]]]
    assert Encoding("float32", nodata=0.1).missing(stored).tolist() == [[[False, True, False]]]


def test_a_value_that_would_become_nodata_moves_beside_it():
    data = np.array([[[0.0, 0.00004, 1.0, np.nan]]], np.float32)
    assert Encoding("uint16", (1e-4,), nodata=0).encode(data).tolist() == [[[1, 1, 10000, 0]]]
    top = Encoding("uint8", (1 / 255,), nodata=255)
    assert top.encode(data).tolist() == [[[0, 0, 254, 255]]]


def test_nan_and_infinity_stay_where_they_are():
    stored = np.array([[[np.nan, np.inf, -np.inf, 0.5]]], np.float32)
    assert np.isnan(Encoding().decode(stored)[0, 0]).tolist() == [True, True, True, False]
    again = Encoding().encode(stored)
    assert np.array_equal(again, stored, equal_nan=True)


def test_scale_and_offset_belong_to_their_band():
    stored = np.array([[[10]], [[10]]], np.uint16)
    data = Encoding("uint16", (0.1, 0.01), (-1.0, 149.0)).decode(stored)
    assert data.ravel().tolist() == pytest.approx([0.0, 149.1])


@pytest.mark.parametrize(
    "bad", [{"scale": (0.0,)}, {"scale": (np.nan,)}, {"offset": (np.inf,)}, {"dtype": "complex64"}]
)
def test_useless_encodings_are_refused(bad):
    with pytest.raises(ValueRangeError):
        Encoding(**bad)


@given(
    dtype=st.sampled_from(["uint8", "int16", "uint16", "int32", "float32", "float64"]),
    scale=st.sampled_from([1e-4, 2.75e-5, 1.0]),
    offset=st.sampled_from([0.0, -0.1, -0.2]),
    nodata=st.sampled_from([None, 0, 77, -9999]),
    shape=st.sampled_from([(2, 1, 1), (2, 300, 250), (1, 2, 40_000), (2, 0, 3)]),
)
def test_decoding_by_strips_is_the_formula(dtype, scale, offset, nodata, shape):
    """Within 2e-7 for |reflectance| up to 1, and relatively beyond."""
    rng = np.random.default_rng(5)
    stored = rng.integers(0, 120 if dtype == "uint8" else 10_000, shape).astype(dtype)
    found = Encoding(dtype, (scale,), (offset,), nodata).decode(stored)
    ideal = stored.astype(np.float64) * scale + offset
    lost = stored == nodata if nodata is not None else np.zeros(shape, bool)
    assert np.array_equal(np.isnan(found), lost)
    error = np.abs(found - ideal)[~lost] / np.maximum(1, np.abs(ideal[~lost]))
    assert (error < 2e-7).all()
