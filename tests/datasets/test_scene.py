"""Scenes: windows cover them, a window is what the whole read has there, from any worker."""

import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.windows import Window

from kumosan.datasets import BandSet, Encoding, Scene, open_scene, read
from kumosan.datasets.bands import BLUE, GREEN, RED
from kumosan.datasets.errors import BandError, FileError, GridError, ValueRangeError
from kumosan.datasets.raster_file import _HANDLES, _MOST_OPEN, RasterFile
from kumosan.datasets.regrid import Grid
from kumosan.datasets.scaling import _sample

STATUS = Path("/proc/self/status")
NM = [490, 560, 665]
ROTATED = Affine(21, 21, 300_000, 21, -21, 5_000_000)
SHUFFLED = (2, 0)


def noise(shape, dtype="uint16", top=60_000):
    out = np.random.default_rng(1).integers(0, top, shape).astype(dtype)
    out[:, 5:9, 5:20] = 0
    return out


def tiled(make_tif, _):
    options = {"tiled": True, "blockxsize": 32, "blockysize": 16, "compress": "deflate"}
    return make_tif(
        noise((3, 70, 90)), nm=NM, scale=[1e-4, 2e-4, 1e-5], offset=[0, -0.1, 0.2], nodata=0,
        transform=ROTATED, **options,
    ), {}  # fmt: skip


def floats(make_tif, _):
    data = (noise((3, 70, 90)) / 60_000).astype(np.float32)
    data[1, 30:40] = np.nan
    return make_tif(data, nm=NM, interleave="pixel"), {}


def with_scl(make_tif, _):
    names = ["B03", "SCL", "B04"]
    return make_tif(noise((3, 40, 50), top=12), names=names, scale=1e-4), {}


def jpeg2000(make_tif, _):
    path = make_tif(
        noise((3, 70, 90)), "a.jp2", driver="JP2OpenJPEG", QUALITY=100, REVERSIBLE="YES"
    )
    return path, {"bands": "blue,green,red", "scale": 1e-4}


def safe(pattern, resolution):
    def make(_, request):
        maker = request.getfixturevalue("make_safe")
        return maker(pattern, rng=np.random.default_rng(2)), {"resolution_m": resolution}

    return make


def landsat(_, request):
    return request.getfixturevalue("landsat"), {}


KINDS = {
    "tiled": tiled, "floats": floats, "with SCL": with_scl, "JPEG 2000": jpeg2000,
    "L2A 10 m": safe("N0509", 10), "L2A 20 m": safe("N0509", 20), "L2A 60 m": safe("N0509", 60),
    "L1C 10 m": safe("MSIL1C", 10), "L1C 20 m": safe("MSIL1C", 20), "L1C 60 m": safe("MSIL1C", 60),
    "Landsat": landsat,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_is_what_the_whole_scene_has_there(kind, make_tif, request):
    path, options = KINDS[kind](make_tif, request)
    scene, whole = open_scene(path, **options), read(path, **options)
    height, width = scene.shape
    assert whole.shape == scene.shape

    @settings(max_examples=25, deadline=None)
    @given(st.data())
    def check(draw):
        top = draw.draw(st.integers(0, height - 1))
        left = draw.draw(st.integers(0, width - 1))
        rows = draw.draw(st.integers(1, min(height - top, 80)))
        columns = draw.draw(st.integers(1, min(width - left, 80)))
        part = scene.read(Window(left, top, columns, rows), SHUFFLED)
        there = np.s_[top : top + rows, left : left + columns]
        for i, band in enumerate(SHUFFLED):
            assert np.array_equal(part.stored[i], whole.stored[band][there])
            assert np.array_equal(part.data[i], whole.data[band][there], equal_nan=True)
            assert part.bands[i] == whole.bands[band]
        assert (part.quality is None) == (whole.quality is None)
        if part.quality is not None:
            assert np.array_equal(part.quality.codes, whole.quality.codes[there])
        corner = whole.transform @ (left, top)
        assert part.transform @ (0, 0) == pytest.approx(corner, abs=1e-6)
        assert part.transform @ (1, 2) == pytest.approx(whole.transform @ (left + 1, top + 2))

    check()


def test_read_takes_a_window_and_bands(make_tif):
    path = make_tif(noise((3, 9, 10)), names=["B02", "B03", "B04"], scale=1e-4)
    tile = read(path, window=Window(2, 3, 4, 5), select=["B04", 0])
    assert tile.bands.names == ("B04", "B02")
    assert np.array_equal(tile.stored, noise((3, 9, 10))[[2, 0], 3:8, 2:6])
    for lost in ("B05", 3, -1):
        with pytest.raises(BandError, match="no band"):
            read(path, select=[lost])


@pytest.mark.parametrize(
    "window",
    [(-1, 0, 5, 5), (0, -1, 5, 5), (0, 0, 11, 5), (0, 0, 5, 10), (0, 0, 0, 5), (0, 0, 5, 0),
     (10, 0, 1, 1), (0.5, 0, 4, 4), (0, 0, 4.5, 4)],
)  # fmt: skip
def test_a_window_outside_the_scene_is_refused(make_tif, window):
    scene = open_scene(make_tif(noise((3, 9, 10)), nm=NM, scale=1e-4))
    with pytest.raises(GridError, match="9 rows and 10 columns"):
        scene.read(Window(*window))


class Numbers:
    """A source whose numbers say where they are."""

    def stored(self, window, bands):
        rows = np.arange(window.row_off, window.row_off + window.height)[:, None]
        columns = np.arange(window.col_off, window.col_off + window.width)
        return np.stack([100 * rows + columns + 0 * b for b in bands]).astype(np.uint16)

    def quality(self, window):
        return None

    def missing(self, window):
        return self.stored(window, [0])[0] == 203


def made(height, width, **options):
    grid = Grid((height, width), Affine(10, 0, 0, 0, -10, 0), None)
    bands = BandSet((BLUE, GREEN, RED))
    encoding = Encoding("uint16", (1.0,) * 3, (0.0, 1.0, 2.0))
    return Scene("made", grid, bands, encoding, Numbers(), **options)


@settings(deadline=None)
@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    size=st.integers(1, 70),
    share=st.floats(0, 1, exclude_max=True),
)
def test_windows_cover_all_with_the_fewest_and_the_overlap(shape, size, share):
    overlap = int(share * size)
    windows = list(made(*shape).windows(size, overlap))
    covered = np.zeros(shape, bool)
    for w in windows:
        assert (w.height, w.width) == (min(size, shape[0]), min(size, shape[1]))
        assert 0 <= w.row_off <= shape[0] - w.height
        assert 0 <= w.col_off <= shape[1] - w.width
        covered[w.row_off : w.row_off + w.height, w.col_off : w.col_off + w.width] = True
    assert covered.all()
    for n, offsets in (
        (shape[0], sorted({w.row_off for w in windows})),
        (shape[1], sorted({w.col_off for w in windows})),
    ):
        steps = np.diff(offsets)
        assert (steps <= size - overlap).all()
        assert np.ptp(steps) <= 1 if len(steps) else True  # spaced evenly
        fewer = len(offsets) - 1  # what one window less could cover
        assert fewer == 0 or fewer * (size - overlap) + overlap < n
    assert len(windows) == len({(w.row_off, w.col_off) for w in windows})


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (8, 8), (8, -1), (-4, 0)])
def test_impossible_windows_are_refused(size, overlap):
    with pytest.raises(ValueRangeError, match="overlap"):
        list(made(9, 9).windows(size, overlap))


def test_chosen_bands_keep_their_own_scaling_and_missing_pixels_are_nan():
    tile = made(9, 9).read(Window(2, 1, 3, 2), [2, 0])
    assert tile.encoding.offset == (2.0, 0.0)
    assert tile.data[0].tolist() == [
        [104, 105, 106],
        [204, pytest.approx(np.nan, nan_ok=True), 206],
    ]
    assert tile.stored[0, 1, 1] == 203  # as delivered
    assert tile.data[1, 0, 0] == 102


def test_the_limit_is_of_one_read_and_not_of_the_scene():
    scene = made(101, 100, max_pixels=300)
    assert scene.read(Window(0, 0, 10, 10)).shape == (10, 10)
    with pytest.raises(FileError, match="--max-pixels 303"):
        scene.read(Window(0, 0, 1, 101))


@pytest.fixture
def striped(make_tif):
    """An open scene with handles in this process, its windows, and what they hold."""
    numbers = noise((3, 400, 300))
    path = make_tif(
        numbers, nm=NM, scale=1e-4, tiled=True, blockxsize=64, blockysize=64, compress="deflate"
    )
    scene = open_scene(path)
    windows = list(scene.windows(70, 13))
    scene.read(windows[0])
    expected = [numbers[:, w.row_off : w.row_off + 70, w.col_off : w.col_off + 70] for w in windows]
    return scene, windows, expected


def agree(tiles, expected):
    return all(np.array_equal(t.stored, e) for t, e in zip(tiles, expected, strict=True))


def test_a_scene_survives_pickling(striped):
    scene, windows, expected = striped
    content = pickle.dumps(scene)
    assert len(content) < 10_000  # metadata, no pixels and no handle
    again = pickle.loads(content)
    assert again == scene
    assert agree(map(again.read, windows), expected)


def test_threads_read_different_windows(striped):
    scene, windows, expected = striped
    with ThreadPool(4) as pool:
        for _ in range(3):
            assert agree(pool.map(scene.read, windows, chunksize=1), expected)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_read_different_windows(striped, method):
    scene, windows, expected = striped
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, context) as pool:
        done = [pool.submit(scene.read, w) for w in windows]
        here = list(map(scene.read, windows))  # while the children read
        assert agree([f.result(60) for f in done], expected)
    assert agree(here, expected)


def test_a_replaced_file_is_not_read_on(make_tif):
    first = make_tif(noise((3, 9, 10)), nm=NM, scale=1e-4)
    scene = pickle.loads(pickle.dumps(open_scene(first)))
    make_tif(noise((3, 9, 10)), "other.tif", nm=NM, scale=1e-4, tiled=True).replace(first)
    gc.collect()
    with pytest.raises(FileError, match="changed since"):
        scene.read()


def test_open_files_are_few_and_closed_with_their_scene(make_tif):
    path = make_tif(noise((3, 9, 10)), nm=NM, scale=1e-4)
    content = path.read_bytes()
    files = []
    for i in range(_MOST_OPEN + 20):
        copy = path.with_name(f"copy_{i}.tif")
        copy.write_bytes(content)
        files.append(RasterFile.at(copy))
        files[-1].read(Window(0, 0, 2, 2), 1)
    assert len(_HANDLES.open) <= _MOST_OPEN
    assert files[0] not in _HANDLES.open
    assert np.array_equal(files[0].read(Window(0, 0, 10, 9), 3), noise((3, 9, 10))[2])
    handle = _HANDLES.open[files[0]]
    del files
    gc.collect()
    assert handle not in list(_HANDLES.open.values())


def test_after_a_failed_read_the_file_is_opened_again(make_tif):
    file = RasterFile.at(make_tif(noise((3, 9, 10)), nm=NM, scale=1e-4))
    file.read(Window(0, 0, 2, 2), 1)
    with pytest.raises(IndexError):
        file.read(Window(0, 0, 2, 2), 7)
    assert file not in _HANDLES.open
    assert file.read(Window(0, 0, 2, 2), 1).shape == (2, 2)


class Vast:
    """A dataset of 100,000 x 100,000 pixels with numbers in one square only."""

    height = width = 100_000

    def __init__(self, square):
        self.square, self.samples = square, 0

    def read(self, bands, window):
        self.samples += len(bands) * window.height * window.width
        top, left, side = self.square
        rows = np.arange(window.row_off, window.row_off + window.height)[:, None]
        columns = np.arange(window.col_off, window.col_off + window.width)
        there = (abs(rows - top - side / 2) < side / 2) & (
            abs(columns - left - side / 2) < side / 2
        )
        return np.stack([np.where(there, np.float32(0.3), np.nan)] * len(bands))


@pytest.mark.parametrize(
    "square", [(0, 0, 100_000), (40_000, 40_000, 20_000), (86_000, 6_000, 9_000)]
)
@pytest.mark.parametrize("count", [1, 4, 200])
def test_the_scale_is_judged_by_a_bounded_sample(square, count):
    dataset = Vast(square)
    sample = _sample(dataset, list(range(count)), Encoding("float32"))
    assert sample.size > 0
    assert np.unique(sample).tolist() == [float(np.float32(0.3))]
    assert dataset.samples <= 2e6  # one million in each of two rounds


@pytest.mark.skipif(not STATUS.is_file(), reason="ru_maxrss of a child counts its parent's memory")
def test_streaming_takes_bounded_memory(tmp_path):
    """The whole scene would take 1 GB as numbers and 1.9 GB as reflectance."""
    path = tmp_path / "sparse.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=4000, height=4000, count=30, dtype="uint16", tiled=True,
        blockxsize=512, blockysize=512, SPARSE_OK="TRUE", BIGTIFF="YES", crs="EPSG:32633",
        transform=Affine(30, 0, 300_000, 0, -30, 5_000_000),
    ) as ds:  # fmt: skip
        ds.scales = (1e-4,) * 30
        for i in ds.indexes:
            ds.update_tags(i, wavelength=str(450 + 15 * i), wavelength_units="nm")
    code = (
        "import re, sys; from pathlib import Path; from kumosan.datasets import open_scene\n"
        "scene = open_scene(sys.argv[1])\n"
        "n = sum(float(scene.read(w).data[0, 0, 0]) == 0 for w in scene.windows(512))\n"
        "print(n, re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], check=True, capture_output=True, text=True,
        cwd=Path(path.anchor),
    )  # fmt: skip
    count, kilobytes = map(int, done.stdout.split())
    assert count == 64
    assert kilobytes < 0.9e6


CACHE = """
import os, sys
from rasterio import Env
from rasterio.env import get_gdal_config
from kumosan.datasets import open_scene
if sys.argv[2] == "env":
    with Env(GDAL_CACHEMAX=700 * 2**20):
        open_scene(sys.argv[1])
        print(get_gdal_config("GDAL_CACHEMAX"))
else:
    open_scene(sys.argv[1])
    print(get_gdal_config("GDAL_CACHEMAX"))
"""


@pytest.mark.parametrize(
    ("how", "variable", "most"), [("", None, 512), ("env", None, 700), ("", "800", 800)]
)
def test_gdals_cache_is_bounded_unless_the_user_says_otherwise(make_tif, how, variable, most):
    path = make_tif(noise((3, 9, 10)), nm=NM, scale=1e-4)
    environment = {k: v for k, v in os.environ.items() if k != "GDAL_CACHEMAX"}
    environment |= {"GDAL_CACHEMAX": variable} if variable else {}
    done = subprocess.run(
        [sys.executable, "-c", CACHE, path, how], check=True, capture_output=True, text=True,
        cwd=path.anchor, env=environment,
    )  # fmt: skip
    found = int(done.stdout)
    assert found == most * 2**20 if how or variable else found <= most * 2**20
