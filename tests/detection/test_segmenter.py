"""The network as a detector, with made weights: geometry, sensors, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from kumosan import detection
from kumosan.datasets.configuration import as_json
from kumosan.datasets.errors import FileError, UnfitError, ValueRangeError
from kumosan.datasets.samples import CANONICAL_BANDS
from kumosan.datasets.tile import NODATA
from kumosan.datasets.weights import ModelCard, WeightsError, save_weights
from kumosan.detection.inputs import resized
from kumosan.detection.network import NetworkConfig
from kumosan.detection.runtimes import TorchRuntime
from kumosan.detection.segmenter import Segmenter, decided

CONFIG = NetworkConfig("resnet18", 3, (16, 8, 8))  # as the fixture `weights`
CARD = ModelCard("segmenter", as_json(CONFIG), CANONICAL_BANDS.names)
S2 = ("blue", "green", "red", "nir", "swir1", "swir2", "cirrus")


def blob(shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (y - shape[0] / 3) ** 2 + (x - shape[1] / 2) ** 2 < (min(shape) / 4) ** 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 37), (64, 64), (61, 83), (130, 70)])
def test_any_size_gives_a_probability_for_every_pixel(scene, weights, shape):
    found = Segmenter(weights, window_px=64, overlap_px=16).mask(scene(blob(shape), names=S2))
    assert found.classes.shape == shape
    assert found.probability.shape == (4, *shape)
    assert found.probability.sum(axis=0) == pytest.approx(1, abs=1e-5)
    assert (found.probability.argmax(0) == found.classes).all()


@pytest.mark.parametrize(
    "names", [S2, ("blue", "green", "red"), ("green", "red", "nir"), ("red", "green", "blue")]
)
def test_bands_are_asked_for_by_wavelength(scene, weights, names):
    tile = scene(blob((64, 64)), names=names)
    order = list(np.random.default_rng(0).permutation(len(names)))
    mixed = replace(tile, data=tile.data[order], bands=tile.bands.select(order))
    one, other = Segmenter(weights).mask(tile), Segmenter(weights).mask(mixed)
    assert np.array_equal(one.probability, other.probability)


@pytest.mark.parametrize("names", [("green", "red"), ("blue", "red", "nir"), ("swir1", "swir2")])
def test_too_few_bands_do_not_fit(scene, weights, names):
    tile = scene(blob((8, 8)), names=names)
    with pytest.raises(UnfitError) as caught:
        Segmenter(weights).mask(tile)
    assert caught.value.exit_code == 5
    assert "unet" not in detection.fitting(tile)


@pytest.mark.parametrize("azimuth_deg", [250.0, -110.0])  # Landsat's run from -180 to 180
def test_the_afternoon_is_the_mirrored_forenoon(scene, weights, azimuth_deg):
    """A scene under a western sun is seen as its mirror image under an eastern one."""
    west = scene(blob((64, 96)), names=S2, sun=(40.0, azimuth_deg))
    flipped = replace(
        west, data=np.ascontiguousarray(west.data[..., ::-1]),
        acquired=replace(west.acquired, sun_azimuth_deg=110.0),
    )  # fmt: skip
    one, other = (Segmenter(weights).mask(t).probability for t in (west, flipped))
    assert np.array_equal(one, other[..., ::-1])


def test_flipping_makes_the_answer_the_same_upside_down(scene, weights):
    tile = scene(blob((64, 64)), names=S2)
    upside = replace(tile, data=np.ascontiguousarray(tile.data[:, ::-1]))
    one, other = (Segmenter(weights, flip=True).mask(t).probability for t in (tile, upside))
    assert one == pytest.approx(other[:, ::-1], abs=1e-5)
    plain = Segmenter(weights).mask(tile).probability
    assert np.abs(one - plain).max() > 1e-4


def test_nodata_stays_nodata_and_does_not_spread(scene, weights):
    tile = scene(blob((64, 64)), names=S2)
    holes = tile.data.copy()
    holes[:, 50:, 40:] = np.nan
    found = Segmenter(weights).mask(replace(tile, data=holes))
    assert (found.classes[50:, 40:] == NODATA).all()
    assert (found.classes == NODATA).sum() == 14 * 24
    empty = Segmenter(weights).mask(replace(tile, data=np.full_like(holes, np.nan)))
    assert (empty.classes == NODATA).all()


def test_fine_pixels_are_averaged_to_what_the_network_knows(scene, weights, monkeypatch):
    seen = []
    inner = TorchRuntime.__call__

    def spy(self, images, present):
        seen.append(images.shape)
        return inner(self, images, present)

    monkeypatch.setattr(TorchRuntime, "__call__", spy)
    tile = scene(blob((90, 60)), names=S2)
    fine = replace(tile, transform=tile.transform @ Affine.scale(1 / 12))  # 2.5 m
    found = Segmenter(weights).mask(fine)
    assert seen == [(1, 7, 32, 16)]  # 22 x 15, mirrored to what the network takes
    assert found.classes.shape == (90, 60)


def test_a_lower_threshold_finds_more(scene, weights):
    tile = scene(blob((64, 64)), names=S2)
    found = [Segmenter(weights, threshold=t).mask(tile).contaminated for t in (0.2, 0.5, 0.8)]
    assert (found[0] >= found[1]).all() and (found[1] >= found[2]).all()
    assert found[0].sum() > found[2].sum()
    with pytest.raises(ValueRangeError):
        Segmenter(weights, threshold=1.0)


def test_the_card_weighs_classes():
    p = np.array([0.5, 0.1, 0.1, 0.3], np.float32)[:, None, None]
    assert decided(p, CARD) == 0
    assert decided(p, replace(CARD, decision={"shadow": 2.0})) == 3
    assert decided(p, CARD, threshold=0.3) == 3


def test_the_file_is_read_again_when_it_changes(scene, state, tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, state, CARD)
    tile = scene(blob((64, 64)), names=S2)
    before = Segmenter(path).mask(tile).probability
    save_weights(path, {n: t * 1.1 for n, t in state.items()}, CARD, overwrite=True)
    assert np.abs(Segmenter(path).mask(tile).probability - before).max() > 1e-3


BROKEN = {
    "not a number": lambda n, t: t * float("nan") if t.is_floating_point() else t,
    "the same for every pixel": lambda n, t: t * 0 if n.startswith("unet.segmentation") else t,
}


@pytest.mark.parametrize("problem", BROKEN)
def test_what_only_broken_weights_answer_is_refused(scene, state, tmp_path, problem):
    path = tmp_path / "w.safetensors"
    save_weights(path, {n: BROKEN[problem](n, t) for n, t in state.items()}, CARD)
    with pytest.raises(WeightsError, match=problem):
        Segmenter(path).mask(scene(blob((64, 64)), names=S2))


def test_weights_of_other_bands_or_another_network_are_refused(scene, state, tmp_path):
    tile = scene(blob((64, 64)), names=S2)
    other, short = tmp_path / "bands.safetensors", tmp_path / "short.safetensors"
    save_weights(other, state, replace(CARD, bands=("green", "red")))
    save_weights(short, dict(list(state.items())[:-1]), CARD)
    for path, words in ((other, "reads bands green, red"), (short, "do not fit the network")):
        with pytest.raises(WeightsError, match=words) as caught:
            Segmenter(path).mask(tile)
        assert caught.value.exit_code == 5
    with pytest.raises(FileError):
        Segmenter(tmp_path / "none.safetensors").mask(tile)


def test_an_image_of_one_row_is_averaged_too():
    plane = np.zeros((1, 1, 8), np.float32)
    plane[..., 3] = 8
    assert resized(plane, (1, 2)).ravel().tolist() == [2, 0]
