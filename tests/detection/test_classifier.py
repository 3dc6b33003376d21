"""The patch classifier with made weights: sizes, sensors, refusals."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from kumosan.datasets.configuration import as_json
from kumosan.datasets.errors import FileError, UnfitError, UsageError, ValueRangeError
from kumosan.datasets.samples import CANONICAL_BANDS
from kumosan.datasets.weights import ModelCard, WeightsError, save_weights
from kumosan.detection.classifier import Classifier, check_varied
from kumosan.detection.classifier_network import ClassifierNet, VggConfig

CONFIG = VggConfig(11, 0.05)
CARD = ModelCard("classifier", as_json(CONFIG), CANONICAL_BANDS.names, 2.0, {"clear": 0.9})
S2 = ("blue", "green", "red", "nir", "swir1", "swir2", "cirrus")


@pytest.fixture(scope="session")
def state():
    torch.manual_seed(1)
    return ClassifierNet(CONFIG).state_dict()


@pytest.fixture(scope="session")
def weights(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    save_weights(path, state, CARD)
    return path


@pytest.mark.parametrize("layers", [11, 16])
def test_a_vgg_has_the_published_number_of_layers_at_any_width(layers):
    for width in (0.05, 0.25):
        net = ClassifierNet(VggConfig(layers, width))
        kinds = (torch.nn.Conv2d, torch.nn.Linear)
        convolutions = [m for m in net.features if isinstance(m, kinds)]
        assert len(convolutions) == layers - 3  # its three dense layers became one
        assert convolutions[-1].out_channels == round(512 * width)
        assert convolutions[0].in_channels == 14


@pytest.mark.parametrize("shape", [(1, 1), (1, 37), (64, 64), (33, 61), (130, 70), (300, 40)])
def test_patches_of_any_size_have_a_probability(scene, weights, shape):
    cloud = np.zeros(shape, bool)
    cloud[: shape[0] // 2] = True
    assert 0 < Classifier(weights).clear_probability(scene(cloud, names=S2)) < 1


@pytest.mark.parametrize(
    "names",
    [S2, ("blue", "green", "red"), ("green", "red", "nir"), ("blue", "green", "red", "nir")],
)
def test_bands_are_asked_for_by_wavelength(scene, weights, names):
    tile = scene(np.eye(40, dtype=bool), names=names)
    order = list(np.random.default_rng(0).permutation(len(names)))
    mixed = replace(tile, data=tile.data[order], bands=tile.bands.select(order))
    found = Classifier(weights)
    assert found.clear_probability(tile) == found.clear_probability(mixed)


def test_a_mirrored_patch_has_the_same_probability(scene, weights):
    tile = scene(np.tri(40, dtype=bool), names=S2)
    mirrored = tile.with_data(np.ascontiguousarray(tile.data[..., ::-1]))
    found = Classifier(weights)
    assert found.clear_probability(tile) == pytest.approx(found.clear_probability(mirrored))


def test_the_temperature_of_the_card_divides_the_logit(scene, weights):
    tile = scene(np.eye(40, dtype=bool), names=S2)
    found = Classifier(weights)
    p = found.clear_probability(tile)
    assert np.log(p / (1 - p)) == pytest.approx(found.logit(tile) / 2, abs=1e-5)


def test_the_threshold_is_that_of_the_card_unless_given(weights):
    assert Classifier(weights).decision == 0.9
    assert Classifier(weights, 0.3).decision == 0.3
    with pytest.raises(ValueRangeError):
        Classifier(weights, 1.0)


def test_a_patch_without_a_valid_pixel_has_no_probability(scene, weights):
    tile = scene(np.zeros((32, 32), bool), names=S2)
    assert np.isnan(Classifier(weights).clear_probability(tile.with_data(tile.data * np.nan)))


def test_a_patch_without_the_bands_is_refused(scene, weights):
    with pytest.raises(UnfitError):
        Classifier(weights).clear_probability(scene(np.eye(8, dtype=bool), names=("green", "red")))


def test_weights_of_another_kind_are_refused_with_exit_5(state, tmp_path, scene):
    path = tmp_path / "w.safetensors"
    save_weights(path, state, replace(CARD, kind="segmenter"))
    with pytest.raises(WeightsError, match="segmenter") as error:
        Classifier(path).clear_probability(scene(np.eye(8, dtype=bool), names=S2))
    assert error.value.exit_code == 5


def test_weights_of_another_network_or_other_bands_are_refused(state, tmp_path, scene):
    tile = scene(np.eye(8, dtype=bool), names=S2)
    for n, card in enumerate(
        [replace(CARD, network=as_json(VggConfig(16, 0.05))), replace(CARD, bands=("blue",))]
    ):
        save_weights(tmp_path / f"{n}.safetensors", state, card)
        with pytest.raises(WeightsError):
            Classifier(tmp_path / f"{n}.safetensors").clear_probability(tile)


def test_a_pickled_checkpoint_is_never_opened(tmp_path, scene):
    path, marker = tmp_path / "w.pt", tmp_path / "ran"

    class Bomb:
        def __reduce__(self):
            return marker.touch, ()

    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(WeightsError, match="pickled"):
        Classifier(path).clear_probability(scene(np.eye(8, dtype=bool), names=S2))
    assert not marker.exists()
    with pytest.raises(FileError):
        _ = Classifier(tmp_path / "none").decision


def test_broken_weights_are_found_by_their_answers(state, tmp_path, scene):
    path = tmp_path / "nan.safetensors"
    save_weights(path, {k: v * float("nan") if v.is_floating_point() else v
                        for k, v in state.items()}, CARD)  # fmt: skip
    with pytest.raises(WeightsError, match="not a number"):
        Classifier(path).clear_probability(scene(np.eye(8, dtype=bool), names=S2))
    check_varied([0.2] * 7 + [0.3], path)
    check_varied([0.2] * 7 + [float("nan")], path)
    with pytest.raises(WeightsError, match="the same for all of 8 patches"):
        check_varied([0.2] * 8, path)


def test_settings_that_build_no_network_are_refused():
    for wrong in ({"layers": 13}, {"width": 0.0}, {"dropout": 1.0}):
        with pytest.raises(UsageError):
            VggConfig(**wrong)


def test_what_its_threshold_reached_is_told(state, tmp_path):
    path = tmp_path / "w.safetensors"
    card = replace(CARD, scores={"held_out": {"precision": 0.83}})
    save_weights(path, state, card)
    assert Classifier(path).precision == 0.83
    assert Classifier(path, 0.3).precision is None  # another threshold, another precision
    save_weights(path, state, replace(CARD, scores={}), overwrite=True)
    assert Classifier(path).precision is None
