"""Experiment files: what differs is merged, what cannot be meant is named."""

import re
from pathlib import Path

import pytest

from kumosan.datasets.augmentations import augmentations
from kumosan.datasets.configuration import as_json
from kumosan.datasets.errors import FileError, UsageError
from kumosan.detection.experiments import BASE, merged, read_experiment
from kumosan.detection.train_config import SegmenterConfig, read_config

REPO = Path(__file__).parents[2]
SHIPPED = sorted((REPO / "benchmarks" / "experiments").glob("*.toml"))
VARIANT = "[variants.v.optimization]\nlearning_rate = 0.01\n"


def read(tmp_path, text):
    path = tmp_path / "e.toml"
    path.write_text(text)
    return read_experiment(path)


def test_overrides_are_merged_into_tables():
    base = {"loss": {"ce": 1.0, "dice": 0.5}, "augment": {"flip": {}, "jitter": {"gain": [1, 2]}}}
    assert merged(base, {"loss": {"dice": 0.1}})["loss"] == {"ce": 1.0, "dice": 0.1}
    assert merged(base, {"loss": {"ce": False}})["loss"] == {"dice": 0.5}
    assert merged(base, {"augment": {"jitter": False}})["augment"] == {"flip": {}}
    assert merged(base, {"augment": {"turn": {}}})["augment"] == base["augment"] | {"turn": {}}
    assert merged({"on": True}, {"on": False}) == {"on": False}
    assert base["loss"] == {"ce": 1.0, "dice": 0.5}


def test_a_variant_differs_in_what_it_names_and_in_nothing_else(tmp_path):
    made = read(tmp_path, "[budget]\nepochs = 3\nsamples = 64\n" + VARIANT)
    packaged = as_json(read_config(SegmenterConfig, None, "segmenter"))
    base = packaged | {"training": packaged["training"] | {"epochs": 3, "samples": 64}}
    assert list(made.configs) == [BASE, "v"]
    assert as_json(made.configs[BASE]) == base
    moved = base["optimization"] | {"learning_rate": 0.01}
    assert as_json(made.configs["v"]) == base | {"optimization": moved}


def test_trials_of_one_seed_and_fold_come_together(tmp_path):
    made = read(tmp_path, "seeds = [3, 5]\nparts = 4\nfolds = [0, 2]\n" + VARIANT)
    trials = list(made.trials())
    assert [str(t.folder) for t in trials[:4]] == ["base/s3_f0", "v/s3_f0", "base/s3_f2", "v/s3_f2"]
    assert len(trials) == 8
    assert trials[0].facts["fold"] == {"number": 0, "of": 4, "seed": 0}


@pytest.mark.parametrize("base", ['base = "own.toml"\n', None])
def test_a_base_of_ones_own(tmp_path, base):
    text = 'class_weights = [1, 1, 1, 9]\n[[{}sources]]\nkind = "labelled"\ncatalog = "here"\n'
    (tmp_path / "own.toml").write_text(text.format(""))
    made = read(tmp_path, base or "[base]\n" + text.format("base."))
    config = made.configs[BASE]
    assert config.class_weights[3] == 9
    assert config.sources[0].catalog == str(tmp_path / "here")


BAD = {
    "an override": ("[variants.v.optimization]\nlearning_rat = 1\n", "'v'.*learning_rat "),
    "an unknown table": ("[variants.v.optimisation]\nlearning_rate = 1\n", "'v'.*optimisation"),
    "an unknown field": ("seed = [1]\n", "seed"),
    "a budget of its own": ("[variants.v.training]\nepochs = 9\n", "'v'.*epochs.*budget"),
    "the crop of the budget": (
        "[budget]\ncrop = 64\n[variants.v.training]\ncrop = 128\n", "'v'.*crop",
    ),
    "a wrong budget": ("[budget]\nepoch = 9\n", "budget.*training.epoch"),
    "a variant called base": ("[variants.base]\n", "'base'"),
    "a variant that leads away": ('[variants."../x"]\n', "letters"),
    "a seed twice": ("seeds = [1, 1]\n", "seeds"),
    "no fold": ("folds = []\n", "folds"),
    "a fold too many": ("parts = 2\nfolds = [2]\n", "folds"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_named(tmp_path, name):
    text, said = BAD[name]
    with pytest.raises(UsageError, match=said):
        read(tmp_path, text)


def test_a_base_that_is_not_there(tmp_path):
    with pytest.raises(FileError, match=r"nothing\.toml"):
        read(tmp_path, 'base = "nothing.toml"\n')


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_the_experiments_that_we_ship(path):
    made = read_experiment(path)
    texts = [str(config) for config in made.configs.values()]
    assert len(set(texts)) == len(texts) >= 4
    for config in made.configs.values():
        stride = config.network_config.stride
        assert config.training.crop % stride == 0
        assert len(augmentations(config.augment)) == len(config.augment)
        assert config.training.epochs * config.training.samples <= 2048


def test_all_of_them_are_looked_at():
    names = {p.stem for p in SHIPPED}
    assert names == {"encoders", "losses", "schedules", "features", "augmentation"}


def test_the_file_in_the_docs(tmp_path):
    (text,) = re.findall(r"```toml\n(.*?)```", (REPO / "docs" / "experiments.md").read_text(), re.S)
    made = read(tmp_path, text)
    assert list(made.configs) == [BASE, "ce", "resnet18"]
    assert made.configs["ce"].loss == {"ce": 1.0}
    assert made.configs["resnet18"].network_config.encoder == "resnet18"


def test_the_docs_count_the_trainings():
    page = (REPO / "docs" / "experiments.md").read_text()
    told = {name: int(n) for name, n in re.findall(r"^\| `(\w+)\.toml` .*\| (\d+) \|$", page, re.M)}
    assert told == {path.stem: len(list(read_experiment(path).trials())) for path in SHIPPED}
