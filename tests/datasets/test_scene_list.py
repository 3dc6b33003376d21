"""Which scenes are meant, and whether one has changed."""

import os

import pytest

from kumosan.datasets.errors import FileError
from kumosan.datasets.scene_list import find_scenes, input_digest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two rasters, a product folder, a text, and outputs among them."""
    for name in ("b.tif", "a.TIF", "notes.txt", "out/a/a_mask.tif", "deep/c.tif"):
        place = tmp_path / "in" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"II*\x00")
    (tmp_path / "in" / "S2A_MSIL2A_X.SAFE").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "in"


def names(words, **options):
    return [os.path.basename(p) for p in find_scenes(words, **options)]  # noqa: PTH119


def test_a_folder_stands_for_the_rasters_and_products_directly_in_it(folder):
    assert names(["in"]) == ["S2A_MSIL2A_X.SAFE", "a.TIF", "b.tif"]


def test_a_product_folder_is_one_scene(folder):
    assert names(["in/S2A_MSIL2A_X.SAFE"]) == ["S2A_MSIL2A_X.SAFE"]


def test_a_pattern_finds_what_it_matches_but_no_outputs(folder):
    assert names(["in/**/*.tif"]) == ["b.tif", "c.tif", "a_mask.tif"]
    assert names(["in/**/*.tif"], leave_out="in/out") == ["b.tif", "c.tif"]


def test_a_list_has_a_word_a_line(folder, tmp_path):
    (tmp_path / "list.txt").write_text("# of May\nin/b.tif\n\n  in/a.TIF \nin/*.tif\n")
    assert names(["@list.txt", "in/b.tif"]) == ["b.tif", "a.TIF"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder):
    (folder / "x[1].tif").write_bytes(b"II*\x00")
    assert names(["in/x[1].tif"]) == ["x[1].tif"]


def test_scenes_are_absolute_and_a_missing_one_is_kept_for_its_reader(folder):
    assert find_scenes(["in/none.tif"]) == (str(folder / "none.tif"),)


@pytest.mark.parametrize("word", ["in/*.jp2", "in/out", "@none.txt"])
def test_what_holds_no_scene_is_refused(folder, word):
    with pytest.raises(FileError):
        find_scenes([word])


def test_the_digest_changes_with_the_file_and_with_what_lies_beside_it(folder):
    scene = str(folder / "b.tif")
    first = input_digest(scene)
    assert input_digest(scene) == first
    (folder / "b.hdr").write_text("ENVI")
    second = input_digest(scene)
    (folder / "b.tif").write_bytes(b"II*\x00 more")
    assert len({first, second, input_digest(scene)}) == 3


def test_the_digest_of_a_product_folder_sees_every_file_but_outputs(folder):
    product = folder / "S2A_MSIL2A_X.SAFE"
    first = input_digest(str(product), str(product / "out"))
    (product / "out").mkdir()
    (product / "out" / "x.tif").write_text("x")
    assert input_digest(str(product), str(product / "out")) == first
    (product / "band.jp2").write_text("x")
    assert input_digest(str(product), str(product / "out")) != first
