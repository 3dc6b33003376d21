"""Imaging spectrometers: every value below is worked out by hand from what is written."""

import importlib.util
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from math import cos, radians, sin
from pathlib import Path

import h5py
import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.windows import Window

from kumosan.datasets import desis, emit, enmap, envi, prisma, read, satellogic
from kumosan.datasets.badbands import bad_reason
from kumosan.datasets.bands import BLUE, NIR, RED, SWIR1
from kumosan.datasets.hdf5 import planes, runs
from kumosan.datasets.read import open_scene
from kumosan.datasets.write import write_tile

_spec = importlib.util.spec_from_file_location(
    "products_hyper", Path(__file__).with_name("products_hyper.py")
)
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

NUMBERS = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5) * 10
NM = "{0.49, 0.56, 0.665}"


# ---- ENVI ----


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("big_endian", [False, True])
def test_envi_orders_and_types(tmp_path, interleave, dtype, big_endian):
    data = NUMBERS.astype(dtype)
    path = made.write_envi(
        tmp_path, data, interleave=interleave, big_endian=big_endian, wavelength=NM,
        reflectance_scale_factor=1000,
    )  # fmt: skip
    scene = envi.open_envi(path)
    tile = scene.read(Window(1, 2, 3, 2), [2, 0])
    np.testing.assert_array_equal(tile.stored, data[[2, 0], 2:4, 1:4])
    assert tile.stored.dtype == dtype
    np.testing.assert_allclose(tile.data, data[[2, 0], 2:4, 1:4] / 1000, rtol=1e-6)
    assert [b.center_nm for b in tile.bands] == [665, 490]


def test_envi_opened_by_header_or_binary(tmp_path):
    path = made.write_envi(tmp_path, NUMBERS, wavelength=NM, reflectance_scale_factor=1e4)
    header = path.with_suffix(".hdr")
    assert envi.matches(path)
    assert envi.matches(header)
    assert envi.open_envi(path) == envi.open_envi(header)
    (tmp_path / "esri.hdr").write_text("BYTEORDER I\nNROWS 3\n")
    assert not envi.matches(tmp_path / "esri.hdr")
    assert not envi.matches(made.write_tif(tmp_path / "scene.tif", NUMBERS))  # beside scene.hdr


@pytest.mark.parametrize(("name", "header"), [("a.dat", "a.dat.hdr"), ("a", "a.hdr")])
def test_envi_names(tmp_path, name, header):
    path = made.write_envi(tmp_path, NUMBERS, name=name, wavelength=NM, reflectance_scale_factor=1)
    path.with_suffix(".hdr").rename(tmp_path / header)
    assert envi.matches(path)
    assert envi.open_envi(path).read().stored[1, 0, 0] == 200
    assert envi.open_envi(tmp_path / header).bands.find(RED) == 2


def test_envi_gains_offsets_bad_bands_and_nodata(tmp_path):
    nm = "{490, 1850, 0, 1375,\n 2200}"
    data = np.full((5, 2, 2), 1000, np.int16)
    data[0, 0, 0] = -5
    path = made.write_envi(
        tmp_path, data, wavelength=nm, wavelength_units="Nanometers", fwhm="{10, 11, 0, 12, 13}",
        bbl="{1, 1, 1, 1, 0}", data_gain_values="{1e-4, 2e-4, 1, 1e-4, 1e-4}",
        data_offset_values="{0, 0.1, 0, -0.05, 0}", data_ignore_value=-5,
        acquisition_time="2019-12-03T02:11:28Z", sun_elevation=60, sun_azimuth=120,
    )  # fmt: skip
    tile = envi.open_envi(path).read()
    np.testing.assert_allclose(tile.data[[0, 1, 3], 1, 1], [0.1, 0.3, 0.05], rtol=1e-6)
    assert np.isnan(tile.data[0, 0, 0])
    assert tile.stored[0, 0, 0] == -5
    assert tile.valid.tolist() == [[False, True], [True, True]]
    assert [b.kind for b in tile.bands] == ["reflective", "other", "other", "cirrus", "other"]
    assert [b.fwhm_nm for b in tile.bands][::4] == [10, 13]
    assert [t.get("bbl_reason") for t in tile.band_tags] == [
        None, "water vapour 1800-1950 nm", "no wavelength", None, "listed as bad",
    ]  # fmt: skip
    assert [t.get("bbl") for t in tile.band_tags] == [None, "0", "0", None, "0"]
    assert tile.acquired.time == datetime(2019, 12, 3, 2, 11, 28, tzinfo=timezone.utc)
    assert (tile.acquired.sun_zenith_deg, tile.acquired.sun_azimuth_deg) == (30, 120)


def test_envi_rotated_map_info(tmp_path):
    """10 m pixels, columns towards 30 degrees north of east, rows to the right of that."""
    info = "{UTM, 1, 1, 500000, 5000000, 10, 10, 33, North, WGS-84, units=Meters, rotation=30}"
    path = made.write_envi(
        tmp_path, NUMBERS, wavelength=NM, reflectance_scale_factor=1e3, map_info=info
    )
    scene = envi.open_envi(path)
    c, s = 10 * cos(radians(30)), 10 * sin(radians(30))
    assert scene.grid.transform.almost_equals(Affine(c, s, 500_000, s, -c, 5_000_000))
    assert scene.grid.crs.to_epsg() == 32633
    part = scene.read(Window(2, 1, 1, 1)).transform
    corner = (500_000 + 2 * c + s, 5_000_000 + 2 * s - c)
    assert (part.c, part.f) == pytest.approx(corner, abs=1e-6)


def test_envi_without_wavelengths_takes_the_users(tmp_path):
    path = made.write_envi(tmp_path, NUMBERS)
    tile = envi.open_envi(path, bands="blue,green,red", scale=1e-4, offset=-0.1).read()
    assert tile.bands.find(RED) == 2
    assert tile.data[2, 0, 0] == pytest.approx(400e-4 - 0.1)


def test_envi_larger_than_a_read_is_opened(tmp_path):
    """The limit is on what a read allocates, not on the scene."""
    path = made.write_envi(tmp_path, NUMBERS, wavelength=NM, reflectance_scale_factor=1e3)
    scene = envi.open_envi(path, max_pixels=12)
    assert scene.read(Window(0, 0, 2, 2)).stored.shape == (3, 2, 2)


def test_envi_real_sample(data):
    """A tile of a real EnMAP L2A scene, beside the same tile as GeoTIFF."""
    import rasterio

    scene = envi.open_envi(data / "raw_formats" / "envi" / "enmap_potsdam_064_032.hdr")
    tile = scene.read()
    with rasterio.open(data / "test" / "enmap_potsdam_064_032.tif") as ds:
        np.testing.assert_array_equal(tile.stored, ds.read())
        assert tile.transform == ds.transform
        assert tile.crs == ds.crs
    assert len(tile.bands) == 224
    assert tile.data[47, 0, 0] == pytest.approx(tile.stored[47, 0, 0] * 1e-4)
    bad = [b.center_nm for b in tile.bands if b.kind == "other"]
    assert bad == [1331.22, 1343.18, 1355.13, 1367.06, 1378.96, 1390.84, 1939.44, 1948.98]
    assert tile.bands[tile.bands.find(RED)].center_nm == 660.007  # next to the window's 657
    assert tile.valid.all()


# ---- EnMAP ----

ENMAP_NM = [664.0, 985.0, 902.0, 1367.0, 1610.0, 2205.0]


def test_enmap(tmp_path):
    data = np.arange(6 * 3 * 4).reshape(6, 3, 4) + 1000
    data[:, 0, 0] = -32768
    data[3] = -32768
    folder = made.write_enmap(tmp_path, data, ENMAP_NM, empty=(4,))
    scene = enmap.open_enmap(folder)
    tile = scene.read()
    assert [b.center_nm for b in tile.bands] == ENMAP_NM  # the order of the file
    assert [b.kind for b in tile.bands] == [
        "reflective", "reflective", "reflective", "other", "reflective", "reflective",
    ]  # fmt: skip
    assert all(b.fwhm_nm == 6.5 and b.gsd_m == 30 for b in tile.bands)
    np.testing.assert_allclose(tile.data[:3, 1, 1], [0.1005, 0.1017 + 0.01, 0.1029], rtol=1e-6)
    assert np.isnan(tile.data[:, 0, 0]).all()
    assert tile.valid.sum() == 11
    assert (tile.crs.to_epsg(), tile.transform) == (32633, made.UTM)
    a = tile.acquired
    assert (a.sensor, a.level) == ("enmap", "SR")
    assert (a.sun_zenith_deg, a.sun_azimuth_deg) == (34.75, 155.5)
    assert a.time == datetime(2022, 7, 24, 10, 45, 26, 350402, tzinfo=timezone.utc)
    assert tile.tags["PRODUCT_ID"] == made.ENMAP


def test_enmap_opened_by_any_of_its_files(tmp_path):
    folder = made.write_enmap(tmp_path, np.full((6, 2, 2), 5), ENMAP_NM)
    paths = [folder, *sorted(folder.iterdir())]
    assert all(enmap.matches(p) for p in paths)
    assert {enmap.open_enmap(p).path for p in paths} == {str(folder)}
    assert not enmap.matches(tmp_path)


# ---- DESIS ----


def test_desis(tmp_path):
    data = np.full((3, 2, 4), 1500)
    data[1, 0, 0] = -32768
    folder = made.write_desis(tmp_path, data, [401.9, 664.5, 999.5])
    paths = [folder, *sorted(folder.iterdir())]
    assert all(desis.matches(p) for p in paths)
    tile = desis.open_desis(folder).read()
    np.testing.assert_allclose(tile.data[:, 1, 1], [0.3, 0.2, 0.15], rtol=1e-6)
    assert np.isnan(tile.data[1, 0, 0])
    assert [b.center_nm for b in tile.bands] == [401.9, 664.5, 999.5]
    assert all(b.fwhm_nm == 3.5 for b in tile.bands)
    a = tile.acquired
    assert (a.sensor, a.level, a.sun_zenith_deg, a.sun_azimuth_deg) == ("desis", "SR", 41.25, 75.5)
    assert a.time == datetime(2019, 12, 3, 2, 11, 28, 120_000, tzinfo=timezone.utc)
    assert {desis.open_desis(p).path for p in paths} == {str(folder)}


# ---- PRISMA ----


def prisma_cubes() -> tuple[np.ndarray, np.ndarray]:
    """(row, band, column): band b of VNIR holds 1000 (b + 1) + 10 row + column, SWIR twice it."""
    row, band, col = np.ogrid[:4, :6, :5]
    vnir = (1000 * (band + 1) + 10 * row + col).astype(np.uint16)
    return vnir, 2 * vnir[:, :4]


def test_prisma(tmp_path):
    vnir, swir = prisma_cubes()
    vnir[3, :, 4] = swir[3, :, 4] = 0  # outside the swath
    vnir[1, 4, 1] = 0  # the lower end of the scale, in blue only
    path = made.write_prisma(tmp_path, vnir, swir)
    assert prisma.matches(path)
    tile = prisma.open_prisma(path).read()
    assert [b.center_nm for b in tile.bands][:5] == [490.5, 560.5, 665.5, 865.5, 972.5]
    assert [b.center_nm for b in tile.bands][6:] == [943.5, 1610.5, 1850.5, 2200.5]
    assert [b.fwhm_nm for b in tile.bands][6:] == [13, 14, 15, 16]
    assert [b.kind for b in tile.bands] == [
        *["reflective"] * 5, "other", "vapour", "reflective", "other", "reflective",
    ]  # fmt: skip
    # red is band 2 of the VNIR cube, 1610 nm band 2 of the SWIR cube with 0.25 ... 0.75
    red, swir1 = tile.find(RED), tile.find(SWIR1)
    assert red[2, 3] == pytest.approx((3000 + 20 + 3) / 65535)
    assert swir1[2, 3] == pytest.approx(0.25 + 2 * (3000 + 20 + 3) * 0.5 / 65535)
    assert tile.find(BLUE)[1, 1] == 0
    assert np.isnan(tile.data[:, 3, 4]).all()
    assert np.isfinite(tile.data).sum() == 10 * 19
    assert tile.transform == Affine(30, 0, 299_985, 0, -30, 5_000_025)
    assert tile.crs.to_epsg() == 32633
    a = tile.acquired
    assert (a.sensor, a.level, a.sun_zenith_deg, a.sun_azimuth_deg) == (
        "prisma", "SR", 35.5, 140.25,
    )  # fmt: skip
    assert a.time == datetime(2020, 12, 14, 6, 7, 13, 112_000, tzinfo=timezone.utc)


def test_prisma_window_and_bands(tmp_path):
    vnir, swir = prisma_cubes()
    scene = prisma.open_prisma(made.write_prisma(tmp_path, vnir, swir))
    window = Window(1, 2, 3, 2)
    part = scene.read(window, [7, 0, 3])
    np.testing.assert_array_equal(part.stored[0], swir[2:4, 2, 1:4])
    np.testing.assert_array_equal(part.stored[1], vnir[2:4, 4, 1:4])
    np.testing.assert_array_equal(part.stored[2], vnir[2:4, 1, 1:4])
    np.testing.assert_array_equal(part.data, scene.read().data[[7, 0, 3], 2:4, 1:4])


# ---- EMIT ----

EMIT_NM = [490.0, 665.0, 1377.0, 1610.0]


def emit_file(folder: Path) -> tuple[Path, np.ndarray]:
    """A swath of 3 x 4 pixels that is turned by 90 degrees onto a map of 5 x 4 pixels.

    Map pixel (y, x) shows swath row x and column y; map row 4 and column 3 show nothing.
    """
    row, col, band = np.ogrid[:3, :4, :4]
    cube = (0.1 * row + 0.01 * col + 0.001 * band).astype(np.float32)
    cube[1, 2] = -9999
    glt_x, glt_y = np.zeros((2, 5, 4), np.int32)
    y, x = np.mgrid[:4, :3]
    glt_x[:4, :3], glt_y[:4, :3] = y + 1, x + 1
    return made.write_emit(folder, cube, glt_x, glt_y, EMIT_NM, [1, 1, 0, 1]), cube


@pytest.mark.parametrize("block", [1, 2, 3, 256])
def test_emit(tmp_path, monkeypatch, block):
    monkeypatch.setattr(emit, "BLOCK", block)
    path, cube = emit_file(tmp_path)
    assert emit.matches(path)
    scene = emit.open_emit(path)
    tile = scene.read()
    assert tile.shape == (5, 4)
    expected = np.full((4, 5, 4), np.nan, np.float32)
    expected[:, :4, :3] = cube.transpose(2, 1, 0)
    expected[:, 2, 1] = np.nan
    np.testing.assert_array_equal(tile.data, expected)
    assert tile.stored[0, 4, 0] == -9999
    assert [b.kind for b in tile.bands] == ["reflective", "reflective", "other", "reflective"]
    assert [b.center_nm for b in tile.bands] == EMIT_NM
    assert tile.transform == Affine(0.000542, 0, 59, 0, -0.000542, 42)
    assert tile.crs.to_epsg() == 4326
    assert tile.acquired.time == datetime(2023, 3, 16, 4, 51, 33, tzinfo=timezone.utc)
    assert (tile.acquired.sensor, tile.acquired.sun_zenith_deg) == ("emit", None)
    part = scene.read(Window(1, 1, 3, 4), [3, 1])
    np.testing.assert_array_equal(part.data, expected[[3, 1], 1:5, 1:4])


def test_emit_window_without_swath(tmp_path):
    tile = emit.open_emit(emit_file(tmp_path)[0]).read(Window(0, 4, 4, 1))
    assert np.isnan(tile.data).all()


# ---- Satellogic ----


def test_satellogic_one_file_a_band(tmp_path):
    planes = {nm: np.full((3, 4), nm / 1000, np.float32) for nm in (820, 452, 670, 550)}
    folder = made.write_satellogic(tmp_path, planes, nodata=-1)
    assert satellogic.matches(folder)
    assert satellogic.matches(folder / "HyperCube_670_nm.tif")
    assert not satellogic.matches(tmp_path)
    tile = satellogic.open_satellogic(folder).read()
    assert [b.center_nm for b in tile.bands] == [452, 550, 670, 820]
    np.testing.assert_allclose(tile.data[:, 0, 0], [0.452, 0.55, 0.67, 0.82])
    assert tile.bands.names == ("HC_452", "HC_550", "HC_670", "HC_820")
    assert tile.bands.find(NIR) == 3
    part = satellogic.open_satellogic(folder).read(Window(1, 1, 2, 2), [3, 1])
    np.testing.assert_allclose(part.data[:, 0, 0], [0.82, 0.55])
    assert tile.acquired.sensor == "satellogic"


def test_satellogic_scale_of_the_user(tmp_path):
    folder = made.write_satellogic(
        tmp_path, {nm: np.full((2, 2), 10 * nm, np.uint16) for nm in (452, 670)}
    )
    tile = satellogic.open_satellogic(folder, scale=1e-4).read()
    np.testing.assert_allclose(tile.data[:, 0, 0], [0.452, 0.67], rtol=1e-6)


def test_satellogic_one_file(tmp_path):
    data = np.float32([0.1, 0.2, 0.3])[:, None, None] * np.ones((3, 2, 2), np.float32)
    path = made.write_tif(tmp_path / "hc.tif", data, names=["HC_670", "HC_452", "HC_827"])
    tile = satellogic.open_satellogic(path).read()
    assert [b.center_nm for b in tile.bands] == [670, 452, 827]
    np.testing.assert_array_equal(tile.data, data)


# ---- all ----


@pytest.fixture(params=["envi", "enmap", "desis", "prisma", "emit", "satellogic"])
def scene(request, tmp_path):
    """A scene of each kind."""
    rng = np.random.default_rng(4)
    data = rng.integers(1, 9000, (4, 7, 9))
    nm = [490.0, 560.0, 665.0, 1610.0]
    if request.param == "envi":
        text = "{" + ",".join(map(str, nm)) + "}"
        return envi.open_envi(
            made.write_envi(
                tmp_path, data.astype(np.int16), interleave="bil", wavelength=text,
                reflectance_scale_factor=1e4,
            )
        )  # fmt: skip
    if request.param == "enmap":
        return enmap.open_enmap(made.write_enmap(tmp_path, data, nm))
    if request.param == "desis":
        return desis.open_desis(made.write_desis(tmp_path, data, nm))
    if request.param == "prisma":
        return prisma.open_prisma(made.write_prisma(tmp_path, *prisma_cubes()))
    if request.param == "emit":
        return emit.open_emit(emit_file(tmp_path)[0])
    return satellogic.open_satellogic(
        made.write_satellogic(tmp_path, {int(n): np.float32(data[0] / 1e4) for n in nm})
    )


def test_windows_agree_with_the_whole(scene):
    whole = scene.read()
    for window in scene.windows(3, 1):
        part = scene.read(window)
        rows = slice(window.row_off, window.row_off + window.height)
        cols = slice(window.col_off, window.col_off + window.width)
        np.testing.assert_array_equal(part.data, whole.data[:, rows, cols])
        np.testing.assert_array_equal(part.stored, whole.stored[:, rows, cols])


def test_pickled_and_in_threads(scene):
    copy = pickle.loads(pickle.dumps(scene))
    assert copy.source == scene.source
    assert copy.encoding == scene.encoding
    whole = scene.read()
    with ThreadPoolExecutor(4) as pool:
        for tile in pool.map(lambda _: copy.read(), range(8)):
            np.testing.assert_array_equal(tile.data, whole.data)


def test_encoding_gives_the_stored_numbers_back(scene):
    tile = scene.read()
    kept = np.isfinite(tile.data)
    assert kept.any()
    again = tile.encoding.encode(tile.data)
    np.testing.assert_array_equal(again[kept], tile.stored[kept])


# ---- parts ----


@pytest.mark.parametrize(
    ("nm", "listed", "bad"),
    [
        (1349.9, False, False), (1350, False, True), (1354.9, False, True), (1355, False, False),
        (1395, False, False), (1395.1, False, True), (1430, False, True), (1430.1, False, False),
        (1799.9, False, False), (1800, False, True), (1950, False, True), (1950.1, False, False),
        (0, False, True), (float("nan"), False, True), (560, True, True), (1375, True, True),
        (2480, False, False),
    ],
)  # fmt: skip
def test_bad_band_rule(nm, listed, bad):
    assert (bad_reason(nm, listed) is not None) == bad


@given(st.lists(st.integers(0, 40), max_size=30))
def test_runs_cover_the_indices(indices):
    covered = [i for a, b in runs(indices) for i in range(a, b)]
    assert covered == sorted(set(indices))
    assert all(b < c for (_, b), (c, _) in zip(runs(indices), runs(indices)[1:], strict=False))


@settings(max_examples=40, deadline=None)
@given(
    axis=st.integers(1, 2),
    bands=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    top=st.integers(0, 3),
    left=st.integers(0, 3),
)
def test_hyperslabs(axis, bands, top, left):
    array = np.arange(4 * 6 * 5).reshape((4, 6, 5) if axis == 1 else (4, 5, 6))
    with h5py.File("x.h5", "w", driver="core", backing_store=False) as f:
        f["cube"] = array
        out = planes(f["cube"], axis, slice(top, 4), slice(left, 5), bands)
    expected = np.moveaxis(array, axis, 0)[bands, top:4, left:5]
    np.testing.assert_array_equal(out, expected)


# ---- the one door ----


def test_read_finds_the_reader(scene, tmp_path):
    """Through ``open_scene``, by the path that the scene names and by every file of it."""
    path = Path(scene.path)
    by_path = open_scene(path)
    assert by_path.source == scene.source
    for part in path.iterdir() if path.is_dir() else ():
        assert open_scene(part).source == scene.source, part
    np.testing.assert_array_equal(read(path).data, scene.read().data)


def test_written_as_a_tiff_it_is_read_as_what_it_was(scene, tmp_path):
    tile = scene.read()
    write_tile(tmp_path / "again.tif", tile)
    again = read(tmp_path / "again.tif")
    np.testing.assert_array_equal(again.stored, tile.stored)
    assert [b.kind for b in again.bands] == [b.kind for b in tile.bands]
    np.testing.assert_allclose(
        [b.center_nm for b in again.bands], [b.center_nm for b in tile.bands], rtol=1e-6
    )
    assert (again.crs, again.transform) == (tile.crs, tile.transform)
    assert again.acquired.time == tile.acquired.time
    assert again.acquired.level == tile.acquired.level
    assert again.acquired.sun_zenith_deg == pytest.approx(tile.acquired.sun_zenith_deg)
