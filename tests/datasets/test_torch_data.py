"""Crops, their tensors, and the promise: the same under a seed for any number of workers."""

import pickle
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets.augment import FlipRotate
from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, THERMAL, BandSet
from kumosan.datasets.catalog import CatalogTiles, Row
from kumosan.datasets.errors import UnfitError, ValueRangeError
from kumosan.datasets.labelled import LabelledTile
from kumosan.datasets.loading import DrawSampler, make_loader
from kumosan.datasets.radiometry import SensorNoise
from kumosan.datasets.samples import CANONICAL_BANDS, WITH_THERMAL, sample_of
from kumosan.datasets.tile import Acquisition, CloudMask, Tile
from kumosan.datasets.tile_store import TileStore, resized
from kumosan.datasets.torch_data import (
    Draw,
    ObservedPairDataset,
    PairedDataset,
    PatchDataset,
    SegmentationDataset,
    with_presence,
)
from kumosan.synthesis.composite import cloudify

torch.set_num_threads(1)
RGBN = BandSet((RED, GREEN, BLUE, NIR))
UTM = CRS.from_epsg(32633)
GRID = Affine(20, 0, 300_000, 0, -20, 5_000_000)


def tile(shape=(40, 50), seed=0, bands=RGBN, **more) -> Tile:
    """Every pixel of every band holds its own number."""
    data = np.random.default_rng(seed).random((len(bands), *shape), np.float32) / 2 + 0.1
    return Tile(data, bands, GRID, UTM, Acquisition(sun_azimuth_deg=90.0), **more)


def labelled(classes=None, **more) -> LabelledTile:
    t = tile()
    codes = np.zeros(t.shape, np.uint8) if classes is None else classes
    return LabelledTile("a", t, CloudMask(codes, t.transform, t.crs), **more)


def test_the_keys_shapes_and_dtypes():
    item = SegmentationDataset([labelled()], size=16)[0]
    shapes = {k: (tuple(v.shape), v.dtype) for k, v in item.items()}
    assert shapes == {
        "image": ((7, 16, 16), torch.float32),
        "mask": ((16, 16), torch.int64),
        "present": ((7,), torch.float32),
        "valid": ((16, 16), torch.bool),
        "meanings": ((4, 4), torch.float32),
        "gsd_m": ((), torch.float32),
        "sun": ((3,), torch.float32),
    }
    assert item["gsd_m"] == 20
    np.testing.assert_allclose(item["sun"], [1, 0, 1], atol=1e-6)
    assert "target" not in PatchDataset([tile()], size=16)[0]
    assert "mask" not in PatchDataset([tile()], size=16)[0]


def test_bands_come_in_canonical_order_and_missing_ones_are_zero():
    t = tile()
    item = PatchDataset([t], size=None)[0]
    assert item["present"].tolist() == [1, 1, 1, 1, 0, 0, 0]
    for canonical, own in enumerate((2, 1, 0, 3)):  # blue, green, red, nir in a tile of R G B N
        np.testing.assert_array_equal(item["image"][canonical], t.data[own])
    assert not item["image"][4:].any()
    planes = with_presence(item["image"][None], item["present"][None])
    assert planes.shape == (1, 14, 40, 50)
    assert planes[0, 7:, 3, 3].tolist() == [1, 1, 1, 1, 0, 0, 0]


def test_invalid_pixels_are_zero_and_not_learnt_from():
    t = tile()
    t.data[1, 5, 6] = np.nan
    item = SegmentationDataset([replace(labelled(), tile=t)], size=None)[0]
    assert not item["image"][:, 5, 6].any()
    assert not item["valid"][5, 6] and item["valid"].sum() == 40 * 50 - 1
    assert item["mask"][5, 6] == 255 and item["mask"][5, 5] == 0


def test_gaps_of_a_thermal_band_hide_nothing():
    """Where nobody measured the temperature, a usual one stands; the pixel stays valid."""
    bands = BandSet((BLUE, GREEN, RED, THERMAL))
    data = np.full((4, 8, 8), 0.1, np.float32)
    data[3], data[3, :4], data[3, 0] = 290.0, 270.0, np.nan
    data[0, 7] = np.nan
    sample = sample_of(Tile(data, bands, Affine(30, 0, 0, 0, -30, 0)), WITH_THERMAL)
    assert sample.valid[:7].all() and not sample.valid[7].any()
    assert (sample.image[7, 0] == 280).all() and (sample.image[7, 1:4] == 270).all()


def test_a_crop_is_a_window_of_its_tile():
    t = tile()
    image = PatchDataset([t], RGBN, size=16, seed=5)[0]["image"].numpy()
    places = [
        (y, x)
        for y in range(25)
        for x in range(35)
        if np.array_equal(t.data[:, y : y + 16, x : x + 16], image)
    ]
    assert len(places) == 1


def test_crops_reach_every_place():
    data = PatchDataset([tile((6, 7))], RGBN, size=5)
    corners = {float(data.sample(Draw(0, n, 0)).image[0, 0, 0]) for n in range(60)}
    assert len(corners) == 6  # 2 x 3 places


def test_a_tile_smaller_than_the_crop_is_padded_with_nodata():
    t = tile((10, 50))
    item = SegmentationDataset(
        [LabelledTile("a", t, CloudMask(np.zeros((10, 50), np.uint8)))], size=16
    )[0]
    assert item["valid"].sum() == 10 * 16
    assert (item["mask"][10:] == 255).all() and not item["image"][:, 10:].any()


def test_crops_prefer_valid_ground():
    t = tile((64, 64))
    t.data[:, :, 16:] = np.nan
    shares = [
        PatchDataset([t], size=16, min_valid=share).sample(Draw(0, n, 0)).valid.mean()
        for share in (0.0, 0.5)
        for n in range(20)
    ]
    assert np.mean(shares[20:]) > np.mean(shares[:20]) + 0.1


@pytest.mark.parametrize(("unlabelled", "first"), [("partial", 0), ("ignore", 255)])
def test_classes_that_nobody_labelled(unlabelled, first):
    classes = np.zeros((40, 50), np.uint8)
    classes[1], classes[2] = 1, 2
    item = labelled(classes, labelled=frozenset((0, 1, 2)))
    out = SegmentationDataset([item], size=None, unlabelled=unlabelled)[0]
    assert out["mask"][:3, 0].tolist() == [first, 1, 2]
    assert out["meanings"][0].tolist() == [1, 0, 0, 1]  # "clear" may be shadow
    assert item.mask.classes[0, 0] == 0  # the source is not touched


def test_the_ignore_index_needs_no_gradient():
    """torch's cross entropy takes mask and index as they come."""
    item = SegmentationDataset([labelled(np.full((40, 50), 255, np.uint8))], size=16)[0]
    logits = torch.zeros(1, 4, 16, 16, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(
        logits, item["mask"][None], ignore_index=255, reduction="sum"
    )
    assert loss == 0


def test_pairs_differ_where_the_mask_says_so():
    item = PairedDataset([tile((64, 64))], cloudify, size=48)[0]
    differs = (item["image"] != item["target"]).any(0)
    assert differs.any()
    assert not differs[item["mask"] == 0].any()
    assert item["target"].shape == (7, 48, 48) and not item["target"][4:].any()


def test_observed_pairs_share_their_crop():
    t = tile()
    pair = LabelledTile("p", t, clear=t.with_data(t.data + 1))
    item = ObservedPairDataset([pair], RGBN, size=16)[0]
    np.testing.assert_allclose(item["target"] - item["image"], 1, rtol=1e-6)
    with pytest.raises(UnfitError, match="clear view"):
        ObservedPairDataset([labelled()], size=16)[0]


def test_resolution_is_drawn_in_its_range_and_the_tile_limits_it():
    sizes = [
        PatchDataset([tile((128, 128))], size=32, gsd_range_m=(10, 60)).sample(Draw(0, n, 0))
        for n in range(80)
    ]
    gsd = [s.gsd_m for s in sizes]
    assert all(s.image.shape == (7, 32, 32) for s in sizes)
    assert 9.5 < min(gsd) < 12 and 50 < max(gsd) < 61
    small = PatchDataset([tile((32, 32))], size=32, gsd_range_m=(30, 60)).sample(0)
    assert small.gsd_m == 20  # no larger ground to take


def test_crops_are_enlarged_as_pix2pix_does():
    """A ramp over the columns rises half as fast where everything is enlarged twice."""
    ramp = np.broadcast_to(np.linspace(0, 1, 64, dtype=np.float32), (4, 64, 64))
    bare = replace(tile((64, 64)), data=ramp.copy())
    slopes = [
        np.diff(PatchDataset([bare], RGBN, 32, enlarge=e).sample(0).image[0], axis=1).mean()
        for e in (1.0, 2.0)
    ]
    assert slopes[1] == pytest.approx(slopes[0] / 2, rel=0.1)
    with pytest.raises(ValueRangeError, match="enlarged"):
        PatchDataset([bare], RGBN, 32, enlarge=0.5)


def test_shrinking_averages_and_masks_take_the_nearest():
    t = Tile(np.arange(16, dtype=np.float32).reshape(1, 4, 4), BandSet((RED,)), GRID, UTM)
    classes = np.repeat(np.repeat(np.array([[0, 1], [2, 3]], np.uint8), 2, 0), 2, 1)
    out = resized(LabelledTile("a", t, CloudMask(classes, GRID, UTM)), (2, 2))
    assert out.tile.data[0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert out.mask.classes.tolist() == [[0, 1], [2, 3]]
    assert out.tile.gsd_m == 40


class Counted(list):
    """Counts how often each tile is read."""

    def __init__(self, tiles) -> None:
        super().__init__(tiles)
        self.reads = 0

    def __getitem__(self, i):
        self.reads += 1
        return super().__getitem__(i)


def test_the_cache_is_bounded_and_drops_the_least_used():
    tiles = Counted([tile((20, 20), seed=i) for i in range(3)])
    one = 4 * 20 * 20 * 2  # float16
    store = TileStore(tiles, RGBN, cache_bytes=2 * one)
    for i in (0, 1, 0, 2, 0):  # 2 takes the place of 1
        np.testing.assert_allclose(store[i].data, tiles[i].data, rtol=5e-4)
    tiles.reads = 0
    _ = store[0], store[2]
    assert (tiles.reads, store.kept_bytes) == (0, 2 * one)
    _ = store[1]
    assert (tiles.reads, store.kept_bytes) == (1, 2 * one)
    assert pickle.loads(pickle.dumps(store)).kept_bytes == 0
    assert TileStore(tiles, RGBN)[0].data.dtype == np.float32  # nothing is rounded without a cache


def files(make_tif, n: int) -> CatalogTiles:
    """Tiles that rasterio reads from files when they are asked for."""
    rows = []
    for i in range(n):
        data = np.random.default_rng(i).integers(1000, 4000, (4, 40, 40)).astype(np.uint16)
        path = make_tif(
            data, f"t{i}.tif", nm=[490, 560, 665, 842], scale=1e-4, names=["b", "g", "r", "n"]
        )
        rows.append(Row(path.name, Path(path), None, "train", str(i), "S", "none", "", frozenset()))
    return CatalogTiles(tuple(rows))


def epochs(dataset, workers: int, start) -> list[np.ndarray]:
    sampler = DrawSampler(len(dataset), 7, seed=4)
    loader = make_loader(dataset, 2, sampler=sampler, workers=workers, start=start)
    out = []
    for _ in range(2):
        batches = [np.concatenate([b["image"], b["target"]], 1) for b in loader]
        out.append(np.concatenate(batches))
    return out


def test_the_same_samples_for_any_number_of_workers_and_any_start(make_tif):
    cv2.setNumThreads(2)
    cv2.GaussianBlur(np.zeros((500, 500), np.float32), (0, 0), 3)  # starts OpenCV's threads
    tiles = files(make_tif, 3)
    augment = (FlipRotate(), SensorNoise())

    def dataset(**more):
        return PairedDataset(tiles, cloudify, size=24, seed=1, augment=augment, **more)

    first, second = epochs(dataset(), 0, None)
    assert first.shape == (7, 14, 24, 24)
    assert not np.array_equal(first, second)  # epochs differ
    for workers, start in ((1, "fork"), (2, "fork"), (2, "spawn")):
        again = epochs(dataset(), workers, start)
        np.testing.assert_array_equal(again[0], first, err_msg=f"{workers} {start}")
        np.testing.assert_array_equal(again[1], second, err_msg=f"{workers} {start}")
    cached = epochs(dataset(cache_bytes=10**6), 2, "fork")  # read in the parent, then forked
    assert np.abs(cached[0] - first).max() < 2e-3  # float16 of tiles, noise and clouds alike


def test_a_sample_depends_on_seed_epoch_and_number_only():
    data = PatchDataset([tile((64, 64))], size=8)
    want = data[Draw(3, 5, 0)]["image"]
    for other in (Draw(3, 6, 0), Draw(4, 5, 0)):
        assert not torch.equal(data[other]["image"], want)
    assert not torch.equal(
        PatchDataset([tile((64, 64))], size=8, seed=1)[Draw(3, 5, 0)]["image"], want
    )
    assert torch.equal(data[Draw(3, 5, 0)]["image"], want)
    data.set_epoch(3)
    more = PatchDataset([tile((64, 64))] * 6, size=8)
    more.set_epoch(3)
    assert torch.equal(more[5]["image"], want)


def test_the_order_of_the_sampler():
    sampler = DrawSampler(4, 10, seed=0)
    first, second = list(sampler), list(sampler)
    assert [d.epoch for d in first] == [0] * 10 and [d.epoch for d in second] == [1] * 10
    assert [d.number for d in first] == list(range(10))
    assert sorted(d.item for d in first[:4]) == [0, 1, 2, 3]  # each once a round
    assert [d.item for d in first] != [d.item for d in second]
    sampler.set_epoch(0)
    assert list(sampler) == first
    weighted = DrawSampler(2, 4000, weights=[1, 3])
    assert sum(d.item for d in weighted) == pytest.approx(3000, abs=120)
    assert [d.item for d in DrawSampler(3, shuffle=False)] == [0, 1, 2]


FAULTS = {
    "no tiles": (lambda: PatchDataset([]), ValueRangeError),
    "size 0": (lambda: PatchDataset([tile()], size=0), ValueRangeError),
    "a negative seed": (lambda: PatchDataset([tile()], seed=-1), ValueRangeError),
    "a negative cache": (lambda: PatchDataset([tile()], cache_bytes=-1), ValueRangeError),
    "a reversed range": (lambda: PatchDataset([tile()], gsd_range_m=(60, 10)), ValueRangeError),
    "no mask": (lambda: SegmentationDataset([LabelledTile("a", tile())])[0], UnfitError),
    "unlabelled": (lambda: SegmentationDataset([labelled()], unlabelled="x"), ValueRangeError),
    "no band": (lambda: PatchDataset([tile()], BandSet((THERMAL,)))[0], UnfitError),
    "too few weights": (lambda: DrawSampler(3, weights=[1]), ValueRangeError),
    "a negative weight": (lambda: DrawSampler(2, weights=[1, -1]), ValueRangeError),
    "no draws": (lambda: DrawSampler(3, 0), ValueRangeError),
}


@pytest.mark.parametrize("name", FAULTS)
def test_bad_input_is_refused(name):
    make, error = FAULTS[name]
    with pytest.raises(error):
        make()


def test_the_canonical_bands():
    assert CANONICAL_BANDS.names == ("blue", "green", "red", "nir", "swir1", "swir2", "cirrus")
