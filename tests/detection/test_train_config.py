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
