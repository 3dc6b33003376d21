"""Dates of a series on one grid: resampled where they lie on another."""

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from kumosan.datasets.regrid import Grid

UTM = CRS.from_epsg(32633)
GRID = Grid((40, 50), Affine(20, 0, 5e5, 0, -20, 5e6), UTM)
ALL = Window(0, 0, 50, 40)


def plane(grid, x, y, crs=UTM):
    """A linear function of the place, which bilinear resampling keeps."""
    from rasterio.warp import transform

    rows, columns = np.mgrid[: grid.shape[0], : grid.shape[1]] + 0.5
    xs, ys = grid.transform @ (columns.ravel(), rows.ravel())
    if grid.crs != crs:
        xs, ys = map(np.asarray, transform(grid.crs, crs, xs, ys))
    return (0.3 + x * (xs - 5e5) + y * (ys - 5e6)).reshape(grid.shape).astype(np.float32)


def test_on_its_own_grid_a_date_is_read_as_it_is(tmp_path, flat_date):
    date = flat_date(tmp_path / "a.tif", GRID, plane(GRID, 1e-4, 1e-4))
    assert date.aligned
    data, classes = date.read(ALL)
    np.testing.assert_array_equal(data[0], date.scene.read(ALL).data[0])
    assert not classes.any()


OTHERS = {
    "shifted": Grid((60, 70), Affine(20, 0, 5e5 - 207, 0, -20, 5e6 + 213), UTM),
    "finer": Grid((200, 240), Affine(5, 0, 5e5 - 100, 0, -5, 5e6 + 100), UTM),
    "coarser": Grid((20, 22), Affine(60, 0, 5e5 - 100, 0, -60, 5e6 + 100), UTM),
    "south up": Grid((60, 70), Affine(20, 0, 5e5 - 200, 0, 20, 5e6 - 1000), UTM),
    "in degrees": Grid(
        (90, 90), Affine(2.2e-4, 0, 14.998, 0, -2.2e-4, 45.1545), CRS.from_epsg(4326)
    ),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_date_on_another_grid_lands_where_it_belongs(tmp_path, flat_date, other):
    date = flat_date(tmp_path / "a.tif", other, plane(other, 1e-4, -2e-4), series=GRID)
    assert not date.aligned
    data, classes = date.read(ALL)
    inner = np.s_[4:-4, 4:-4]
    np.testing.assert_allclose(data[0][inner], plane(GRID, 1e-4, -2e-4)[inner], atol=6e-4)
    assert not classes[inner].any()


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_windows_are_parts_of_the_whole(tmp_path, flat_date, other):
    cloud = np.zeros(other.shape, np.uint8)
    cloud[other.shape[0] // 3 : other.shape[0] // 2, other.shape[1] // 4 :] = 1
    date = flat_date(tmp_path / "a.tif", other, plane(other, 1e-4, 0), cloud, series=GRID)
    data, classes = date.read(ALL)
    part, codes = date.read(Window(16, 8, 20, 16))
    np.testing.assert_allclose(part, data[:, 8:24, 16:36], atol=2e-5)
    assert np.array_equal(codes, classes[8:24, 16:36]) and (classes == 1).any()


def test_what_a_date_does_not_cover_is_without_data(tmp_path, flat_date):
    far = Grid((40, 50), Affine(20, 0, 5e5 + 500, 0, -20, 5e6), UTM)
    data, classes = flat_date(tmp_path / "a.tif", far, 0.2, series=GRID).read(ALL)
    assert np.isnan(data[:, :, :24]).all() and (classes[:, :24] == 255).all()
    assert np.isfinite(data[:, :, 26:]).all() and not classes[:, 26:].any()
    away = Grid((40, 50), Affine(20, 0, 9e5, 0, -20, 5e6), UTM)
    data, classes = flat_date(tmp_path / "b.tif", away, 0.2, series=GRID).read(ALL)
    assert np.isnan(data).all() and (classes == 255).all()


def test_nodata_of_another_grid_stays_nodata_and_does_not_spread(tmp_path, flat_date):
    other = OTHERS["shifted"]
    values = np.full(other.shape, 0.25, np.float32)
    values[20:30, 20:30] = np.nan
    data, classes = flat_date(tmp_path / "a.tif", other, values, series=GRID).read(ALL)
    assert 50 < (classes == 255).sum() < 150
    known = np.isfinite(data[0])
    np.testing.assert_allclose(data[0][known], 0.25, atol=1e-4)
