"""Facts become JSON that every program reads."""

import json
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kumosan.datasets.plain import number, plain

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(),
    st.floats(width=32).map(np.float32), st.integers(-9, 9).map(np.int16), st.dates(),
)  # fmt: skip
FACTS = st.one_of(
    LEAVES,
    st.lists(st.dictionaries(st.integers(), LEAVES, max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.tuples(LEAVES, LEAVES), max_size=3),
)


@given(FACTS)
def test_all_facts_become_json_and_come_back_as_they_are_told(facts):
    told = plain(facts)
    assert json.loads(json.dumps(told, allow_nan=False)) == told == plain(told)


def test_each_kind():
    facts = {1: (np.float32(0.25), np.int64(3), True), "path": Path("a") / "b", "none": None}
    assert plain(facts) == {"1": [0.25, 3, True], "path": "a/b", "none": None}
    assert plain(facts)["1"][2] is True


def test_numbers_have_six_digits_or_are_none():
    assert number(1 / 3) == 0.333333
    assert [number(v) for v in (float("nan"), float("inf"), -np.inf)] == [None] * 3
