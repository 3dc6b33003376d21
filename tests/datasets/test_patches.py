"""Patches of a scene: what they hold, and runs that are stopped, repeated or changed."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets import Acquisition, Band, BandSet, Encoding, read
from kumosan.datasets.errors import BandError, FileError, GridError, OutputError
from kumosan.datasets.manifest import read_lines
from kumosan.datasets.patches import PatchRun, PatchSettings
from kumosan.datasets.regrid import Grid
from kumosan.datasets.scene import Scene
from kumosan.datasets.validity import valid_rows

TURNED = Affine.translation(500_000, 4_000_000) @ Affine.rotation(-12) @ Affine.scale(30, -30)
BANDS = BandSet(
    (
        Band("blue", 490, 20),
        Band("damp", 1400, 10, kind="other"),
        Band("red", 665, 25),
        Band("nir", 842, 30),
    )
)


@dataclass(frozen=True)
class InMemory:
    """Pixels of an array, with a count of what was read."""

    array: np.ndarray
    empty: np.ndarray | None = None

    def stored(self, window, bands):
        y, x = window.toslices()
        return self.array[list(bands)][:, y, x]

    def quality(self, window):
        return None

    def missing(self, window):
        return None if self.empty is None else self.empty[window.toslices()]


def swath(height, width, deg=12.0, half=0.27):
    """(y, x) bool: a strip turned by ``deg`` that leaves the picture above and below."""
    y, x = np.mgrid[:height, :width].astype(float)
    turn = np.deg2rad(deg)
    across = (x - width / 2) * np.cos(turn) + (y - height / 2) * np.sin(turn)
    return abs(across) < half * width


def numbers(valid, n=4):
    """(n, y, x) uint16 that tell band, row and column apart; 0 where not valid."""
    rng = np.random.default_rng(7)
    return np.where(valid, rng.integers(1, 6000, (n, *valid.shape)), 0).astype(np.uint16)


def scene_of(array, bands=BANDS, path="memory/strip.tif", **other):
    n = len(bands)
    settings = {
        "encoding": Encoding("uint16", (1e-4,) * n, tuple(0.01 * i for i in range(n)), 0.0),
        "acquired": Acquisition(sensor=None, level="SR"),
        "tags": {"CAMPAIGN": "north"},
        "band_tags": tuple({"STATISTICS_MEAN": "1", "NOTE": b.name} for b in bands),
    }
    grid = Grid(array.shape[1:], TURNED, CRS.from_epsg(32633))
    return Scene(path, grid, bands, source=InMemory(array), **(settings | other))


@pytest.fixture
def scene():
    return scene_of(numbers(swath(150, 130)))


def cut(scene, folder, size=22, share=1.0, overwrite=False):
    """Run to the end; (run, written, skipped)."""
    run = PatchRun.of(scene, folder, PatchSettings(size, share))
    header = run.check(overwrite) or run.planned(run.search())
    return run, *run.write(header, overwrite)


def listing(folder):
    """Name and content of every file, less what a killed process left."""
    return {p.name: p.read_bytes() for p in Path(folder).iterdir() if p.is_file()}


def test_every_pixel_band_and_tag_of_a_patch_is_the_scenes(scene, tmp_path):
    run, written, skipped = cut(scene, tmp_path / "out")
    lines = read_lines(tmp_path / "out" / "manifest.jsonl")
    assert written == len(lines) == len(list((tmp_path / "out").glob("*.tif"))) > 10
    assert skipped == 0
    for line in lines:
        y, x = line["row"], line["col"]
        assert line["file"] == f"strip_{y:05d}_{x:05d}.tif"
        with rasterio.open(tmp_path / "out" / line["file"]) as ds:
            expected = scene.source.array[[0, 2, 3], y : y + 22, x : x + 22]
            assert ds.read().tobytes() == expected.tobytes()
            assert ds.dtypes == ("uint16",) * 3 and ds.nodata == 0
            assert ds.descriptions == ("blue", "red", "nir")
            assert ds.scales == pytest.approx([1e-4] * 3)
            assert ds.offsets == pytest.approx([0, 0.02, 0.03])
            assert ds.transform.almost_equals(TURNED @ Affine.translation(x, y), 1e-6)
            assert list(ds.transform[:6]) == pytest.approx(line["transform"])
            assert ds.crs.to_epsg() == 32633 and line["crs"] == "EPSG:32633"
            assert ds.profile["compress"] == "deflate" and ds.profile["tiled"]
            assert ds.tags()["CAMPAIGN"] == "north"
            assert ds.tags(2)["NOTE"] == "red"
            assert "STATISTICS_MEAN" not in ds.tags(2)  # it was the whole scene's
        assert line["valid_share"] == 1 and line["size"] == 22
        assert line["bands"] == ["blue", "red", "nir"] and line["dropped_bands"] == ["damp"]
        assert line["source"] == "memory/strip.tif" and line["identity"] == run.identity


def test_a_patch_is_read_with_its_wavelengths(scene, tmp_path):
    cut(scene, tmp_path / "out")
    tile = read(next((tmp_path / "out").glob("*.tif")))
    assert [b.center_nm for b in tile.bands] == [490, 665, 842]
    assert tile.valid.all()


def test_patches_do_not_overlap_and_the_header_tells_the_search(scene, tmp_path):
    run, written, _ = cut(scene, tmp_path / "out")
    header = json.loads((tmp_path / "out" / "manifest.json").read_text())
    taken = np.zeros(scene.shape, int)
    for y, x in header["patches"]:
        taken[y : y + 22, x : x + 22] += 1
    assert taken.max() == 1 and taken.sum() == 484 * written
    search = header["search"]
    assert search["patches"] == written
    assert search["plain_grid"] < written <= search["upper_bound"]
    assert search["valid_pixels"] == (scene.source.array[0] > 0).sum()
    assert header["identity"] == run.identity


def test_a_lower_share_makes_room_for_more_and_is_recorded(scene, tmp_path):
    _, whole, _ = cut(scene, tmp_path / "whole")
    _, more, _ = cut(scene, tmp_path / "more", share=0.7)
    shares = [r["valid_share"] for r in read_lines(tmp_path / "more" / "manifest.jsonl")]
    assert more > whole
    assert 0.7 <= min(shares) < 1


@pytest.mark.parametrize("void_first", [True, False])
def test_streamed_validity_is_that_of_the_whole_tile(void_first, monkeypatch):
    """Over several blocks across and down, with holes in single bands and declared voids."""
    monkeypatch.setattr("kumosan.datasets.validity.ROWS", 16)
    monkeypatch.setattr("kumosan.datasets.validity.READ_BYTES", 3 * 2 * 16 * 32)
    valid = swath(70, 90)
    array = numbers(valid if void_first else ~valid)
    array[2, 30:33, 40:60] = 0  # a stripe without data in one band
    array[1] = 0  # the bad band decides nothing
    empty = np.zeros(valid.shape, bool)
    empty[50:, 45:50] = True
    scene = scene_of(array)
    scene = replace(scene, source=InMemory(array, empty))
    blocks = list(valid_rows(scene))
    assert [len(b) for b in blocks] == [16, 16, 16, 16, 6]
    assert (np.concatenate(blocks) == scene.read().valid).all()


def test_a_second_run_skips_all_and_changes_nothing(scene, tmp_path):
    _, written, _ = cut(scene, tmp_path / "out")
    before = listing(tmp_path / "out")
    assert cut(scene, tmp_path / "out")[1:] == (0, written)
    assert listing(tmp_path / "out") == before


def test_a_patch_that_is_gone_or_cut_short_is_written_again(scene, tmp_path):
    cut(scene, tmp_path / "out")
    before = listing(tmp_path / "out")
    first, second, *_ = sorted((tmp_path / "out").glob("*.tif"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:100])
    assert cut(scene, tmp_path / "out")[1] == 2
    after = listing(tmp_path / "out")
    assert {k: v for k, v in after.items() if k.endswith(".tif")} == {
        k: v for k, v in before.items() if k.endswith(".tif")
    }


def test_a_run_stopped_between_patch_and_line_goes_on_to_the_same_result(
    scene, tmp_path, monkeypatch
):
    cut(scene, tmp_path / "whole")

    def stop(done, total):
        if done == 5:
            raise KeyboardInterrupt

    run = PatchRun.of(scene, tmp_path / "out", PatchSettings(22))
    with pytest.raises(KeyboardInterrupt):
        run.write(run.planned(run.search()), progress=stop)
    path = tmp_path / "out" / "manifest.jsonl"
    path.write_bytes(path.read_bytes()[:-20])  # the fifth line was torn
    assert cut(scene, tmp_path / "out")[2] == 4
    assert listing(tmp_path / "out") == listing(tmp_path / "whole")


@pytest.mark.parametrize(
    "change",
    [
        {"size": 23},
        {"share": 0.9},
        {"encoding": Encoding("uint16", (2e-4,), (0.0,), 0.0)},
        {"bands": BandSet(tuple(replace(b, kind="reflective") for b in BANDS))},
    ],
    ids=lambda c: next(iter(c)),
)
def test_other_settings_are_refused_and_overwrite_starts_anew(change, scene, tmp_path):
    cut(scene, tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    before = listing(tmp_path / "out")
    other = replace(scene, **{k: v for k, v in change.items() if k not in ("size", "share")})
    settings = {k: v for k, v in change.items() if k in ("size", "share")}
    with pytest.raises(OutputError, match="--overwrite") as refused:
        cut(other, tmp_path / "out", **settings)
    assert refused.value.exit_code == 2
    assert listing(tmp_path / "out") == before
    _, written, skipped = cut(other, tmp_path / "out", overwrite=True, **settings)
    lines = read_lines(tmp_path / "out" / "manifest.jsonl")
    assert (written, skipped) == (len(lines), 0)
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {r["file"] for r in lines} | {"manifest.json", "manifest.jsonl", "notes.txt"}


def test_a_file_that_changed_is_another_source(scene, tmp_path):
    path = tmp_path / "strip.tif"
    path.write_bytes(b"x")
    scene = replace(scene, path=str(path))
    cut(scene, tmp_path / "out")
    os.utime(path, ns=(1, 1))
    with pytest.raises(OutputError, match="same scene"):
        cut(scene, tmp_path / "out")


def test_overwrite_removes_nothing_outside_the_folder(scene, tmp_path):
    cut(scene, tmp_path / "out")
    (tmp_path / "precious.tif").write_text("mine")
    lines = tmp_path / "out" / "manifest.jsonl"
    lines.write_text('{"file": "../precious.tif"}\n{"file": "..tif"}\n' + lines.read_text())
    cut(scene, tmp_path / "out", overwrite=True)
    assert (tmp_path / "precious.tif").read_text() == "mine"


NEGATIVE = '{"patches": [[-1, 0]], "search": {"patches": 1}}'


@pytest.mark.parametrize(
    ("prepare", "error", "says"),
    [
        (lambda f: (f.mkdir(), (f / "a.txt").write_text("x")), OutputError, "holds files"),
        (lambda f: f.write_text("x"), OutputError, "is a file"),
        (lambda f: (f.mkdir(), (f / "manifest.json").write_text("{")), FileError, "is damaged"),
        (lambda f: (f.mkdir(), (f / "manifest.json").write_text(NEGATIVE)), FileError, "damaged"),
    ],
)  # fmt: skip
def test_an_output_that_cannot_be_gone_on_with_is_refused(prepare, error, says, scene, tmp_path):
    prepare(tmp_path / "out")
    with pytest.raises(error, match=says):
        cut(scene, tmp_path / "out")


def test_a_scene_that_cannot_be_cut_leaves_nothing(scene, tmp_path):
    with pytest.raises(GridError, match="smaller --size"):
        cut(scene, tmp_path / "out", size=131)
    bad = replace(scene, bands=BandSet(tuple(replace(b, kind="other") for b in BANDS)))
    with pytest.raises(BandError, match="no optical band"):
        cut(bad, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_valid_makes_no_patch(tmp_path):
    scene = scene_of(np.zeros((4, 40, 40), np.uint16))
    assert cut(scene, tmp_path / "out")[1:] == (0, 0)
    assert cut(scene, tmp_path / "out")[1:] == (0, 0)


KILLED = """
import sys
sys.path.insert(0, {here!r})
from test_patches import cut, numbers, scene_of, swath
cut(scene_of(numbers(swath(150, 130))), {out!r}, size=16)
"""


def test_a_killed_run_goes_on_to_the_same_result(scene, tmp_path):
    cut(scene, tmp_path / "whole", size=16)
    out = tmp_path / "out"
    lines = out / "manifest.jsonl"
    script = KILLED.format(here=str(Path(__file__).parent), out=str(out))
    for wanted in (0, 8, 20):  # each time a little further
        process = subprocess.Popen([sys.executable, "-c", script])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            if lines.exists() and lines.read_bytes().count(b"\n") > wanted:
                break
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = len(read_lines(lines))
        assert wanted < done
        for name in (r["file"] for r in read_lines(lines)):
            with rasterio.open(out / name) as ds:
                assert ds.read().all()
    assert done < len(read_lines(tmp_path / "whole" / "manifest.jsonl"))
    _, written, skipped = cut(scene, out, size=16)
    assert skipped == done and written > 0
    assert listing(out) == listing(tmp_path / "whole")
