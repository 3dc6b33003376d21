"""Arrays in memory: what becomes of them, and what is said of those that cannot be meant."""

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets import from_array, read, write_tile
from kumosan.datasets.bands import GREEN, NIR, RED, BandSet
from kumosan.datasets.errors import BandError, GridError, UsageError, ValueRangeError
from kumosan.datasets.tile import Acquisition, Quality

FLOAT = np.full((3, 4, 5), 0.2, np.float32)
COUNTS = np.arange(60, dtype=np.uint16).reshape(3, 4, 5) * 100
NM = [490, 560, 665]
MASK = Quality("scl", np.zeros((1, 1), np.uint8))


def test_reflectance_with_wavelengths():
    tile = from_array(FLOAT, wavelengths_nm=NM, fwhm_nm=[60, 30, 30])
    assert tile.bands.names == ("490nm", "560nm", "665nm")
    assert [b.fwhm_nm for b in tile.bands] == [60, 30, 30]
    assert (tile.data == np.float32(0.2)).all()
    assert tile.transform == Affine.identity() and tile.crs is None


def test_stored_numbers():
    tile = from_array(
        COUNTS, bands="blue,green,red", scale=1e-4, offset=-0.1, nodata=0,
        transform=Affine(10, 0, 5e5, 0, -10, 5e6), crs="EPSG:32633",
        acquired=Acquisition(level="SR"),
    )  # fmt: skip
    assert np.isnan(tile.data[0, 0, 0])
    assert tile.data[2, 3, 4] == pytest.approx(0.59 - 0.1)
    assert tile.crs == CRS.from_epsg(32633)
    assert tile.acquired == Acquisition(level="SR")
    assert tile.stored is COUNTS


def test_written_and_read_again(tmp_path):
    tile = from_array(COUNTS, wavelengths_nm=NM, scale=1e-4, nodata=0, crs="EPSG:32633",
                      transform=Affine(10, 0, 5e5, 0, -10, 5e6))  # fmt: skip
    write_tile(tmp_path / "a.tif", tile)
    again = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(again.stored, COUNTS)
    np.testing.assert_array_equal(again.data, tile.data)
    assert [b.center_nm for b in again.bands] == NM


def test_a_sensor_alone_or_with_names():
    tile = from_array(np.full((8, 2, 2), 900, np.uint16), sensor="superdove", scale=1e-4)
    assert tile.bands.names[0] == "coastal_blue"
    assert tile.acquired.sensor == "superdove"
    some = from_array(FLOAT, sensor="sentinel-2b", bands="B02,B03,B04")
    assert [b.center_nm for b in some.bands] == [492.4, 558.9, 664.9]


def test_band_objects_thermal_in_kelvin_and_a_mask():
    data = np.stack([np.full((2, 2), 0.3), np.full((2, 2), 290.0)])
    quality = Quality("scl", np.zeros((2, 2), np.uint8))
    tile = from_array(data, bands="green,thermal", quality=quality)
    assert tile.data[1, 0, 0] == 290
    assert tile.quality is quality
    assert from_array(FLOAT, bands=[GREEN, RED, NIR]).bands == BandSet((GREEN, RED, NIR))


def test_a_view_in_another_order_is_made_contiguous():
    image = np.moveaxis(np.arange(60.0).reshape(4, 5, 3) / 100, -1, 0)
    tile = from_array(image, wavelengths_nm=NM)
    assert tile.data.flags.c_contiguous and tile.stored.flags.c_contiguous
    np.testing.assert_allclose(tile.data, image, rtol=1e-6)


def test_wavelengths_as_arrays_names_as_a_list_and_the_level():
    tile = from_array(FLOAT, wavelengths_nm=np.array(NM), fwhm_nm=np.array([60, 30, 30]))
    assert [b.fwhm_nm for b in tile.bands] == [60, 30, 30]
    tile = from_array(FLOAT, bands=["blue", "green", "red"], level="TOA")
    assert tile.bands.names == ("blue", "green", "red")
    assert tile.acquired.level == "TOA"
    unmasked = np.ma.masked_array(FLOAT, False)
    assert type(from_array(unmasked, wavelengths_nm=NM).stored) is np.ndarray


def test_the_other_byte_order_is_turned(tmp_path):
    tile = from_array(COUNTS.astype(">u2"), wavelengths_nm=NM, scale=1e-4)
    write_tile(tmp_path / "a.tif", tile)
    np.testing.assert_array_equal(read(tmp_path / "a.tif").stored, COUNTS)


def test_numbers_that_are_no_reflectance_stay_missing():
    data = FLOAT.copy()
    data[0, 0, 0], data[1, 1, 1] = np.nan, np.inf
    tile = from_array(data, wavelengths_nm=NM)
    assert np.isnan(tile.data).sum() == 2 and not tile.valid[0, 0] and not tile.valid[1, 1]


FAULTS = [
    ("axes", np.moveaxis(FLOAT, 0, -1), {"wavelengths_nm": NM}, GridError, "np.moveaxis"),
    (
        "axes by sensor", np.ones((64, 65, 4), np.uint16),
        {"sensor": "superdove", "scale": 1e-4}, GridError, "(y, x, band)",
    ),
    ("one plane", FLOAT[0], {"wavelengths_nm": NM}, GridError, "np.newaxis"),
    ("a time stack", FLOAT[None], {"wavelengths_nm": NM}, GridError, "(1, 3, 4, 5)"),
    ("no pixels", FLOAT[:, :0], {"wavelengths_nm": NM}, GridError, "with pixels"),
    ("bool", FLOAT > 0, {"wavelengths_nm": NM}, ValueRangeError, "bool"),
    ("complex", FLOAT + 1j, {"wavelengths_nm": NM}, ValueRangeError, "complex64"),
    ("objects", FLOAT.astype(object), {"wavelengths_nm": NM}, ValueRangeError, "object"),
    ("no scale", COUNTS, {"wavelengths_nm": NM}, BandError, "scale=1e-4"),
    ("8 bits", COUNTS.astype(np.uint8), {"wavelengths_nm": NM}, BandError, "uint8"),
    ("percent", FLOAT * 200, {"wavelengths_nm": NM}, BandError, "largest 40"),
    ("nothing said", FLOAT, {}, BandError, "wavelengths_nm"),
    ("two of three", FLOAT, {"wavelengths_nm": NM[:2]}, BandError, "3 bands with 2"),
    ("a width too few", FLOAT, {"wavelengths_nm": NM, "fwhm_nm": [1]}, BandError, "with 1"),
    ("width 0", FLOAT, {"wavelengths_nm": NM, "fwhm_nm": [9, 0, 9]}, BandError, "above 0"),
    ("micrometres", FLOAT, {"wavelengths_nm": [0.49, 0.56, 0.66]}, BandError, "by 1000"),
    ("NaN nm", FLOAT, {"wavelengths_nm": [490, np.nan, 665]}, BandError, "nan"),
    ("one band twice", FLOAT, {"wavelengths_nm": [490, 490, 665]}, BandError, "twice"),
    ("bands too few", FLOAT, {"bands": [GREEN]}, BandError, "3 bands with 1"),
    ("both", FLOAT, {"bands": "green", "wavelengths_nm": NM}, UsageError, "leave one out"),
    ("widths alone", FLOAT, {"bands": "green", "fwhm_nm": NM}, UsageError, "without"),
    ("sensor", FLOAT, {"sensor": "hubble"}, UsageError, "hubble"),
    ("sensor with 3 bands", FLOAT, {"sensor": "superdove"}, BandError, "all there"),
    ("scale 0", FLOAT, {"wavelengths_nm": NM, "scale": 0}, ValueRangeError, "scale"),
    ("CRS", FLOAT, {"wavelengths_nm": NM, "crs": "EPSG:1"}, GridError, "EPSG:1"),
    (
        "mask", FLOAT, {"wavelengths_nm": NM, "quality": MASK},
        GridError, "mask of shape (1, 1)",
    ),
    ("bands between", np.moveaxis(FLOAT, 0, 1), {"bands": "b,g,r"}, GridError, "(data, 1, 0)"),
    (
        "masked", np.ma.masked_array(COUNTS, COUNTS == 0), {"wavelengths_nm": NM, "scale": 1e-4},
        ValueRangeError, "filled",
    ),
    ("half", FLOAT.astype(np.float16), {"wavelengths_nm": NM}, ValueRangeError, "float32"),
    ("ragged", [[1], [2, 3]], {"wavelengths_nm": NM}, GridError, "unequal"),
    ("words for nm", FLOAT, {"wavelengths_nm": ["a", "b", "c"]}, BandError, "numbers in nm"),
    ("one number", FLOAT, {"wavelengths_nm": 490}, BandError, "numbers in nm"),
    ("numbers as bands", FLOAT, {"bands": NM}, BandError, "wavelengths_nm"),
    (
        "a plain tuple", FLOAT, {"wavelengths_nm": NM, "transform": (10, 0, 5, 0, -10, 5)},
        GridError, "from_gdal",
    ),
    ("level", FLOAT, {"wavelengths_nm": NM, "level": "L2A"}, ValueRangeError, "'SR'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "options", "error", "message"), [pytest.param(*r[1:], id=r[0]) for r in FAULTS]
)
def test_faults(data, options, error, message):
    with pytest.raises(error) as caught:
        from_array(data, **options)
    assert type(caught.value) is error and message in str(caught.value)
