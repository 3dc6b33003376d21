"""Blocks of a scene are read once; windows of them hold what the scene holds."""

from types import SimpleNamespace

import numpy as np
import pytest

from kumosan.datasets.encoding import Encoding
from kumosan.datasets.windows import spans
from kumosan.detection import scene_rows
from kumosan.detection.scene_rows import SceneRows

HEIGHT, WIDTH, BLOCK = 70, 90, 16


class Source:
    """Remembers how often each pixel was read."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.numbers = rng.integers(0, 30, (4, HEIGHT, WIDTH), np.uint16)  # 0 is nodata
        self.empty = rng.random((HEIGHT, WIDTH)) < 0.1
        self.read = np.zeros((HEIGHT, WIDTH), int)

    def stored(self, window, bands):
        rows, columns = window.toslices()
        self.read[rows, columns] += 1
        return self.numbers[list(bands), rows, columns]

    def missing(self, window):
        return self.empty[window.toslices()]


@pytest.fixture
def source(monkeypatch):
    monkeypatch.setattr(scene_rows, "BLOCK", BLOCK)
    return Source()


@pytest.fixture
def rows(source):
    """Band 3 and 1 are handed on, only 3 must be there; 0 decides what is valid, 2 nothing."""
    scene = SimpleNamespace(
        shape=(HEIGHT, WIDTH), source=source, encoding=Encoding("uint16", nodata=0)
    )
    return SceneRows(scene, [3, 1], [3], [0])


def check(source, rows, down, across):
    stored, known = rows.window(down, across)
    assert np.array_equal(stored, source.numbers[[3, 1], down, across])
    assert np.array_equal(
        known, (source.numbers[3] != 0)[down, across] & ~source.empty[down, across]
    )


@pytest.mark.parametrize("backwards", [False, True], ids=["from-left", "from-right"])
def test_windows_that_overlap_read_each_pixel_once(source, rows, backwards):
    step = -1 if backwards else 1
    valid, top = [], 0
    for down in spans(HEIGHT, 28, 6):
        for across in spans(WIDTH, 28, 6)[::step]:
            check(source, rows, slice(down.start, down.stop), slice(across.start, across.stop))
        valid.append(rows.take_valid(top, down.stop - down.after))
        top = down.stop - down.after
    assert (source.read == 1).all()
    there = (source.numbers[[0, 3]] != 0).all(axis=0) & ~source.empty
    assert np.array_equal(np.concatenate(valid), there)


def test_going_back_reads_again(source, rows):
    for down in (slice(0, 20), slice(40, 60), slice(5, 30)):
        check(source, rows, down, slice(10, 50))


def test_a_gap_between_windows_is_no_trouble(source, rows):
    for down in (slice(0, 10), slice(50, 70)):
        check(source, rows, down, slice(0, 20))
        check(source, rows, down, slice(60, 90))
