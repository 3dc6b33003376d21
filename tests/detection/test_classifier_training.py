"""Training of the classifier: it learns, calibrates on other places, goes on where it stopped."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch
from affine import Affine

if importlib.util.find_spec("lightning") is None:  # importing it here would skip our cure
    pytest.skip("lightning is not installed: pip install 'kumosan[train]'", allow_module_level=True)

from kumosan.datasets.errors import UnfitError, UsageError
from kumosan.datasets.splits import Fold
from kumosan.datasets.tile import Tile
from kumosan.datasets.weights import load_weights, read_card
from kumosan.datasets.write import write_tile
from kumosan.detection.classifier import Classifier
from kumosan.detection.classifier_config import ClassifierConfig
from kumosan.detection.classifier_data import examples
from kumosan.detection.classifier_training import ClassifierModule, Run, cut_up
from kumosan.detection.train_config import read_config

from .small_set import BANDS, CLOUD, GROUND, make

torch.set_num_threads(1)
CONFIG = """
sizes = [16, 32]
network = { width = 0.05, dropout = 0.0 }
[[sources]]
kind = "labelled"
[[sources]]
kind = "painted"
[[sources]]
kind = "landscape"
count = 2
size = 64
[augment.turn]
[training]
epochs = 2
samples = 16
batch_size = 4
crop = 32
workers = 0
cache_mb = 10
gsd_range_m = [20.0, 20.0]
[calibration]
folds = 0
patch_px = 32
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> ClassifierConfig:
    path = tmp_path_factory.mktemp("config") / "c.toml"
    path.write_text(CONFIG)
    return read_config(ClassifierConfig, path, "classifier")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    """Sixteen trivially different patches of eight places, in clear/ and cloudy/."""
    root, rng = tmp_path_factory.mktemp("patches"), np.random.default_rng(0)
    for i in range(16):
        name, colour = ("clear", GROUND) if i % 2 else ("cloudy", CLOUD)
        (root / name).mkdir(exist_ok=True)
        data = colour[:, None, None] * (1 + 0.05 * rng.standard_normal((7, 32, 32)))
        tile = Tile(data.astype(np.float32), BANDS, Affine(20, 0, 3e5, 0, -20, 5e6))
        write_tile(root / name / f"s{i // 2}_{i:05d}_00000.tif", tile)
    return root


def trained(config, **settings):
    return replace(config, training=replace(config.training, **settings))


def test_a_stopped_run_ends_as_one_that_was_not(config, folder, tmp_path, monkeypatch):
    whole = Run(config, tmp_path / "whole", folder).train()
    step = ClassifierModule.training_step

    class Stop(Exception):
        pass

    def stop(self, batch, number):
        if self.current_epoch == 1 and number == 2:
            raise Stop
        return step(self, batch, number)

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(ClassifierModule, "training_step", stop)
        Run(config, tmp_path / "parts", folder).train()
    again = []
    parts = Run(config, tmp_path / "parts", folder).train(lambda *at: again.append(at))
    assert again == [(2, 2)]
    one, other = (load_weights(path, "classifier")[1] for path in (whole, parts))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(t.abs().max() > 0 for t in one.values())


def test_trivially_different_patches_are_told_apart(config, patches, tmp_path):
    config = trained(config, epochs=5, samples=32)
    config = replace(config, calibration=replace(config.calibration, folds=2))
    config = replace(config, optimization=replace(config.optimization, learning_rate=5e-3))
    path = Run(config, tmp_path / "run", patches).train()
    card = read_card(path)
    assert card.scores["held_out"]["auc"] == 1.0
    assert card.scores["held_out"]["patches"] == 16
    assert card.scores["held_out"]["precision"] == 1.0
    assert set(card.decision) == {"clear"} and card.temperature > 0
    from kumosan.datasets.read import read

    found = Classifier(path)
    for file in patches.rglob("*.tif"):
        assert (found.clear_probability(read(file)) >= found.decision) == (
            file.parent.name == "clear"
        )
    assert {p.name for p in (tmp_path / "run").glob("fold-*")} == {"fold-0", "fold-1"}


def test_one_fold_is_judged_by_what_it_left_out(config, folder, tmp_path):
    fold = next(f for k in range(2) if _both(config, folder, f := Fold(k, 2)))
    held = examples(config, folder, 0, fold).held_out
    assert held and all(fold.holds(row.group) for row in held)
    card = read_card(Run(config, tmp_path / "run", folder, fold=fold).train())
    assert card.training["fold"] == {"number": fold.number, "of": 2, "seed": 0}
    assert card.scores["held_out"]["patches"] == 4 * len(held)


def _both(config, folder, fold):
    from kumosan.detection.classifier_data import judged

    return len({clear for _, clear in judged(examples(config, folder, 0, fold).held_out, 32)}) == 2


def test_finished_folds_are_not_trained_again(config, patches, tmp_path):
    config = replace(config, calibration=replace(config.calibration, folds=2))
    told = []
    Run(config, tmp_path / "run", patches).train(lambda *at: told.append(at))
    assert len(told) == 6
    (tmp_path / "run" / "weights.safetensors").unlink()
    (tmp_path / "run" / "last.ckpt").unlink()
    del told[:]
    Run(config, tmp_path / "run", patches).train(lambda *at: told.append(at))
    assert len(told) == 2


def test_places_of_one_kind_leave_nothing_to_compare(config, patches, tmp_path):
    lines = [f"{p.relative_to(patches)},{p.parent.name},one place" for p in patches.rglob("*.tif")]
    table = patches / "one.csv"
    table.write_text("\n".join(["image,label,group", *lines]))
    config = replace(config, calibration=replace(config.calibration, folds=2))
    with pytest.raises(UnfitError, match="--folds 0"):
        Run(config, tmp_path / "run", table).train()


def test_data_of_no_known_form_are_refused(tmp_path):
    with pytest.raises(UsageError, match="sources"):
        examples(ClassifierConfig(), tmp_path, 0, None)


def test_batches_are_cut_into_patches_that_stay_what_they_were():
    y, x = torch.meshgrid(torch.arange(70), torch.arange(70), indexing="ij")
    mask = torch.stack([100 * y + x, 100 * y + x + 10_000])
    batch = {
        "mask": mask, "valid": mask % 3 > 0, "image": torch.stack([mask, -mask], dim=1).float(),
        "present": torch.tensor([[0.0], [1.0]]), "meanings": torch.arange(2)[:, None, None],
    }  # fmt: skip
    out = cut_up(batch, 32)
    assert out["mask"].shape == (8, 32, 32) and out["image"].shape == (8, 2, 32, 32)
    assert torch.equal(out["mask"][1], mask[0, :32, 32:64])
    assert torch.equal(out["mask"][6], mask[1, 32:64, :32])
    assert torch.equal(out["image"][:, 0], out["mask"].float())
    assert torch.equal(out["valid"], out["mask"] % 3 > 0)
    assert out["present"].ravel().tolist() == [0] * 4 + [1] * 4


def test_crops_smaller_than_the_patches_to_cut(config, folder):
    with pytest.raises(UsageError, match="crops"):
        examples(replace(config, sizes=(config.training.crop + 1,)), folder, 0, None)
