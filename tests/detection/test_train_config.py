"""Configurations: what is not understood is named, and the ones we ship are understood."""

from dataclasses import replace
from pathlib import Path

import pytest

from kumosan.datasets.augmentations import augmentations
from kumosan.datasets.configuration import as_json, validated
from kumosan.datasets.errors import FileError, UsageError
from kumosan.detection.train_config import CONFIGS, SegmenterConfig, read_config

SOURCE = '[[sources]]\nkind = "labelled"\n'


def read(tmp_path: Path, text: str) -> SegmenterConfig:
    path = tmp_path / "c.toml"
    path.write_text(text)
    return read_config(SegmenterConfig, path, "segmenter")


def test_the_one_we_ship(tmp_path):
    config = read_config(SegmenterConfig, None, "segmenter")
    assert {s.kind for s in config.sources} == {"labelled", "painted", "landscape"}
    assert "test" not in {s.split for s in config.sources}
    assert config.training.crop % config.network_config.stride == 0
    assert len(augmentations(config.augment)) == len(config.augment)
    assert (CONFIGS / "segmenter.toml").is_file()


def test_a_config_survives_json():
    config = read_config(SegmenterConfig, None, "segmenter")
    config = replace(config, network={"encoder": "resnet18"})
    assert validated(SegmenterConfig, as_json(config), "card") == config


BAD = {
    "an unknown field": (SOURCE + "weigth = 2\n", "sources.0.weigth"),
    "a text for a number": (SOURCE + '[training]\nepochs = "many"\n', "training.epochs"),
    "an unknown kind": ('[[sources]]\nkind = "magic"\n', "sources.0.kind"),
    "no source": ("[training]\nepochs = 3\n", "sources"),
    "a mapping to no class": (SOURCE + 'mapping = {"3" = 7}\n', "mapping with 3 = 7"),
    "a mapping of codes that no mask may hold": (
        SOURCE + 'mapping = {"4" = 1}\n',
        "mapping with 4 = 1",
    ),
    "a mapping of no code": (SOURCE + "mapping = {cloud = 1}\n", "mapping with cloud = 1"),
    "less than a batch": (SOURCE + "[training]\nsamples = 8\nbatch_size = 16\n", "whole batch"),
    "no epoch": (SOURCE + "[training]\nepochs = 0\n", "0 epochs"),
    "an unknown optimizer": (SOURCE + '[optimization]\noptimizer = "lion"\n', "optimizer"),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_named(tmp_path, name):
    text, field = BAD[name]
    with pytest.raises(UsageError, match=field) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_mistakes_inside_of_the_network_are_named(tmp_path):
    config = read(tmp_path, SOURCE + '[network]\nencoder = "resnet18"\nlayers = 3\n')
    with pytest.raises(UsageError, match="layers"):
        _ = config.network_config


def test_files_that_are_no_configuration(tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        read(tmp_path, "sources = [")
    with pytest.raises(FileError, match="does not exist"):
        read_config(SegmenterConfig, tmp_path / "none.toml", "segmenter")


def test_catalogues_are_found_from_the_file(tmp_path):
    config = read(tmp_path, SOURCE + 'catalog = "more/data"\n')
    assert config.sources[0].catalog == str(tmp_path / "more" / "data")


@pytest.mark.parametrize("wanted", [{"blur": {}}, {"noise": {"sigmas": [0, 1]}}])
def test_unknown_augmentations_are_named(wanted):
    with pytest.raises(UsageError, match=next(iter(wanted))):
        augmentations(wanted)


@pytest.mark.parametrize("crop", [100, 32])
def test_crops_that_the_network_cannot_read(tmp_path, crop):
    config = read(tmp_path, SOURCE + f"[training]\ncrop = {crop}\n")
    with pytest.raises(UsageError, match="stride, 64"):
        config.check()
