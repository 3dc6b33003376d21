"""A reviewer's decisions: what is read, what is refused, and where drawn regions lie."""

import json

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform_geom

from kumosan.datasets.dates import Date
from kumosan.datasets.errors import FileError, ValueRangeError
from kumosan.datasets.regrid import Grid
from kumosan.datasets.reviews import Region, read_reviews, redrawn

UTM = CRS.from_epsg(32633)
GRID = Grid((50, 60), Affine(20, 0, 5e5, 0, -20, 5e6), UTM)
SQUARE = {"type": "Polygon", "coordinates": [[[10, 5], [20, 5], [20, 15], [10, 15], [10, 5]]]}
HERE = Affine.identity()


def written(tmp_path, *records):
    path = tmp_path / "decisions.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    return path


def test_the_last_line_on_a_scene_counts(tmp_path):
    path = written(
        tmp_path,
        {"scene": "a.tif", "decision": "reject", "note": "haze"},
        {"scene": "b", "decision": "reject"},
        {"scene": "a.tif", "decision": "accept", "reviewer": "somebody"},
    )
    reviews = read_reviews(path)
    assert not reviews.of("somewhere/a.tif").rejected
    assert reviews.of("somewhere/b.tif").rejected
    assert not reviews.of("c.tif").rejected


def test_a_path_names_one_of_two_scenes_of_a_name(tmp_path):
    path = written(tmp_path, {"scene": "x/a.tif", "decision": "reject"})
    reviews = read_reviews(path)
    assert reviews.of("x/a.tif").rejected and not reviews.of("y/a.tif").rejected


@pytest.mark.parametrize("crs", ["pixel", "EPSG:32633", "EPSG:4326", None])
def test_a_region_lies_where_it_was_drawn(tmp_path, crs):
    geometry = SQUARE
    if crs != "pixel":
        ring = [list(GRID.transform @ tuple(p)) for p in SQUARE["coordinates"][0]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
    if crs in ("EPSG:4326", None):
        geometry = transform_geom(UTM, "EPSG:4326", geometry)
    row = {"class": "shadow", "geometry": json.loads(json.dumps(geometry))}
    row |= {} if crs is None else {"crs": crs}
    regions = read_reviews(written(tmp_path, {"scene": "a", "regions": [row]})).of("a").regions
    drawn = redrawn(np.zeros(GRID.shape, np.uint8), regions, GRID, HERE)
    expected = np.zeros(GRID.shape, np.uint8)
    expected[5:15, 10:20] = 3
    assert np.array_equal(drawn, expected)


def test_regions_change_windows_as_they_change_the_whole_and_leave_nodata(tmp_path):
    classes = np.ones(GRID.shape, np.uint8)
    classes[:, :12] = 255
    regions = (Region(0, SQUARE, "pixel"),)
    whole = redrawn(classes, regions, GRID, HERE)
    assert (whole[5:15, 12:20] == 0).all() and (whole[:, :12] == 255).all()
    part = redrawn(classes[8:30, 15:40], regions, GRID, Affine.translation(15, 8))
    assert np.array_equal(part, whole[8:30, 15:40])


def test_later_regions_lie_over_earlier_ones():
    regions = (Region(1, SQUARE, "pixel"), Region(0, SQUARE, "pixel"))
    assert not redrawn(np.full(GRID.shape, 2, np.uint8), regions, GRID, HERE)[5:15, 10:20].any()


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"decision": "reject"}, "name of a scene"),
        ({"scene": "a", "decision": "maybe"}, "'maybe'"),
        ({"scene": "a", "regions": [{"class": "cloud", "geometry": SQUARE}]}, "'cloud'"),
        ({"scene": "a", "regions": [{"class": "clear", "geometry": {"type": "Point"}}]}, "Point"),
        ({"scene": "a", "regions": [{"class": "clear"}]}, "geometry None"),
        ({"scene": "a", "regions": [7]}, "class 'None'"),
        ({"scene": "a", "regions": 7}, "a list"),
        ({"scene": "a", "regions": [{"class": "clear", "geometry": SQUARE, "crs": "x"}]}, "'x'"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path, record, said):
    with pytest.raises(ValueRangeError, match=said) as error:
        read_reviews(written(tmp_path, {"scene": "ok"}, record))
    assert "decision 2" in str(error.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        read_reviews(tmp_path / "none.jsonl")


def test_places_on_a_scene_without_a_place_are_an_error():
    grid = Grid((50, 60), Affine.identity(), None)
    with pytest.raises(ValueRangeError, match="pixel"):
        redrawn(np.zeros(grid.shape, np.uint8), (Region(1, SQUARE, "EPSG:4326"),), grid, HERE)


def test_a_date_reads_its_classes_redrawn(tmp_path, flat_date):
    date: Date = flat_date(tmp_path / "a.tif", GRID, 0.2, regions=(Region(1, SQUARE, "pixel"),))
    from rasterio.windows import Window

    _, classes = date.read(Window(0, 0, 60, 50))
    assert classes[10, 15] == 1 and classes[20, 30] == 0
    assert np.array_equal(date.classes(Window(12, 8, 5, 5)), classes[8:13, 12:17])
