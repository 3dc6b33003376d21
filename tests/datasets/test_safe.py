"""Sentinel-2 products with real metadata and small pixels."""

from datetime import datetime, timezone

import numpy as np
import pytest

from kumosan.datasets import read
from kumosan.datasets.errors import UsageError
from kumosan.datasets.regrid import average, repeat

DN = {b: 1000 + 100 * k for k, b in enumerate(
    ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]
)}  # fmt: skip


def reflectance(tile):
    return {b.name: float(p[0, 0]) for b, p in zip(tile.bands, tile.data, strict=True)}


def test_level_2_of_baseline_05_09_has_its_offset_applied_once(make_safe):
    tile = read(make_safe("N0509"))
    assert tile.shape == (6, 12)  # 20 m
    assert "B10" not in tile.bands.names
    expected = {b: (dn - 1000) / 10_000 for b, dn in DN.items() if b != "B10"}
    assert reflectance(tile) == pytest.approx(expected, abs=1e-6)
    assert tile.stored[1, 0, 0] == DN["B02"]
    assert tile.encoding.scale[0] == pytest.approx(1e-4)
    assert tile.encoding.offset[0] == pytest.approx(-0.1)
    assert tile.encoding.nodata == 0


def test_metadata_of_the_product(make_safe):
    tile = read(make_safe("N0509"))
    a = tile.acquired
    assert (a.sensor, a.level) == ("sentinel-2a", "SR")
    assert a.time == datetime(2023, 6, 25, 23, 47, 55, 578_328, timezone.utc)
    assert a.sun_zenith_deg == pytest.approx(42.9, abs=1)
    assert 0 < a.sun_azimuth_deg < 360
    assert tile.crs.to_epsg() == 32601
    assert tile.transform[:6] == (20, 0, 300_000, 0, -20, 7_400_040)
    assert tile.tags["PROCESSING_BASELINE"] == "05.09"
    assert tile.gsd_m == pytest.approx(20)


def test_level_2_without_offset(make_safe):
    tile = read(make_safe("N0212"))
    assert tile.encoding.offset == (0.0,) * 12
    assert reflectance(tile)["B12"] == pytest.approx(0.22)


def test_level_1(make_safe):
    tile = read(make_safe("MSIL1C"))
    assert tile.acquired.level == "TOA"
    assert tile.quality is None
    assert reflectance(tile) == pytest.approx({b: dn / 1e4 for b, dn in DN.items()}, abs=1e-6)
    assert [b.kind for b in tile.bands if b.kind != "reflective"] == ["vapour", "cirrus"]


def test_offset_of_level_1(make_safe):
    """RADIO_ADD_OFFSET, as baseline 04.00 and later write it, for two bands only."""
    folder = make_safe("MSIL1C")
    file = folder / "MTD_MSIL1C.xml"
    entry = (
        "<Radiometric_Offset_List>"
        '<RADIO_ADD_OFFSET band_id="1">-1000</RADIO_ADD_OFFSET>'
        '<RADIO_ADD_OFFSET band_id="8">-500</RADIO_ADD_OFFSET>'
        "</Radiometric_Offset_List>"
    )
    text = file.read_text("utf-8")
    file.write_text(text.replace("<QUANTIFICATION_VALUE", entry + "<QUANTIFICATION_VALUE"), "utf-8")
    got = reflectance(read(folder))
    assert got["B02"] == pytest.approx(0.01)
    assert got["B8A"] == pytest.approx(0.13)
    assert got["B03"] == pytest.approx(0.12)


@pytest.mark.parametrize(("resolution", "shape"), [(10, (12, 24)), (20, (6, 12)), (60, (2, 4))])
@pytest.mark.parametrize("product", ["MSIL1C", "N0509"])
def test_every_resolution(make_safe, product, resolution, shape):
    tile = read(make_safe(product), resolution_m=resolution)
    assert tile.shape == shape
    assert tile.transform.a == resolution
    first = {b: float(v) for b, v in zip(tile.bands.names, tile.stored[:, 0, 0], strict=True)}
    assert first == {b: dn for b, dn in DN.items() if b in first}
    if tile.quality:
        assert tile.quality.codes.shape == shape


def test_finer_bands_are_averaged_over_valid_numbers(make_safe):
    fine = np.full((12, 24), 2000, np.uint16)
    fine[0:2, 0:2] = [[0, 1000], [2000, 3000]]
    fine[0:2, 2:4] = 0
    fine[0:2, 4:6] = [[65535, 10], [10, 10]]
    tile = read(make_safe("N0509", {("B08", 10): fine}))
    b08 = tile.bands.names.index("B08")
    assert tile.stored[b08, 0, :4].tolist() == [2000, 0, 65535, 2000]
    assert np.isnan(tile.data[b08, 0]).tolist() == [False, True] + [False] * 10


def test_the_suppliers_file_of_the_resolution_is_preferred(make_safe):
    tile = read(make_safe("N0509", {("B02", 20): np.full((6, 12), 7777, np.uint16)}))
    assert tile.stored[1, 0, 0] == 7777


def test_coarser_bands_are_repeated(make_safe):
    coarse = np.arange(1, 9, dtype=np.uint16).reshape(2, 4)
    tile = read(make_safe("MSIL1C", {("B01", 60): coarse}))
    assert np.array_equal(tile.stored[0], coarse.repeat(3, 0).repeat(3, 1))


@pytest.mark.parametrize("resolution", [10, 20, 60])
def test_scl_by_nearest_neighbour(make_safe, resolution):
    scl20 = np.tile(np.array([3, 8, 3], np.uint8), (6, 4))
    scl60 = np.full((2, 4), 8, np.uint8)
    tile = read(
        make_safe("N0509", {("SCL", 20): scl20, ("SCL", 60): scl60}), resolution_m=resolution
    )
    expected = {10: repeat(scl20, 2), 20: scl20, 60: scl60}[resolution]
    assert tile.quality.scheme == "scl"
    assert np.array_equal(tile.quality.codes, expected)


def test_scl_without_a_60_m_file_takes_the_middle_pixel(make_safe):
    scl20 = np.tile(np.array([3, 8, 3], np.uint8), (6, 4))
    folder = make_safe("N0509", {("SCL", 20): scl20})
    next(folder.rglob("*SCL_60m.jp2")).unlink()
    assert (read(folder, resolution_m=60).quality.codes == 8).all()


def test_the_metadata_file_itself_may_be_named(make_safe):
    folder = make_safe("N0509")
    by_file = read(folder / "MTD_MSIL2A.xml")
    assert np.array_equal(by_file.stored, read(folder).stored)


def test_options_that_contradict_the_product_are_refused(make_safe):
    with pytest.raises(UsageError, match="--scale"):
        read(make_safe("N0509"), scale=1e-4)


def test_average_rounds_to_even_and_repeat_is_its_inverse():
    plane = np.array([[1, 2], [1, 2]], np.uint16)  # mean 1.5
    assert average(plane, 2).tolist() == [[2]]
    assert average(repeat(plane, 3), 3).tolist() == plane.tolist()
