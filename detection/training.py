"""Training of the segmenter: one Lightning module, and the run around it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..datasets.errors import MissingExtraError
from ..datasets.loading import make_loader
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.vision import torchvision
from .losses import Loss
from .network import SegmentationNet
from .optimization import optimizer, rate_factor
from .train_config import SegmenterConfig, as_json
from .train_data import Fold, MixtureBuilder
from .weights import ModelCard, load_weights, save_weights

torchvision()  # its cure must come before Lightning, which imports it
try:
    from lightning import pytorch as lightning
    from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("training", "train") from error

WEIGHTS, CHECKPOINT, LOG = "weights.safetensors", "last.ckpt", "metrics.csv"
"""What a run's folder holds: the result, what a stopped run goes on from, and its log."""
Tell = Callable[[int, int], None]


class SegmenterModule(lightning.LightningModule):
    """How one batch moves the weights."""

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.config = config
        self.net = SegmentationNet(config.network_config)
        self.loss = Loss(config.loss, config.class_weights)
        if config.optimization.frozen == "encoder":
            self.net.unet.encoder.requires_grad_(False)

    def training_step(self, batch: dict[str, Tensor], number: int) -> Tensor:
        logits = self.net(batch["image"], batch["present"])
        loss: Tensor = self.loss(logits, batch["mask"], batch["meanings"])
        self.log("loss", loss, on_step=False, on_epoch=True, batch_size=len(logits))
        return loss

    def configure_optimizers(self) -> Any:
        o = self.config.optimization
        moved = optimizer(self.net.parameters(), o)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            moved, lambda step: rate_factor(o.scheduler, step, steps)
        )
        return {
            "optimizer": moved,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


@dataclass(frozen=True)
class Run:
    """One training, in a folder of its own; called again, it goes on where it was stopped."""

    config: SegmenterConfig
    out: Path
    data: Path | None = None
    """The catalogue."""
    seed: int = 0
    fold: Fold | None = None
    """Groups that are left out."""
    init: Path | None = None
    """Weights to start from."""
    logger: str = "csv"
    """``csv``, ``wandb`` or ``mlflow``."""

    def train(self, tell: Tell = lambda done, total: None) -> Path:
        """Train to the end; returns the file of weights.

        Args:
            tell: called with (epochs done, epochs of all) after each.

        Raises:
            UsageError, FileError, UnfitError: see `MixtureBuilder`, `NetworkConfig`.
            WeightsError: ``init`` does not fit.
        """
        lightning.seed_everything(self.seed, verbose=False)
        mixture = MixtureBuilder(self.config, self.data, self.seed, self.fold).build()
        module = SegmenterModule(self.config)
        if self.init is not None:
            _start_from(module.net, self.init)
        t, o = self.config.training, self.config.optimization
        sampler = mixture.order(t.samples, self.seed)
        loader = make_loader(
            mixture.dataset, t.batch_size, sampler=sampler, workers=t.workers, drop_last=True
        )
        self.out.mkdir(parents=True, exist_ok=True)
        last = self.out / CHECKPOINT
        keep = ModelCheckpoint(dirpath=self.out, filename="last", enable_version_counter=False)
        callbacks: list[Callback] = [keep, _Progress(sampler, tell)]
        if o.ema:
            callbacks.insert(0, EMAWeightAveraging(decay=o.ema))
        trainer = lightning.Trainer(
            max_epochs=t.epochs, precision=t.precision, callbacks=callbacks,
            logger=_logger(self.logger, self.out), gradient_clip_val=o.clip_norm or None,
            enable_progress_bar=False, enable_model_summary=False, log_every_n_steps=1,
            default_root_dir=self.out, accelerator="auto", devices=1,
        )  # fmt: skip
        trainer.fit(module, loader, ckpt_path=last if last.exists() else None, weights_only=True)
        path = self.out / WEIGHTS
        save_weights(path, module.net.state_dict(), self._card(mixture.description), overwrite=True)
        return path

    def _card(self, data: str) -> ModelCard:
        facts = as_json(self.config) | {"seed": self.seed}
        if self.fold is not None:
            facts["fold"] = asdict(self.fold)
        return ModelCard(
            "segmenter", as_json(self.config.network_config), CANONICAL_BANDS.names,
            data=data, training=facts, revision=_revision(),
        )  # fmt: skip


class _Progress(Callback):
    """Tells how far the run is, and which epoch's samples come next (also after a stop)."""

    def __init__(self, sampler: Any, tell: Tell) -> None:
        self.sampler, self.tell = sampler, tell

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self.sampler.set_epoch(trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.tell(trainer.current_epoch + 1, trainer.max_epochs)


def _start_from(net: SegmentationNet, path: Path) -> None:
    """Copy every tensor that fits; the first layer and the head may differ."""
    _, state = load_weights(path, "segmenter")
    own = net.state_dict()
    fits = {n: t for n, t in state.items() if n in own and own[n].shape == t.shape}
    if len(fits) < len(own) / 2:
        from .weights import WeightsError

        raise WeightsError(
            f"{path}, of which {len(fits)} of {len(own)} tensors fit",
            "weights of the network that the configuration names",
            "name the same encoder and decoder in [network]",
        )
    net.load_state_dict(fits, strict=False)


def _logger(name: str, out: Path) -> Any:
    from lightning.pytorch import loggers

    if name == "wandb":
        return loggers.WandbLogger(save_dir=out)
    if name == "mlflow":
        return loggers.MLFlowLogger(save_dir=str(out / "mlruns"))
    return loggers.CSVLogger(out.parent, name=out.name, version="")


def _revision() -> str:
    """Git revision of the working tree, or nothing outside of one."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


