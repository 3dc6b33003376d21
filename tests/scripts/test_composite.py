"""`kumosan composite`: masks, decisions, grids, and files that are there whole or not at all."""

import json
from datetime import datetime, timezone
from functools import partial

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rio_cogeo.cogeo import cog_validate
from scipy import ndimage

from kumosan.datasets import open_scene, read
from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, BandSet
from kumosan.datasets.encoding import Encoding
from kumosan.datasets.tile import Acquisition, CloudMask, Tile
from kumosan.datasets.write import write_mask, write_tile
from kumosan.scripts import compositing

from .running import answer as answered
from .running import run as kumosan

BANDS = BandSet((BLUE, GREEN, RED, NIR))
SHAPE = (150, 180)
CLOUDS = [np.s_[10:60, 10:80], np.s_[40:90, 60:130], np.s_[50:55, 65:75]]
"""Of three dates; the first two share pixels, and the third has its cloud among these."""


run = partial(kumosan, "composite")
answer = partial(answered, "composite")


def ground(shape=SHAPE):
    rng = np.random.default_rng(2)
    field = ndimage.gaussian_filter(rng.standard_normal(shape), 5)
    field = np.maximum(0.1 + 0.02 * field / field.std(), 0.03)
    return np.stack([field * k for k in (0.7, 0.9, 1.0, 3.0)]).astype(np.float32)


def date_at(path, cloud, day=1, level="TOA", shift_m=0.0, encoding=None, gain=1.0, empty=None):
    """A scene with a bright square, dark ground, and a mask of it beside."""
    data = gain * ground()
    classes = np.zeros(SHAPE, np.uint8)
    if cloud is not None:
        data[:, cloud[0], cloud[1]], classes[cloud] = 0.7, 1
    if empty is not None:
        data[:, empty[0], empty[1]] = np.nan
    tile = Tile(
        data, BANDS, Affine(20, 0, 5e5 + shift_m, 0, -20, 5e6), CRS.from_epsg(32633),
        Acquisition("sentinel-2a", level, datetime(2022, 7, day, tzinfo=timezone.utc)),
        encoding or Encoding("uint16", (1e-4,), (0.0,), 0.0),
    )  # fmt: skip
    write_tile(path, tile)
    write_mask(path.with_name(f"{path.stem}_mask.tif"), CloudMask.like(tile, classes))
    return path


@pytest.fixture
def dates(tmp_path):
    folder = tmp_path / "dates"
    folder.mkdir()
    return [date_at(folder / f"{k}.tif", cloud, 1 + 10 * k) for k, cloud in enumerate(CLOUDS)]


def pixels(path):
    with rasterio.open(path) as file:
        return file.read()


@pytest.mark.parametrize("method", ["median", "best", "geomedian"])
def test_a_composite_is_the_ground_wherever_a_date_is_clear(dates, tmp_path, method):
    if method == "geomedian":
        pytest.importorskip("geomad", reason="the extra composite is not installed")
    out = tmp_path / "out.tif"
    told = answer(*dates, "-o", out, "--method", method)
    found, count = read(out), pixels(tmp_path / "out_count.tif")[0]
    never = np.zeros(SHAPE, bool)
    never[CLOUDS[2]] = True
    np.testing.assert_allclose(found.data[:, ~never], ground()[:, ~never], atol=2e-4)
    assert np.isnan(found.data[:, never]).all()
    assert told["never_clear_pixels"] == never.sum() == 50 and told["pixels"] == 150 * 180
    assert count[0, 0] == 3 and count[20, 20] == 2 and count[52, 70] == 0
    index = pixels(tmp_path / "out_dates.tif")[0]
    assert set(np.unique(index[20:40, 20:50])) <= {2, 3} and (index[never] == 0).all()
    assert [d["clear_pixels"] for d in told["dates"]] == [
        150 * 180 - (c[0].stop - c[0].start) * (c[1].stop - c[1].start) for c in CLOUDS
    ]
    assert sum(d["used_pixels"] for d in told["dates"]) == 150 * 180 - 50


def test_the_files_say_what_they_are(dates, tmp_path):
    answer(*dates, "-o", tmp_path / "out.tif", "--method", "best")
    with rasterio.open(tmp_path / "out_dates.tif") as index:
        assert index.tags(1)["date_2"] == "2022-07-11 1.tif" and index.nodata == 0
        assert index.dtypes == ("uint8",)
    made = open_scene(tmp_path / "out.tif")
    assert made.acquired.time is None and made.acquired.sensor == "sentinel-2a"
    assert made.tags["COMPOSITE_METHOD"] == "best" and made.bands == open_scene(dates[0]).bands
    with rasterio.open(dates[0]) as first, rasterio.open(tmp_path / "out.tif") as out:
        assert (first.transform, first.crs, first.dtypes) == (out.transform, out.crs, out.dtypes)
        assert first.scales == out.scales and first.descriptions == out.descriptions
    for end in ("", "_dates", "_count"):
        assert cog_validate(tmp_path / f"out{end}.tif", strict=True)[0]


def test_blocks_do_not_show(dates, tmp_path, monkeypatch):
    names = ("out", "out_dates", "out_count")
    for method in ("median", "best"):
        answer(*dates, "-o", tmp_path / "out.tif", "--method", method, "--overwrite")
        whole = [pixels(tmp_path / f"{n}.tif") for n in names]
        with monkeypatch.context() as small:
            small.setattr(compositing, "BLOCK_PX", 32)
            words = ("--method", method, "--overwrite", "--memory-gb", 0)
            answer(*dates, "-o", tmp_path / "out.tif", *words)
        for n, was in zip(names, whole, strict=True):
            assert np.array_equal(pixels(tmp_path / f"{n}.tif"), was), (method, n)


def test_masks_caught_by_a_pattern_are_no_scenes(dates, tmp_path):
    both = sorted(dates[0].parent.glob("*.tif"))
    assert len(both) == 6
    told = answer(*both, "-o", tmp_path / "out.tif")
    assert [d["scene"] for d in told["dates"]] == [str(d) for d in dates]
    assert told["masks"][str(dates[0])] == str(dates[0].with_name("0_mask.tif"))


def test_a_named_detector_masks_anew(dates, tmp_path):
    for path in dates:
        path.with_name(f"{path.stem}_mask.tif").unlink()
    told = answer(*dates, "-o", tmp_path / "out.tif", "--detector", "braaten")
    assert set(told["masks"].values()) == {"braaten"}
    clear = read(tmp_path / "out.tif").data[:, :40, 140:]
    np.testing.assert_allclose(clear, ground()[:, :40, 140:], atol=2e-4)
    assert np.nanmax(read(tmp_path / "out.tif").data[0]) < 0.3


def test_decisions_are_obeyed(dates, tmp_path):
    missed = {"type": "Polygon", "coordinates": [[[0, 100], [180, 100], [180, 150], [0, 150]]]}
    ring = missed["coordinates"][0]
    ring.append(ring[0])
    square = [[[10, 10], [80, 10], [80, 60], [10, 60], [10, 10]]]
    lines = [
        {"scene": "1", "decision": "reject"},
        {"scene": "2.tif", "regions": [
            {"class": "thick_cloud", "crs": "pixel", "geometry": missed},
        ]},
        {"scene": "0.tif", "regions": [
            {"class": "clear", "crs": "pixel",
             "geometry": {"type": "Polygon", "coordinates": square}},
        ]},
    ]  # fmt: skip
    file = tmp_path / "decisions.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    told = answer(*dates, "-o", tmp_path / "out.tif", "--decisions", file)
    assert told["rejected"] == [str(dates[1])] and len(told["dates"]) == 2
    assert [d["regions"] for d in told["dates"]] == [1, 1]
    count = pixels(tmp_path / "out_count.tif")[0]
    assert (count[100:] == 1).all() and (count[61:99] == 2).all()
    assert (count[10:40, 10:60] == 2).all()  # the cloud that somebody called clear


def test_a_filler_fills_what_is_never_clear(dates, tmp_path):
    told = answer(*dates, "-o", tmp_path / "out.tif", "--fill", "idw")
    assert told["filled"]["spatial"] == 50 and told["filled"]["unfillable"] == 0
    found, never = read(tmp_path / "out.tif").data, np.zeros(SHAPE, bool)
    never[CLOUDS[2]] = True
    assert np.abs(found - ground())[:, never].mean() < 0.03
    assert (pixels(tmp_path / "out_provenance.tif")[0][never] == 2).all()
    assert (pixels(tmp_path / "out_dates.tif")[0][never] == 0).all()
    np.testing.assert_allclose(found[:, ~never], ground()[:, ~never], atol=2e-4)


def test_what_cannot_be_filled_is_without_data(tmp_path):
    paths = [date_at(tmp_path / f"{k}.tif", np.s_[:, :120], 1 + k) for k in range(2)]
    told = answer(*paths, "-o", tmp_path / "out.tif", "--fill", "idw")
    lost = pixels(tmp_path / "out_provenance.tif")[0] == 4
    assert lost.sum() == told["filled"]["unfillable"] > 1000
    assert np.isnan(read(tmp_path / "out.tif").data[:, lost]).all()


def test_other_grids_need_a_word(dates, tmp_path):
    other = date_at(dates[0].with_name("3.tif"), None, 25, shift_m=210)
    done = run(*dates, other, "-o", tmp_path / "out.tif")
    assert done.exit_code == 3 and "--align" in done.stderr and "gdalwarp" in done.stderr
    told = answer(*dates, other, "-o", tmp_path / "out.tif", "--align")
    assert told["never_clear_pixels"] == 0
    found, never = read(tmp_path / "out.tif").data, np.zeros(SHAPE, bool)
    never[CLOUDS[2]] = True
    assert np.isfinite(found).all() and np.abs(found[:, never]).max() < 0.6


def test_numbers_of_other_scales_are_brought_to_the_first(tmp_path):
    odd = Encoding("int16", (2e-4,), (-0.1,), -9999)
    paths = [date_at(tmp_path / "a.tif", np.s_[:60, :])]
    paths.append(date_at(tmp_path / "b.tif", None, 2, encoding=odd))
    answer(*paths, "-o", tmp_path / "out.tif", "--method", "best")
    np.testing.assert_allclose(read(tmp_path / "out.tif").data, ground(), atol=3e-4)


def test_a_first_scene_without_nodata_gets_one(tmp_path):
    bare = Encoding("uint16", (1e-4,), (0.0,), None)
    paths = [date_at(tmp_path / f"{k}.tif", np.s_[:60, :], k, encoding=bare) for k in (1, 2)]
    answer(*paths, "-o", tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as out:
        assert out.nodata == 0 and (out.read()[:, :60] == 0).all()


def test_a_part_that_one_date_lacks_comes_from_the_other(tmp_path):
    paths = [
        date_at(tmp_path / "a.tif", None, 1, empty=np.s_[:70, :]),
        date_at(tmp_path / "b.tif", None, 2, empty=np.s_[50:, :]),
    ]
    told = answer(*paths, "-o", tmp_path / "out.tif")
    np.testing.assert_allclose(read(tmp_path / "out.tif").data[:, :50], ground()[:, :50], atol=2e-4)
    assert told["never_clear_pixels"] == 0 and told["pixels"] == 130 * 180


def test_best_prefers_the_day_that_is_asked_for(tmp_path):
    paths = [date_at(tmp_path / f"{k}.tif", None, k) for k in (1, 12, 28)]
    for day, k in (("2022-07-02", 0), ("2022-07-29", 2)):
        words = ("--method", "best", "--date", day, "--overwrite")
        told = answer(*paths, "-o", tmp_path / "out.tif", *words)
        assert told["dates"][k]["used_pixels"] == 150 * 180


def test_what_does_not_belong_together_is_refused(dates, tmp_path):
    surface = date_at(dates[0].with_name("s.tif"), None, 3, level="SR")
    out = ("-o", tmp_path / "out.tif")
    for words, code, said in (
        ((dates[0], surface), 3, "surface reflectance"),
        ((dates[0],), 2, "two or more"),
        ((dates[0], dates[1], dates[0]), 2, "each once"),
        ((*dates, "--fill", "temporal"), 2, "a filler of one date"),
        ((*dates, "--detector", "nosuch"), 2, "nosuch"),
        ((*dates, "--decisions", tmp_path / "none.jsonl"), 3, "does not exist"),
        ((dates[0], dates[0].with_name("none.tif")), 3, "does not exist"),
    ):
        done = run(*words, *out)
        assert done.exit_code == code and said in done.stderr, done.stderr
    rejects = tmp_path / "d.jsonl"
    lines = [json.dumps({"scene": str(k), "decision": "reject"}) + "\n" for k in range(3)]
    rejects.write_text("".join(lines))
    done = run(*dates, *out, "--decisions", rejects)
    assert done.exit_code == 2 and "rejects every scene" in done.stderr
    assert not list(tmp_path.glob("out*"))


def test_an_existing_output_is_refused_and_an_input_never_replaced(dates, tmp_path):
    (tmp_path / "out_dates.tif").write_text("mine")
    done = run(*dates, "-o", tmp_path / "out.tif")
    assert done.exit_code == 2 and "--overwrite" in done.stderr
    assert (tmp_path / "out_dates.tif").read_text() == "mine"
    done = run(*dates, "-o", dates[1], "--overwrite")
    assert done.exit_code == 2 and "is an input" in done.stderr


@pytest.mark.parametrize(
    "place",
    [
        "kumosan.scripts.compositing.composite",
        "kumosan.scripts.windowed._without_cloudy",
        "kumosan.datasets.cog_parts._verify",
        "kumosan.scripts.compositing_job._move",
    ],
)
def test_a_failure_anywhere_leaves_nothing(dates, tmp_path, monkeypatch, place):
    def explode(*_args, **_options):
        raise RuntimeError("boom")

    monkeypatch.setattr(place, explode)
    done = run(*dates, "-o", tmp_path / "out.tif", "--fill", "idw")
    assert done.exit_code == 1 and "boom" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["dates"]


def test_dry_run_names_outputs_and_masks_and_writes_nothing(dates, tmp_path):
    told = answer(*dates, "-o", tmp_path / "out.tif", "--fill", "idw", "--dry-run")
    assert set(told["outputs"]) == {"composite", "dates", "count", "provenance", "confidence"}
    assert [p.name for p in tmp_path.iterdir()] == ["dates"]
