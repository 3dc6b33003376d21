"""``kumosan experiments`` as a person runs it; the trainings are tested with their module."""

import importlib.util
import json
from functools import partial
from pathlib import Path

import pytest

from kumosan.detection.experiment_results import COLUMNS

from .running import run as kumosan

EXPERIMENT = """
base = "own.toml"
seeds = [0]
parts = 2
folds = [0, 1]
[variants.rule.network]
features = ["braaten"]
"""


run = partial(kumosan, "experiments")


@pytest.fixture
def made(tmp_path):
    """(experiment, catalogue), made small."""
    path = Path(__file__).parents[1] / "detection" / "small_set.py"
    spec = importlib.util.spec_from_file_location("small_set_of_experiments", path)
    small_set = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(small_set)
    (tmp_path / "own.toml").write_text(small_set.CONFIG)
    (tmp_path / "e.toml").write_text(EXPERIMENT)
    (tmp_path / "set").mkdir()
    return tmp_path / "e.toml", small_set.make(tmp_path / "set")


@pytest.fixture
def results(tmp_path):
    row = dict.fromkeys(COLUMNS, "1") | {"class_counts": " ".join(["1"] * 20), "bands": "all"}
    lines = [row | {"variant": v} for v in ("base", "other")]
    text = [",".join(COLUMNS), *(",".join(line[c] for c in COLUMNS) for line in lines)]
    (tmp_path / "results.csv").write_text("\n".join(text) + "\n")
    return tmp_path


def test_dry_run_names_every_training_and_writes_nothing(made, tmp_path):
    if importlib.util.find_spec("lightning") is None:
        pytest.skip("lightning is not installed: pip install 'kumosan[train]'")
    done = run("run", *made, "-o", tmp_path / "out", "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    folders = [Path(f).relative_to(tmp_path / "out") for f in json.loads(done.stdout)["trainings"]]
    assert [str(f) for f in folders] == ["base/s0_f0", "rule/s0_f0", "base/s0_f1", "rule/s0_f1"]
    assert not (tmp_path / "out").exists()


def test_a_mistake_in_the_file(made, tmp_path):
    made[0].write_text(EXPERIMENT + "[variants.v.network]\nlayers = 3\n")
    done = run("run", *made, "-o", tmp_path / "out", "--dry-run")
    assert done.exit_code == 2, done.output
    assert "variant 'v'" in done.output and "layers" in done.output


def test_the_table_is_printed_and_written(results):
    done = run("table", results, "-o", results / "t.md")
    assert done.exit_code == 0, done.output
    assert "| other | all | 1 | 0.500 |" in done.stdout
    assert "| other | all | 1 | +0.000 |" in done.stdout
    assert (results / "t.md").read_text() == done.stdout
    assert run("table", results, "-o", results / "t.md").exit_code == 2
    told = json.loads(run("table", results / "results.csv", "--json").stdout)["variants"]
    assert [v["variant"] for v in told] == ["base", "other"]
    assert told[1]["values"]["cloud"] == [0.5]


def test_a_folder_without_results(tmp_path):
    done = run("table", tmp_path)
    assert done.exit_code == 3
    assert "does not exist" in done.output
