"""Training of the GAN: it learns, goes on where it stopped, and leaves weights with a card."""

import importlib.util
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

if importlib.util.find_spec("lightning") is None:  # importing it here would skip our cure
    pytest.skip("lightning is not installed: pip install 'kumosan[train]'", allow_module_level=True)

from PIL import Image

from kumosan.datasets.errors import UnfitError
from kumosan.datasets.fitting import CHECKPOINT, LOG, seed_everything
from kumosan.datasets.splits import Fold
from kumosan.datasets.torch_data import Draw
from kumosan.datasets.weights import load_weights
from kumosan.datasets.write import write_tile
from kumosan.gan.mixture import Mixture
from kumosan.gan.train_config import GanConfig, read
from kumosan.gan.train_data import PaintedPairs
from kumosan.gan.training import GanModule, Run

from .small_set import CONFIG, clear_tile, make

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> GanConfig:
    path = tmp_path_factory.mktemp("config") / "c.toml"
    path.write_text(CONFIG)
    return read(path)


@pytest.fixture(scope="module")
def whole(config, folder, tmp_path_factory):
    """The folder of a finished training."""
    out = tmp_path_factory.mktemp("whole")
    Run(config, out, folder).train()
    return out


class Stop(Exception):
    pass


def stopped(config, folder, out, monkeypatch):
    """A run that was stopped in its second epoch and given again."""
    step = GanModule.training_step

    def stop(self, batch, number):
        if self.current_epoch == 1 and number == 1:
            raise Stop
        return step(self, batch, number)

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(GanModule, "training_step", stop)
        Run(config, out, folder).train()
    assert (out / CHECKPOINT).exists() and not (out / "weights.safetensors").exists()
    return Run(config, out, folder).train()


def same(one, other) -> bool:
    a, b = (load_weights(path, "generator")[1] for path in (one, other))
    return set(a) == set(b) and all(torch.equal(a[n], b[n]) for n in a)


def test_a_stopped_run_ends_as_one_that_was_not(config, folder, whole, tmp_path, monkeypatch):
    parts = stopped(config, folder, tmp_path, monkeypatch)
    assert same(whole / "weights.safetensors", parts)
    assert (tmp_path / LOG).read_text() == (whole / LOG).read_text()


@pytest.mark.slow
def test_the_same_with_dropout_and_batch_norm(config, folder, tmp_path, monkeypatch):
    network = {"kind": "pix2pix", "channels": (2,), "depth": 6, "norm": "batch", "residual": False}
    config = replace(
        config, network=network, training=replace(config.training, crop=64, ema=0.0, samples=4)
    )
    whole = Run(config, tmp_path / "whole", folder).train()
    parts = stopped(config, folder, tmp_path / "parts", monkeypatch)
    assert same(whole, parts)


def test_what_a_run_leaves(whole):
    lines = (whole / LOG).read_text().splitlines()
    names = "epoch,step,discriminator,adversarial,l1,sam,ssim,learning_rate"
    assert lines[0] == names and len(lines) == 3
    first, second = ([float(x) for x in line.split(",")] for line in lines[1:])
    assert all(np.isfinite(first)) and first[-1] == 2e-4
    assert second[-1] == pytest.approx(1e-4)  # one epoch of fall to 0: half
    card, _ = load_weights(whole / "weights.safetensors", "generator")
    assert "3 clear tiles" in card.data and card.network["channels"] == [8, 16]
    assert card.training["training"]["epochs"] == 2 and card.training["seed"] == 0
    pictures = sorted(path.name for path in (whole / "samples").iterdir())
    assert pictures == ["epoch_0002.png"]
    assert Image.open(whole / "samples" / pictures[0]).size == (3 * 32, 4 * 32)


def test_mixed_precision(config, folder, tmp_path):
    t = replace(config.training, epochs=1, samples=2, precision="bf16-mixed", picture_epochs=0)
    path = Run(replace(config, training=t), tmp_path, folder).train()
    assert all(torch.isfinite(x).all() for x in load_weights(path, "generator")[1].values())


def test_without_an_adversary_the_discriminator_stays(config, folder, tmp_path):
    alone = replace(config, adversary=replace(config.adversary, weight=0.0))
    alone = replace(alone, training=replace(config.training, epochs=1, ema=0.0, picture_epochs=0))
    torch.manual_seed(0)
    Run(alone, tmp_path, folder).train()
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)["state_dict"]
    seed_everything(0)
    fresh = GanModule(alone).state_dict()
    moved = {n.split(".")[0] for n in state if not torch.equal(state[n], fresh[n])}
    assert moved == {"generator"}
    assert not (tmp_path / "samples").exists()


def test_the_prior_of_the_configuration_is_what_the_network_starts_from(config, folder):
    alone = replace(config, sources=config.sources[:1], augment={})
    both = (replace(alone, prior=name) for name in ("idw", ""))
    with_prior, without = (Mixture.of(c, folder, 0).dataset for c in both)
    draws = [Draw(0, k, 0) for k in range(6)]
    one, other = ([d[draw] for draw in draws] for d in (with_prior, without))
    assert all("prior" in s for s in one) and not any("prior" in s for s in other)
    changed = 0
    for sample in one:
        clear = sample["mask"] == 0
        guess, doubt = sample["prior"][:-1], sample["prior"][-1]
        assert torch.equal(guess[:, clear], sample["image"][:, clear])
        assert (doubt[clear] == 0).all() and (doubt[sample["mask"] == 1] > 0).all()
        changed += not torch.equal(guess, sample["image"])
    assert changed


def test_a_stopped_run_does_not_paint_again(config, folder, tmp_path, monkeypatch):
    source = replace(config.sources[0], paintings=1)
    facts = replace(
        config, sources=(source,), prior="idw", augment={},
        training=replace(config.training, canvas=48, samples=8, picture_epochs=0, ema=0.0),
    )  # fmt: skip
    whole = Run(facts, tmp_path / "whole", folder).train()
    assert not (tmp_path / "whole" / "paintings").exists()
    painted = []
    guessed = PaintedPairs._guessed
    monkeypatch.setattr(
        PaintedPairs, "_guessed", lambda self, d: painted.append(d.item) or guessed(self, d)
    )
    parts = stopped(facts, folder, tmp_path / "parts", monkeypatch)
    assert sorted(painted) == [0, 1, 2]  # three tiles, each once, although two runs saw them
    assert same(whole, parts)


def test_other_ground_is_painted_anew(config, folder, tmp_path, monkeypatch):
    """A training that goes on in the same folder with other DATA finds nothing painted."""
    source = replace(config.sources[0], paintings=1, turn=False)
    small = replace(config, sources=(source,), augment={}, prior="")
    painted = []
    guessed = PaintedPairs._guessed
    monkeypatch.setattr(
        PaintedPairs, "_guessed", lambda self, d: painted.append(1) or guessed(self, d)
    )

    def sample(data, keep=tmp_path / "keep"):
        painted.clear()
        return Mixture.of(small, data, 0, keep=keep).dataset.sample(Draw(0, 0, 0)), len(painted)

    mine = shutil.copytree(folder, tmp_path / "mine")
    first, _ = sample(mine)
    assert sample(mine)[1] == 0 and sample(folder)[1] == 1
    write_tile(mine / "t0.tif", clear_tile(seed=9), overwrite=True)
    anew, count = sample(mine)
    assert count == 1 and not np.array_equal(anew.target, first.target)
    assert np.array_equal(anew.target, sample(mine, None)[0].target)


def test_samples_are_cut_out_of_what_was_painted_at_once(config, folder):
    source = replace(config.sources[0], turn=False)
    parts = {}
    for canvas, crop in ((64, 64), (64, 32)):
        t = replace(config.training, canvas=canvas, crop=crop)
        small = replace(config, sources=(source,), augment={}, prior="idw", training=t)
        parts[crop] = Mixture.of(small, folder, 0).dataset.sample(Draw(0, 1, 0))
    whole, part = parts[64], parts[32]
    assert part.image.shape == (7, 32, 32) and part.prior.shape == (8, 32, 32)
    places = [(y, x) for y in range(33) for x in range(33)
              if np.array_equal(whole.image[:, y : y + 32, x : x + 32], part.image)]  # fmt: skip
    ((y, x),) = places
    for name in ("target", "prior", "mask", "valid"):
        cut = getattr(whole, name)[..., y : y + 32, x : x + 32]
        assert np.array_equal(cut, getattr(part, name))


def test_places_that_are_left_out(config, folder, tmp_path):
    fold = Fold(0, 2)
    left = {f"place{i}" for i in range(3) if fold.holds(f"place{i}")}
    assert 0 < len(left) < 3
    config = replace(config, training=replace(config.training, epochs=1, picture_epochs=0))
    path = Run(config, tmp_path, folder, fold=fold).train()
    card, _ = load_weights(path, "generator")
    assert card.training["fold"] == {"number": 0, "of": 2, "seed": 0}
    assert f"{3 - len(left)} clear tiles" in card.data


def test_a_fold_never_draws_what_it_leaves_out_but_finds_all_paintings(config, folder, tmp_path):
    source = replace(config.sources[0], paintings=1)
    small = replace(config, sources=(source,))
    fold = Fold(0, 2)
    out = {i for i in range(3) if fold.holds(f"place{i}")}
    part = Mixture.of(small, folder, 0, fold=fold, keep=tmp_path)
    drawn = {draw.item for draw in part.order(64, 0)}
    assert drawn == set(range(3)) - out
    whole = Mixture.of(small, folder, 0, keep=tmp_path)
    for item in drawn:
        part.dataset.sample(Draw(0, 0, item))
    (kept,) = tmp_path.iterdir()
    assert {path.stem for path in kept.iterdir()} == {str(item) for item in drawn}
    assert whole.dataset.parts[0].paintings.folder == kept
    (tmp_path / "one").mkdir()
    with pytest.raises(UnfitError, match="left out"):
        Mixture.of(small, make(tmp_path / "one", clear=1), 0, fold=_fold_of("place0"))


def _fold_of(group):
    return next(fold for fold in (Fold(0, 2), Fold(1, 2)) if fold.holds(group))


@pytest.mark.slow
def test_it_learns_to_lift_haze(config, folder, tmp_path):
    config = replace(
        config, sources=config.sources[:1], augment={}, loss={"l1": 100.0},
        network={"channels": (16, 24)},
        training=replace(
            config.training, epochs=12, constant_epochs=12, samples=64, batch_size=4, ema=0.0,
            learning_rate=2e-3, picture_epochs=0,
        ),
    )  # fmt: skip
    Run(config, tmp_path, folder).train()
    lines = (tmp_path / LOG).read_text().splitlines()
    column = lines[0].split(",").index("l1")
    l1 = [float(line.split(",")[column]) for line in lines[1:]]
    assert np.mean(l1[-3:]) < 0.7 * l1[0]  # from a first guess that is good already
