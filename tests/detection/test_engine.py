"""The engine: streamed and in-memory masks are one, whatever the scene; failures stop all."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rio_cogeo.cogeo import cog_validate
from scipy.ndimage import uniform_filter

from kumosan import detection
from kumosan.datasets import open_scene, read_mask
from kumosan.datasets.ahead import ahead
from kumosan.datasets.errors import FileError, OutputError, UnfitError, UsageError
from kumosan.datasets.samples import WITH_THERMAL
from kumosan.datasets.scene import Scene
from kumosan.datasets.side_by_side import side_by_side
from kumosan.datasets.tile import CLASS_NAMES, NODATA
from kumosan.datasets.weights import ModelCard
from kumosan.datasets.write import write_tile
from kumosan.detection.engine import mask_scene
from kumosan.detection.mask_settings import MaskSettings
from kumosan.detection.postprocess import buffer, clean_up, cleaned_rows, drop_specks
from kumosan.detection.segmenter import Segmenter

S2 = ("blue", "green", "red", "nir", "swir1", "swir2", "cirrus")


READ = WITH_THERMAL
WEIGHTS = Path("nowhere.safetensors")


class Plain:
    """A network without weights: each class likes another mix of the blurred bands."""

    name, batch, workers = "plain", 3, 2

    def __call__(self, images, present):
        assert images.dtype == np.float32 and np.isfinite(images).all()
        assert images.shape[2] % 16 == images.shape[3] % 16 == 0
        blurred = uniform_filter(images * present[:, None, None], (0, 0, 5, 5))
        blue, swir = blurred[:, 0], blurred[:, 4]
        slope = np.gradient(blue, axis=2)  # knows left from right
        blue = blue + (280 - blurred[:, 7]) / 100 * present[7]
        logits = np.stack([0.3 + 0 * blue, blue, 0.6 - swir, 4 * slope + 0.3], axis=1)
        odds = np.exp(10 * logits)
        return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


class Small(Segmenter):
    """That network in many windows on a small scene."""

    def __init__(self, weights=WEIGHTS, window_px=64, overlap_px=16, **settings):
        super().__init__(weights, window_px=window_px, overlap_px=overlap_px, **settings)

    def model(self):
        card = ModelCard("segmenter", {}, ())
        return SimpleNamespace(path=self.weights, card=card, stride=16, bands=READ)

    def runner(self, shape, gsd_m):
        return Plain()


@pytest.fixture(autouse=True)
def plain_network(monkeypatch):
    monkeypatch.setitem(detection.DETECTORS, "unet", Small)
    monkeypatch.setattr("kumosan.detection.scene_rows.BLOCK", 32)  # many on a small scene


@pytest.fixture
def varied(scene):
    """150 x 190 pixels with cloud, shadow, holes of nodata and an empty corner of many windows."""

    def make(azimuth=None, gsd=30.0, names=S2):
        y, x = np.mgrid[:150, :190]
        cloud = np.sin(y / 9) + np.cos(x / 7) > 0.9
        shadow = np.roll(cloud, (5, -6), (0, 1)) & ~cloud
        tile = scene(cloud, shadow, names=names, sun=(40.0, azimuth))
        data = tile.data.copy()
        data[:, :70, :90] = np.nan
        data[2, 100:104, 30:90] = np.nan
        data[:, 140:, 185:] = np.nan
        data[7:, 60:90, 100:130] = np.nan  # nobody measured the temperature there
        scaled = tile.transform @ Affine.scale(gsd / 30)
        return replace(tile, data=data, transform=scaled)

    return make


class Halving(Plain):
    """A network that sees whole blocks of 16 pixels, from where a window begins; and nothing of use
    within 8 pixels of its borders, as a convolution that sees zeros beyond."""

    def __call__(self, images, present):
        n, bands, height, width = images.shape
        blocks = images.reshape(n, bands, height // 16, 16, width // 16, 16).mean(axis=(3, 5))
        p = super().__call__(blocks.repeat(16, axis=2).repeat(16, axis=3), present)
        y, x = np.arange(height)[:, None], np.arange(width)
        border = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x)) < 8
        return np.where(border, np.float32(0.25), p)


def test_windows_answer_as_the_whole_scene(varied, monkeypatch):
    """They begin where the network's blocks do, and what lies near their borders is not used."""
    monkeypatch.setattr(Small, "runner", lambda *_: Halving())
    monkeypatch.setattr("kumosan.detection.blending.FADE_PX", 8)
    tile = varied()
    tile = tile.with_data(np.nan_to_num(tile.data, nan=0.1))
    whole = Small(window_px=512).mask(tile).probability
    windowed = Small(window_px=80, overlap_px=32).mask(tile).probability
    assert np.abs(windowed - whole).max() < 1e-5
    monkeypatch.setattr("kumosan.detection.blending.FADE_PX", 32)
    assert np.abs(Small(window_px=80, overlap_px=32).mask(tile).probability - whole).max() > 0.1


def written(tile, path):
    write_tile(path, tile)
    return open_scene(path)


@pytest.mark.parametrize(
    ("azimuth", "gsd", "names", "options"),
    [
        (None, 30.0, S2, {}),
        (250.0, 30.0, S2, {}),
        (140.0, 3.0, S2, {}),
        (250.0, 10.0, S2, {"network_m": 20.0}),
        (None, 30.0, (*S2, "thermal"), {}),
    ],
    ids=["plain", "afternoon", "fine", "network-20-m", "thermal"],
)
def test_a_streamed_mask_is_the_mask_in_memory(varied, tmp_path, azimuth, gsd, names, options):
    tile = varied(azimuth, gsd, names)
    scene = written(tile, tmp_path / "s.tif")
    settings = MaskSettings("unet", weights=WEIGHTS, probability=True, buffer_m=2 * gsd, **options)
    done = mask_scene(scene, tmp_path / "m.tif", settings)
    expected = Small(**options).mask(scene.read())
    clean = clean_up(expected, gsd, buffer_m=2 * gsd)
    found = read_mask(tmp_path / "m.tif", like=tile)
    assert np.array_equal(found.classes, clean.classes)
    assert (found.classes == NODATA).sum() == done.pixels - done.valid_pixels > 0
    assert dict(done.cover) == pytest.approx(clean.cover())
    assert len(np.unique(found.classes)) > 2
    with rasterio.open(tmp_path / "m_probability.tif") as file:
        percent = file.read()
        assert file.scales == (0.01,) * 4 and "thin cloud" in file.descriptions[2]
    valid = expected.valid
    assert np.abs(percent[:, valid] / 100 - expected.probability[:, valid]).max() <= 0.0051
    assert (percent[:, ~valid] == NODATA).all()
    assert {p.name for p in tmp_path.iterdir()} == {
        "s.tif", "m.tif", "m.qml", "m_probability.tif",
    }  # fmt: skip


def test_the_mask_is_a_cog_with_names_and_colours(varied, tmp_path):
    mask_scene(written(varied(), tmp_path / "s.tif"), tmp_path / "m.tif",
               MaskSettings("unet", weights=WEIGHTS))  # fmt: skip
    assert cog_validate(tmp_path / "m.tif", strict=True)[0]
    with rasterio.open(tmp_path / "m.tif") as file:
        assert file.nodata == NODATA and file.colormap(1)[1][3] == 255
        assert [file.tags(1)[f"class_{k}"] for k in range(4)] == list(CLASS_NAMES)


def test_rules_see_the_whole_scene(varied, tmp_path):
    tile = varied()
    done = mask_scene(written(tile, tmp_path / "s.tif"), tmp_path / "m.tif", MaskSettings("fmask"))
    expected = clean_up(detection.get("fmask").mask(open_scene(tmp_path / "s.tif").read()))
    assert np.array_equal(read_mask(tmp_path / "m.tif").classes, expected.classes)
    assert done.detector == "fmask"


def test_windows_of_nodata_never_reach_the_network(varied, tmp_path, monkeypatch):
    seen = []
    inner = Plain.__call__

    def spy(self, images, present):
        seen.append(len(images))
        return inner(self, images, present)

    monkeypatch.setattr(Plain, "__call__", spy)
    mask_scene(written(varied(), tmp_path / "s.tif"), tmp_path / "m.tif",
               MaskSettings("unet", weights=WEIGHTS))  # fmt: skip
    assert sum(seen) == 3 * 4 - 1  # the windows from (0, 0); the one from (0, 42) holds pixels


def test_a_scene_of_nodata_gives_a_mask_of_nodata(varied, tmp_path):
    tile = varied()
    scene = written(tile.with_data(np.full_like(tile.data, np.nan)), tmp_path / "s.tif")
    done = mask_scene(scene, tmp_path / "m.tif", MaskSettings("unet", weights=WEIGHTS))
    assert done.valid_pixels == 0 and set(done.cover.values()) == {0.0}
    assert (read_mask(tmp_path / "m.tif").classes == NODATA).all()


class Boom(Exception):
    pass


def explode(*_args, **_options):
    raise Boom


@pytest.mark.parametrize(
    "place",
    [
        "kumosan.datasets.geotiff.RasterSource.stored",
        "kumosan.detection.prediction.Predictor.__call__",
        "kumosan.detection.blending.ramp",
        "kumosan.detection.engine.in_percent",
        "kumosan.detection.postprocess.drop_specks",
        "rasterio.io.DatasetWriter.write",
        "rasterio.shutil.copy",
    ],
)
def test_an_exception_anywhere_stops_all_and_leaves_nothing(varied, tmp_path, monkeypatch, place):
    scene = written(varied(), tmp_path / "s.tif")
    monkeypatch.setattr(place, explode)
    with pytest.raises(Boom):
        mask_scene(scene, tmp_path / "m.tif",
                   MaskSettings("unet", weights=WEIGHTS, probability=True))  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix != ".qml") == ["s.tif"]
    assert not [t for t in threading.enumerate() if t.name == "kumosan-ahead"]


def test_a_damaged_scene_is_named(varied, tmp_path):
    scene = written(varied(), tmp_path / "s.tif")
    whole = (tmp_path / "s.tif").read_bytes()
    (tmp_path / "s.tif").write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2))
    with pytest.raises(FileError, match=r"s\.tif"):
        mask_scene(replace(scene), tmp_path / "m.tif", MaskSettings("unet", weights=WEIGHTS))
    assert not (tmp_path / "m.tif").exists()


def test_what_cannot_be_done_is_refused_before_any_pixel_is_read(varied, tmp_path, monkeypatch):
    scene = written(varied(), tmp_path / "s.tif")
    monkeypatch.setattr("kumosan.datasets.geotiff.RasterSource.stored", explode)
    (tmp_path / "there.tif").write_text("mine")
    for out, options, error in (
        ("there.tif", {}, OutputError),
        ("m.tif", {"detector": "nobody"}, UsageError),
        ("m.tif", {"detector": "scl"}, UnfitError),
        ("m.tif", {"threshold": 0.3}, UsageError),
        ("m.tif", {"detector": "fmask", "network_m": 20.0}, UsageError),
    ):
        with pytest.raises(error):
            mask_scene(scene, tmp_path / out, MaskSettings(**options))
    assert (tmp_path / "there.tif").read_text() == "mine"


def test_a_scene_beyond_the_limit_of_pixels_is_refused(varied, tmp_path):
    scene: Scene = replace(written(varied(), tmp_path / "s.tif"), max_pixels=1000)
    with pytest.raises(FileError, match="max-pixels"):
        mask_scene(scene, tmp_path / "m.tif", MaskSettings("unet", weights=WEIGHTS))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 999), height=st.integers(1, 80), share=st.floats(0.02, 0.6),
    min_px=st.integers(0, 12), radius=st.floats(0, 5), strip=st.integers(1, 30),
    band=st.integers(1, 20),
)  # fmt: skip
def test_cleaning_by_strips_is_cleaning_the_whole(
    seed, height, share, min_px, radius, strip, band, monkeypatch_module
):
    monkeypatch_module.setattr("kumosan.detection.postprocess.BAND_ROWS", band)
    rng = np.random.default_rng(seed)
    classes = rng.choice(
        np.array([0, 1, 2, 3, 255], np.uint8), (height, 23),
        p=[1 - share, share / 4, share / 4, share / 4, share / 4],
    )  # fmt: skip
    strips = [classes[k : k + strip] for k in range(0, height, strip)]
    found = np.concatenate(list(cleaned_rows(strips, min_px, radius)))
    assert np.array_equal(found, buffer(drop_specks(classes, min_px), radius))


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_ahead_works_while_the_caller_works_and_never_too_far():
    made = []

    def numbers():
        for k in range(20):
            made.append(k)
            yield k

    got = []
    for k in ahead(numbers(), depth=2):
        got.append(k)
        time.sleep(0.005)
        assert len(made) <= k + 1 + 2
    assert got == list(range(20))


def test_a_caller_that_stops_closes_the_makers():
    closed = []

    def inner():
        try:
            yield from range(1000)
        finally:
            closed.append("inner")

    def outer():
        try:
            yield from ahead(inner())
        finally:
            closed.append("outer")

    stream = ahead(outer())
    assert next(stream) == 0
    stream.close()
    assert closed == ["inner", "outer"]
    assert not [t for t in threading.enumerate() if t.name == "kumosan-ahead"]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_side_by_side_keeps_the_order_and_works_on_as_many(workers):
    together = threading.Barrier(workers)
    begun = []

    def work(k):
        together.wait(timeout=20)  # nobody passes alone
        return -k

    found = side_by_side(work, range(6 * workers), workers, lambda: begun.append(1))
    assert list(found) == [(k, -k) for k in range(6 * workers)]
    assert len(begun) == (workers if workers > 1 else 0)


def test_what_fails_side_by_side_is_raised_in_its_place_and_ends_the_threads():
    def work(k):
        if k == 3:
            raise Boom
        return k

    found = side_by_side(work, range(10), 2, lambda: None)
    assert [next(found)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Boom):
        next(found)
    assert not [t for t in threading.enumerate() if t.name.startswith("kumosan-beside")]
