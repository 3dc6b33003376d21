"""What a patch's mask, or its label, says it is."""

import json

import numpy as np
import pytest
import torch
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from kumosan.datasets.errors import FileError, UnfitError, ValueRangeError
from kumosan.datasets.labelled import ALL_CLASSES, meanings
from kumosan.datasets.samples import CANONICAL_BANDS
from kumosan.datasets.tile import Tile
from kumosan.datasets.write import write_tile
from kumosan.detection.patch_labels import LabelledPatches, PatchLabelDataset, read_patch_labels
from kumosan.detection.patch_truth import HIDDEN, patch_labels, truth

FULL, NO_SHADOW = meanings(ALL_CLASSES), meanings(frozenset((0, 1, 2)))


def labels(classes, valid=None, meaning=FULL):
    mask = torch.from_numpy(classes.astype(np.int64))[None]
    there = (
        torch.ones_like(mask, dtype=torch.bool) if valid is None else torch.from_numpy(valid)[None]
    )
    clear, weight = patch_labels(mask, there, torch.from_numpy(meaning.astype(np.float32))[None])
    return clear.item(), weight.item()


def part(n, code, of=100):
    classes = np.zeros(of, np.uint8)
    classes[:n] = code
    return classes.reshape(10, -1)


@pytest.mark.parametrize("code", [1, 2, 3])
@pytest.mark.parametrize(("n", "clear", "sure"), [(1, 1, 1), (4, 0, 0), (7, 0, 0), (9, 0, 1)])
def test_between_2_and_8_percent_nothing_is_learnt(code, n, clear, sure):
    found = labels(part(n, code))
    assert found[1] == sure
    if sure:
        assert found[0] == clear


def test_pixels_of_which_nobody_knows_may_be_either():
    assert labels(part(10, 255))[1] == 0
    assert labels(part(1, 255)) == (1, 1)


def test_pixels_without_data_do_not_count():
    classes = part(30, 255)
    assert labels(classes, classes != 255) == (1, 1)
    assert labels(part(60, 255), part(60, 255) != 255)[1] == 0  # too little is left


def test_clear_ground_whose_shadows_nobody_drew_counts_less():
    assert labels(part(0, 1), meaning=NO_SHADOW) == (1, pytest.approx(HIDDEN))
    assert labels(part(50, 1), meaning=NO_SHADOW) == (0, 1)


@settings(deadline=None)
@given(st.integers(0, 100), st.integers(1, 3))
def test_the_truth_is_more_than_5_percent(n, code):
    assert truth(part(n, code)) is (n <= 5)


def test_a_patch_of_which_less_than_half_is_known_has_no_truth():
    assert truth(part(51, 255)) is None
    assert truth(part(50, 255)) is True


CLEAR_ONE = "clear/s0_00000_00000.tif"


@pytest.fixture
def patches(tmp_path):
    for i, name in enumerate(("clear", "cloudy", "clear")):
        (tmp_path / name).mkdir(exist_ok=True)
        data = np.full((7, 20 + i, 24), 0.1 if name == "clear" else 0.6, np.float32)
        tile = Tile(data, CANONICAL_BANDS, Affine(10, 0, 3e5, 0, -10, 5e6))
        write_tile(tmp_path / name / f"s{i}_0000{i}_00000.tif", tile)
    return tmp_path


def test_a_folder_and_a_table_say_the_same(patches):
    folder = read_patch_labels(patches)
    assert [(p.clear, p.group) for p in folder] == [(True, "s0"), (True, "s2"), (False, "s1")]
    lines = ["image,label"] + [
        f"{p.image.relative_to(patches)},{'Clear' if p.clear else 'cloudy'}" for p in folder
    ]
    (patches / "labels.csv").write_text("\n".join(lines))
    assert read_patch_labels(patches / "labels.csv") == folder


def test_the_scene_is_the_one_that_the_cut_wrote_down(patches):
    line = {"file": "s1_00001_00000.tif", "source": "products/s9.tif"}
    (patches / "cloudy" / "manifest.jsonl").write_text(json.dumps(line) + "\n")
    assert [p.group for p in read_patch_labels(patches)] == ["s0", "s2", "s9"]


def test_whole_patches_of_any_size_become_samples(patches):
    dataset = PatchLabelDataset(LabelledPatches(read_patch_labels(patches)), size=16)
    for i, clear in enumerate((True, True, False)):
        sample = dataset[i]
        assert sample["image"].shape == (7, 16, 16)
        assert (sample["mask"] == (0 if clear else 1)).all()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("image,label\nx.tif,maybe\n", ValueRangeError),
        ("name,label\nx.tif,clear\n", ValueRangeError),
        ("image,label\nx.tif,clear\n", FileError),
        (f"image,label\n{CLEAR_ONE},clear\n", UnfitError),
        (f"image,label\n{CLEAR_ONE},clear\n{CLEAR_ONE},cloudy\n", ValueRangeError),
        (f"image,label\n{CLEAR_ONE},clear\nclear/../{CLEAR_ONE},clear\n", ValueRangeError),
        ("", UnfitError),
    ],
)
def test_bad_tables_are_refused_in_one_sentence(patches, text, error):
    (patches / "labels.csv").write_text(text)
    with pytest.raises(error) as found:
        read_patch_labels(patches / "labels.csv")
    assert "\n" not in str(found.value)


def test_a_missing_class_is_named(patches):
    for file in (patches / "cloudy").iterdir():
        file.unlink()
    with pytest.raises(UnfitError, match="2 clear and 0 cloudy"):
        read_patch_labels(patches)
    with pytest.raises(FileError):
        read_patch_labels(patches / "none.csv")
