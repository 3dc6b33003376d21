"""What is told while work goes on."""

import json

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
