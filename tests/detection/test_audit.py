"""Planted errors in labels are found, for the right reason, and left out of training."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine

from kumosan.datasets.catalog import read_catalog
from kumosan.datasets.configuration import placed, validated
from kumosan.datasets.errors import FileError, ValueRangeError
from kumosan.datasets.labels.decisions import read_decisions, trusted, write_decisions
from kumosan.datasets.read import read, read_mask
from kumosan.datasets.tile import CloudMask
from kumosan.datasets.write import write_mask, write_tile
from kumosan.detection.audit import audit, duplicates, find_shift
from kumosan.detection.audit_report import write_audit
from kumosan.detection.train_config import SegmenterConfig
from kumosan.detection.train_data import MixtureBuilder

from .small_set import make


class Threshold:
    """A rule that finds the clouds and shadows of `small_set` exactly, and knows no thin cloud."""

    def mask(self, tile):
        shadow = tile.data[3] < 0.2
        return CloudMask.like(tile, np.where(tile.data[0] > 0.4, 1, np.where(shadow, 3, 0)))


def relabel(folder, i, change):
    """Change the label of tile ``i`` of the small set."""
    path = folder / f"t{i}_mask.tif"
    old = read_mask(path)
    write_mask(path, CloudMask(change(old.classes), old.transform, old.crs), overwrite=True)


@pytest.fixture
def corrupt(tmp_path):
    """Of ten labels: one empty, one full, one shifted by 12 pixels, one of another tile."""
    folder = make(tmp_path, labelled=10)
    other = read_mask(folder / "t9_mask.tif").classes
    relabel(folder, 1, np.zeros_like)
    relabel(folder, 3, np.ones_like)
    relabel(folder, 5, lambda c: np.roll(c, (12, 0), axis=(0, 1)))
    relabel(folder, 7, lambda c: np.roll(other, 30, axis=1))
    return folder


def judged(folder):
    rows = [r for r in read_catalog(folder) if r.mask]
    return audit(rows, lambda row: Threshold())


def test_planted_errors_come_first(corrupt):
    found = judged(corrupt)
    assert {s.row.id for s in found[:4]} == {"t1.tif", "t3.tif", "t5.tif", "t7.tif"}
    assert found[3].score > 3 * found[4].score
    by = {s.row.id: s for s in found}
    assert by["t1.tif"].reason in ("empty or full", "the prediction disagrees")
    assert by["t1.tif"].constant > 0.05 and by["t3.tif"].constant > 0.5
    assert by["t5.tif"].shift_px == (12, 0) and "shifted by 12 rows" in by["t5.tif"].reason


def test_shadow_that_nobody_drew_is_no_disagreement(tmp_path):
    """In the small set every second tile has shadow in class 0, where the rule finds it."""
    found = judged(make(tmp_path, labelled=6))
    undrawn = [s for s in found if 3 not in s.row.labelled]
    assert undrawn and all(s.score == 0 for s in undrawn)


@pytest.mark.parametrize("offset", [(0, 0), (7, -11), (-20, 4)])
def test_a_shift_is_measured_in_both_directions(offset):
    seen = np.zeros((80, 90), bool)
    seen[30:50, 40:62] = True
    found, gain = find_shift(np.roll(seen, offset, axis=(0, 1)), seen)
    assert found == offset and (gain > 0.1) == (offset != (0, 0))


def test_no_shift_is_seen_where_nothing_can_move():
    assert find_shift(np.zeros((9, 9), bool), np.ones((9, 9), bool)) == ((0, 0), 0.0)


def test_one_image_in_two_splits_is_named(tmp_path):
    folder = make(tmp_path, labelled=4)
    (folder / "copy.tif").write_bytes((folder / "t2.tif").read_bytes())
    rows = json.loads((folder / "catalog.json").read_text())
    rows.append({**rows[2], "image": "copy.tif", "split": "test"})
    (folder / "catalog.json").write_text(json.dumps(rows))
    everything = [r for r in read_catalog(folder) if r.mask]
    train, test = ([r for r in everything if r.split == s] for s in ("train", "test"))
    found = audit(train, lambda row: Threshold(), test)
    assert [(s.row.id, s.duplicate_of) for s in found if s.duplicate_of] == [("t2.tif", "copy.tif")]


def test_what_is_no_optical_image_is_no_copy_of_one(tmp_path):
    """A catalogue may list radar images, and files that are lost, in other splits."""
    folder = make(tmp_path, labelled=2)
    grid = {"transform": Affine(20, 0, 3e5, 0, -20, 5e6), "crs": "EPSG:32633"}
    profile = {"driver": "GTiff", "count": 2, "width": 64, "height": 64, "dtype": "float32"}
    with rasterio.open(folder / "s1.tif", "w", **profile, **grid) as file:
        file.write(np.full((2, 64, 64), -12, np.float32))
        file.descriptions = ("VV", "VH")
    rows = [r for r in read_catalog(folder) if r.mask]
    others = [replace(rows[0], image=folder / name) for name in ("s1.tif", "none.tif")]
    assert duplicates(rows, others) == {}
    assert duplicates(rows, [*others, rows[1]]) == {rows[1].id: rows[1].id}


def test_a_label_that_nothing_speaks_against_says_so(tmp_path):
    (first, *_) = judged(make(tmp_path, labelled=2))
    assert first.score == 0 and first.reason == "nothing speaks against it"


def test_a_tile_full_of_cloud_is_shown_white_as_its_chip_was(tmp_path):
    """A stretch of its own would show the folds of the cloud as grey rock."""
    folder = make(tmp_path, labelled=1)
    tile = read(folder / "t0.tif")
    cloud = 0.5 + 0.02 * np.random.default_rng(0).random(tile.data.shape, np.float32)
    write_tile(folder / "t0.tif", replace(tile, data=cloud, stored=None), overwrite=True)
    relabel(folder, 0, np.ones_like)
    (found,) = judged(folder)
    assert (found.sight.image > 220).all()


def test_the_report_escapes_names_and_proposes_only_suspects(corrupt, tmp_path):
    rows = json.loads((corrupt / "catalog.json").read_text())
    (corrupt / "t1.tif").rename(corrupt / "<b>1.tif")
    rows[1]["image"] = "<b>1.tif"
    (corrupt / "catalog.json").write_text(json.dumps(rows))
    out = tmp_path / "audit"
    out.mkdir()
    write_audit(out, judged(corrupt), 4)
    page = (out / "audit.html").read_text()
    assert all(f"</span>{name}</li>" in page for name in ("thick cloud", "thin cloud", "shadow"))
    assert "<b>1" not in page and "&lt;b&gt;1.tif" in page and page.count("<img") == 12
    with (out / "suspects.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["decision"] for row in table] == ["relabel"] * 4 + ["keep"] * 6
    assert {k for k, v in read_decisions(out / "decisions.csv").items() if v == "relabel"} == {
        "<b>1.tif", "t3.tif", "t5.tif", "t7.tif"
    }  # fmt: skip


def test_training_leaves_out_what_is_not_kept(tmp_path):
    folder = make(tmp_path, labelled=4)
    decided = [("t0.tif", "drop", "x"), ("t1.tif", "keep", ""), ("t2.tif", "relabel", "y")]
    write_decisions(folder / "d.csv", decided)
    facts = {"sources": [{"kind": "labelled", "decisions": "d.csv"}]}
    config = validated(SegmenterConfig, placed(facts, folder), "x")
    mixture = MixtureBuilder(config, folder).build()
    assert mixture.description.startswith("2 labelled tiles")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("image,decision\na.tif,maybe\n", "maybe"),
        ("image,decision\na.tif,keep\na.tif,drop\n", "again"),
        ("name\nx\n", "decision ''"),
    ],
)
def test_a_bad_decision_file_is_one_sentence(text, says, tmp_path):
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(ValueRangeError, match=says):
        read_decisions(tmp_path / "d.csv")


def test_decisions_about_other_images_or_no_file_are_refused(tmp_path):
    write_decisions(tmp_path / "d.csv", [("z.tif", "keep", "")])
    with pytest.raises(ValueRangeError, match=r"z\.tif"):
        trusted(["a.tif"], tmp_path / "d.csv")
    with pytest.raises(FileError):
        trusted(["a.tif"], tmp_path / "none.csv")
