"""The STAC item of a cleaned scene: valid, honest about what is not known, readable again."""

import json
import re
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets import open_scene
from kumosan.datasets.bands import BLUE, NIR, THERMAL, Band, BandSet
from kumosan.datasets.encoding import Encoding
from kumosan.datasets.footprint import footprint
from kumosan.datasets.regrid import Grid
from kumosan.datasets.scene import Scene
from kumosan.datasets.stac_item import KINDS, stac_item
from kumosan.datasets.tile import Acquisition, Tile
from kumosan.datasets.write import write_tile

UTM = CRS.from_epsg(32633)
BANDS = BandSet((BLUE, NIR, THERMAL, Band("x", float("nan"), float("nan"), None, "other")))
FILES = {kind: f"s_{kind}.tif" for kind in KINDS}
KNOWN = Acquisition(
    "landsat-8", "SR", datetime(2021, 5, 4, 9, 8, 7, tzinfo=timezone.utc), 30.0, -20.0
)


def scene(grid=None, acquired=KNOWN, encoding=None) -> Scene:
    grid = grid or Grid((60, 80), Affine(30, 0, 5e5, 0, -30, 5e6), UTM)
    encoding = encoding or Encoding("uint16", (1e-4, 1e-4, 0.01, 1.0), (0.0, 0.0, 100.0, 0.0), 0)
    return Scene("/data/s.tif", grid, BANDS, encoding, source=None, acquired=acquired)


def item(of: Scene, cloud=0.25, valid=None) -> dict:
    valid = np.ones(of.shape, bool) if valid is None else valid
    made = stac_item("s", of, FILES, cloud, footprint(of.grid, valid), "made by a test")
    return json.loads(json.dumps(made, allow_nan=False))


def valid_by_schema(made: dict) -> None:
    """Raise unless the STAC 1.1 schema of items, which pystac holds, accepts it."""
    pystac = pytest.importorskip("pystac", reason="the extra stac is not installed")
    pytest.importorskip("jsonschema", reason="jsonschema is not installed (extra test)")
    from pystac.validation.stac_validator import JsonSchemaSTACValidator

    JsonSchemaSTACValidator().validate_core(made, pystac.STACObjectType.ITEM, "1.1.0")


ODD = {
    "known": scene(),
    "time not known": scene(acquired=Acquisition()),
    "no place": scene(Grid((60, 80), Affine.identity(), None)),
    "no EPSG code": scene(
        Grid((60, 80), Affine(30, 0, 0, 0, -30, 0), CRS.from_proj4("+proj=laea +lat_0=10 +lon_0=3"))
    ),
    "NaN as nodata": scene(encoding=Encoding("float32", nodata=float("nan"))),
    "antimeridian": scene(
        Grid((60, 80), Affine(0.01, 0, 179.7, 0, -0.01, 10), CRS.from_epsg(4326))
    ),
}


@pytest.mark.parametrize("of", ODD.values(), ids=ODD)
def test_the_item_is_valid(of):
    valid_by_schema(item(of))
    valid_by_schema(item(of, cloud=None, valid=np.zeros(of.shape, bool)))


def test_the_schema_check_sees_a_wrong_item():
    wrong = item(scene()) | {"bbox": [1, 2]}
    with pytest.raises(Exception, match=r"bbox|valid"):
        valid_by_schema(wrong)


def test_pystac_finds_what_the_extensions_say():
    pystac = pytest.importorskip("pystac", reason="the extra stac is not installed")
    from pystac.extensions.classification import ClassificationExtension
    from pystac.extensions.eo import EOExtension
    from pystac.extensions.projection import ProjectionExtension

    read = pystac.Item.from_dict(item(scene()))
    classes = {c.value: c.name for c in ClassificationExtension.ext(read.assets["mask"]).classes}
    assert classes == {0: "clear", 1: "thick_cloud", 2: "thin_cloud", 3: "shadow", 255: "nodata"}
    assert EOExtension.ext(read).cloud_cover == 25
    projection = ProjectionExtension.ext(read)
    assert (projection.code, projection.shape) == ("EPSG:32633", [60, 80])
    assert projection.transform == [30, 0, 5e5, 0, -30, 5e6]
    assert read.assets["clean"].has_role("reflectance")
    assert read.datetime == KNOWN.time


def test_bands_carry_wavelength_scale_and_unit():
    blue, _, thermal, odd = item(scene())["assets"]["clean"]["bands"]
    assert blue["eo:center_wavelength"] == pytest.approx(BLUE.center_nm / 1000)
    assert blue["raster:scale"] == 1e-4 and "unit" not in blue
    assert thermal["unit"] == "K" and thermal["raster:offset"] == 100
    assert "eo:center_wavelength" not in odd


def test_a_time_that_is_not_known_is_not_made_up():
    told = item(scene(acquired=Acquisition()))["properties"]
    assert told["datetime"] is None and told["start_datetime"].startswith("1957")
    assert told["end_datetime"].startswith("9999")
    assert "platform" not in told and "view:sun_azimuth" not in told


def test_what_the_scene_does_not_have_is_not_declared():
    extensions = " ".join(item(scene(acquired=Acquisition()))["stac_extensions"])
    assert "view" not in extensions and "classification" in extensions
    assert item(scene())["properties"]["view:sun_azimuth"] == 340


def test_a_scene_without_place_has_no_geometry():
    made = item(ODD["no place"])
    assert made["geometry"] is None and "bbox" not in made
    assert made["properties"]["proj:code"] is None


def test_the_outline_follows_the_data():
    grid = scene().grid
    valid = np.zeros(grid.shape, bool)
    valid[10:20, 30:50] = True
    geometry, (west, south, east, north) = footprint(grid, valid)
    assert geometry["type"] == "Polygon"
    whole = footprint(grid, np.ones(grid.shape, bool))[1]
    assert whole[0] < west < east < whole[2] and whole[1] < south < north < whole[3]
    assert north - south == pytest.approx((whole[3] - whole[1]) / 6, rel=0.1)


def test_coarse_pixels_do_not_reach_beyond_the_scene():
    grid = Grid((59, 79), Affine(30, 0, 5e5, 0, -30, 5e6), UTM)
    fine = footprint(grid, np.ones((59, 79), bool))[1]
    assert footprint(grid, np.ones((15, 20), bool), 4)[1] == pytest.approx(fine, abs=1e-6)


def test_the_outline_is_counterclockwise_for_any_orientation_of_the_grid():
    for e in (-30, 30):
        grid = Grid((60, 80), Affine(30, 0, 5e5, 0, e, 5e6), UTM)
        ring = np.array(footprint(grid, np.ones(grid.shape, bool))[0]["coordinates"][0])
        x, y = ring.T
        assert (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0
        assert ring[0].tolist() == ring[-1].tolist()


def test_across_the_antimeridian_the_outline_is_cut_in_two():
    geometry, (west, _, east, _) = footprint(ODD["antimeridian"].grid, np.ones((60, 80), bool))
    assert geometry["type"] == "MultiPolygon"
    assert west == pytest.approx(179.7) and east == pytest.approx(-179.5)


@pytest.mark.parametrize("code", [32660, 32601])
def test_a_projected_scene_across_the_antimeridian_is_cut_too(code):
    x = 834_000 if code == 32660 else 166_000
    grid = Grid((100, 400), Affine(30, 0, x - 6000, 0, -30, 1e6), CRS.from_epsg(code))
    geometry, (west, south, east, north) = footprint(grid, np.ones(grid.shape, bool))
    assert geometry["type"] == "MultiPolygon" and south < north
    assert 179.9 < west < 180 and -180 < east < -179.9
    longitudes = [np.array(p[0])[:, 0] for p in geometry["coordinates"]]
    assert longitudes[0].max() == 180 and longitudes[1].min() == -180


def test_around_the_pole_the_outline_is_all_that_lies_north_of_it():
    grid = Grid((100, 100), Affine(3000, 0, -150e3, 0, -3000, 150e3), CRS.from_epsg(3413))
    geometry, box = footprint(grid, np.ones(grid.shape, bool))
    assert geometry["type"] == "Polygon"
    assert box[::2] == [-180, 180] and box[3] == 90 and 87 < box[1] < 89


@pytest.mark.parametrize("acquired", [KNOWN, Acquisition("landsat-8", "SR")])
def test_the_item_opens_as_the_filled_scene(tmp_path, acquired):
    pytest.importorskip("pystac", reason="the extra stac is not installed")
    bands = BandSet((BLUE, NIR))
    given = replace(
        scene(acquired=acquired), bands=bands, encoding=Encoding("uint16", (1e-4,), (0.0,), 0)
    )
    data = np.full((2, 60, 80), 0.25, np.float32)
    tile = Tile(data, bands, given.grid.transform, UTM, acquired, given.encoding)
    write_tile(tmp_path / "s_clean.tif", tile)
    (tmp_path / "item.json").write_text(json.dumps(item(given) | {"id": "s"}))
    again = open_scene(tmp_path / "item.json")
    assert again.acquired.time == acquired.time and again.acquired.level == "SR"
    assert again.bands.names == bands.names
    np.testing.assert_allclose(again.read().data, data, atol=1e-6)


def number(low=-np.inf, high=np.inf):
    return lambda v: not isinstance(v, bool) and isinstance(v, (int, float)) and low <= v <= high


def numbers(count, kind):
    return lambda v: len(v) == count and all(isinstance(x, kind) for x in v)


def text(v) -> bool:
    return isinstance(v, str) and bool(v)


def a_class(c) -> bool:
    """Of classification 2.0: a whole number and a machine-readable name are required."""
    colour = re.fullmatch("[0-9A-F]{6}", c.get("color_hint", "000000"))
    named = isinstance(c["value"], int) and re.fullmatch(r"[0-9A-Za-z_-]+", c["name"])
    known = {"value", "name", "description", "color_hint", "nodata"}
    return bool(colour and named and set(c) <= known and isinstance(c.get("nodata", True), bool))


def classes(v) -> bool:
    return len({c["value"] for c in v}) == len(v) > 0 and all(map(a_class, v))


FIELDS = {
    "eo/v2.0.0": {
        "eo:cloud_cover": number(0, 100), "eo:center_wavelength": number(0),
        "eo:full_width_half_max": number(0),
    },
    "projection/v2.0.0": {
        "proj:code": lambda v: v is None or re.fullmatch(r"[A-Z]+:\w+", v), "proj:wkt2": text,
        "proj:shape": numbers(2, int), "proj:transform": numbers(6, (int, float)),
    },
    "processing/v1.2.0": {
        "processing:software": lambda v: v and all(map(text, [*v, *v.values()])),
        "processing:lineage": text,
        "processing:level": lambda v: re.fullmatch("RAW|L[0-4][A-D]?", v),
    },
    "raster/v2.0.0": {"raster:scale": number(), "raster:offset": number()},
    "view/v1.0.0": {"view:sun_azimuth": number(0, 360), "view:sun_elevation": number(-90, 90)},
    "classification/v2.0.0": {"classification:classes": classes},
}  # fmt: skip
"""What the tables of the published extensions allow in the fields that we use: no package brings
their schemas, and pystac fetches them."""


def extended(part) -> list[tuple[str, object]]:
    """All fields with a prefix, wherever they stand."""
    if isinstance(part, list):
        return [field for p in part for field in extended(p)]
    if not isinstance(part, dict):
        return []
    inner = [field for value in part.values() for field in extended(value)]
    return [(k, v) for k, v in part.items() if ":" in k] + inner


def check_extensions(made: dict) -> None:
    told = {uri.removesuffix("/schema.json").split(".io/")[1] for uri in made["stac_extensions"]}
    rules = {field: rule for name in told for field, rule in FIELDS[name].items()}
    found = extended({k: made[k] for k in ("properties", "assets")})
    assert {f.split(":")[0] for f, _ in found} == {rule.split(":")[0] for rule in rules}
    for field, value in found:
        assert field in rules, f"{field} is of no extension that is declared"
        assert rules[field](value), f"{field} = {value!r}"


@pytest.mark.parametrize("of", ODD.values(), ids=ODD)
def test_fields_are_those_of_the_extensions_that_are_declared(of):
    check_extensions(item(of))
    check_extensions(item(of, cloud=None, valid=np.zeros(of.shape, bool)))


@pytest.mark.parametrize(
    ("field", "value"),
    [("eo:cloud_cover", 101), ("eo:cloudiness", 5), ("proj:shape", [60]), ("view:sun_azimuth", "S"),
     ("mgrs:utm_zone", 33), ("processing:software", {"kumosan": 1})],
)  # fmt: skip
def test_the_check_sees_a_wrong_field(field, value):
    made = item(scene())
    made["properties"][field] = value
    with pytest.raises(AssertionError):
        check_extensions(made)


def test_pystac_reads_every_field_back():
    pystac = pytest.importorskip("pystac", reason="the extra stac is not installed")
    from pystac.extensions.classification import ClassificationExtension
    from pystac.extensions.view import ViewExtension

    made = item(scene())
    read = pystac.Item.from_dict(made)
    view = ViewExtension.ext(read)
    assert (view.sun_azimuth, view.sun_elevation) == (340, 60)
    for name in ("mask", "provenance"):
        told = ClassificationExtension.ext(read.assets[name]).classes
        assert [c.to_dict() for c in told] == made["assets"][name]["classification:classes"]
        assert all(c.description for c in told)
    assert read.to_dict(include_self_link=False) == made | {"links": []}
