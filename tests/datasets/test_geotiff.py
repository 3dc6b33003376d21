"""GeoTIFF to tile: scaling decided from metadata, numbers and tags kept."""

import warnings
from datetime import datetime, timezone

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumosan.datasets import read
from kumosan.datasets.errors import BandError

NM = [490, 560, 665]
DN = np.array([[[100, 2000]], [[5000, 0]], [[9999, 65535]]], np.uint16)


def test_scale_and_offset_of_the_file_are_applied_once(make_tif):
    tile = read(make_tif(DN, nm=NM, scale=1e-4, offset=-0.1, nodata=0))
    expected = [[[-0.09, 0.1]], [[0.4, np.nan]], [[0.8999, 6.4535]]]
    assert tile.data == pytest.approx(np.array(expected), abs=1e-6, nan_ok=True)
    assert tile.data.dtype == np.float32
    assert tile.stored.dtype == np.uint16
    assert np.array_equal(tile.stored, DN)
    assert tile.encoding.nodata == 0
    assert tile.valid.tolist() == [[True, False]]  # nodata in one band only


def test_each_band_has_its_own_scale(make_tif):
    tile = read(make_tif(DN, nm=NM, scale=[1e-4, 2e-4, 1e-5], offset=[0, -0.1, 0]))
    assert tile.data[:, 0, 0] == pytest.approx([0.01, 0.9, 0.09999])


def test_the_users_scale_replaces_the_files(make_tif):
    path = make_tif(DN, nm=NM, scale=1e-4, offset=-0.1)
    assert read(path, scale=1e-3).data[0, 0, 0] == pytest.approx(0.1)
    assert read(path, scale=1e-3, offset=0.5).data[0, 0, 0] == pytest.approx(0.6)
    assert read(path, offset=0.0).data[0, 0, 0] == pytest.approx(0.01)


def test_the_users_scale_leaves_thermal_and_other_bands_alone(make_tif):
    data = np.array([[[1000]], [[29000]], [[9]]], np.uint16)
    path = make_tif(
        data, names=["B2", "B10", "QA_PIXEL"], scale=[1, 0.01, 1], tags={"SENSOR": "Landsat 8"}
    )
    tile = read(path, scale=1e-4)
    assert tile.data.ravel().tolist() == pytest.approx([0.1, 290, 9])
    assert tile.quality.scheme == "qa_pixel"
    assert tile.quality.codes.tolist() == [[9]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-0.05, 1.9), (0.0, 0.0)])
def test_floating_point_reflectance_is_taken_as_it_is(make_tif, dtype, low, high):
    data = np.linspace(low, high, 300).reshape(3, 10, 10).astype(dtype)
    tile = read(make_tif(data, nm=NM))
    assert np.array_equal(tile.data, data.astype(np.float32))


@pytest.mark.parametrize("values", [(0, 10_000), (0, 255), (0, 60), (-30, 0)])
def test_floating_point_numbers_of_another_range_are_refused(make_tif, values):
    data = np.linspace(*values, 300).reshape(3, 10, 10).astype(np.float32)
    with pytest.raises(BandError, match="--scale"):
        read(make_tif(data, nm=NM))


def test_a_few_bright_pixels_do_not_change_the_decision(make_tif):
    data = np.full((3, 50, 50), 0.3, np.float32)
    data[0, 0, :5] = 40  # glint
    assert read(make_tif(data, nm=NM)).data[0, 0, 0] == 40


def test_nan_infinity_and_nodata_stay_where_they_are(make_tif):
    data = np.full((3, 2, 2), 0.3, np.float32)
    data[0, 0, 0], data[1, 0, 1], data[2, 1, 0] = np.nan, np.inf, -9999
    tile = read(make_tif(data, nm=NM, nodata=-9999))
    assert np.isnan(tile.data).sum() == 3
    assert tile.valid.tolist() == [[False, False], [False, True]]
    assert np.array_equal(tile.stored, data, equal_nan=True)


def test_nodata_may_be_nan(make_tif):
    data = np.full((3, 2, 2), 0.3, np.float32)
    data[:, 0, 0] = np.nan
    assert read(make_tif(data, nm=NM, nodata=np.nan)).valid.sum() == 3


def test_all_nodata_is_read(make_tif):
    tile = read(make_tif(np.full((3, 4, 4), np.nan, np.float32), nm=NM))
    assert not tile.valid.any()


def test_landsat_level_2_by_its_band_names(make_tif):
    """Published scaling: DN x 2.75e-5 - 0.2, and x 0.00341802 + 149 K."""
    data = np.array([[[10000]], [[20000]], [[43000]]], np.uint16)
    tile = read(make_tif(data, names=["SR_B2", "SR_B6", "ST_B10"], nodata=0))
    assert tile.data.ravel().tolist() == pytest.approx([0.075, 0.35, 295.97486])
    assert tile.acquired.level == "SR"


def test_sentinel_2_numbers_are_refused_but_before_baseline_04_they_are_known(make_tif):
    data = np.array([[[1234]], [[2000]]], np.uint16)
    with pytest.raises(BandError, match=r"--scale 1e-4 .*--offset -0\.1"):
        read(make_tif(data, names=["B02", "B8A"]))
    path = make_tif(data, names=["B02", "B8A"], tags={"PROCESSING_BASELINE": "05.09"})
    with pytest.raises(BandError):  # some catalogues have applied the offset already
        read(path)
    path = make_tif(data, names=["B02", "B8A"], tags={"PROCESSING_BASELINE": "02.14"})
    assert read(path).data.ravel().tolist() == pytest.approx([0.1234, 0.2])


def test_envi_reflectance_scale_factor(make_tif):
    envi = {"reflectance_scale_factor": "10000", "data_ignore_value": "-32768"}
    data = np.array([[[-32768]], [[5000]], [[1]]], np.int16)
    tile = read(make_tif(data, nm=NM, envi=envi))
    assert tile.data.ravel() == pytest.approx([np.nan, 0.5, 1e-4], nan_ok=True)


def test_tags_are_kept_and_understood(make_tif):
    tags = {
        "LEVEL": "L1C TOA",
        "ACQUISITION_DATE": "2021-07-01T10:20:30.5Z",
        "TIFFTAG_DATETIME": "2024:01:01 00:00:00",
        "SUN_ELEVATION": "60.5",
        "sun_azimuth": "150",
        "MINE": "x",
    }
    band_tags = [{"note": str(i)} for i in range(3)]
    tile = read(make_tif(DN, nm=NM, scale=1e-4, tags=tags, band_tags=band_tags))
    a = tile.acquired
    assert (a.level, a.sun_zenith_deg, a.sun_azimuth_deg) == ("TOA", 29.5, 150)
    assert a.time == datetime(2021, 7, 1, 10, 20, 30, 500_000, timezone.utc)
    assert tile.tags["MINE"] == "x"
    assert tile.band_tags[2]["note"] == "2"


@pytest.mark.parametrize(
    ("tags", "level"),
    [
        ({"LEVEL": "C1 L1TP TOA"}, "TOA"),
        ({"LEVEL": "L2A (presumed)"}, "SR"),
        ({"LEVEL": "surface reflectance"}, "SR"),
        ({"PROCESSING_LEVEL": "Level-1C"}, "TOA"),
        ({"PRODUCT_ID": "LC08_L2SP_008059_20191201_20200825_02_T1"}, "SR"),
        ({"LEVEL": "SR"}, "SR"),
        ({"LEVEL": "3"}, None),
        ({}, None),
    ],
)
def test_the_level(make_tif, tags, level):
    assert read(make_tif(DN, nm=NM, scale=1e-4, tags=tags)).acquired.level == level


def test_nonsense_in_tags_is_not_believed(make_tif):
    tags = {"DATE": "yesterday", "SUN_ELEVATION": "412", "SUN_AZIMUTH": "north"}
    a = read(make_tif(DN, nm=NM, scale=1e-4, tags=tags)).acquired
    assert (a.time, a.sun_zenith_deg, a.sun_azimuth_deg) == (None, None, None)


@pytest.mark.parametrize(
    "transform",
    [
        Affine(30, 0, 300_000, 0, 30, 5_000_000),  # south-up
        Affine(20, 8, 300_000, -8, 20, 5_000_000),  # rotated
        Affine(0.5, 0, 10, 0, -0.5, 50),
    ],
)
def test_any_affine_grid_is_kept(make_tif, transform):
    tile = read(make_tif(DN, nm=NM, scale=1e-4, transform=transform))
    assert tile.transform == transform
    assert np.array_equal(tile.stored, DN)  # never flipped


def test_no_georeference_is_fine_and_silent(make_tif):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = make_tif(DN, nm=NM, scale=1e-4, crs=None, transform=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tile = read(path)
    assert tile.crs is None
    assert tile.transform == Affine.identity()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (13, 1), (17, 31)])
def test_small_and_odd_sizes(make_tif, shape):
    tile = read(make_tif(np.full((3, *shape), 0.1, np.float32), nm=NM))
    assert tile.shape == shape


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    dtype=st.sampled_from(["uint8", "int16", "uint16", "int32", "float32"]),
    scale=st.floats(1e-5, 0.99),  # scale 1 with offset 0 is "no scaling" to GDAL
    offset=st.floats(-1, 1),
    nodata=st.sampled_from([None, 0, 7, 255]),
    seed=st.integers(0, 1000),
)
def test_stored_numbers_are_those_of_the_file(make_tif, dtype, scale, offset, nodata, seed):
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 250, (3, 5, 4)).astype(dtype)
    path = make_tif(data, nm=NM, scale=scale, offset=offset, nodata=nodata)
    tile = read(path)
    with rasterio.open(path) as ds:
        assert np.array_equal(tile.stored, ds.read())
    expected = np.where(data == nodata, np.nan, data * scale + offset)
    assert tile.data == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True)


def test_supplier_classes_become_quality_and_stay_a_band(make_tif):
    data = np.array([[[500, 500]], [[600, 600]], [[3, 9]]], np.uint16)
    path = make_tif(data, names=["B02", "B03", "SCL"], scale=[1e-4, 1e-4, 1])
    tile = read(path)
    assert tile.quality.scheme == "scl"
    assert tile.quality.codes.tolist() == [[3, 9]]
    assert tile.data[2].tolist() == [[3, 9]]
