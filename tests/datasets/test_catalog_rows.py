"""The catalogue: rows are checked, and every error names its row."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from kumosan.datasets.catalog import CatalogTiles, is_clear, read_catalog
from kumosan.datasets.errors import FileError, KumosanError, ValueRangeError
from kumosan.datasets.labelled import meanings, parse_classes
from kumosan.datasets.tile import CloudMask
from kumosan.datasets.write import write_mask

GOOD = {
    "image": "train/a.tif", "mask": "train/a_mask.tif", "split": "train", "group": "alps",
    "sensor": "Sentinel-2 MSI", "mask_kind": "human", "classes_labelled": "clear, cloud",
    "licence": "CC0",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    (root / "train").mkdir(parents=True)
    for name in ("a.tif", "a_mask.tif", "b.tif"):
        (root / "train" / name).write_bytes(b"x")
    (tmp_path / "outside.tif").write_bytes(b"x")
    (root / "link.tif").symlink_to(tmp_path / "outside.tif")
    return root


def write(folder: Path, rows) -> Path:
    (folder / "catalog.json").write_text(rows if isinstance(rows, str) else json.dumps(rows))
    return folder


def test_a_row(folder):
    other = GOOD | {"image": "train/b.tif", "mask": None, "classes_labelled": "none"}
    first, second = read_catalog(write(folder, [GOOD, other]))
    assert first.id == "train/a.tif"
    assert first.image == folder / "train" / "a.tif"
    assert first.mask == folder / "train" / "a_mask.tif"
    assert (first.split, first.group, first.sensor) == ("train", "alps", "Sentinel-2 MSI")
    assert first.labelled == {0, 1}
    assert first.more == {"licence": "CC0"}
    assert second.mask is None and second.labelled == frozenset()
    assert hash(first) != hash(second)


BAD = {
    "no JSON": ("[", FileError, "cannot be read"),
    "not a list": ({"rows": []}, FileError, "a JSON object"),
    "a row that is a text": ([GOOD, "x"], ValueRangeError, "row 1 .* a JSON text"),
    "no group": ([{k: GOOD[k] for k in GOOD if k != "group"}], ValueRangeError, "row 0 .*group"),
    "an empty split": ([GOOD | {"split": " "}], ValueRangeError, r"row 0 .*train/a.tif.*'split'"),
    "a number for a sensor": ([GOOD | {"sensor": 8}], ValueRangeError, "'sensor' = 8"),
    "no mask entry": ([{k: v for k, v in GOOD.items() if k != "mask"}], ValueRangeError, "'mask'"),
    "a mask that is a list": ([GOOD | {"mask": []}], ValueRangeError, "'mask' ="),
    "the same image twice": ([GOOD, GOOD], ValueRangeError, "row 1 .* again"),
    "an unknown class": ([GOOD | {"classes_labelled": "fog"}], ValueRangeError, "'fog'"),
    "a path up": ([GOOD | {"image": "../outside.tif"}], FileError, "row 0 .*inside the catalogue"),
    "a path up and down": ([GOOD | {"image": "train/../train/a.tif"}], FileError, "without .."),
    "an absolute path": ([GOOD | {"mask": "/etc/passwd"}], FileError, "mask path '/etc/passwd'"),
    "a backslash": ([GOOD | {"image": "..\\outside.tif"}], FileError, "inside"),
    "a link that leads out": ([GOOD | {"image": "link.tif"}], FileError, "inside"),
    "a missing file": ([GOOD | {"image": "train/c.tif"}], FileError, "does not exist"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_catalogue_is_refused_by_row(folder, name):
    rows, error, words = BAD[name]
    with pytest.raises(error, match=words):
        read_catalog(write(folder, rows))


def test_a_missing_catalogue(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        read_catalog(tmp_path / "catalog.json")


CLEARNESS = {
    "a role decides": ({"role": "clear", "mask_kind": "none"}, True),
    "a role decides against an empty mask": ({"role": "smoke", "class_pixels": {"0": 9}}, False),
    "a mask drawn by people": ({"class_pixels": {"0": 9, "1": 0, "255": 3}}, True),
    "a single pixel of shadow": ({"class_pixels": {"0": 9999, "3": 1}}, False),
    "nothing known": ({"class_pixels": {"0": 0, "255": 3}}, False),
    "a mask by a machine": ({"class_pixels": {"0": 9}, "mask_kind": "automatic"}, False),
}


@pytest.mark.parametrize("name", CLEARNESS)
def test_a_clear_image_is_said_or_drawn_so(folder, name):
    facts, clear = CLEARNESS[name]
    (row,) = read_catalog(write(folder, [GOOD | facts]))
    assert is_clear(row) is clear


@pytest.mark.parametrize(("codes", "clear"), [((0, 255), True), ((0, 2), False), ((255,), False)])
def test_a_mask_that_the_catalogue_does_not_count_is_opened(folder, codes, clear):
    classes = np.resize(np.array(codes, np.uint8), (16, 16))
    mask = CloudMask(classes, Affine(20, 0, 3e5, 0, -20, 5e6))
    write_mask(folder / GOOD["mask"], mask, overwrite=True)
    (row,) = read_catalog(write(folder, [GOOD]))
    assert is_clear(row) is clear


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("clear, thick cloud, thin cloud", {0, 1, 2}),
        ("clear, cloud (stored as 1); no shadow, no thin", {0, 1}),
        ("clear, cloud, cirrus (thin), cloud shadow; dilated cloud stored as 255", {0, 1, 2, 3}),
        ("clear, cloud (stored as 1), cloud shadow; no thin", {0, 1, 3}),
    ],
)
def test_classes_in_words(text, codes):
    assert parse_classes(text) == codes


def test_unlabelled_classes_hide_among_the_others():
    assert meanings(frozenset((0, 1, 2, 3))).tolist() == np.eye(4, dtype=bool).tolist()
    both = meanings(frozenset((0, 1)))
    assert both.astype(int).tolist() == [[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_other_bytes_or_another_time_are_another_image(folder):
    product = folder / "train" / "scene.SAFE"
    product.mkdir()
    (product / "b.jp2").write_bytes(b"xy")
    rows = [GOOD, GOOD | {"image": "train/scene.SAFE", "mask": None, "classes_labelled": "none"}]
    tiles = CatalogTiles(read_catalog(write(folder, rows)))
    first, second = before = tiles.stamps()
    assert first[0] == str(folder.resolve() / "train" / "a.tif") and second[0] == str(product)
    assert [facts[0][:2] for _, facts in before] == [("a.tif", 1), ("b.jp2", 2)]
    os.utime(product / "b.jp2", ns=(0, 5))
    assert tiles.stamps() == [first, (second[0], [("b.jp2", 2, 5)])] != before


def test_every_row_of_the_real_catalogue(data, catalog):
    rows = read_catalog(data)
    assert [r.id for r in rows] == [r["image"] for r in catalog]
    human = tuple(r for r in rows if r.split == "train" and r.mask_kind == "human")[:2]
    tiles = pickle.loads(pickle.dumps(CatalogTiles(human)))
    assert len(tiles) == 2
    for item, row in zip(tiles, human, strict=True):
        assert item.mask.classes.shape == item.tile.shape
        assert (item.id, item.group) == (row.id, row.group)


def test_radar_is_refused_by_its_reader_not_by_the_catalogue(data):
    radar = tuple(r for r in read_catalog(data) if r.sensor.startswith("Sentinel-1"))
    with pytest.raises(KumosanError, match="radar"):
        CatalogTiles(radar)[0]
