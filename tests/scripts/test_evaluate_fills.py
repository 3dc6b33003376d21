"""``kumosan evaluate fills`` as a person runs it."""

import json
import shutil
from functools import partial

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, BandSet
from kumosan.datasets.splits import Fold
from kumosan.datasets.tile import Tile
from kumosan.datasets.write import write_tile

from .running import run as kumosan

run = partial(kumosan, "evaluate", "fills")


@pytest.fixture
def clear(tmp_path):
    """A catalogue of two clear images."""
    folder = tmp_path / "clear"
    folder.mkdir()
    rows = []
    for i in range(2):
        rng = np.random.default_rng(i)
        fields = np.kron(rng.uniform(0.5, 1.5, (1, 8, 8)), np.ones((1, 6, 6)))
        data = fields * np.float32([0.06, 0.08, 0.08, 0.3])[:, None, None]
        bands = BandSet((BLUE, GREEN, RED, NIR))
        place = Affine(20, 0, 5e5 + 1e4 * i, 0, -20, 5e6)
        write_tile(folder / f"{i}.tif", Tile(np.float32(data), bands, place, CRS.from_epsg(32633)))
        row = {"image": f"{i}.tif", "mask": None, "split": "test", "group": f"place {i}"}
        row |= {"sensor": "camera", "mask_kind": "none", "classes_labelled": "none"}
        rows.append(row | {"role": "clear"})
    (folder / "catalog.json").write_text(json.dumps(rows))
    return folder


def test_table_json_and_page_the_same_every_time_and_everywhere(clear, tmp_path):
    other = tmp_path / "elsewhere" / "set"
    shutil.copytree(clear, other)
    reports = []
    for i, folder in enumerate((clear, other)):
        out = tmp_path / f"r{i}"
        done = run(folder, "--filler", "identity", "--filler", "nearest", "-o", out, "--skies", 1)
        assert done.exit_code == 0, done.output
        assert "| nearest | all | 0." in done.stdout
        assert sorted(p.name for p in out.iterdir()) == ["evaluation.html", "evaluation.json"]
        report = json.loads((out / "evaluation.json").read_text())
        assert list(report["fillers"]) == ["identity", "nearest"]
        for of in report["fillers"].values():
            assert of.pop("seconds") >= 0
            assert of["views"]["clear"]["rmse"] == 0
        reports.append([report["fillers"], report["cases"]])
    assert reports[0] == reports[1]


def test_dry_run_writes_nothing(clear, tmp_path):
    done = run(clear, "-o", tmp_path / "r", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "evaluation.html" in done.stdout
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--filler", "nobody"], "no filler called 'nobody'"),
        (["--filler", "temporal"], "images of one date"),
        (["--split", "train"], "the splits are test"),
        (["--skies", "0"], "skies"),
    ],
)
def test_mistakes_are_told_before_any_work(clear, tmp_path, words, said):
    done = run(clear, *words, "-o", tmp_path / "r")
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert not (tmp_path / "r").exists()


def test_images_with_clouds_are_none_to_paint_on(labelled, tmp_path):
    done = run(labelled, "-o", tmp_path / "r")
    assert done.exit_code == 2
    assert "none of them clear" in done.output


def test_a_fold_is_what_a_training_left_out(clear, tmp_path):
    judged = []
    for number in (0, 1):
        out = tmp_path / str(number)
        done = run(clear, "--filler", "identity", "--fold", f"{number}/2", "-o", out)
        assert done.exit_code == 0, done.output
        groups = {c["group"] for c in json.loads((out / "evaluation.json").read_text())["cases"]}
        assert all(Fold(number, 2).holds(group) for group in groups)
        judged += groups
    assert sorted(judged) == ["place 0", "place 1"]
