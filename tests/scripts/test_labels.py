"""``kumosan labels`` as a person runs it."""

from functools import partial

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, BandSet
from kumosan.datasets.catalog import read_catalog
from kumosan.datasets.read import read_mask
from kumosan.datasets.tile import Tile
from kumosan.datasets.write import write_tile

from .running import answer as answered
from .running import run as kumosan

CLOUD = np.s_[8:20, 4:16]


run = partial(kumosan, "labels")
answer = partial(answered, "labels")


def push(tool, patches, task, *more) -> dict:
    args = ("--project", "P", "--offline", task, "--detector", "hot")
    return answer("push", tool, patches, *args, *more)


@pytest.fixture
def patches(tmp_path):
    """Two patches: one with a white cloud, one without."""
    folder = tmp_path / "patches"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(2):
        ground = np.array([0.06, 0.07, 0.06, 0.3], np.float32)[:, None, None]
        data = (ground * (1 + 0.1 * rng.random((4, 32, 32)))).astype(np.float32)
        if i == 0:
            data[(slice(None), *CLOUD)] = 0.6
        grid = Affine(20, 0, 4e5 + 640 * i, 0, -20, 5e6)
        bands = BandSet((BLUE, GREEN, RED, NIR))
        path = folder / f"strip_00000_{32 * i:05d}.tif"
        write_tile(path, Tile(data, bands, grid, CRS.from_epsg(32633)))
    return folder


@pytest.mark.parametrize("tool", ["cvat", "labelbox"])
def test_push_offline_says_what_it_wrote(tool, patches, tmp_path):
    told = push(tool, patches, tmp_path / "task")
    assert (told["chips"], told["folder"]) == (2, str(tmp_path / "task"))
    names = {p.name for p in (tmp_path / "task").iterdir()}
    rest = {
        "cvat": {"labels.json", "annotations.xml"},
        "labelbox": {"ontology.json", "data_rows.json", "prelabels.ndjson"},
    }
    assert names == {"chips", "chips.json"} | rest[tool]


def test_push_and_pull_and_what_lies_there_then(patches, tmp_path):
    push("cvat", patches, tmp_path / "task")
    told = answer("pull", "cvat", tmp_path / "task" / "annotations.xml", "-o", tmp_path / "out")
    assert (told["masks"], told["patches"], told["catalog_rows"]) == (2, 2, 2)
    mask = read_mask(tmp_path / "out" / "strip_00000_00000_mask.tif")
    assert (mask.classes[CLOUD] > 0).all() and mask.crs == CRS.from_epsg(32633)
    assert [row.group for row in read_catalog(tmp_path / "out")] == ["strip"] * 2
    table = (tmp_path / "out" / "patches.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in table] == ["label", "cloudy", "clear"]
    again = run("pull", "cvat", tmp_path / "task" / "annotations.xml", "-o", tmp_path / "out")
    assert again.exit_code == 2 and "--overwrite" in again.stderr


def test_two_labels_of_a_chip_name_the_option_that_helps(patches, tmp_path):
    push("cvat", patches, tmp_path / "task")
    xml = tmp_path / "task" / "annotations.xml"
    name = "strip_00000_00000.png"
    xml.write_text(xml.read_text().replace("strip_00000_00032.png", name))
    refused = run("pull", "cvat", xml, "-o", tmp_path / "out")
    assert refused.exit_code == 3
    assert name in refused.stderr and "--on-conflict" in refused.stderr
    assert not (tmp_path / "out").exists()
    for how in ("choose", "vote"):
        told = answer("pull", "cvat", xml, "-o", tmp_path / how, "--on-conflict", how)
        assert told["masks"] == 1


def test_dry_runs_write_nothing(patches, tmp_path):
    task = tmp_path / "task"
    told = push("cvat", patches, task, "--dry-run")
    assert told["dry_run"] and not task.exists()
    push("cvat", patches, task)
    told = answer("pull", "cvat", task, "-o", tmp_path / "out", "--dry-run")
    assert told["chips"] == 2 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["push", "labelbox", "{patches}", "--project", "P"], 2, "LABELBOX_API_KEY"),
        (["push", "cvat", "{patches}", "--project", "P"], 2, "CVAT_USERNAME"),
        (["pull", "labelbox", "-o", "out"], 2, "EXPORT"),
        (["pull", "labelbox", "-o", "out", "--project", "P"], 2, "LABELBOX_API_KEY"),
        (["pull", "cvat", "none.xml", "-o", "out"], 3, "none.xml"),
        (["push", "cvat", "none", "--project", "P", "--offline", "t"], 3, "none"),
        (["pull", "cvat", "none.xml", "-o", "out", "--classes-labelled", "x"], 3, "'x'"),
        (["audit", "none"], 3, "none"),
        (["suggest", "none"], 3, "none"),
    ],
)
def test_a_mistake_gets_one_sentence(words, code, says, patches, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("LABELBOX_API_KEY", "CVAT_ACCESS_TOKEN", "CVAT_USERNAME", "CVAT_HOST"):
        monkeypatch.delenv(name, raising=False)
    done = run(*(w.format(patches=patches) for w in words))
    assert done.exit_code == code, done.output
    assert says in done.stderr and len(done.stderr.strip().splitlines()) <= 2
    assert [p.name for p in tmp_path.iterdir()] == ["patches"]
