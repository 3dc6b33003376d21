"""Training of the GAN: one step of discriminator and generator, and the run around it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..datasets.bands import BandSet
from ..datasets.configuration import as_json
from ..datasets.fitting import (
    WEIGHTS,
    LightningModule,
    Tell,
    fit,
    revision,
    run_facts,
    seed_everything,
)
from ..datasets.loading import make_loader
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.splits import Fold
from ..datasets.weights import ModelCard, save_weights
from .discriminator import PatchDiscriminator
from .losses import Distance, adversarial
from .mixture import Mixture
from .paintings import FOLDER
from .pictures import Pictures
from .restorer import Restorer, composed, one_hot
from .train_config import GanConfig, rate_factor


class GanModule(LightningModule):
    """How one batch moves the two networks, as in Isola et al. (2017), section 3.3.

    Args:
        config: the training.
        seed: of what is drawn for each batch.
        n_bands: bands that go in and come out.
        n_wanted: so many of them, the first ones, are learnt and judged; None: all.
    """

    def __init__(
        self,
        config: GanConfig,
        seed: int = 0,
        n_bands: int = len(CANONICAL_BANDS),
        n_wanted: int | None = None,
    ) -> None:
        super().__init__()
        self.n_wanted = n_bands if n_wanted is None else n_wanted
        self.automatic_optimization = False
        self.config, self.seed = config, seed
        network, d = config.network_config, config.adversary
        self.generator = Restorer(network, n_bands).to(memory_format=torch.channels_last)
        planes = self.generator.n_planes + n_bands
        self.discriminator = PatchDiscriminator(planes, d.channels, d.layers, d.norm)
        self.distance = Distance(config.loss, config.clear_weight, network.white)
        self.logged = ("discriminator", "adversarial", *config.loss)

    def training_step(self, batch: dict[str, Tensor], number: int) -> None:
        for_g, for_d = self.optimizers()
        g, d, settings = self.generator, self.discriminator, self.config.adversary
        image, target, present = batch["image"], batch["target"], batch["present"]
        prior, cloud = batch.get("prior", image), one_hot(batch["mask"])

        scale = g.scale(prior, cloud)
        planes = g.planes(image, present, cloud, prior, scale)
        ground = g.ground(planes, cloud, prior, scale)
        shown = composed(ground, image, cloud) if g.config.composite else ground
        wanted = present.clone()
        wanted[:, self.n_wanted :] = 0
        there = wanted[:, :, None, None]
        fake = torch.cat([planes, g.scaled(shown * there, scale)], dim=1)
        real = torch.cat([planes, g.scaled(target * there, scale)], dim=1)

        d_loss = g_loss = image.new_zeros(())
        if settings.weight:
            d_loss = adversarial(settings.loss, d(fake.detach()), False) / 2
            d_loss = d_loss + adversarial(settings.loss, d(real), True) / 2
            self._move(for_d, d, d_loss)
            d.requires_grad_(False)
            g_loss = adversarial(settings.loss, d(fake), True)
        distance, values = self.distance(
            ground, target, wanted, batch["valid"], cloud, prior[:, : g.n_bands]
        )
        self._move(for_g, g, settings.weight * g_loss + distance)
        d.requires_grad_(True)

        losses = {"discriminator": d_loss, "adversarial": g_loss, **values}
        self.log_dict(losses, on_step=False, on_epoch=True, batch_size=len(image))

    def _move(self, optimizer: Any, network: nn.Module, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        if clip := self.config.training.clip_norm:
            nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()

    def configure_optimizers(self) -> Any:
        t = self.config.training
        nets: tuple[nn.Module, ...] = (self.generator, self.discriminator)
        return [torch.optim.Adam(n.parameters(), t.learning_rate, betas=t.betas) for n in nets]

    def on_train_epoch_start(self) -> None:
        """The epoch's learning rate."""
        t = self.config.training
        rate = t.learning_rate * rate_factor(self.current_epoch, t.epochs, t.constant_epochs)
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Each batch has its own chance, wherever a stopped run went on."""
        drawn = np.random.SeedSequence([self.seed, self.current_epoch, batch_idx])
        torch.manual_seed(int(drawn.generate_state(1)[0]))


@dataclass(frozen=True)
class Run:
    """One training, in a folder of its own; called again, it goes on where it was stopped."""

    config: GanConfig
    out: Path
    data: Path | None = None
    """The catalogue."""
    seed: int = 0
    logger: str = "csv"
    """See `fitting.fit`."""
    windows: BandSet = CANONICAL_BANDS
    """What the network reads; begins with blue, green and red."""
    n_wanted: int | None = None
    """See `GanModule`."""
    drawn: BandSet | None = None
    """Bands of procedural landscapes; None: the windows."""
    fold: Fold | None = None
    """Groups that are left out, to be judged on; None: none are."""
    paintings: Path | None = None
    """Folder where painted samples stay, for other trainings on the same ones; None: in ``out``,
    until it is done."""

    def train(self, tell: Tell = lambda done, total: None) -> Path:
        """Train to the end; returns the file of the generator's weights.

        Args:
            tell: called with (epochs done, epochs of all) after each.

        Raises:
            UsageError, FileError, UnfitError: see `Mixture.of`, `GanConfig`.
        """
        seed_everything(self.seed)
        t = self.config.training
        self.config.check()
        keep = self.paintings or self.out / FOLDER
        mixture = Mixture.of(
            self.config, self.data, self.seed, self.windows, self.drawn, self.fold, keep
        )
        module = GanModule(self.config, self.seed, len(self.windows), self.n_wanted)
        sampler = mixture.order(t.samples, self.seed)
        loader = make_loader(
            mixture.dataset, t.batch_size, sampler=sampler, workers=t.workers, drop_last=True
        )
        pictures = Pictures(mixture.dataset, self.out, t.picture_epochs)
        fit(
            module, loader, sampler, self.out, facts=self._facts, epochs=t.epochs,
            precision=t.precision, ema=t.ema, logged=module.logged, logger=self.logger,
            tell=tell, watch=[pictures],
        )  # fmt: skip
        card = ModelCard(
            "generator", as_json(self.config.network_config), self.windows.names,
            data=mixture.description, training=self._facts, revision=revision(),
        )  # fmt: skip
        path = self.out / WEIGHTS
        save_weights(path, module.generator.state_dict(), card, overwrite=True)
        if self.paintings is None:
            rmtree(keep, ignore_errors=True)
        return path

    @property
    def _facts(self) -> dict[str, Any]:
        return run_facts(self.config, self.seed, self.fold)
