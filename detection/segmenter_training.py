"""Training of the segmenter: one module, and the run that makes a file of weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..datasets.configuration import as_json
from ..datasets.fitting import WEIGHTS, Tell, revision, run_facts, seed_everything
from ..datasets.loading import make_loader
from ..datasets.splits import Fold
from ..datasets.weights import ModelCard, WeightsError, load_weights, save_weights
from .losses import Loss
from .network import SegmentationNet
from .train_config import SegmenterConfig
from .train_data import MixtureBuilder
from .training import Module, fit


class SegmenterModule(Module):
    """How one batch moves the weights."""

    def __init__(self, config: SegmenterConfig) -> None:
        config.check()
        super().__init__(config.optimization)
        self.net = SegmentationNet(config.network_config).to(memory_format=torch.channels_last)
        self.loss = Loss(config.loss, config.class_weights)
        if config.optimization.frozen == "encoder":
            # Out of training, too: else its BatchNorms would go on to the new data.
            self.net.unet.encoder.requires_grad_(False).eval()

    def training_step(self, batch: dict[str, Tensor], number: int) -> Tensor:
        logits = self.net(batch["image"], batch["present"])
        loss: Tensor = self.loss(logits, batch["mask"], batch["meanings"])
        self.log("loss", loss, on_step=False, on_epoch=True, batch_size=len(logits))
        return loss


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
    """See `training.fit`."""

    def train(self, tell: Tell = lambda done, total: None) -> Path:
        """Train to the end; returns the file of weights.

        Args:
            tell: called with (epochs done, epochs of all) after each.

        Raises:
            UsageError, FileError, UnfitError: see `MixtureBuilder`, `NetworkConfig`.
            WeightsError: ``init`` does not fit.
        """
        seed_everything(self.seed)
        mixture = MixtureBuilder(self.config, self.data, self.seed, self.fold).build()
        module = SegmenterModule(self.config)
        if self.init is not None:
            _start_from(module.net, self.init)
        t = self.config.training
        sampler = mixture.order(t.samples, self.seed)
        loader = make_loader(
            mixture.dataset, t.batch_size, sampler=sampler, workers=t.workers, drop_last=True
        )
        fit(module, loader, sampler, self.out, t, self._facts(), self.logger, tell)
        path = self.out / WEIGHTS
        save_weights(path, module.net.state_dict(), self._card(mixture.description), overwrite=True)
        return path

    def _facts(self) -> dict[str, Any]:
        return run_facts(self.config, self.seed, self.fold)

    def _card(self, data: str) -> ModelCard:
        return ModelCard(
            "segmenter", as_json(network := self.config.network_config), network.bands.names,
            data=data, training=self._facts(), revision=revision(),
        )  # fmt: skip


def _start_from(net: SegmentationNet, path: Path) -> None:
    """Copy every tensor that fits; the first layer and the head may differ."""
    _, state = load_weights(path, "segmenter")
    own = net.state_dict()
    fits = {n: t for n, t in state.items() if n in own and own[n].shape == t.shape}
    if len(fits) < len(own) / 2:
        raise WeightsError(
            f"{path}, of which {len(fits)} of {len(own)} tensors fit",
            "weights of the network that the configuration names",
            "name the same encoder and decoder in [network]",
        )
    net.load_state_dict(fits, strict=False)
