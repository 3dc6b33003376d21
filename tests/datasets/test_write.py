"""Clear pixels are bit-identical, filled ones within half a quantum, and metadata stays."""

import math
import tempfile
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rio_cogeo.cogeo import cog_validate

from kumosan.datasets import read
from kumosan.datasets.bands import Band, BandSet
from kumosan.datasets.encoding import Encoding
from kumosan.datasets.errors import OutputError, UsageError, ValueRangeError
from kumosan.datasets.tile import (
    CLASS_NAMES,
    PROVENANCE_NAMES,
    Acquisition,
    CloudMask,
    FilledTile,
    Tile,
)
from kumosan.datasets.write import (
    write_confidence,
    write_filled,
    write_mask,
    write_probability,
    write_provenance,
    write_tile,
)

UTM = CRS.from_epsg(32633)
GRID = Affine(20, 0, 300000, 0, -20, 5_000_000)
GREEN_NIR_SCL = BandSet(
    (
        Band("G", 560, 40),
        Band("N", 842, 100),
        Band("SCL", math.nan, math.nan, kind="other"),
    )
)
DTYPES = ["uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]


@st.composite
def filled_tiles(draw: st.DrawFn) -> FilledTile:
    """A tile of random bits (every NaN payload may occur), its fill, and a random provenance."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (3, draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    stored = rng.integers(0, 256, int(np.prod(shape)) * dtype.itemsize, np.uint8)
    stored = stored.view(dtype).reshape(shape)
    nodata = draw(st.sampled_from([None, 0, 255 if dtype.itemsize == 1 else -9999, math.nan]))
    if nodata == -9999 and dtype.kind == "u":
        nodata = 65535
    if nodata is not None and not math.isnan(nodata):
        stored[:, 0, 0] = nodata
    if dtype.kind == "f":
        odd = {4: (0x7FC12345, 0xFFA54321), 8: (0x7FF8000012345678, 0xFFF4000087654321)}
        stored.view(f"u{dtype.itemsize}")[:, -1, :2] = odd[dtype.itemsize][0]
        stored.view(f"u{dtype.itemsize}")[:, -1, -1] = odd[dtype.itemsize][1]
    scales = [1.0] if dtype.kind == "f" else [1e-4, 2.75e-5, 1 / 250, -1e-3]
    scale = tuple(draw(st.sampled_from(scales)) for _ in range(3))
    offset = tuple(draw(st.sampled_from([0.0, -0.1, -0.2])) for _ in range(3))
    encoding = Encoding(dtype.name, scale, offset, nodata)
    with np.errstate(all="ignore"):
        data = encoding.decode(stored)
    codes = np.array([0, 1, 2, 3, 4, 255], np.uint8)
    provenance = codes[rng.integers(0, 6, shape[1:])]
    new = rng.choice([-0.3, -0.1, 0.0, 0.03, 0.2, 0.5, 1.2, 80.0, np.nan], shape)
    new += rng.choice([0.0, 1e-5], shape)
    # A filler may only touch filled pixels; the writer must not rely on it.
    data = np.where(np.isin(provenance, [1, 2, 3]) | (rng.random(shape[1:]) < 0.2), new, data)
    tile = Tile(data.astype(np.float32), GREEN_NIR_SCL, GRID, UTM, encoding=encoding, stored=stored)
    return FilledTile(tile, provenance, np.ones(shape[1:], np.float32))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(filled_tiles())
def test_clear_pixels_are_bit_identical(filled: FilledTile) -> None:
    tile, stored = filled.tile, filled.tile.stored
    assert stored is not None
    with tempfile.TemporaryDirectory() as folder:
        write_filled(Path(folder) / "a.tif", filled)
        with rasterio.open(Path(folder) / "a.tif") as back:
            written, nodata, dtypes = back.read(), back.nodata, back.dtypes
            scales, offsets, grid = back.scales, back.offsets, back.transform
    encoding = tile.encoding
    assert dtypes == (encoding.dtype,) * 3
    assert (scales, offsets, grid) == (encoding.scale, encoding.offset, GRID)
    holds_nan = np.dtype(encoding.dtype).kind == "f"
    if encoding.nodata is None or (math.isnan(encoding.nodata) and not holds_nan):
        assert nodata is None
    else:
        assert nodata == encoding.nodata or (math.isnan(nodata) and math.isnan(encoding.nodata))

    kept = np.isin(filled.provenance, [0, 4, 255])
    assert written[:, kept].tobytes() == stored[:, kept].tobytes()
    assert written[2].tobytes() == stored[2].tobytes()  # never a band that is not spectral
    for i in range(2):
        lost = ~kept & np.isnan(tile.data[i])
        assert written[i][lost].tobytes() == stored[i][lost].tobytes()
        done = ~kept & ~np.isnan(tile.data[i])
        check_encoded(written[i][done], tile.data[i][done], encoding, i)


def check_encoded(coded: np.ndarray, value: np.ndarray, encoding: Encoding, i: int) -> None:
    """``coded`` is ``value`` within half a quantum, or clipped to the nearest end; never nodata."""
    assert not (coded == encoding.nodata).any()
    exact = (value.astype(np.float64) - encoding.offset[i]) / encoding.scale[i]
    if coded.dtype.kind == "f":
        np.testing.assert_allclose(coded.astype(np.float64), exact, rtol=1e-6, atol=1e-7)
        return
    info = np.iinfo(coded.dtype)
    best = np.clip(exact, float(info.min), float(info.max))
    # What would round to nodata moves to the number beside it.
    allowed = np.where(np.rint(best) == encoding.nodata, 1.5, 0.5)
    allowed += 1e-9 + 1e-9 * np.abs(best)
    assert (np.abs(coded.astype(np.float64) - best) <= allowed).all()


def simple(dtype: str = "uint16", **changes) -> Tile:
    stored = np.array([[[0, 1000], [2000, 3000]], [[0, 500], [600, 700]], [[4, 4], [8, 9]]], dtype)
    encoding = Encoding(dtype, (1e-4, 1e-4, 1.0), (-0.1, -0.1, 0.0), 0)
    tile = Tile(encoding.decode(stored), GREEN_NIR_SCL, GRID, UTM, encoding=encoding, stored=stored)
    return replace(tile, **changes)


def numbers(path: Path) -> np.ndarray:
    with rasterio.open(path) as back:
        return back.read()


def test_hand_computed_fill(tmp_path: Path) -> None:
    tile = simple()
    data = tile.data.copy()
    data[:, 1, 1] = 0.25004, -5.7, 99  # (0.25004 + 0.1) / 1e-4 = 3500.4; below 0; another class
    data[:, 1, 0] = np.nan, 0.1, 0  # nothing found in the first band
    data[:, 0, 1] = 0.9  # changed, but not said to be filled
    provenance = np.array([[255, 0], [2, 1]], np.uint8)
    write_filled(
        tmp_path / "a.tif",
        FilledTile(tile.with_data(data), provenance, np.ones((2, 2), np.float32)),
    )
    expected = [[[0, 1000], [2000, 3500]], [[0, 500], [2000, 1]], [[4, 4], [8, 9]]]
    assert numbers(tmp_path / "a.tif").tolist() == expected


def test_fill_of_a_tile_without_file(tmp_path: Path) -> None:
    tile = simple(stored=None)
    filled = FilledTile(tile, np.zeros((2, 2), np.uint8), np.ones((2, 2), np.float32))
    write_filled(tmp_path / "a.tif", filled)
    assert numbers(tmp_path / "a.tif").tolist() == simple().stored.tolist()


@pytest.mark.parametrize("dtype", DTYPES)
def test_unchanged_tile_is_bit_identical(tmp_path: Path, dtype: str) -> None:
    rng = np.random.default_rng(3)
    size = 3 * 40 * 30 * np.dtype(dtype).itemsize
    stored = rng.integers(0, 256, size, np.uint8).view(dtype).reshape(3, 40, 30)
    encoding = Encoding(dtype, (1e-4,), (-0.1,), 7)
    with np.errstate(all="ignore"):
        data = encoding.decode(stored)
    tile = Tile(data, GREEN_NIR_SCL, GRID, UTM, encoding=encoding, stored=stored)
    write_tile(tmp_path / "a.tif", tile)
    assert numbers(tmp_path / "a.tif").tobytes() == stored.tobytes()


def test_changed_values_of_a_tile_are_encoded(tmp_path: Path) -> None:
    tile = simple()
    data = tile.data.copy()
    data[0, 1, 1] = 0.3
    data[1, 1, 1] = np.nan
    write_tile(tmp_path / "a.tif", tile.with_data(data))
    expected = tile.stored.copy()
    expected[:2, 1, 1] = 4000, 0
    assert numbers(tmp_path / "a.tif").tolist() == expected.tolist()


def test_tile_is_read_back_as_it_was(tmp_path: Path) -> None:
    """What a product's metadata said ends up in the file itself."""
    time = datetime(2024, 5, 6, 10, 30, 15, 120000, timezone.utc)
    bands = BandSet(
        (
            Band("first", 492.7, 64.3, 10.0),
            Band("second", 664.6, 30.6, 10.0),
            Band("warm", 10895, 590, 100.0, "thermal"),
            Band("noisy", 1400.5, 10, None, "other"),
            Band("alpha", math.nan, math.nan, None, "other"),
        )
    )
    rng = np.random.default_rng(0)
    stored = rng.integers(1, 9000, (5, 30, 20)).astype(np.uint16)
    scale, offset = (2e-5, 2e-5, 0.1, 2e-5, 1.0), (-0.1, -0.1, 0.0, -0.1, 0.0)
    encoding = Encoding("uint16", scale, offset, 0.0)
    tile = Tile(
        encoding.decode(stored),
        bands,
        GRID,
        UTM,
        Acquisition("landsat-8", "TOA", time, 35.25, 141.5),
        encoding,
        stored,
        tags={"AREA_OR_POINT": "Point", "NOTE": "kept"},
        band_tags=({"GAIN": "high"}, *({},) * 4),
    )
    write_tile(tmp_path / "a.tif", tile)
    again = read(tmp_path / "a.tif")
    for ours, theirs in zip(again.bands, bands, strict=True):
        assert (ours.name, ours.kind) == (theirs.name, theirs.kind)
        np.testing.assert_equal(ours.center_nm, theirs.center_nm)
        np.testing.assert_equal(ours.fwhm_nm, theirs.fwhm_nm)
    assert (again.acquired, again.encoding) == (tile.acquired, encoding)
    assert (again.transform, again.crs) == (GRID, UTM)
    assert again.stored.tobytes() == stored.tobytes()
    assert again.tags["NOTE"] == "kept"
    assert again.band_tags[0] == {
        "GAIN": "high",
        "wavelength": "492.7",
        "wavelength_units": "nm",
        "fwhm": "64.3",
    }
    with rasterio.open(tmp_path / "a.tif") as back:
        assert back.units == ("reflectance", "reflectance", "K", None, None)


def test_tags_of_the_source_stay_as_they_are(tmp_path: Path) -> None:
    tags = {"SPACECRAFT": "Sentinel-2B", "SUN_ELEVATION": "40", "LEVEL": "L2A"}
    micrometres = {"wavelength": "0.56", "wavelength_units": "um", "STATISTICS_MEAN": "7"}
    acquired = Acquisition("sentinel-2b", "SR", None, 50.0)
    tile = simple(tags=tags, acquired=acquired, band_tags=(micrometres, {}, {}))
    write_tile(tmp_path / "kept.tif", tile)
    one = FilledTile(tile, np.ones((2, 2), np.uint8), np.ones((2, 2), np.float32))
    write_filled(tmp_path / "filled.tif", one)
    with rasterio.open(tmp_path / "kept.tif") as kept, rasterio.open(tmp_path / "filled.tif") as f:
        assert {k: v for k, v in kept.tags().items() if k != "AREA_OR_POINT"} == tags
        assert kept.tags(1) == micrometres
        assert kept.tags(2)["wavelength"] == "842"
        # Statistics of pixels that are no longer there would mislead every viewer.
        assert f.tags(1) == {k: v for k, v in micrometres.items() if k != "STATISTICS_MEAN"}


def test_wavelengths_that_the_user_corrected_replace_the_tags(tmp_path: Path) -> None:
    wrong = {"wavelength": "700", "wavelength_units": "nm"}
    nonsense = {"wavelength": "red"}
    write_tile(tmp_path / "a.tif", simple(band_tags=(wrong, nonsense, {})))
    with rasterio.open(tmp_path / "a.tif") as back:
        assert [back.tags(i)["wavelength"] for i in (1, 2, 3)] == ["560", "842", "0"]


def test_viewers_show_natural_colours(tmp_path: Path) -> None:
    bands = [Band("B2", 490, 60), Band("B3", 560, 40), Band("B4", 660, 30), Band("B8", 842, 99)]
    data = np.zeros((4, 3, 3), np.float32)
    write_tile(tmp_path / "rgb.tif", Tile(data, BandSet(tuple(bands))))
    write_tile(tmp_path / "grey.tif", Tile(data[:1], BandSet(tuple(bands[:1]))))
    with rasterio.open(tmp_path / "rgb.tif") as back:
        shown = (ColorInterp.blue, ColorInterp.green, ColorInterp.red, ColorInterp.undefined)
        assert back.colorinterp == shown
    with rasterio.open(tmp_path / "grey.tif") as back:
        assert back.colorinterp == (ColorInterp.gray,)


def test_dtype_of_stored_numbers_must_fit(tmp_path: Path) -> None:
    tile = simple(encoding=Encoding("int16"))
    with pytest.raises(ValueRangeError, match=r"uint16.*int16"):
        write_tile(tmp_path / "a.tif", tile)


CODES = np.array([[0, 1, 2], [3, 255, 0]], np.uint8)


def test_mask(tmp_path: Path) -> None:
    mask = CloudMask(np.tile(CODES, (300, 200)), GRID, UTM)
    write_mask(tmp_path / "m.tif", mask)
    assert cog_validate(tmp_path / "m.tif", strict=True, quiet=True)[0]
    with rasterio.open(tmp_path / "m.tif") as back:
        assert back.dtypes == ("uint8",)
        assert back.read(1).tobytes() == mask.classes.tobytes()
        assert (back.nodata, back.crs, back.transform) == (255, UTM, GRID)
        assert back.descriptions == ("cloud mask",)
        assert [back.tags(1)[f"class_{i}"] for i in range(4)] == list(CLASS_NAMES)
        colours = back.colormap(1)
        red, yellow, blue = (colours[i][:3] for i in (1, 2, 3))
        assert red[0] > 2 * max(red[1:])
        assert min(yellow[:2]) > 2 * yellow[2]
        assert blue[2] > 1.5 * max(blue[:2])
        assert colours[255][3] == 0
        assert set(np.unique(back.read(1, out_shape=(75, 75)))) <= {0, 1, 2, 3, 255}
    style = ET.parse(tmp_path / "m.qml").getroot()
    entries = style.findall("./pipe/rasterrenderer[@type='paletted']/colorPalette/paletteEntry")
    assert [(e.get("value"), e.get("label"), e.get("alpha")) for e in entries] == [
        ("0", "clear", "0"),
        ("1", "thick cloud", "255"),
        ("2", "thin cloud", "255"),
        ("3", "shadow", "255"),
    ]
    assert entries[1].get("color") == "#{:02x}{:02x}{:02x}".format(*red)


def test_existing_mask_and_style(tmp_path: Path) -> None:
    mask = CloudMask(CODES)
    (tmp_path / "m.tif").write_text("mine")
    with pytest.raises(OutputError) as caught:
        write_mask(tmp_path / "m.tif", mask)
    assert caught.value.exit_code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["m.tif"]
    (tmp_path / "m.qml").write_text("drawn by hand")
    write_mask(tmp_path / "m.tif", mask, overwrite=True)
    assert (tmp_path / "m.qml").read_text() == "drawn by hand"
    assert numbers(tmp_path / "m.tif")[0].tolist() == CODES.tolist()


def test_probability(tmp_path: Path) -> None:
    probability = np.full((4, 2, 3), 0.254, np.float32)
    probability[:, 0, 1] = 0, 1.0, 1.7, np.nan
    write_probability(tmp_path / "p.tif", CloudMask(CODES, GRID, UTM, probability))
    with rasterio.open(tmp_path / "p.tif") as back:
        written = back.read()
        assert back.scales == (0.01,) * 4
        assert back.nodata == 255
        assert back.descriptions[1] == "probability of thick cloud"
    assert written[:, 0, 1].tolist() == [0, 100, 100, 255]
    assert (written[:, 1, 1] == 255).all()  # nodata of the mask
    assert (written[:, 0, 0] == 25).all()
    with pytest.raises(UsageError):
        write_probability(tmp_path / "q.tif", CloudMask(CODES))


def test_provenance_and_confidence(tmp_path: Path) -> None:
    provenance = np.array([[0, 1], [4, 255]], np.uint8)
    confidence = np.array([[1, 0.824], [0, np.nan]], np.float32)
    filled = FilledTile(simple(), provenance, confidence)
    write_provenance(tmp_path / "p.tif", filled)
    write_confidence(tmp_path / "c.tif", filled)
    assert numbers(tmp_path / "p.tif")[0].tolist() == provenance.tolist()
    assert numbers(tmp_path / "c.tif")[0].tolist() == [[100, 82], [0, 255]]
    with rasterio.open(tmp_path / "p.tif") as p, rasterio.open(tmp_path / "c.tif") as c:
        assert (p.nodata, c.nodata, c.scales) == (255, 255, (0.01,))
        assert (p.transform, c.transform, c.crs) == (GRID, GRID, UTM)
        assert [p.tags(1)[f"class_{i}"] for i in range(5)] == list(PROVENANCE_NAMES)
        assert len({p.colormap(1)[i] for i in range(5)}) == 5
    assert "spectral" in (tmp_path / "p.qml").read_text()


def test_real_images_keep_all_but_the_clouds(tmp_path: Path, data: Path, catalog) -> None:
    rng = np.random.default_rng(0)
    train = [r for r in catalog if r["split"] == "train"]
    for row in train[::6]:
        source = data / row["image"]
        tile = read(source)
        where = rng.random(tile.shape) < 0.3
        new = tile.with_data(np.where(where, np.float32(0.123), tile.data))
        filled = FilledTile(new, where.astype(np.uint8), np.ones(tile.shape, np.float32))
        write_filled(tmp_path / source.name, filled)
        with rasterio.open(source) as a, rasterio.open(tmp_path / source.name) as b:
            for what in ("dtypes", "crs", "transform", "descriptions", "scales", "offsets"):
                assert getattr(a, what) == getattr(b, what), (row["image"], what)
            assert a.tags() == b.tags()
            assert [a.tags(i) for i in a.indexes] == [b.tags(i) for i in b.indexes]
            np.testing.assert_equal(b.nodata, a.nodata)
            assert a.read()[:, ~where].tobytes() == b.read()[:, ~where].tobytes()
