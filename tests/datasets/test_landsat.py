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


OLD_SUN = 40.0
SCENE = np.array([[0, 10, 60], [100, 200, 255]], np.uint8)
"""Counts of a scene; 0 is fill."""


def old_landsat(folder, number, level, planes=None, qa=None):
    """A Landsat 4, 5 (TM) or 7 (ETM+) scene in the structure of the Collection 2 MTL.

    Group and entry names: USGS LSDS-1414 (TM), LSDS-1823 (ETM+) and LSDS-1618, -1619 (Level 2).
    """
    sensor = "E" if number == 7 else "T"
    product = f"L{sensor}0{number}_{level}_008059_20030901_20200825_02_T1"
    numbers = ["1", "2", "3", "4", "5", "7"]
    thermal = {7: ["6_VCID_1", "6_VCID_2"]}.get(number, ["6"]) if level == "L1TP" else []
    bands = numbers + thermal + (["8"] if number == 7 and level == "L1TP" else [])
    bands += ["ST_B6"] if level == "L2SP" else []
    names = {f"FILE_NAME_BAND_{n}": f"{product}_B{n}.TIF" for n in bands}
    names["FILE_NAME_QUALITY_L1_PIXEL"] = f"{product}_QA_PIXEL.TIF"
    groups = {
        "PRODUCT_CONTENTS": {
            "LANDSAT_PRODUCT_ID": product, "PROCESSING_LEVEL": level, "COLLECTION_NUMBER": "02",
            "COLLECTION_CATEGORY": "T1", **names,
        },
        "IMAGE_ATTRIBUTES": {
            "SPACECRAFT_ID": f"LANDSAT_{number}", "SUN_ELEVATION": str(OLD_SUN),
            "SUN_AZIMUTH": "120.5", "DATE_ACQUIRED": "2003-09-01",
            "SCENE_CENTER_TIME": "14:55:01.1230000Z",
        },
        "LEVEL1_RADIOMETRIC_RESCALING": {
            **{f"REFLECTANCE_MULT_BAND_{n}": f"0.00{n}" for n in numbers},
            **{f"REFLECTANCE_ADD_BAND_{n}": "-0.01" for n in numbers},
            **{f"RADIANCE_MULT_BAND_{n}": f"0.0{55 + i}" for i, n in enumerate(thermal)},
            **{f"RADIANCE_ADD_BAND_{n}": "1.18" for n in thermal},
        },
        "LEVEL1_THERMAL_CONSTANTS": {
            **{f"K1_CONSTANT_BAND_{n}": "607.76" for n in thermal},
            **{f"K2_CONSTANT_BAND_{n}": "1260.56" for n in thermal},
        },
    }  # fmt: skip
    if level == "L2SP":
        groups["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"] = {
            **{f"REFLECTANCE_MULT_BAND_{n}": "2.75e-05" for n in numbers},
            **{f"REFLECTANCE_ADD_BAND_{n}": "-0.2" for n in numbers},
        }
        groups["LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"] = {
            "TEMPERATURE_MULT_BAND_ST_B6": "0.00341802", "TEMPERATURE_ADD_BAND_ST_B6": "149.0",
        }  # fmt: skip
    folder = folder / product
    folder.mkdir()
    (folder / f"{product}_MTL.json").write_text(json.dumps({"LANDSAT_METADATA_FILE": groups}))
    counts = SCENE if level == "L1TP" else SCENE.astype(np.uint16) * 200
    qa = np.where(SCENE == 0, 1, 5440).astype(np.uint16) if qa is None else qa
    for key, name in names.items():
        plane = qa if "QUALITY" in key else (planes or {}).get(key.split("BAND_")[-1], counts)
        with rasterio.open(
            folder / name, "w", driver="GTiff", count=1, height=2, width=3, dtype=plane.dtype,
            crs="EPSG:32618", transform=Affine(30, 0, 378300, 0, -30, 275700),
        ) as ds:  # fmt: skip
            ds.write(plane, 1)
    return folder


@pytest.mark.parametrize(("number", "key"), [(4, "landsat-4"), (5, "landsat-5"), (7, "landsat-7")])
def test_level_1_of_tm_and_etm(tmp_path, number, key):
    tile = read(old_landsat(tmp_path, number, "L1TP"))
    assert tile.acquired.sensor == key
    assert tile.acquired.level == "TOA"
    assert tile.bands.names == ("B1", "B2", "B3", "B4", "B5", "B7", "B6")
    assert [b.kind for b in tile.bands] == ["reflective"] * 6 + ["thermal"]
    assert tile.stored.dtype == np.uint16  # kelvin x 100 beside 8-bit counts
    assert np.array_equal(tile.stored[:6], np.broadcast_to(SCENE, (6, 2, 3)))
    sine = sin(radians(OLD_SUN))
    expected = [(float(f"0.00{n}") * 100 - 0.01) / sine for n in (1, 2, 3, 4, 5, 7)]
    assert tile.data[:6, 1, 0] == pytest.approx(expected, rel=1e-5)
    kelvin = 1260.56 / log(607.76 / (0.055 * 100 + 1.18) + 1)  # the low gain of ETM+
    assert tile.data[6, 1, 0] == pytest.approx(kelvin, abs=0.0051)
    assert np.isnan(tile.data[:, 0, 0]).all()
    assert np.array_equal(tile.encoding.encode(tile.data), tile.stored)


@pytest.mark.parametrize("number", [4, 5, 7])
def test_level_2_of_tm_and_etm(tmp_path, number):
    tile = read(old_landsat(tmp_path, number, "L2SP"))
    assert tile.bands.names == (*(f"SR_B{n}" for n in (1, 2, 3, 4, 5, 7)), "ST_B6")
    assert tile.acquired.level == "SR"
    assert tile.data[:6, 1, 1] == pytest.approx(40_000 * 2.75e-5 - 0.2)
    assert tile.data[6, 1, 1] == pytest.approx(40_000 * 0.00341802 + 149)
    assert tile.bands[6].kind == "thermal"


@pytest.mark.parametrize("level", ["L1TP", "L2SP"])
def test_stripes_of_landsat_7_are_nodata(tmp_path, level):
    """Since May 2003 the gaps are fill: 0 in the bands, not all at the same pixels, and in QA."""
    gap = (SCENE if level == "L1TP" else SCENE.astype(np.uint16) * 200).copy()
    gap[1, 1] = 0  # in band 2 only
    qa = np.where(SCENE == 0, 1, 5440).astype(np.uint16)
    qa[0, 2] = 1  # by QA only
    tile = read(old_landsat(tmp_path, 7, level, {"2": gap}, qa))
    assert tile.valid.tolist() == [[False, True, False], [True, False, True]]
    assert np.isfinite(tile.data[0, 1, 1])
    assert np.isnan(tile.data[:, 0, 2]).all()
    assert tile.stored[0, 0, 2] == (60 if level == "L1TP" else 12_000)  # as delivered


def test_the_centres_of_tm_and_etm_fit_what_methods_ask_for(tmp_path):
    from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, SWIR1, SWIR2, THERMAL
    from kumosan.datasets.sensors import sensors

    wanted = {"B1": BLUE, "B2": GREEN, "B3": RED, "B4": NIR, "B5": SWIR1, "B7": SWIR2,
              "B6": THERMAL}  # fmt: skip
    for key in ("landsat-4", "landsat-5", "landsat-7"):
        bands = sensors()[key].bands
        found = {name: bands.find(window) for name, window in wanted.items()}
        assert {n: bands[i].name for n, i in found.items() if i is not None} == {
            n: n for n in wanted
        }


@pytest.mark.parametrize("text", ["LANDSAT_5", "LT05", "Landsat-5", "landsat 5 TM"])
def test_names_of_old_landsats_in_tags(text):
    from kumosan.datasets.families import origin

    assert origin({"SPACECRAFT_ID": text}, "", ()).key == "landsat-5"
    assert origin({}, "LE07_L2SP_008059", ()).key == "landsat-7"
    assert origin({}, "x", ["SR_B1", "SR_B7", "ST_B6"]).family == "landsat-4/5/7"
    assert origin({}, "x", ["SR_B1", "SR_B4"]).family is None
