"""What is told while work goes on."""

import json
from pathlib import Path

import pytest

from kumosan.scripts import console as module
from kumosan.scripts.console import Console


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = [100.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def test_progress_tells_how_long_it_still_takes(clock, capsys):
    tell = Console(False, "plain").teller("training", "epochs")
    for now, done in ((105, 1), (115, 3), (118, 4), (135, 7)):
        clock[0] = now
        tell(done, 37)
    assert capsys.readouterr().err.splitlines() == [
        "training: 3 of 37 epochs, about 2:50 left",  # 5 s an epoch
        "training: 7 of 37 epochs, about 2:30 left",
    ]


def test_what_was_done_before_does_not_count(clock, capsys):
    """Work that is resumed starts with much done."""
    tell = Console(False, "json").teller("training", "epochs")
    for now, done in ((111, 30), (131, 31)):
        clock[0] = now
        tell(done, 40)
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert "seconds_left" not in first
    assert second["seconds_left"] == 9 * 20


def test_a_count_that_begins_anew_is_told_by_itself(clock, capsys):
    """The networks of a cross-validation are trained one after the other."""
    tell = Console(False, "plain").teller("training", "epochs")
    for now, done in ((101, 1), (601, 10), (701, 1), (721, 2)):
        clock[0] = now
        tell(done, 10)
    assert capsys.readouterr().err.splitlines()[-1] == (
        "training: 2 of 10 epochs, about 2:40 left"  # 20 s an epoch
    )


def test_steps_and_their_end_are_told_with_time_left(clock, capsys):
    console = Console(False, "plain")
    console.step("fog on snow", 2, 9, None)
    console.step("haze on snow", 3, 9, 150.0)
    clock[0] = 130
    console.led_to("weights", Path("run") / "w", "; look at it")
    told = capsys.readouterr()
    steps = ["2 of 9: fog on snow", "3 of 9: haze on snow; about 2 min left"]
    assert told.err.splitlines() == steps
    assert told.out == "30 s -> run/w; look at it\n"
    Console(True, "json").step("x", 1, 2, 60.0)
    event = {"event": "1 of 2: x; about 1 min left", "number": 1, "of": 2, "left_s": 60.0}
    assert json.loads(capsys.readouterr().err) == event
    console = Console(True)
    console.led_to("weights", Path("run") / "w")
    assert json.loads(capsys.readouterr().out) == {"weights": "run/w", "seconds": 0.0}
