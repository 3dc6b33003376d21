"""Memory and time of one step."""

import gc
import time

import numpy as np

from kumosan.scripts.measured import measured, thawed


def test_memory_is_what_the_step_took_at_its_peak():
    def work(megabytes):
        return float(np.ones(megabytes * 2**17).sum())

    first, second = measured(lambda: work(400)), measured(lambda: work(100))
    assert first.result == 400 * 2**17
    if first.memory_mb is not None:  # other systems than Linux do not tell
        assert 380 < first.memory_mb < 480
        assert 95 < second.memory_mb < 180  # not the peak of the first


def test_seconds_pass():
    assert measured(lambda: time.sleep(0.05)).seconds >= 0.05


def test_a_system_that_does_not_tell(monkeypatch, tmp_path):
    from kumosan.scripts import measured as module

    monkeypatch.setattr(module, "_RESET", tmp_path / "absent" / "clear_refs")
    assert measured(lambda: 1).memory_mb is None


def test_what_is_kept_from_the_collector_is_given_back():
    before = gc.get_freeze_count()
    with thawed():
        measured(lambda: 1)
        assert gc.get_freeze_count() > before
    assert gc.get_freeze_count() == 0
