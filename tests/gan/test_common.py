"""The rules that every filler shares, with numbers worked out by hand."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets.bands import BLUE, RED, Band, BandSet
from kumosan.datasets.errors import GridError, ValueRangeError
from kumosan.datasets.tile import NODATA, OBSERVED, SPATIAL, UNFILLABLE, CloudMask, Tile
from kumosan.gan.common import (
    Area,
    assemble,
    beside,
    blocks,
    distance_px,
    fillable_bands,
    plausible_range,
    reach_px,
    sample,
    untouched,
)

SCL = Band("SCL", float("nan"), float("nan"), kind="other")


def _row() -> tuple[Tile, CloudMask]:
    """One row of five pixels: clear .1, clear .3, thick, shadow, no data; with a class band."""
    data = np.array([[[0.1, 0.3, 0.9, 0.05, np.nan]], [[4, 4, 8, 3, 0]]], np.float32)
    tile = Tile(data, BandSet((BLUE, SCL)))
    return tile, CloudMask(np.array([[0, 0, 1, 3, 1]], np.uint8))


def test_area_parts_the_pixels() -> None:
    area = Area.of(*_row())
    assert area.valid.tolist() == [[True, True, True, True, False]]
    assert area.clear.tolist() == [[True, True, False, False, False]]
    assert area.todo.tolist() == [[False, False, True, True, False]]


def test_area_refuses_another_grid() -> None:
    tile, _ = _row()
    with pytest.raises(GridError, match="resample the mask"):
        Area.of(tile, CloudMask(np.zeros((2, 5), np.uint8)))


def test_bands_of_kind_other_are_never_filled() -> None:
    assert fillable_bands(_row()[0]) == [0]


def test_range_is_that_of_clear_pixels_with_a_tenth_more() -> None:
    tile, mask = _row()
    low, high = plausible_range(tile, 0, Area.of(tile, mask).clear) or (0, 0)
    assert low == pytest.approx(0.08)  # .1 - .1 * .2
    assert high == pytest.approx(0.32)
    assert plausible_range(tile, 0, np.zeros((1, 5), bool)) is None


def test_assemble_writes_only_what_is_to_fill_and_clips() -> None:
    tile, mask = _row()
    asked = np.array([[True, False, True, False, True]])  # a clear one and one without data, too
    values = np.array([[0.2, 0.5, 0.2], [1, 1, 1]], np.float32)
    filled = assemble(tile, Area.of(tile, mask), asked, values, np.array([0.4, 1.7, 0.4]), SPATIAL)
    assert filled.provenance.tolist() == [[OBSERVED, OBSERVED, SPATIAL, UNFILLABLE, NODATA]]
    np.testing.assert_allclose(filled.tile.data[0, 0], [0.1, 0.3, 0.32, 0.05, np.nan], rtol=1e-6)
    np.testing.assert_array_equal(filled.tile.data[1], tile.data[1])
    np.testing.assert_array_equal(filled.confidence, np.float32([[1, 1, 1, 0, np.nan]]))


def test_assemble_keeps_the_observed_value_where_the_new_one_is_not_finite() -> None:
    tile, mask = _row()
    values = np.array([[np.nan, 0.2], [0, 0]], np.float32)
    area = Area.of(tile, mask)
    filled = assemble(tile, area, area.todo, values, np.array([0.5, 0.5]), SPATIAL)
    np.testing.assert_allclose(filled.tile.data[0, 0, 2:4], [0.9, 0.2], rtol=1e-6)


def test_untouched_marks_all_cloud_unfillable() -> None:
    tile, mask = _row()
    filled = untouched(tile, Area.of(tile, mask))
    assert filled.tile is tile
    assert filled.provenance.tolist() == [[0, 0, UNFILLABLE, UNFILLABLE, NODATA]]


def test_distance_counts_from_clear_pixels_only() -> None:
    area = Area.of(*_row())
    assert distance_px(area).tolist() == [[0, 0, 1, 2, 3]]
    nothing = replace(area, clear=np.zeros((1, 5), bool))
    assert np.isinf(distance_px(nothing)).all()


def test_reach_is_in_metres_where_the_pixel_size_is_known() -> None:
    plain = Tile(np.zeros((1, 4, 4), np.float32), BandSet((RED,)))
    placed = replace(plain, transform=Affine(20, 0, 0, 0, -20, 0), crs=CRS.from_epsg(32633))
    assert reach_px(placed, 300, 7) == pytest.approx(15)
    assert reach_px(plain, 300, 7) == 7
    assert reach_px(placed, None, 7) == 7
    assert reach_px(placed, 5, 7) == 1  # a neighbour can always be reached
    with pytest.raises(ValueRangeError, match="a longer distance"):
        reach_px(placed, 0, 7)


def test_sample_draws_distinct_pixels_of_the_area() -> None:
    where = np.zeros((10, 10), bool)
    where[2:6] = True
    few = sample(where, 15, np.random.default_rng(1))
    assert few.size == np.unique(few).size == 15
    assert where.ravel()[few].all()
    np.testing.assert_array_equal(sample(where, 99, np.random.default_rng(1)), np.arange(20, 60))


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (100, 2), (3, 500)])
def test_blocks_cover_every_pixel_once(shape: tuple[int, int]) -> None:
    times = np.zeros(shape, int)
    for block in blocks(shape, 10):
        times[block] += 1
        assert max(times[block].shape) <= 10
    assert (times == 1).all()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_work_beside_keeps_the_order_and_the_draws(monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    rng = np.random.default_rng(0)
    drawn = (float(rng.random()) for _ in range(20))

    def work(number):
        time.sleep(0.01 * number)
        return threading.current_thread().name, number

    names, found = zip(*beside(work, drawn), strict=True)
    assert list(found) == np.random.default_rng(0).random(20).tolist()
    assert len(set(names)) == int(threads)


def test_what_work_beside_raises_is_raised(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(ZeroDivisionError):
        list(beside(lambda n: 1 / n, [1, 0, 1]))
