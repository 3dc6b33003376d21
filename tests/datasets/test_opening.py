"""Opening: only what the magic bytes say, only as large as allowed, never half of it."""

import os

import numpy as np
import pytest
import rasterio

from kumosan.datasets import read
from kumosan.datasets.errors import FileError
from kumosan.datasets.opening import MAX_PIXELS, driver_of, open_raster

DATA = np.full((3, 8, 8), 0.25, np.float32)
NM = [490, 560, 665]


@pytest.mark.parametrize("options", [{}, {"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"}])
def test_every_kind_of_tiff(make_tif, options):
    path = make_tif(DATA, nm=NM, **options)
    assert driver_of(path) == "GTiff"
    assert (read(path).data == 0.25).all()
    if "BIGTIFF" in options:
        assert path.read_bytes()[:4] == b"II+\x00"


@pytest.mark.parametrize("name", ["a b.tif", "wölkchen.tif", "a!b.tif", "zip:x.tif", "50%#?.tif"])
def test_file_names_are_never_addresses(make_tif, tmp_path, monkeypatch, name):
    make_tif(DATA, "plain.tif", nm=NM).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert (read(name).data == 0.25).all()


def test_a_vrt_never_opens_the_file_it_names(make_tif, tmp_path):
    """The same text opens with GDAL's own choice of driver: the attack is real."""
    secret = make_tif(DATA, "secret.tif", nm=NM)
    vrt = tmp_path / "scene.tif"
    vrt.write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Float32" band="1">'
        f"<SimpleSource><SourceFilename>{secret}</SourceFilename></SimpleSource>"
        "</VRTRasterBand></VRTDataset>"
    )
    with rasterio.open(vrt) as ds:
        assert (ds.read(1) == 0.25).all()
    with pytest.raises(FileError, match="VRT"):
        read(vrt)


def test_the_default_limit_lets_a_whole_sentinel_2_scene_pass():
    assert MAX_PIXELS > 10980 * 10980 * 13


def test_a_declared_300_gb_is_refused_without_allocation(make_tif):
    """A sparse file: a few kilobytes on disk, 300 GB when read."""
    import resource

    path = make_tif(DATA[:, :1, :1], "huge.tif", nm=NM)
    with rasterio.open(
        path, "w", driver="GTiff", width=158_000, height=158_000, count=3, dtype="float32",
        SPARSE_OK="TRUE", tiled=True, blockxsize=4096, blockysize=4096, BIGTIFF="YES",
    ):  # fmt: skip
        pass
    assert path.stat().st_size < 10e6
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileError, match="--max-pixels 74892000000"):
        read(path, bands="red,green,nir", scale=1.0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_the_limit_counts_samples(make_tif):
    path = make_tif(DATA, nm=NM)
    assert read(path, max_pixels=192).shape == (8, 8)
    with pytest.raises(FileError, match="192 samples"):
        read(path, max_pixels=191)


def test_errors_of_the_body_pass_through(make_tif):
    with pytest.raises(KeyError), open_raster(make_tif(DATA, nm=NM)):
        raise KeyError("mine")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable(make_tif):
    path = make_tif(DATA, nm=NM)
    path.chmod(0)
    with pytest.raises(FileError, match="Permission denied"):
        read(path)
