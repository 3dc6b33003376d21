"""An experiment: trained once, gone on with where it was stopped, judged on what was left out."""

import importlib.util

import numpy as np
import pytest
import torch

if importlib.util.find_spec("lightning") is None:  # importing it here would skip our cure
    pytest.skip("lightning is not installed: pip install 'kumosan[train]'", allow_module_level=True)

from kumosan.datasets.errors import OutputError, UnfitError, UsageError
from kumosan.datasets.splits import Fold
from kumosan.datasets.tile import CloudMask
from kumosan.detection import experiment_runs
from kumosan.detection.experiment_results import RESULTS, Repeated, read_results
from kumosan.detection.experiment_runs import check, judge, judged, repeated, run
from kumosan.detection.experiments import read_experiment

from .small_set import CONFIG, make

torch.set_num_threads(1)

EXPERIMENT = """
base = "own.toml"
seeds = [0]
parts = 2
folds = [0]
rgb = true
[budget]
epochs = 1
samples = 8
[variants.rule.network]
features = ["braaten"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("set"))


@pytest.fixture
def experiment(tmp_path):
    (tmp_path / "own.toml").write_text(CONFIG)

    def read(text=EXPERIMENT):
        path = tmp_path / "e.toml"
        path.write_text(text)
        return read_experiment(path)

    return read


def test_what_is_finished_is_not_repeated(experiment, folder, tmp_path, monkeypatch):
    out, told = tmp_path / "out", []
    path = run(experiment(), folder, out, lambda trial, n, of, left: told.append((n, of, left)))
    assert [(n, of) for n, of, _ in told] == [(1, 2), (1, 2), (2, 2), (2, 2)]
    assert told[0][2] is None and told[1][2] > 0
    assert path == out / RESULTS
    first = read_results(path)
    bands = [(r.variant, r.bands) for r in first]
    assert bands == [("base", "all"), ("base", "rgb"), ("rule", "all"), ("rule", "rgb")]
    assert first[0].seconds > 0
    assert {r.found.images for r in first} == {len(judged(folder, Fold(0, 2)))}
    text = path.read_text()

    trained = []
    real = experiment_runs.Run.train
    monkeypatch.setattr(
        experiment_runs.Run,
        "train",
        lambda self, tell: (trained.append(self.out), real(self, tell)),
    )
    run(experiment(), folder, out)
    assert not trained and path.read_text() == text

    path.unlink()  # figures are made again from the weights
    (out / "rule" / "s0_f0" / "weights.safetensors").unlink()  # stopped after its last epoch
    run(experiment(), folder, out)
    assert trained == [out / "rule" / "s0_f0"]
    again = read_results(path)
    assert [r.found.views for r in again] == [r.found.views for r in first]
    assert np.isnan(again[0].seconds)

    longer = experiment(EXPERIMENT.replace("samples = 8", "samples = 12"))
    with pytest.raises(OutputError, match="another configuration"):
        run(longer, folder, out)
    run(longer, folder, out, overwrite=True)
    assert len(trained) == 3 and len(read_results(path)) == 4


BAD = {
    "encoder": ("network", 'encoder = "resnet19"', "'v': encoder 'resnet19'"),
    "feature": ("network", 'features = ["evi"]', "'v': features evi"),
    "loss": ("loss", "hinge = 1.0", "'v': losses hinge"),
    "augmentation": ("augment", "mixup = {}", "'v': augmentation 'mixup'"),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_told_before_any_training(experiment, folder, tmp_path, name):
    table, setting, said = BAD[name]
    made = experiment(f"{EXPERIMENT}[variants.v.{table}]\n{setting}\n")
    with pytest.raises(UsageError, match=said):
        run(made, folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_fold_that_holds_nothing_to_judge_by(experiment, tmp_path):
    with pytest.raises(UnfitError, match="leaves out no image"):
        judged(make(tmp_path, labelled=1, clear=1), Fold(1, 50))


def test_the_trainings_of_a_sound_file(experiment, folder):
    assert [t.variant for t in check(experiment(), folder)] == ["base", "rule"]


def test_the_rules_errors_that_are_repeated():
    truth = np.array([[0, 0, 0, 3, 1, 2, 1, 255]], np.uint8)
    rules = np.array([[1, 2, 0, 1, 0, 0, 1, 1]], np.uint8)
    said = np.array([[1, 0, 1, 3, 0, 1, 0, 1]], np.uint8)
    assert repeated(truth, said, rules) == (Repeated(3, 1), Repeated(2, 1))
    assert repeated(truth, rules, rules) == (Repeated(3, 3), Repeated(2, 2))
    assert np.isnan(Repeated().share) and Repeated(4, 1).share == 0.25


class Seen:
    """Calls everything clear, and remembers the bands."""

    bands = ()

    def __init__(self):
        self.names = []

    def mask(self, tile):
        self.names.append(tile.bands.names)
        return CloudMask.like(tile, np.zeros(tile.shape, np.uint8))


def test_judging(folder):
    rows = judged(folder, Fold(0, 2))
    drawn = [r for r in rows if 3 in r.labelled]
    seen = Seen()
    found = judge(seen, rows, "rgb")
    assert all(len(names) == 3 for names in seen.names) and len(seen.names) == len(rows)
    assert found.images == len(rows)
    assert found.views["cloud"].tp == 0 and found.views["cloud"].fn == 256 * len(rows)
    assert found.views["shadow"].n == 64 * 64 * len(drawn)
    assert found.misses.repeated == found.misses.errors
