"""``kumosan train`` as a person runs it, as far as no training is needed (see test_docs)."""

import json
from functools import partial

import pytest

from .running import run as kumosan

run = partial(kumosan, "train")


def test_dry_run_tells_the_whole_configuration(tmp_path):
    words = ("segmenter", tmp_path, "-o", tmp_path / "r", "--epochs", 3, "--workers", 0)
    done = run(*words, "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    config = json.loads(done.stdout)["config"]
    assert config["training"]["epochs"] == 3 and config["training"]["workers"] == 0
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("fold", ["4/4", "1", "-1/3", "0/1", "a/b", "1/2/3"])
def test_a_fold_that_does_not_exist(tmp_path, fold):
    done = run("segmenter", tmp_path, "-o", tmp_path / "r", "--fold", fold, "--dry-run")
    assert done.exit_code == 2
    assert "K/N" in done.output


def test_finished_weights_are_kept(tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"mine")
    done = run("segmenter", tmp_path, "-o", tmp_path)
    assert done.exit_code == 2
    assert "exists" in done.output
    assert (tmp_path / "weights.safetensors").read_bytes() == b"mine"


def test_a_configuration_with_a_mistake(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text('[[sources]]\nkind = "labelled"\nweigth = 1\n')
    done = run("segmenter", tmp_path, "--config", config, "-o", tmp_path / "r")
    assert done.exit_code == 2
    assert "weigth" in done.output


def test_the_gan_tells_its_configuration(tmp_path):
    words = ("gan", tmp_path, "-o", tmp_path / "r", "--epochs", 3, "--workers", 0)
    done = run(*words, "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    config = json.loads(done.stdout)["config"]
    assert config["training"]["epochs"] == 3 and config["network"]["kind"] == "slim"
    assert not (tmp_path / "r").exists()


def test_mistakes_with_the_gan_cost_no_training(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text('[[sources]]\nkind = "landscape"\n[training]\ncrop = 100\n')
    done = run("gan", tmp_path, "--config", config, "-o", tmp_path / "r")
    assert done.exit_code == 2 and "stride" in done.output
    config.write_text('[[sources]]\nkind = "painted"\nsplit = "test"\n')
    (tmp_path / "catalog.json").write_text("[]")
    done = run("gan", tmp_path, "--config", config, "-o", tmp_path / "r")
    assert done.exit_code == 2 and "test" in done.output
    (tmp_path / "weights.safetensors").write_bytes(b"mine")
    done = run("gan", tmp_path, "-o", tmp_path)
    assert done.exit_code == 2 and "exists" in done.output


def test_a_catalogue_that_is_not_there(tmp_path):
    pytest.importorskip("pydantic")
    done = run("segmenter", tmp_path / "none", "-o", tmp_path / "r")
    assert done.exit_code == 3
    assert "does not exist" in done.output


def test_relations_are_fitted_into_a_new_file_only(tmp_path):
    path = tmp_path / "r.safetensors"
    done = run("relations", tmp_path, "-o", path, "--dry-run")
    assert done.exit_code == 0 and not path.exists(), done.output
    path.write_bytes(b"mine")
    done = run("relations", tmp_path, "-o", path)
    assert done.exit_code == 2 and "exists" in done.output
    assert path.read_bytes() == b"mine"
    done = run("relations", tmp_path, "-o", tmp_path / "s.safetensors")
    assert done.exit_code == 3 and "catalog.json" in done.output
