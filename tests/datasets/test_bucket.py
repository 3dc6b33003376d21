"""An S3 stand-in on this machine: what is listed, fetched and sent."""

import pytest

from kumosan.datasets import bucket
from kumosan.datasets.errors import FileError, OutputError, UsageError
from kumosan.datasets.scene_list import find_scenes, input_digest


@pytest.mark.parametrize("text", ["s3://scenes/a/b.tif", "/vsis3/scenes/a/b.tif"])
def test_both_spellings_mean_the_same(text):
    assert bucket.is_address(text)
    assert bucket.address(text) == "s3://scenes/a/b.tif"


@pytest.mark.parametrize("text", ["s3://", "s3://bucket", "s3://bucket/../x"])
def test_an_address_without_a_key_is_refused(text):
    with pytest.raises(UsageError):
        bucket.address(text)


def test_folders_patterns_and_products_are_found(s3):
    for key in (
        "in/a.tif",
        "in/b.tif",
        "in/notes.txt",
        "in/X.SAFE/MTD_MSIL2A.xml",
        "LC08/x_MTL.txt",
    ):
        s3.pipe_file(f"scenes/{key}", b"x")
    assert find_scenes(["s3://scenes/in/"]) == tuple(
        f"s3://scenes/in/{name}" for name in ("X.SAFE", "a.tif", "b.tif")
    )
    assert find_scenes(["/vsis3/scenes/in/?.tif"]) == (
        "s3://scenes/in/a.tif",
        "s3://scenes/in/b.tif",
    )
    assert find_scenes(["s3://scenes/LC08"]) == ("s3://scenes/LC08",)
    with pytest.raises(FileError):
        find_scenes(["s3://scenes/none/*.tif"])


def test_a_file_comes_with_those_named_like_it_and_a_folder_whole(s3, tmp_path):
    for key in ("e/scene.bsq", "e/scene.hdr", "e/scene2.hdr", "X.SAFE/MTD.xml", "X.SAFE/G/b.jp2"):
        s3.pipe_file(f"scenes/{key}", key.encode())
    one = bucket.fetch("s3://scenes/e/scene.bsq", tmp_path)
    assert one.read_bytes() == b"e/scene.bsq"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scene.bsq", "scene.hdr"]
    product = bucket.fetch("s3://scenes/X.SAFE", tmp_path)
    assert (product / "G" / "b.jp2").read_bytes() == b"X.SAFE/G/b.jp2"


def test_what_is_sent_is_listed_with_its_size_and_a_stamp_of_its_content(s3, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.txt").write_text("one")
    bucket.send(tmp_path, "s3://scenes/out/x")
    ((name, size, stamp),) = bucket.facts("s3://scenes/out/x")
    assert (name, size) == ("deep/a.txt", 3)
    digest = input_digest("s3://scenes/out/x")
    (tmp_path / "deep" / "a.txt").write_text("two")
    bucket.send(tmp_path, "s3://scenes/out/x")
    assert bucket.facts("s3://scenes/out/x")[0][2] != stamp
    assert input_digest("s3://scenes/out/x") != digest
    bucket.remove("s3://scenes/out/x", ["deep/a.txt"])
    assert bucket.facts("s3://scenes/out/x") == []


def test_missing_things_are_told_in_a_sentence(s3, tmp_path):
    with pytest.raises(FileError, match=r"nothing at s3://scenes/none\.tif"):
        bucket.fetch("s3://scenes/none.tif", tmp_path)
    with pytest.raises(FileError, match="no-such-bucket"):
        bucket.send(_filled(tmp_path / "f"), "s3://no-such-bucket/x")


def test_no_permission_names_the_credentials():
    with pytest.raises(OutputError, match="AWS_PROFILE"), bucket.explained("s3://a/b"):
        raise PermissionError("AccessDenied")


def _filled(folder):
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    return folder
