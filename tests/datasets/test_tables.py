"""Tables of figures that were measured several times, and the time that is left."""

from kumosan.datasets import pace
from kumosan.datasets.pace import Pace
from kumosan.datasets.tables import spread, table


def test_spread_leaves_out_what_is_undefined():
    assert spread([0.1, float("nan"), 0.3], "{:.2f}") == "0.20 (0.10 to 0.30)"
    assert spread([0.1, float("nan")], "{:.2f}") == "0.10"
    assert spread([], "{:.2f}") == "-"


def test_a_table_has_a_head():
    assert table([["a", "b"], ["1", "2"]]).splitlines() == [
        "| a | b |",
        "| --- | --- |",
        "| 1 | 2 |",
    ]


def test_pace_counts_what_is_half_done(monkeypatch):
    clock = iter([0.0, 10.0, 30.0])
    monkeypatch.setattr(pace.time, "perf_counter", lambda: next(clock))
    run = Pace()
    assert run.left(4) is None
    assert run.left(4, 0.5) == 70
    run.done = 2
    assert run.left(2) == 30
