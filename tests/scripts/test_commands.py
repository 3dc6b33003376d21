"""The commands as a person runs them: outputs, exit codes, messages."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from kumosan.datasets import read
from kumosan.datasets.tile import UNFILLABLE

from .running import answer, run

RASTERS = {"mask", "clean", "provenance", "confidence"}
KINDS = RASTERS | {"quicklook", "report", "item"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "demo"
    return folder, answer("demo", "--size", 256, "-o", folder)


@pytest.fixture
def scene(demo):
    return demo[0] / "scene.tif"


@pytest.fixture(scope="module")
def cleaned(demo, tmp_path_factory):
    """The folder that `clean` leaves, and what it tells."""
    folder = tmp_path_factory.mktemp("clean") / "out"
    return folder, answer("clean", demo[0] / "scene.tif", "-o", folder)


@pytest.fixture(scope="module")
def masked(demo, tmp_path_factory):
    """The mask that Fmask finds."""
    path = tmp_path_factory.mktemp("mask") / "m.tif"
    answer("mask", demo[0] / "scene.tif", "-o", path, "--detector", "fmask")
    return path


def paint(scene, target, value):
    """A copy of a scene in which every band has the stored number ``value`` everywhere."""
    with rasterio.open(scene) as source:
        profile = source.profile | {"driver": "GTiff"}
        with rasterio.open(target, "w", **profile) as out:
            out.write(np.full((source.count, *source.shape), value, source.dtypes[0]))
            out.descriptions = source.descriptions
            out.scales, out.offsets = source.scales, source.offsets
            for i in source.indexes:
                out.update_tags(i, **source.tags(i))
    return target


def test_clean_writes_all_outputs_and_says_where(cleaned):
    folder, told = cleaned
    assert set(told["outputs"]) == KINDS
    written = {p.name for p in folder.iterdir() if p.suffix != ".qml"}
    others = {"scene_quicklook.png", "report.html", "item.json"}
    assert written == {f"scene_{k}.tif" for k in RASTERS} | others
    item = json.loads((folder / "item.json").read_text())
    cover = told["cover"]["thick_cloud"] + told["cover"]["thin_cloud"]
    assert item["properties"]["eo:cloud_cover"] == pytest.approx(cover, abs=0.01)
    assert {Path(a["href"]).name for a in item["assets"].values()} == written - {"item.json"}
    page = (folder / "report.html").read_text()
    assert f"{told['cover']['shadow']:.1f} %" in page and told["detector"] in page
    assert sum(told["cover"].values()) == pytest.approx(100, abs=0.01)
    assert sum(told["filled"].values()) == 256 * 256


def test_pixels_called_clear_leave_clean_with_the_bytes_they_came_with(scene, cleaned):
    with (
        rasterio.open(scene) as before,
        rasterio.open(cleaned[0] / "scene_clean.tif") as after,
        rasterio.open(cleaned[0] / "scene_mask.tif") as mask,
    ):
        clear = mask.read(1) == 0
        assert clear.any() and not clear.all()
        assert before.read()[:, clear].tobytes() == after.read()[:, clear].tobytes()
        assert before.profile["dtype"] == after.profile["dtype"]
        assert (before.transform, before.crs, before.nodata) == (
            after.transform,
            after.crs,
            after.nodata,
        )
        assert before.descriptions == after.descriptions
        assert before.tags(3)["wavelength"] == after.tags(3)["wavelength"]


def test_the_demo_finds_most_cloud_and_brings_the_error_down(demo):
    errors = demo[1]["fill_rmse"]
    assert errors["all"]["filled"] < 0.6 * errors["all"]["cloudy"]
    assert demo[1]["mask_scores"]["cloud"]["iou"] > 0.5


def test_mask_then_fill_equals_what_the_mask_says(scene, masked, tmp_path):
    told = answer("fill", scene, masked, "-o", tmp_path / "f.tif")
    with rasterio.open(masked) as mask:
        clear = int((mask.read(1) == 0).sum())
    assert told["filled"]["observed"] == clear
    assert {p.name for p in tmp_path.glob("f*.tif")} == {
        "f.tif",
        "f_provenance.tif",
        "f_confidence.tif",
    }


def test_a_reference_date_fills_most_of_what_is_hidden(scene, masked, demo, tmp_path):
    words = ("fill", scene, masked, "-o", tmp_path / "f.tif", "--reference", demo[0] / "clear.tif")
    told = answer(*words)["filled"]
    hidden = 256 * 256 - told["observed"]  # false alarms in the reference hide some of it
    assert told["temporal"] > 0.5 * hidden


def test_a_second_run_is_refused_before_any_work_unless_overwrite(scene, tmp_path):
    words = ("mask", scene, "-o", tmp_path / "m.tif", "--detector", "hot")
    assert run(*words).exit_code == 0
    before = (tmp_path / "m.tif").read_bytes()
    again = run(*words)
    assert again.exit_code == 2
    assert "--overwrite" in again.stderr and again.stderr.count("\n") == 1
    assert (tmp_path / "m.tif").read_bytes() == before
    assert run(*words, "--overwrite").exit_code == 0


def test_dry_run_names_the_outputs_and_writes_nothing(scene, tmp_path):
    done = run("clean", scene, "-o", tmp_path / "out", "--dry-run")
    assert done.exit_code == 0
    assert "scene_clean.tif" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_seed_decides_what_is_drawn(scene, cleaned, tmp_path):
    clean = read(cleaned[0] / "scene_clean.tif").stored  # the default is seed 0
    for seed, same in ((0, True), (1, False)):
        answer("clean", scene, "-o", tmp_path / str(seed), "--seed", seed)
        assert (clean == read(tmp_path / str(seed) / "scene_clean.tif").stored).all() == same


def test_a_scene_of_nodata_is_said_to_be_empty(scene, tmp_path):
    empty = paint(scene, tmp_path / "empty.tif", 0)
    done = run("clean", empty, "-o", tmp_path / "out")
    assert done.exit_code == 0
    assert "no valid pixel" in done.stderr


def test_info_tells_sensor_bands_and_detectors(scene):
    told = answer("info", scene)
    assert told["sensor"] == "sentinel-2a"
    assert len(told["bands"]) == 13
    assert told["bands"][1]["center_nm"] == pytest.approx(492.7)
    assert "fmask" in told["detectors"] and "scl" not in told["detectors"]


def test_a_scene_all_cloud_is_marked_unfillable_with_a_warning_and_exit_0(scene, tmp_path):
    white = paint(scene, tmp_path / "white.tif", 8000)
    done = run("clean", white, "-o", tmp_path / "out", "--detector", "braaten", "--json")
    assert done.exit_code == 0
    assert "warning" in done.stderr
    with rasterio.open(tmp_path / "out" / "white_provenance.tif") as provenance:
        assert (provenance.read(1) == UNFILLABLE).all()
    assert (read(tmp_path / "out" / "white_clean.tif").stored == read(white).stored).all()


def test_a_scene_without_cloud_comes_out_as_it_went_in(scene, tmp_path):
    dark = paint(scene, tmp_path / "dark.tif", 500)
    told = answer("clean", dark, "-o", tmp_path / "out", "--detector", "braaten")
    assert told["filled"]["observed"] == 256 * 256
    assert read(tmp_path / "out" / "dark_clean.tif").stored.tobytes() == read(dark).stored.tobytes()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["mask", "{none}"], 3, "none.tif"),
        (["mask", "{scene}", "--detector", "nosuch"], 2, "one of"),
        (["clean", "{scene}", "--filler", "nosuch"], 2, "one of"),
        (["mask", "{scene}", "--detector", "scl"], 5, "use one that fits"),
        (["mask", "{scene}", "--sensor", "nosuch"], 2, "one of"),
        (["mask", "{scene}", "--max-pixels", "100"], 3, "--max-pixels"),
        (["fill", "{scene}", "{scene}"], 3, "mask"),
        (["mask", "{scene}", "--buffer-m", "-1"], 2, "buffer"),
        (["mask", "{scene}", "--detector", "hot", "--probability"], 5, "probab"),
        (["mask", "{scene}", "-o", "{none}/x/y.tif"], 2, "folder"),
        (["clean", "{scene}", "--filler", "temporal"], 2, "--reference"),
        (["clean", "{scene}", "--filler", "telea", "--reference", "{scene}"], 2, "temporal"),
        (["fill", "{scene}", "{scene}", "--filler", "gan", "--fill-weights", "{none}"], 3, "exist"),
        (["fill", "{scene}", "{scene}", "--fill-weights", "{none}"], 2, "--filler gan"),
        (["clean", "{scene}", "--detector", "nosuch", "--dry-run"], 2, "one of"),
        (["clean", "{scene}", "--reference", "{scene}"], 2, "another date"),
        (["mask", "{scene}", "--detector", "fmask", "--threshold", "nan"], 2, "finite"),
        (["mask", "{scene}", "--threshold", "0.2"], 2, "name the detector"),
        (["mask", "{scene}", "--detector", "ltk", "--threshold", "0.2"], 2, "settings that it has"),
        (["mask", "{scene}", "-o", "{scene}", "--overwrite"], 2, "is an input"),
        (["mask", "{scene}", "-o", "mask.jpg"], 2, ".tif"),
        (["nosuch"], 2, "nosuch"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_a_mistake_gets_one_sentence_and_its_exit_code(
    words, code, says, scene, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    filled = [w.format(scene=scene, none=tmp_path / "none.tif") for w in words]
    done = run(*filled)
    assert done.exit_code == code, done.output
    assert says in done.stderr
    assert "Traceback" not in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"shift": 9}, "resample it to the scene's grid"),
        ({"code": 7}, "mask codes [7]"),
        ({"crs": "EPSG:32634"}, "EPSG:32634"),
    ],
    ids=str,
)
@pytest.mark.parametrize("role", ["mask", "reference"])
def test_masks_and_references_of_elsewhere_are_refused(role, fault, says, scene, demo, tmp_path):
    if role == "reference" and "code" in fault:
        pytest.skip("any number may be reflectance")
    given, out = tmp_path / "given.tif", tmp_path / "out.tif"
    shutil.copy(demo[0] / ("truth.tif" if role == "mask" else "clear.tif"), given)
    with rasterio.open(given, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
        file.transform @= Affine.translation(fault.get("shift", 0), 0)
        file.crs = fault.get("crs", file.crs)
        if "code" in fault:
            file.write(np.full(file.shape, fault["code"], np.uint8), 1)
    truth = demo[0] / "truth.tif"
    words = [given] if role == "mask" else [truth, "--reference", given]
    done = run("fill", scene, *words, "-o", out)
    assert done.exit_code == 3, done.output
    assert says in done.stderr or ("shift" in fault and "9.00 pixels" in done.stderr)
    assert not out.exists()


def test_debug_shows_the_traceback(tmp_path):
    done = run("mask", tmp_path / "none.tif", "--debug")
    assert type(done.exception).__name__ == "FileError"


def test_progress_as_json_is_one_object_a_line_on_stderr(scene, tmp_path):
    done = run("mask", scene, "-o", tmp_path / "m.tif", "--log-format", "json")
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert any(e.startswith("masking") for e in events)


def test_ctrl_c_exits_with_130_and_leaves_nothing(scene, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("kumosan.scripts.pipeline.write_quicklook", interrupt)
    words = ("clean", scene, "-o", tmp_path / "out", "--detector", "hot", "--filler", "idw")
    done = run(*words)
    assert done.exit_code == 130
    assert list(tmp_path.iterdir()) == []


SAMPLE = (
    "train/l8biome_Forest_05_0415.tif",
    "train/scg_cloudy.tif",
    "train/sia_pilbara_s2_20190105.tif",
    "test/enmap_potsdam_096_000.tif",
    "test/eolearn_slovenia_20150820.tif",
    "test/gdalcubes_lc08_l1tp_014032_20181208.tif",
    "test/worldcereal_belgium_202011.tif",
)


@pytest.mark.parametrize("image", SAMPLE)
def test_clean_runs_on_real_images(image, data, tmp_path):
    told = answer("clean", data / image, "-o", tmp_path / "out")
    before = read(data / image).stored
    after = read(tmp_path / "out" / f"{(data / image).stem}_clean.tif").stored
    with rasterio.open(told["outputs"]["provenance"]) as provenance:
        kept = np.isin(provenance.read(1), (0, 4, 255))
    assert before[:, kept].tobytes() == after[:, kept].tobytes()


def test_a_radar_image_is_refused(data):
    done = run("clean", data / "test/sen12mscr_p797_s1.tif")
    assert done.exit_code == 3
    assert "radar" in done.stderr
