"""A LightningModule that is configured, and its run: see `datasets.fitting`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..datasets import fitting
from ..datasets.configuration import Training
from ..datasets.fitting import LightningModule, Tell
from ..datasets.loading import DrawSampler
from .optimization import optimizer, rate_factor
from .train_config import Optimization


class Module(LightningModule):
    """A LightningModule whose optimizer and schedule come from the configuration."""

    def __init__(self, optimization: Optimization) -> None:
        super().__init__()
        self.optimization = optimization

    def configure_optimizers(self) -> Any:
        o = self.optimization
        moved = optimizer(self.parameters(), o, mixed="mixed" in self.trainer.precision)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            moved, lambda step: rate_factor(o.scheduler, step, steps)
        )
        return {
            "optimizer": moved,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def fit(
    module: Module,
    loader: Any,
    sampler: DrawSampler,
    out: Path,
    training: Training,
    facts: Mapping[str, Any],
    logger: str = "csv",
    tell: Tell = lambda done, total: None,
) -> None:
    """`fitting.fit` with the settings of ``module`` and ``training``."""
    o = module.optimization
    fitting.fit(
        module, loader, sampler, out, facts=facts, epochs=training.epochs,
        precision=training.precision, ema=o.ema, clip_norm=o.clip_norm, logger=logger, tell=tell,
    )  # fmt: skip
