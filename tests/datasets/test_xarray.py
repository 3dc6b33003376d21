"""Tiles as DataArrays: nothing is lost on the way and back, by chunks neither."""

import sys
from datetime import datetime, timezone

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from kumosan.datasets import (
    Tile,
    from_array,
    from_xarray,
    mask_to_xarray,
    read,
    to_xarray,
    write_tile,
)
from kumosan.datasets.bands import Band, BandSet
from kumosan.datasets.encoding import Encoding
from kumosan.datasets.errors import BandError, GridError, MissingExtraError, ValueRangeError
from kumosan.datasets.regrid import Grid
from kumosan.datasets.tile import Acquisition, Quality
from kumosan.detection import detect

xr = pytest.importorskip("xarray")
pytest.importorskip("rioxarray")
pytest.importorskip("dask")

UTM = Affine(10, 0, 500_000, 0, -10, 5_000_000)
ROTATED = Affine(8, 6, 500_000, 6, -8, 5_000_000)
DEGREES = Affine(0.0001, 0, 12.3, 0, -0.0001, 45.6)


def made(shape=(6, 5), transform=UTM, crs="EPSG:32633", **more):
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 9000, (3, *shape)).astype(np.uint16)
    counts[:, 0, 0] = 0
    return from_array(
        counts, bands="blue,green,red", scale=1e-4, offset=-0.1, nodata=0,
        transform=transform, crs=crs, **more,
    )  # fmt: skip


def same(a: Tile, b: Tile):
    np.testing.assert_array_equal(a.data, b.data)
    assert a.bands == b.bands
    np.testing.assert_allclose(a.transform[:6], b.transform[:6], rtol=1e-12, atol=1e-9)
    assert (a.crs, a.acquired) == (b.crs, b.acquired)


def test_what_a_tile_becomes():
    array = made().to_xarray()
    assert array.dims == ("band", "y", "x") and array.dtype == np.float32
    assert array["wavelength"].values.tolist() == [482, 560, 657]
    assert array["kind"].values.tolist() == ["reflective"] * 3
    assert array["x"].values[:2].tolist() == [500_005, 500_015]
    assert array["y"].values[:2].tolist() == [4_999_995, 4_999_985]
    assert array.rio.crs.to_epsg() == 32633
    assert array.rio.transform() == UTM
    assert np.isnan(array.rio.nodata) and np.isnan(array.values[:, 0, 0]).all()


@pytest.mark.parametrize("transform", [UTM, ROTATED, Affine.identity()])
def test_round_trip(transform):
    acquired = Acquisition(
        "sentinel-2a", "SR", datetime(2023, 4, 1, 10, 10, 10, 5, timezone.utc), 30.5, 151.25
    )
    codes = np.arange(30, dtype=np.uint8).reshape(6, 5)
    tile = made(transform=transform, acquired=acquired, quality=Quality("scl", codes))
    back = from_xarray(to_xarray(tile))
    same(tile, back)
    np.testing.assert_array_equal(back.quality.codes, codes)
    assert back.encoding == tile.encoding
    assert back.stored is None


def test_written_numbers_are_the_old_ones(tmp_path):
    tile = made()
    write_tile(tmp_path / "a.tif", from_xarray(to_xarray(tile)))
    np.testing.assert_array_equal(read(tmp_path / "a.tif").stored, tile.stored)


def test_thermal_and_bad_bands_and_no_crs():
    mask = Band("m", np.nan, np.nan, kind="other")
    bands = BandSet((Band("t", 10_900, 590, 100, "thermal"), mask))
    tile = Tile(np.full((2, 3, 4), 290, np.float32), bands, encoding=Encoding())
    back = from_xarray(to_xarray(tile))
    assert back.bands[0] == bands[0] and back.bands[1].kind == "other"
    assert back.crs is None and back.transform == Affine.identity()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([UTM, ROTATED, DEGREES, Affine(3, 0, 0, 0, 3, 0)]),
    st.integers(0, 5), st.integers(0, 4), st.integers(1, 6), st.integers(1, 5),
)  # fmt: skip
def test_a_cut_knows_where_it_lies(transform, top, left, height, width):
    array = to_xarray(made(transform=transform))
    cut = from_xarray(array.isel(y=slice(top, top + height), x=slice(left, left + width)))
    expected = Grid((6, 5), transform, None).at(top=top, left=left)
    np.testing.assert_allclose(cut.transform[:6], expected[:6], rtol=1e-12, atol=1e-9)


def test_coarser_flipped_and_some_bands():
    array = to_xarray(made())
    coarse = from_xarray(array.isel(y=slice(0, 6), x=slice(0, 4)).coarsen(y=2, x=2).mean())
    assert coarse.transform == Affine(20, 0, 500_000, 0, -20, 5_000_000)
    flipped = from_xarray(array.isel(y=slice(None, None, -1)))
    assert flipped.transform == Affine(10, 0, 500_000, 0, 10, 4_999_940)
    assert from_xarray(array.isel(band=[2, 0])).bands.names == ("red", "blue")


def test_other_names_orders_units_and_one_time():
    values = np.full((1, 4, 5, 2), 2000, np.int16)
    array = xr.DataArray(
        values, dims=("time", "latitude", "longitude", "wavelength"),
        coords={
            "time": [np.datetime64("2024-02-03T04:05:06")], "wavelength": [0.49, 0.665],
            "latitude": 45 - 0.1 * np.arange(4), "longitude": 7 + 0.1 * np.arange(5),
        },
    )  # fmt: skip
    tile = from_xarray(array, scale=1e-4)
    assert [b.center_nm for b in tile.bands] == [490, 665]
    assert tile.data[0, 0, 0] == pytest.approx(0.2)
    assert tile.acquired.time == datetime(2024, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
    np.testing.assert_allclose(tile.transform[:6], [0.1, 0, 6.95, 0, -0.1, 45.05], atol=1e-9)


def test_a_detector_over_the_chunks_of_a_cube():
    tile = made((41, 37), acquired=Acquisition(level="SR"))
    whole = detect(tile, "braaten")
    assert 0 < whole.cloud.sum() < 41 * 37
    cube = to_xarray(tile).chunk({"band": -1, "y": 16, "x": 9})
    transforms = []

    def masked(block):
        transforms.append(from_xarray(block).transform)
        return mask_to_xarray(detect(from_xarray(block), "braaten"), block)

    like = mask_to_xarray(whole, cube)
    template = like.chunk({"y": 16, "x": 9})
    mask = xr.map_blocks(masked, cube, template=template).compute(scheduler="synchronous")
    np.testing.assert_array_equal(mask.values, whole.classes)
    assert mask.dtype == np.uint8 and mask.rio.crs == CRS.from_epsg(32633)
    assert Affine(10, 0, 500_090, 0, -10, 4_999_840) in transforms and len(transforms) == 15


def test_apply_ufunc_over_chunks():
    tile = made((20, 12))
    cube = to_xarray(tile).chunk({"band": -1, "y": 7, "x": 12})

    def masked(values):  # core dimensions come last
        image = np.moveaxis(values, -1, 0)
        return detect(from_array(image, bands=tile.bands, scale=1), "braaten").classes

    mask = xr.apply_ufunc(
        masked, cube, input_core_dims=[["band"]], dask="parallelized", output_dtypes=[np.uint8]
    ).compute(scheduler="synchronous")
    np.testing.assert_array_equal(mask.values, detect(tile, "braaten").classes)


def without(name):
    return to_xarray(made()).drop_vars(name)


def moved(array):
    x = array["x"].values.copy()
    x[2] += 1
    return array.assign_coords(x=x)


FAULTS = [
    ("a Dataset", lambda: without([]).to_dataset(), ValueRangeError, "to_array"),
    ("NumPy", lambda: np.zeros((3, 2, 2)), ValueRangeError, "ndarray"),
    ("no band", lambda: without([]).isel(band=0), GridError, "dimensions ('y', 'x')"),
    ("times", lambda: xr.concat([without([])] * 2, "time"), GridError, "isel(time=0)"),
    ("uneven", lambda: moved(without([])), GridError, "uneven"),
    ("not finite", lambda: without([]).assign_coords(x=[1, 2, np.nan, 4, 5]), GridError, "finite"),
    (
        "one column, no transform", lambda: without("spatial_ref").isel(x=[0]),
        GridError, "pixel size",
    ),
    ("no wavelength", lambda: without("wavelength"), BandError, "assign_coords"),
    (
        "kind", lambda: without([]).assign_coords(kind=("band", ["a"] * 3)), BandError, "kind 'a'"
    ),
    (
        "unit", lambda: without([]).assign_coords(wavelength=("band", [4, 5, 6], {"units": "m"})),
        BandError, "m of band",
    ),
    ("no scale", lambda: (without([]) * 1e4).drop_attrs(), BandError, "without scale"),
    ("complex", lambda: without([]).astype(complex), ValueRangeError, "complex"),
    (
        "quality", lambda: without([]).assign_coords(quality=(("y", "x"), np.zeros((6, 5)))),
        ValueRangeError, "drop_vars",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "error", "message"), [pytest.param(*r[1:], id=r[0]) for r in FAULTS]
)
def test_faults(make, error, message):
    with pytest.raises(error) as caught:
        from_xarray(make())
    assert type(caught.value) is error and message in str(caught.value)


def test_a_mask_of_another_size():
    with pytest.raises(GridError, match="mask of shape"):
        mask_to_xarray(detect(made((4, 4)), "braaten"), to_xarray(made()))


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "rioxarray", None)
    for call in (lambda: to_xarray(made()), lambda: from_xarray(None)):
        with pytest.raises(MissingExtraError, match=r"kumosan\[xarray\]"):
            call()
