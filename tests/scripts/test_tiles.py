"""``kumosan tiles`` as a person runs it."""

from functools import partial

import numpy as np
import pytest
import rasterio
from affine import Affine

from kumosan.datasets.manifest import read_lines

from .running import answer as answered
from .running import run

NM = (450, 560, 665, 842, 1400)


answer = partial(answered, "tiles")


@pytest.fixture
def scene(tmp_path):
    """A strip of five bands, turned by 20 degrees; the last one is on the bad-band list."""
    y, x = np.mgrid[:200, :180].astype(float)
    turn = np.deg2rad(20)
    strip = abs((x - 90) * np.cos(turn) + (y - 100) * np.sin(turn)) < 45
    data = np.random.default_rng(3).integers(1, 6000, (5, 200, 180))
    path = tmp_path / "strip.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=5, height=200, width=180, dtype="uint16", nodata=0,
        crs="EPSG:32633", transform=Affine(25, 0, 400_000, 0, -25, 5_000_000),
        compress="deflate", tiled=True, blockxsize=64, blockysize=64,
    ) as ds:  # fmt: skip
        ds.write(np.where(strip, data, 0).astype(np.uint16))
        ds.scales, ds.offsets = (1e-4,) * 5, (0.0,) * 5
        for i, nm in enumerate(NM, 1):
            ds.set_band_description(i, f"HC_{nm}")
            bad = {"bbl": "0"} if nm == 1400 else {}
            ds.update_tags(i, wavelength=str(nm), wavelength_units="nm", **bad)
    return path


def test_tiles_cuts_more_than_the_plain_grid_and_says_so(scene, tmp_path):
    told = answer(scene, "-o", tmp_path / "out", "--size", 24)
    lines = read_lines(tmp_path / "out" / "manifest.jsonl")
    assert told["plain_grid"] < told["patches"] == told["written"] == len(lines)
    assert told["patches"] <= told["upper_bound"]
    assert told["dropped_bands"] == ["HC_1400"] and told["bands"] == 4
    assert told["outputs"]["manifest"] == str(tmp_path / "out" / "manifest.jsonl")
    with rasterio.open(scene) as whole:
        for line in lines:
            with rasterio.open(tmp_path / "out" / line["file"]) as patch:
                window = ((line["row"], line["row"] + 24), (line["col"], line["col"] + 24))
                assert (patch.read() == whole.read((1, 2, 3, 4), window=window)).all()
                assert patch.read().all()
                assert patch.tags(2)["wavelength"] == "560"


def test_a_second_run_goes_on_and_other_settings_are_refused(scene, tmp_path):
    first = answer(scene, "-o", tmp_path / "out", "--size", 30)
    again = answer(scene, "-o", tmp_path / "out", "--size", 30)
    assert (again["written"], again["skipped"]) == (0, first["written"])
    refused = run("tiles", scene, "-o", tmp_path / "out", "--size", 40)
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr and "--size 30" in refused.stderr
    anew = answer(scene, "-o", tmp_path / "out", "--size", 40, "--overwrite")
    tifs = list((tmp_path / "out").glob("*.tif"))
    assert (anew["written"], anew["skipped"]) == (len(tifs), 0)


def test_dry_run_searches_and_writes_nothing(scene, tmp_path):
    done = run("tiles", scene, "-o", tmp_path / "out", "--size", 24, "--dry-run")
    assert done.exit_code == 0
    assert "plain grid" in done.stdout and str(tmp_path / "out") in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["strip.tif"]


def test_no_valid_patch_is_a_warning(scene, tmp_path):
    done = run("tiles", scene, "-o", tmp_path / "out", "--size", 150)
    assert done.exit_code == 0
    assert "warning: no patch of 150 x 150" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["{none}"], 3, "none.tif"),
        (["{scene}", "--size", "0"], 2, "size"),
        (["{scene}", "--size", "181"], 3, "smaller --size"),
        (["{scene}", "--min-valid", "0"], 3, "--min-valid"),
        (["{scene}", "--min-valid", "nan"], 3, "--min-valid"),
        (["{scene}", "-o", "{none}/x"], 2, "folder"),
        (["{scene}", "-o", "{scene}"], 2, "is a file"),
        (["{scene}", "--resolution", "20"], 2, "resolution"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_a_mistake_gets_one_sentence_and_leaves_nothing(words, code, says, scene, tmp_path):
    filled = [w.format(scene=scene, none=tmp_path / "none.tif") for w in words]
    if "-o" not in filled:
        filled += ["-o", tmp_path / "out"]
    done = run("tiles", *filled)
    assert done.exit_code == code, done.output
    assert says in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["strip.tif"]


def test_a_damaged_scene_leaves_no_patches(scene, tmp_path):
    content = bytearray(scene.read_bytes())
    content[len(content) // 2 :] = b"\xff" * len(content[len(content) // 2 :])
    scene.write_bytes(content)
    done = run("tiles", scene, "-o", tmp_path / "out", "--size", 24)
    assert done.exit_code == 3
    assert "damaged" in done.stderr
    assert not (tmp_path / "out").exists()
