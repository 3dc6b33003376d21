"""COGs keep every number and all their metadata, and are never half written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rio_cogeo.cogeo import cog_validate

from kumosan.datasets import cog, cog_parts
from kumosan.datasets.cog import write_cog
from kumosan.datasets.errors import OutputError, ValueRangeError

UTM = CRS.from_epsg(32610)
NORTH_UP = Affine(10, 0, 500000, 0, -10, 4e6)
INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
DTYPES = [*INTEGERS, "float32", "float64", "complex64", "complex128"]


def numbers(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Every bit pattern may occur, NaN payloads included."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.random.default_rng(1).integers(0, 256, size, np.uint8).view(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_keeps_its_bits(tmp_path: Path, dtype: str) -> None:
    array = numbers(dtype, (2, 70, 41))
    write_cog(tmp_path / "a.tif", array, transform=NORTH_UP, crs=UTM)
    with rasterio.open(tmp_path / "a.tif") as back:
        assert back.dtypes == (dtype, dtype)
        assert back.read().tobytes() == array.tobytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif"]


@pytest.mark.parametrize(
    ("transform", "crs"),
    [
        (NORTH_UP, UTM),
        (Affine(10, 3, 500000, 3, -10, 4e6), UTM),
        (Affine(10, 0, 500000, 0, 10, 4e6), UTM),
        (Affine(1e-4, 0, -122.123456789, 0, -1e-4, 37.987654321), CRS.from_epsg(4326)),
        (Affine(10, 3, 500000, 3, -10, 4e6), None),
        (Affine.identity(), None),
        (None, None),
    ],
    ids=["north-up", "rotated", "south-up", "degrees", "no-crs", "identity", "none"],
)
def test_grid_is_kept(tmp_path: Path, transform: Affine | None, crs: CRS | None, recwarn) -> None:
    tags = {"AREA_OR_POINT": "Point"}
    write_cog(
        tmp_path / "a.tif", np.ones((1, 9, 7), np.int16), transform=transform, crs=crs, tags=tags
    )
    assert not recwarn.list
    with rasterio.open(tmp_path / "a.tif") as back:
        assert back.transform.almost_equals(transform or Affine.identity(), 1e-12)
        assert back.crs == crs
        # GDAL makes up a CRS for "point" without one, so the tag is left out there.
        assert back.tags().get("AREA_OR_POINT") == ("Point" if crs else None)


@pytest.mark.parametrize("bands", [1, 3, 4, 40])
def test_valid_cog_with_all_metadata(tmp_path: Path, bands: int) -> None:
    array = np.random.default_rng(0).integers(0, 9000, (bands, 601, 530)).astype(np.uint16)
    colours = [ColorInterp.undefined] * bands
    if bands > 2:
        colours[:3] = ColorInterp.blue, ColorInterp.green, ColorInterp.red
    else:
        colours = [ColorInterp.gray]
    write_cog(
        tmp_path / "a.tif",
        array,
        transform=NORTH_UP,
        crs=UTM,
        nodata=0,
        descriptions=[f"B{i}" for i in range(bands)],
        scales=[1e-4 * (i + 1) for i in range(bands)],
        offsets=[-0.1] * bands,
        units=["reflectance"] + [None] * (bands - 1),
        tags={"A": "ü <&>", "TIFFTAG_DATETIME": "2020:01:02 03:04:05", "ns": "not a tag"},
        band_tags=[{"wavelength": f"{400 + i}"} for i in range(bands)],
        colorinterp=colours,
    )
    valid, errors, warnings = cog_validate(tmp_path / "a.tif", strict=True, quiet=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(tmp_path / "a.tif") as back:
        assert back.nodata == 0
        assert back.descriptions == tuple(f"B{i}" for i in range(bands))
        assert back.scales == tuple(1e-4 * (i + 1) for i in range(bands))
        assert back.offsets == (-0.1,) * bands
        assert back.units[0] == "reflectance"
        assert not any(back.units[1:])
        assert back.tags()["A"] == "ü <&>"
        assert back.tags()["TIFFTAG_DATETIME"] == "2020:01:02 03:04:05"
        assert back.tags(bands)["wavelength"] == f"{400 + bands - 1}"
        assert back.colorinterp == tuple(colours)
        assert back.compression.value == "DEFLATE"
        # Bands share a block; it stays below 8 MB however many there are.
        assert back.block_shapes[0] == ((256, 256) if bands == 40 else (512, 512))


@pytest.mark.parametrize(("resampling", "expected"), [("nearest", {1, 3}), ("average", {2})])
def test_overviews(tmp_path: Path, resampling: str, expected: set[int]) -> None:
    array = np.ones((1, 600, 600), np.uint8)
    array[:, ::2, ::2] = array[:, 1::2, 1::2] = 3  # a chequerboard: mean 2
    write_cog(tmp_path / "a.tif", array, overview_resampling=resampling)
    with rasterio.open(tmp_path / "a.tif", overview_level=0) as half:
        assert half.shape == (300, 300)
        assert set(np.unique(half.read())) <= expected


@pytest.mark.parametrize(
    ("nodata", "dtype", "kept"), [(-9999.0, "uint8", None), (np.nan, "int16", None), (7, "int8", 7)]
)
def test_nodata_that_no_pixel_can_have(tmp_path, nodata: float, dtype: str, kept) -> None:
    write_cog(tmp_path / "a.tif", np.zeros((1, 3, 3), dtype), nodata=nodata)
    with rasterio.open(tmp_path / "a.tif") as back:
        assert back.nodata == kept


@pytest.mark.parametrize("dtype", INTEGERS)
def test_nodata_of_every_integer(tmp_path: Path, dtype: str) -> None:
    for nodata in (7.0, float(max(np.iinfo(dtype).min, -(2**53)))):
        path = tmp_path / f"{nodata}.tif"
        write_cog(path, np.full((2, 3, 3), 7, dtype), nodata=nodata, descriptions=["a", "b"])
        with rasterio.open(path) as back:
            assert (back.nodata, back.descriptions) == (nodata, ("a", "b"))
            assert (back.read_masks(1) == (0 if nodata == 7 else 255)).all()
        assert cog_validate(path, quiet=True)[0]


def test_nodata_that_only_64_bits_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueRangeError, match="nodata -9223372036854775808 of int64"):
        write_cog(tmp_path / "a.tif", np.zeros((1, 3, 3), np.int64), nodata=-(2.0**63))


@pytest.mark.parametrize("bits", [0x80000000, 0x7FC12345, 0xFFA00001])
@pytest.mark.parametrize("nodata", [None, 0.0, np.nan])
def test_whole_blocks_of_odd_floats(tmp_path: Path, bits: int, nodata: float | None) -> None:
    """-0.0 and NaN with a payload: GDAL takes a block of them for an empty one."""
    array = np.full((2, 600, 520), bits, np.uint32).view(np.float32)
    write_cog(tmp_path / "a.tif", array, nodata=nodata)
    with rasterio.open(tmp_path / "a.tif") as back:
        assert back.read().tobytes() == array.tobytes()


def test_nan_as_nodata(tmp_path: Path) -> None:
    write_cog(tmp_path / "a.tif", np.full((1, 3, 3), np.nan, np.float32), nodata=np.nan)
    with rasterio.open(tmp_path / "a.tif") as back:
        assert np.isnan(back.nodata)
        assert not back.read_masks(1).any()


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 3), np.uint8), np.zeros((1, 0, 3), np.uint8), np.zeros((1, 2, 2), np.float16)],
    ids=["two axes", "empty", "float16"],
)
def test_what_no_raster_holds(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(ValueRangeError, match=r"\(band, y, x\)"):
        write_cog(tmp_path / "a.tif", array)
    assert not list(tmp_path.iterdir())


def test_existing_is_refused_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_text("precious")
    with pytest.raises(OutputError) as caught:
        write_cog(path, np.ones((1, 3, 3), np.uint8))
    assert caught.value.exit_code == 2
    assert path.read_text() == "precious"
    write_cog(path, np.ones((1, 3, 3), np.uint8), overwrite=True)
    with rasterio.open(path) as back:
        assert back.read().sum() == 9


def test_file_that_reads_back_otherwise_is_not_kept(tmp_path: Path, monkeypatch) -> None:
    describe = cog.describe

    def spoil(out, *args) -> None:
        describe(out, *args)
        real = out.write
        out.write = lambda array: real(array + (np.arange(9) == 5).reshape(array.shape))

    monkeypatch.setattr(cog, "describe", spoil)
    with pytest.raises(OutputError, match="reads back other"):
        write_cog(tmp_path / "a.tif", np.ones((1, 3, 3), np.uint8))
    assert not list(tmp_path.iterdir())


LIMITED = """
import resource, signal, sys
import numpy as np
from kumosan.datasets.cog import write_cog
from kumosan.datasets.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
array = np.random.default_rng(0).integers(0, 60000, (4, 700, 700)).astype(np.uint16)
try:
    write_cog(sys.argv[1], array)
except OutputError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX resource limits")
@pytest.mark.parametrize("room", [100, 300_000, 4_500_000])
def test_full_disk(tmp_path: Path, room: int) -> None:
    """The file needs 5 MB: it fails in the header, the overviews and the full resolution."""
    target = tmp_path / "a.tif"
    target.write_text("old")
    run = [sys.executable, "-c", LIMITED.replace("array)", "array, overwrite=True)"), target, room]
    done = subprocess.run([*map(str, run)], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout.count("\n") == 1
    assert f"{target} could not be written" in done.stdout
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


WRITER = """
import sys
import numpy as np
from kumosan.datasets.cog import write_cog
array = np.arange(4 * 600 * 600, dtype=np.uint32).reshape(4, 600, 600)
while True:
    write_cog(sys.argv[1], array, overwrite=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("delay", [0.0, 0.03, 0.1])
def test_killed_writer_leaves_a_whole_file_or_none(tmp_path: Path, delay: float) -> None:
    target = tmp_path / "a.tif"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(target)])
    try:
        end = time.monotonic() + 30
        while not any(tmp_path.iterdir()) and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(delay)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert any(tmp_path.iterdir())  # it was at work
    if target.exists():
        with rasterio.open(target) as back:
            assert back.read()[-1, -1, -1] == 4 * 600 * 600 - 1


def test_without_zstd_drafts_are_deflated(monkeypatch):
    class Lacking:
        def open(self, **_):
            raise RasterioError("missing codec for ZSTD")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    cog_parts._draft_codec.cache_clear()
    monkeypatch.setattr(cog_parts, "MemoryFile", Lacking)
    assert cog_parts._draft_codec()["compress"] == "DEFLATE"
    cog_parts._draft_codec.cache_clear()
    monkeypatch.undo()
    assert cog_parts._draft_codec()["compress"] == "ZSTD"  # the wheels of rasterio have it
