"""Landsat Collection 2 scenes: real Level 2 pixels, and Level 1 made from its metadata."""

import json
from datetime import datetime, timezone
from math import log, radians, sin

import numpy as np
import pytest
import rasterio
from affine import Affine

from kumosan.datasets import read
from kumosan.datasets.errors import UsageError, ValueRangeError

ELEVATION = 57.08727307


def test_level_2_values(landsat):
    tile = read(landsat)
    assert tile.bands.names == (*(f"SR_B{i}" for i in range(1, 8)), "ST_B10")
    with rasterio.open(next(landsat.glob("*SR_B4.TIF"))) as ds:
        raw = ds.read(1)
    assert np.array_equal(tile.stored[3], raw)
    ok = tile.valid
    assert np.allclose(tile.data[3][ok], raw[ok] * 2.75e-5 - 0.2, atol=1e-6)
    assert (tile.encoding.scale[7], tile.encoding.offset[7]) == (0.00341802, 149.0)
    assert 270 < np.nanpercentile(tile.data[7], 95) < 320


def test_metadata_of_the_scene(landsat):
    tile = read(landsat)
    a = tile.acquired
    assert (a.sensor, a.level) == ("landsat-8", "SR")
    assert a.time == datetime(2019, 12, 1, 15, 13, 51, 861_099, timezone.utc)
    assert a.sun_zenith_deg == pytest.approx(90 - ELEVATION)
    assert a.sun_azimuth_deg == pytest.approx(136.31696)
    assert tile.tags["COLLECTION_CATEGORY"] == "T1"
    assert tile.bands[7].kind == "thermal"
    assert tile.bands[0].gsd_m == 30


def test_qa_pixel_is_the_quality_and_fill_is_invalid(landsat):
    tile = read(landsat)
    with rasterio.open(next(landsat.glob("*QA_PIXEL.TIF"))) as ds:
        codes = ds.read(1)
    assert tile.quality.scheme == "qa_pixel"
    assert np.array_equal(tile.quality.codes, codes)
    assert not tile.valid[codes & 1 == 1].any()
    assert tile.valid.any()


def test_json_xml_and_text_say_the_same(landsat):
    from_json = read(landsat)
    next(landsat.glob("*_MTL.json")).unlink()
    from_xml = read(landsat)
    xml = next(landsat.glob("*_MTL.xml"))
    from defusedxml import ElementTree

    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for group in ElementTree.parse(xml).getroot():
        lines += [f"  GROUP = {group.tag}"]
        lines += [f'    {e.tag} = "{e.text}"' for e in group]
        lines += [f"  END_GROUP = {group.tag}"]
    xml.with_suffix(".txt").write_text(
        "\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END"])
    )
    xml.unlink()
    from_text = read(landsat)
    for other in (from_xml, from_text):
        assert other.encoding == from_json.encoding
        assert other.acquired == from_json.acquired
        assert np.array_equal(other.data, from_json.data, equal_nan=True)


def test_the_mtl_file_itself_may_be_named(landsat):
    tile = read(next(landsat.glob("*_MTL.json")))
    assert len(tile.bands) == 8
    assert tile.path == str(landsat)


def test_options_that_contradict_the_scene_are_refused(landsat):
    with pytest.raises(UsageError, match="--resolution"):
        read(landsat, resolution_m=30)
    with pytest.raises(UsageError, match="--sensor"):
        read(landsat, sensor="landsat-9")


@pytest.fixture
def level1(landsat, tmp_path):
    """A Level 1 scene of 2 x 3 pixels: the numbers 0, 10000 to 14000 in every band."""
    old = json.loads(next(landsat.glob("*_MTL.json")).read_text())["LANDSAT_METADATA_FILE"]
    folder = tmp_path / "level1"
    folder.mkdir()
    groups = {k: v for k, v in old.items() if not k.startswith("LEVEL2")}
    record = old["LEVEL1_PROCESSING_RECORD"]
    groups["PRODUCT_CONTENTS"] = {**record, "COLLECTION_NUMBER": "02", "PROCESSING_LEVEL": "L1TP"}
    path = folder / "LC08_MTL.json"
    path.write_text(json.dumps({"LANDSAT_METADATA_FILE": groups}))
    numbers = np.array([[0, 10_000, 11_000], [12_000, 13_000, 14_000]], np.uint16)
    for key, name in record.items():
        if key.startswith("FILE_NAME_BAND") or key == "FILE_NAME_QUALITY_L1_PIXEL":
            if key == "FILE_NAME_BAND_8":
                continue  # panchromatic: never opened
            values = numbers if "BAND" in key else np.where(numbers == 0, 1, 21824).astype("uint16")
            with rasterio.open(
                folder / name, "w", driver="GTiff", count=1, height=2, width=3, dtype="uint16",
                crs="EPSG:32618", transform=Affine(30, 0, 378300, 0, -30, 275700),
            ) as ds:  # fmt: skip
                ds.write(values, 1)
    return folder


def test_level_1_reflectance_is_divided_by_the_sine_of_the_suns_elevation(level1):
    tile = read(level1)
    assert tile.acquired.level == "TOA"
    assert tile.bands.names == (*(f"B{i}" for i in range(1, 8)), "B9", "B10", "B11")
    expected = (2e-5 * 10_000 - 0.1) / sin(radians(ELEVATION))
    assert tile.data[:8, 0, 1] == pytest.approx(expected, rel=1e-6)
    assert tile.stored[0, 0, 1] == 10_000
    assert np.isnan(tile.data[:, 0, 0]).all()  # fill


def test_level_1_thermal_numbers_become_kelvin(level1):
    """T = K2 / ln(K1 / L + 1), by hand for B10 and the number 12000."""
    tile = read(level1)
    radiance = 3.342e-4 * 12_000 + 0.1
    kelvin = 1321.0789 / log(774.8853 / radiance + 1)
    assert tile.data[8, 1, 0] == pytest.approx(kelvin, abs=0.005 + 1e-4)
    assert tile.encoding.scale[8] == 0.01
    again = tile.encoding.encode(tile.data)
    assert np.array_equal(again, tile.stored)


def test_level_1_without_thermal_bands(level1):
    path = level1 / "LC08_MTL.json"
    root = json.loads(path.read_text())
    for n in (10, 11):
        del root["LANDSAT_METADATA_FILE"]["PRODUCT_CONTENTS"][f"FILE_NAME_BAND_{n}"]
    path.write_text(json.dumps(root))
    assert read(level1).bands.names[-1] == "B9"


def test_level_1_by_night_has_no_reflectance(level1):
    path = level1 / "LC08_MTL.json"
    path.write_text(path.read_text().replace(f'"{ELEVATION}"', '"-12.5"'))
    with pytest.raises(ValueRangeError, match=r"the sun at -12\.5"):
        read(level1)
