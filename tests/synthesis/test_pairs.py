"""Pairs and their folder: each depends on its number only, and a run can be taken up again."""

import json

import numpy as np
import pytest
import rasterio
from affine import Affine

from kumosan.datasets import open_scene, read, read_mask
from kumosan.datasets.errors import FileError, OutputError, UnfitError, ValueRangeError
from kumosan.datasets.tile import SHADOW, THICK, THIN
from kumosan.synthesis.contact_sheet import contact_sheet
from kumosan.synthesis.pair_folder import LINES, PairRun, file_names
from kumosan.synthesis.pairs import PairSource, chosen_bands, clear_files
from kumosan.synthesis.sampler import CloudSampler

NM = {"blue": 490, "green": 560, "red": 665, "nir": 842}
MIXED = CloudSampler(("mixed",))


def write_scene(path, height=80, width=100, nodata_columns=0, sun=True, names=tuple(NM)):
    """Four bands of uint16 with wavelengths; the first columns may be nodata."""
    data = np.random.default_rng(4).integers(300, 3000, (len(names), height, width))
    data[:, :, :nodata_columns] = 0
    with rasterio.open(
        path, "w", driver="GTiff", count=len(names), height=height, width=width, dtype="uint16",
        nodata=0, crs="EPSG:32633", transform=Affine(10, 0, 4e5, 0, -10, 5e6),
    ) as ds:  # fmt: skip
        ds.write(data.astype(np.uint16))
        ds.scales, ds.offsets = (1e-4,) * len(names), (0.0,) * len(names)
        if sun:
            ds.update_tags(SUN_ZENITH="33.5", SUN_AZIMUTH="141")
        for i, name in enumerate(names, 1):
            ds.set_band_description(i, name)
            ds.update_tags(i, wavelength=str(NM[name]), wavelength_units="nm", fwhm="40")
    return path


@pytest.fixture
def scene(tmp_path):
    return write_scene(tmp_path / "clear.tif")


def source(*paths, **settings) -> PairSource:
    scenes = tuple(open_scene(p) for p in paths)
    return PairSource(scenes, MIXED, **{"seed": 7, "size": 48, **settings})


def test_a_pair_depends_on_its_number_and_seed_only(scene):
    first, again = source(scene), source(scene)
    again.draw(0)
    for (a, origin_a), (b, origin_b) in ((first.draw(3), again.draw(3)),):
        assert origin_a == origin_b and a.params == b.params
        assert np.array_equal(a.cloudy.data, b.cloudy.data)
    other = source(scene, seed=8).draw(3)[0]
    assert other.params != first.draw(3)[0].params


def test_clouds_do_not_change_with_the_ground(scene):
    on_scene = source(scene).draw(2)[0].params
    on_landscape = source(sensor="superdove").draw(2)[0].params
    assert [p.seed for p in on_scene] == [p.seed for p in on_landscape]


def test_a_window_is_cut_from_the_scene_and_lies_where_the_record_says(scene):
    pair, origin = source(scene).draw(1)
    row, col = origin["row"], origin["col"]
    with rasterio.open(scene) as ds:
        there = ds.read(window=((row, row + 48), (col, col + 48)))
    assert (pair.clear.stored == there).all()
    assert origin["source"] == str(scene)


def test_scenes_are_taken_in_turn_and_small_ones_whole(tmp_path):
    a, b = (write_scene(tmp_path / f"{n}.tif", 30 + n, 90) for n in (0, 1))
    drawn = [source(a, b).draw(i) for i in range(4)]
    assert [o["source"] for _, o in drawn] == [str(a), str(b), str(a), str(b)]
    assert [p.clear.shape for p, _ in drawn[:2]] == [(30, 48), (31, 48)]


def test_the_sun_of_the_scene_is_the_clouds_sun(tmp_path, scene):
    assert {p.sun_zenith_deg for p in source(scene).draw(0)[0].params} == {33.5}
    unknown = source(write_scene(tmp_path / "b.tif", sun=False))
    suns = {unknown.draw(i)[0].params[0].sun_zenith_deg for i in range(4)}
    assert len(suns) == 4


def test_windows_without_data_are_passed_over(tmp_path):
    half = source(write_scene(tmp_path / "half.tif", nodata_columns=45, width=140))
    assert min(half.draw(i)[0].clear.valid.mean() for i in range(6)) > 0.95
    empty = source(write_scene(tmp_path / "empty.tif", nodata_columns=100))
    with pytest.raises(ValueRangeError, match="without a valid pixel"):
        empty.draw(0)


@pytest.mark.parametrize("key", ["sentinel-2a", "landsat-8", "superdove"])
def test_a_landscape_has_the_sensors_bands_and_survives_writing(key, tmp_path):
    run = PairRun.of(source(sensor=key, size=40), tmp_path / "out", 1)
    run.write(set())
    (names,) = (file_names(0),)
    clear, cloudy = (read(tmp_path / "out" / names[k]) for k in ("clear", "cloudy"))
    drawn = run.source.draw(0)[0]
    assert clear.acquired.sensor == key
    assert clear.acquired.sun_zenith_deg == drawn.params[0].sun_zenith_deg
    assert np.array_equal(clear.data, drawn.clear.data)
    assert np.array_equal(cloudy.data, drawn.cloudy.data)
    mask = read_mask(tmp_path / "out" / names["mask"], clear)
    changed = (clear.data != cloudy.data).any(0)
    assert (mask.contaminated >= changed).all() and changed.any()


def test_bands_of_a_sensor_are_picked_by_wavelength(tmp_path):
    scene = open_scene(write_scene(tmp_path / "a.tif", names=("nir", "red", "green", "blue")))
    assert chosen_bands(scene, None) == (0, 1, 2, 3)
    with pytest.raises(UnfitError, match="B01"):
        chosen_bands(scene, "sentinel-2a")


def run_of(scene, folder, n=3, **settings) -> PairRun:
    return PairRun.of(source(scene, **settings), folder, n)


def contents(folder) -> dict:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_a_run_goes_on_where_it_was_stopped_and_the_bytes_are_the_same(scene, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run_of(scene, whole).write(set())
    run_of(scene, cut, n=1).write(set())
    with (cut / LINES).open("a") as lines:
        lines.write('{"id": "00001", "num')  # killed while it wrote a line
    (cut / "00001_clear.tif").write_bytes(b"half")
    run = run_of(scene, cut)
    assert run.done(overwrite=False) == {0}
    assert run.write({0}) == 2
    assert contents(cut) == contents(whole)


def test_a_damaged_or_missing_file_is_made_again(scene, tmp_path):
    run = run_of(scene, tmp_path / "out")
    run.write(set())
    before = contents(tmp_path / "out")
    (tmp_path / "out" / "00001_cloudy.tif").write_bytes(b"")
    (tmp_path / "out" / "00002_mask.tif").unlink()
    done = run.done(overwrite=False)
    assert done == {0}
    run.write(done)
    assert contents(tmp_path / "out") == before


def test_other_settings_and_foreign_folders_are_refused(scene, tmp_path):
    run_of(scene, tmp_path / "out", n=1).write(set())
    with pytest.raises(OutputError, match="--overwrite"):
        run_of(scene, tmp_path / "out", seed=9).done(overwrite=False)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError):
        run_of(scene, tmp_path / "own").done(overwrite=False)


def test_overwrite_removes_the_pairs_of_the_manifest_and_nothing_else(scene, tmp_path):
    out = tmp_path / "out"
    run_of(scene, out, n=2).write(set())
    (out / "notes.txt").write_text("mine")
    (tmp_path / "outside_clear.tif").write_text("mine too")
    with (out / LINES).open("a") as lines:
        lines.write(json.dumps({"clear": "../outside_clear.tif"}) + "\n")
    anew = run_of(scene, out, n=1, seed=9)
    anew.write(anew.done(overwrite=True), overwrite=True)
    kept = {"notes.txt", LINES, "00000_mask.qml", *file_names(0).values()}
    assert {p.name for p in out.iterdir()} == kept
    assert (tmp_path / "outside_clear.tif").exists()


def test_a_folder_stands_for_its_rasters_and_a_folder_of_pairs_for_its_clear_tiles(tmp_path):
    for name in ("b.tif", "a.TIF", "a_mask.tif", "a_cloudy.tif", "notes.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in clear_files([tmp_path])] == ["a.TIF", "b.tif"]
    (tmp_path / "none").mkdir()
    with pytest.raises(FileError, match="no clear tile"):
        clear_files([tmp_path / "none"])


def test_the_sheet_shows_the_mask_in_its_colours(scene):
    pair = source(scene).draw(0)[0]
    sheet = np.asarray(contact_sheet([("00000", pair.clear, pair.cloudy, pair.mask)] * 3))
    colours = {tuple(c) for c in sheet.reshape(-1, 3)}
    shown = {THICK: (215, 38, 56), THIN: (255, 205, 40), SHADOW: (38, 102, 214)}
    assert {k for k, c in shown.items() if c in colours} == {
        k for k in shown if (pair.mask.classes == k).any()
    }
