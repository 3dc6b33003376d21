"""Training: it learns, goes on where it stopped, and leaves weights that the detector reads."""

import importlib.util
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import rasterio
import torch

if importlib.util.find_spec("lightning") is None:  # importing it here would skip our cure
    pytest.skip("lightning is not installed: pip install 'kumosan[train]'", allow_module_level=True)

from kumosan.datasets.catalog import CatalogTiles, read_catalog
from kumosan.datasets.errors import GridError, UsageError
from kumosan.datasets.fitting import CHECKPOINT, LOG, moving_average
from kumosan.datasets.loading import make_loader
from kumosan.datasets.splits import Fold
from kumosan.datasets.weights import WeightsError, load_weights, save_weights
from kumosan.detection.metrics import compare, pooled
from kumosan.detection.segmenter import Segmenter
from kumosan.detection.segmenter_training import Run, SegmenterModule
from kumosan.detection.train_config import SegmenterConfig, read_config
from kumosan.detection.train_data import MixtureBuilder

from .small_set import CONFIG, make

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> SegmenterConfig:
    path = tmp_path_factory.mktemp("config") / "c.toml"
    path.write_text(CONFIG)
    return read_config(SegmenterConfig, path, "segmenter")


def longer(config, **training):
    return replace(config, training=replace(config.training, **training))


def state(path):
    return load_weights(path, "segmenter")[1]


@pytest.fixture(scope="module")
def whole(config, folder, tmp_path_factory):
    """Weights of a training that was not stopped, and what it told."""
    told = []
    out = tmp_path_factory.mktemp("whole")
    return Run(config, out, folder).train(lambda *at: told.append(at)), told


class Stop(Exception):
    pass


def test_a_stopped_run_ends_as_one_that_was_not(config, folder, whole, tmp_path, monkeypatch):
    weights, told = whole
    assert told == [(1, 2), (2, 2)]

    step = SegmenterModule.training_step

    def stop(self, batch, number):
        if self.current_epoch == 1 and number == 2:
            raise Stop
        return step(self, batch, number)

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(SegmenterModule, "training_step", stop)
        Run(config, tmp_path / "parts", folder).train()
    assert not (tmp_path / "parts" / "weights.safetensors").exists()
    assert (tmp_path / "parts" / CHECKPOINT).exists()
    again = []
    parts = Run(config, tmp_path / "parts", folder).train(lambda *at: again.append(at))
    assert again == [(2, 2)]
    one, other = state(weights), state(parts)
    assert all(torch.equal(one[name], other[name]) for name in one)
    log = (tmp_path / "parts" / LOG).read_text().splitlines()
    assert [line.split(",")[0] for line in log] == ["epoch", "0", "1"]


@pytest.mark.slow
def test_it_learns_what_is_easy(config, folder, tmp_path):
    """White squares with dark ones to their left, after a short training."""
    easy = replace(config, sources=config.sources[:1], augment={"flip": {}})
    easy = longer(easy, epochs=8, samples=100, batch_size=4, crop=64, gsd_range_m=None)
    easy = replace(easy, optimization=replace(easy.optimization, learning_rate=1e-2))
    weights = Run(easy, tmp_path / "run", folder).train()
    found = {"cloud": [], "shadow": []}
    for row in read_catalog(folder):
        if row.mask is None:
            continue
        item = CatalogTiles((row,))[0]
        counts = compare(item.mask.classes, Segmenter(weights).mask(item.tile).classes)
        found["cloud"].append(counts["cloud"])
        if SHADOW in row.labelled:
            found["shadow"].append(counts["shadow"])
    assert pooled(found["cloud"]).boa > 0.85
    assert pooled(found["shadow"]).boa > 0.7


SHADOW = 3


def test_a_stopped_run_does_not_go_on_with_another_configuration(config, folder, tmp_path):
    Run(longer(config, epochs=1), tmp_path, folder).train()
    (tmp_path / "weights.safetensors").unlink()
    other = replace(longer(config, epochs=1), class_weights=(1.0, 1.0, 2.0, 2.0))
    with pytest.raises(UsageError, match=r"last.ckpt, begun with another.*\(class_weights\)"):
        Run(other, tmp_path, folder).train()
    smaller = config.network | {"decoder_channels": [8, 8, 8]}
    with pytest.raises(UsageError, match=r"\(network\)"):
        Run(replace(longer(config, epochs=1), network=smaller), tmp_path, folder).train()
    assert Run(longer(config, epochs=1, cache_mb=9), tmp_path, folder).train().exists()


def test_a_label_of_another_size_is_named(config, tmp_path):
    folder = make(tmp_path)
    with rasterio.open(next(folder.glob("*mask.tif"))) as source:
        profile, data, name = source.profile, source.read(), source.name
    with rasterio.open(name, "w", **(profile | {"height": data.shape[1] - 8})) as out:
        out.write(data[:, :-8])
    with pytest.raises(GridError, match=r"mask.tif of 64 x 56 pixels; expected 64 x 64"):
        Run(longer(config, workers=0), tmp_path / "run", folder).train()


def test_the_card_tells_how_it_was_made(config, folder, tmp_path):
    short = longer(config, epochs=1)
    path = Run(short, tmp_path / "run", folder, seed=4, fold=Fold(1, 3)).train()
    card, _ = load_weights(path, "segmenter")
    assert card.training["seed"] == 4
    assert card.training["fold"] == {"number": 1, "of": 3, "seed": 0}
    assert card.training["training"]["epochs"] == 1
    assert "labelled tiles" in card.data
    assert card.network["encoder"] == "resnet18"


def test_transfer_starts_from_other_weights(config, folder, whole, tmp_path):
    first, _ = whole
    frozen = replace(config.optimization, frozen="encoder", ema=0.0)
    more = replace(longer(config, epochs=1, samples=8), optimization=frozen)
    second = Run(more, tmp_path / "second", folder, init=first).train()
    one, other = state(first), state(second)
    layers = [n for n in one if "encoder" in n]  # with the means that its BatchNorms have seen
    assert layers and all(torch.equal(one[n], other[n]) for n in layers)
    heads = [n for n in one if "decoder" in n and n.endswith("weight")]
    assert any(not torch.equal(one[n], other[n]) for n in heads)
    wider = replace(config, network={**config.network, "decoder_channels": (32, 24, 12)})
    wider = replace(wider, network={**wider.network, "encoder": "mobilenet_v2"})
    with pytest.raises(WeightsError, match="tensors fit"):
        Run(longer(wider, epochs=1), tmp_path / "third", folder, init=first).train()


@pytest.fixture(scope="module")
def module(config):
    return SegmenterModule(config)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "radam", "nadam"])
@pytest.mark.parametrize("scheduler", ["one-cycle", "cosine", "poly", "constant"])
def test_optimizers_and_schedules_by_name(config, module, optimizer, scheduler):
    from kumosan.detection.optimization import optimizer as build
    from kumosan.detection.optimization import rate_factor

    settings = replace(config.optimization, optimizer=optimizer, learning_rate=0.1)
    moved = build(module.parameters(), settings)
    assert type(moved).__name__.lower() == optimizer
    factors = [rate_factor(scheduler, s, 100) for s in range(101)]
    assert max(factors) == pytest.approx(1)
    assert factors[-1] < 0.01 or scheduler == "constant"
    assert all(f >= 0 for f in factors)


def test_the_average_forgets_its_start():
    average, mean = moving_average(0.99), torch.tensor(100.0)
    for n in range(1, 60):
        mean = average(mean, torch.tensor(1.0), torch.tensor(n))
    assert mean.item() == pytest.approx(1, abs=0.05)
    counter = average(torch.tensor(3), torch.tensor(4), torch.tensor(1))
    assert counter.item() == 4


def test_one_worker_or_none_make_the_same_weights(config, folder, tmp_path):
    short = longer(config, epochs=1, samples=8)
    paths = [Run(longer(short, workers=n), tmp_path / str(n), folder).train() for n in (0, 1)]
    one, other = (state(p) for p in paths)
    assert all(np.array_equal(one[n], other[n]) for n in one)


@pytest.mark.parametrize("encoder", ["inceptionv4", "resnet34", "tu-mobilenetv3_small_100"])
def test_any_encoder_trains_and_is_a_detector_of_any_size(config, folder, tmp_path, encoder):
    config = replace(config, network={**config.network, "encoder": encoder})
    mixture = MixtureBuilder(config, folder).build()
    batch = next(iter(make_loader(mixture.dataset, 4, sampler=mixture.order(4, 0))))
    module = SegmenterModule(config)
    moved = torch.optim.SGD(module.parameters(), 1e-2)
    before = next(module.net.unet.encoder.parameters()).clone()
    logits = module.net(batch["image"], batch["present"])
    module.loss(logits, batch["mask"], batch["meanings"]).backward()
    moved.step()
    assert not torch.equal(before, next(module.net.unet.encoder.parameters()))
    card = Run(config, tmp_path, folder)._card("")
    save_weights(tmp_path / "w.safetensors", module.net.state_dict(), card)
    tile = CatalogTiles(read_catalog(folder))[0].tile
    tile = replace(tile, data=tile.data[:, :37, :51].copy(), stored=None)
    mask = Segmenter(tmp_path / "w.safetensors").mask(tile)
    assert mask.classes.shape == (37, 51)
    assert mask.probability.sum(0) == pytest.approx(np.ones((37, 51)), abs=1e-4)


def test_bfloat16_is_used_where_it_is_asked_for(config, folder, tmp_path, monkeypatch):
    """Products are rounded to 8 bits; weights, loss and what is saved stay as good as they were."""
    seen, step = [], SegmenterModule.training_step

    def watched(self, batch, number):
        hook = self.net.unet.encoder.conv1.register_forward_hook(
            lambda part, given, out: seen.append(out.dtype)
        )
        loss = step(self, batch, number)
        hook.remove()
        seen.append(loss.dtype)
        return loss

    monkeypatch.setattr(SegmenterModule, "training_step", watched)
    weights = {}
    for precision in ("32-true", "bf16-mixed"):
        short = longer(config, epochs=1, samples=4, precision=precision)
        weights[precision] = state(Run(short, tmp_path / precision, folder).train())
    assert seen == [torch.float32, torch.float32, torch.bfloat16, torch.float32]
    one, other = weights.values()
    assert all(torch.isfinite(t).all() for t in other.values())
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("name", "kind"), [("wandb", "WandbLogger"), ("mlflow", "MLFlowLogger")])
def test_losses_go_to_the_logger_of_that_name(config, folder, tmp_path, monkeypatch, name, kind):
    from lightning.pytorch import loggers

    class Kept(loggers.CSVLogger):
        told: ClassVar[list] = []

        def __init__(self, save_dir):
            super().__init__(tmp_path)
            Kept.told.append(str(save_dir))

        def log_metrics(self, metrics, step=None):
            Kept.told += [metrics["loss"]] if "loss" in metrics else []

    monkeypatch.setattr(loggers, kind, Kept)
    Run(longer(config, samples=4), tmp_path / "run", folder, logger=name).train()
    place, *losses = Kept.told
    assert place.startswith(str(tmp_path / "run"))
    assert len(losses) == 2 and all(loss > 0 for loss in losses)
    assert not (tmp_path / "run" / LOG).exists()


@pytest.mark.parametrize(("name", "kind"), [("wandb", "WandbLogger"), ("mlflow", "MLFlowLogger")])
def test_a_logger_that_is_not_installed(config, folder, tmp_path, monkeypatch, name, kind):
    from lightning.pytorch import loggers

    def missing(save_dir):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(loggers, kind, missing)
    with pytest.raises(UsageError, match=f"pip install {name}"):
        Run(longer(config, samples=4), tmp_path / "run", folder, logger=name).train()


def test_mistakes_cost_no_training(config, folder, tmp_path):
    with pytest.raises(UsageError, match="stride"):
        Run(longer(config, crop=36), tmp_path / "run", folder).train()
    assert not (tmp_path / "run").exists()
