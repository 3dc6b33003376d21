"""Products in the archives they are delivered in, and archives that mean harm."""

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from rasterio.windows import Window

from kumosan.datasets import open_scene, read
from kumosan.datasets.archive import Member, head
from kumosan.datasets.errors import FileError, KumosanError


def zipped(folder: Path, method: int = zipfile.ZIP_STORED, top: bool = True) -> Path:
    """``folder`` as ``NAME.SAFE.zip``; with its own name as top folder, as it is delivered."""
    path = folder.parent / "archives {1}" / f"{folder.stem}.SAFE.zip"
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as box:
        for f in sorted(folder.rglob("*")):
            if f.is_file():
                inner = f.relative_to(folder.parent if top else folder)
                box.write(f, inner.as_posix())
    return path


def tarred(folder: Path, prefix: str = "") -> Path:
    path = folder.parent / "archives {1}" / f"{folder.name}.tar"
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as box:
        for f in sorted(folder.iterdir()):
            box.add(f, prefix + f.name)
    return path


def same(a, b):
    assert a.bands == b.bands
    assert (a.encoding, a.acquired, a.tags) == (b.encoding, b.acquired, b.tags)
    assert (a.transform, a.crs) == (b.transform, b.crs)
    assert np.array_equal(a.stored, b.stored)
    assert np.array_equal(a.data, b.data, equal_nan=True)
    assert (a.quality is None) == (b.quality is None)
    if a.quality is not None:
        assert np.array_equal(a.quality.codes, b.quality.codes)


@pytest.mark.parametrize("pattern", ["N0509", "MSIL1C"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("top", [True, False])
def test_a_zipped_product_is_the_folder(make_safe, pattern, method, top):
    folder = make_safe(pattern, rng=np.random.default_rng(3))
    path = zipped(folder, method, top)
    from_folder = read(folder, resolution_m=10)
    shutil.rmtree(folder)
    tile = read(path, resolution_m=10)
    same(tile, from_folder)
    assert tile.path == str(path)
    part = open_scene(path, resolution_m=10).read(Window(3, 5, 7, 6))
    assert np.array_equal(part.stored, tile.stored[:, 5:11, 3:10])
    assert sorted(path.parent.iterdir()) == [path]  # nothing extracted


@pytest.mark.parametrize("prefix", ["", "./"])
def test_a_tarred_scene_is_the_folder(landsat, prefix):
    path = tarred(landsat, prefix)
    from_folder = read(landsat)
    shutil.rmtree(landsat)
    tile = read(path)
    same(tile, from_folder)
    assert tile.path == str(path)
    assert sorted(path.parent.iterdir()) == [path]


NAMES = ["../evil.jp2", "/etc/passwd", "a/../../b", "C:/evil", "a\\..\\b"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_outside_the_archive_is_refused(tmp_path, name, kind):
    good = {"zip": "S2A.SAFE/MTD_MSIL1C.xml", "tar": "LC08_MTL.json"}[kind]
    path = tmp_path / f"LC08.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as box:
            for n in (good, name):
                box.writestr(n, "<x/>")
    else:
        with tarfile.open(path, "w") as box:
            for n in (good, name):
                box.addfile(tarfile.TarInfo(n))
    with pytest.raises(FileError, match="do not use it"):
        open_scene(path)


def links(folder: Path) -> Path:
    """A TAR whose SR_B3 is a link to another file of the machine."""
    path = folder.parent / "links.tar"
    with tarfile.open(path, "w") as box:
        for f in sorted(folder.iterdir()):
            if f.name.endswith("SR_B3.TIF"):
                info = tarfile.TarInfo(f.name)
                info.type, info.linkname = tarfile.SYMTYPE, str(f)
                box.addfile(info)
            else:
                box.add(f, f.name)
    return path


def encrypted(folder: Path) -> Path:
    """A ZIP whose flags say that its members are encrypted."""
    path = zipped(folder)
    content = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(magic)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(magic, at + 4)
    path.write_bytes(content)
    return path


def vrt(folder: Path) -> Path:
    next(folder.rglob("*_B03_20m.jp2")).write_text("<VRTDataset/>")
    return zipped(folder)


def two(folder: Path) -> Path:
    path = zipped(folder)
    with zipfile.ZipFile(path, "a") as box:
        box.writestr("OTHER.SAFE/MTD_MSIL2A.xml", "<x/>")
    return path


def cut(path: Path, share: float = 0.5) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def without(folder: Path, pattern: str) -> Path:
    next(folder.rglob(pattern)).unlink()
    return folder


def gzipped(folder: Path) -> Path:
    path = tarred(folder)
    with tarfile.open(path, "w:gz") as box:
        box.add(folder, "")
    return path


FAULTS = {
    "zip without product": ("bare", lambda f: f, "no MTD_MSIL1C"),
    "zip cut": ("make_safe", lambda f: cut(zipped(f)), "damaged or encrypted"),
    "zip encrypted": ("make_safe", encrypted, "damaged or encrypted"),
    "zip of two": ("make_safe", two, "holds 2 products"),
    "zip with a VRT": ("make_safe", vrt, "GDAL VRT"),
    "zip lacks a band": ("make_safe", lambda f: zipped(without(f, "*_B09*")), "band B09"),
    "zip lacks MTD_TL": ("make_safe", lambda f: zipped(without(f, "MTD_TL.xml")), "0 granules"),
    "tar cut": ("landsat", lambda f: cut(tarred(f)), "damaged or encrypted"),
    "tar compressed": ("landsat", gzipped, "damaged or encrypted"),
    "tar lacks MTL": ("landsat", lambda f: tarred(strip(f, "*_MTL.*")), "no MTL file"),
    "tar lacks a band": ("landsat", lambda f: tarred(strip(f, "*SR_B3.TIF")), "is missing"),
    "tar with a link": ("landsat", links, "is missing"),
    "tar in a folder": ("landsat", lambda f: tarred(f, "inside/"), "at its top"),
}


def strip(folder: Path, pattern: str) -> Path:
    for f in list(folder.glob(pattern)):
        f.unlink()
    return folder


@pytest.fixture
def bare(tmp_path):
    path = tmp_path / "S2A.SAFE.zip"
    with zipfile.ZipFile(path, "w") as box:
        box.writestr("readme.txt", "hello")
    return path


@pytest.mark.parametrize("case", FAULTS)
def test_fault(case, request):
    fixture, damage, message = FAULTS[case]
    made = request.getfixturevalue(fixture)
    path = damage(made("N0509") if fixture == "make_safe" else made)
    with pytest.raises(KumosanError) as caught:
        read(path)
    assert type(caught.value) is FileError
    assert message in str(caught.value)


def test_a_zip_bomb_is_read_up_to_the_limit_only(tmp_path):
    path = tmp_path / "S2A.SAFE.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("S2A.SAFE/MTD_MSIL1C.xml", b"<" * 70_000_000)
    assert len(head(Member(path, "S2A.SAFE/MTD_MSIL1C.xml"), 1000)) == 1000
    with pytest.raises(FileError, match="larger than 64 MiB"):
        open_scene(path)


def test_an_archive_that_changes_is_listed_anew(tmp_path):
    path = tmp_path / "a.tar"
    for names in (["a.txt"], ["a.txt", "sub/b.txt"]):
        with tarfile.open(path, "w") as box:
            for n in names:
                info = tarfile.TarInfo(n)
                info.size = 5
                box.addfile(info, io.BytesIO(b"hello"))
        assert [m.inner for m in Member(path).rglob("*.txt")] == names
    assert [m.inner for m in Member(path).glob("*/*.txt")] == ["sub/b.txt"]
    assert (Member(path) / "sub" / "b.txt").is_file()
    assert head(Member(path, "sub/b.txt"), 4) == b"hell"
    assert Member(path, "sub/b.txt").parent.parent == Member(path)
    with pytest.raises(FileNotFoundError):
        head(Member(path, "no"), 4)
