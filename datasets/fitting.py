"""The run around a training: Lightning's trainer, checkpoints, logs, progress, revision."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .configuration import as_json
from .errors import MissingExtraError, UsageError
from .loading import DrawSampler
from .splits import Fold
from .vision import torchvision

torchvision()  # its cure must come before Lightning, which imports it
try:
    from lightning import pytorch as lightning
    from lightning.pytorch.callbacks import Callback, ModelCheckpoint, WeightAveraging
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("training", "train") from error

__all__ = [
    "CHECKPOINT",
    "LOG",
    "WEIGHTS",
    "Callback",
    "LightningModule",
    "Tell",
    "fit",
    "moving_average",
    "revision",
    "run_facts",
    "seed_everything",
]

LightningModule = lightning.LightningModule
"""What a training derives from; to be had here, because the cure must come first."""
WEIGHTS, CHECKPOINT, LOG = "weights.safetensors", "last.ckpt", "metrics.csv"
"""What a run's folder holds: the result, what a stopped run goes on from, and its log."""
Tell = Callable[[int, int], None]


def seed_everything(seed: int) -> None:
    """Seed what draws without a generator of its own: the first weights of a network."""
    lightning.seed_everything(seed, verbose=False)


def fit(
    module: lightning.LightningModule,
    loader: Any,
    sampler: DrawSampler,
    out: Path,
    *,
    facts: Mapping[str, Any],
    epochs: int,
    precision: str = "32-true",
    ema: float = 0.0,
    clip_norm: float = 0.0,
    logged: Sequence[str] = ("loss",),
    logger: str = "csv",
    tell: Tell = lambda done, total: None,
    watch: Sequence[Callback] = (),
) -> None:
    """Train ``module`` to the end, from where an earlier call on ``out`` was stopped.

    A checkpoint is written after each epoch; a run that was stopped and went on ends with the
    same weights as one that was not (on one machine, with one number of threads). Checkpoints
    are read without unpickling.

    Args:
        module: what is trained; holds the averaged weights afterwards.
        loader: its batches.
        sampler: the loader's; set to the epoch at hand.
        out: the run's folder.
        facts: the configuration as plain JSON types; what another one began is not gone on with.
        epochs: length of the whole training.
        precision: Lightning's name of it.
        ema: decay of the moving average of the weights; 0: none.
        clip_norm: largest norm of the gradient; 0 does not clip (manual optimization cannot).
        logged: what the module logs in each epoch, the columns of ``metrics.csv``.
        logger: ``csv`` (writes ``metrics.csv``), ``wandb`` or ``mlflow``.
        tell: called with (epochs done, epochs of all) after each.
        watch: more callbacks.

    Raises:
        UsageError: the package of the logger is not installed, or ``out`` holds the checkpoint of
            another configuration.
    """
    out.mkdir(parents=True, exist_ok=True)
    last, same = out / CHECKPOINT, _Same(facts)
    same.check(last)  # before Lightning loads what may not fit
    keep = ModelCheckpoint(dirpath=out, filename="last", enable_version_counter=False)
    callbacks: list[Callback] = [*watch, keep, same, _Progress(sampler, tell)]
    if logger == "csv":
        callbacks.append(_Log(out / LOG, logged))
    if ema:
        callbacks.insert(0, WeightAveraging(avg_fn=moving_average(ema)))
    trainer = lightning.Trainer(
        max_epochs=epochs, precision=precision, callbacks=callbacks,
        logger=_logger(logger, out), gradient_clip_val=clip_norm or None,
        enable_progress_bar=False, enable_model_summary=False, log_every_n_steps=1,
        default_root_dir=out, accelerator="auto", devices=1,
    )  # fmt: skip
    torch.set_flush_denormal(True)  # tiny averages would slow the processor down
    try:
        trainer.fit(module, loader, ckpt_path=last if last.exists() else None, weights_only=True)
    finally:
        torch.set_flush_denormal(False)
    if ema:  # a run stopped after its last epoch does not begin again, and has not averaged
        module.load_state_dict(torch.load(last, "cpu", weights_only=True)["state_dict"])


def run_facts(config: Any, seed: int, fold: Fold | None) -> dict[str, Any]:
    """What a training is, as plain JSON types: for its card and its checkpoints."""
    facts = as_json(config) | {"seed": seed}
    return facts if fold is None else facts | {"fold": asdict(fold)}


def moving_average(decay: float) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Exponential moving average that forgets its start: the decay grows as (1 + n) / (10 + n)
    up to ``decay``, so that a short training does not end with the first, random weights."""

    def average(mean: Tensor, value: Tensor, n: Tensor) -> Tensor:
        d = min(decay, (1 + int(n)) / (10 + int(n)))
        out: Tensor = mean.lerp(value.to(mean.dtype), 1 - d) if mean.is_floating_point() else value
        return out

    return average


class _Same(Callback):
    """Keeps the configuration in each checkpoint, so that no other one goes on with it."""

    KEY = "kumosan_facts"
    FREE = ("workers", "cache_mb", "picture_epochs")
    """Settings of ``training`` that may differ: the weights do not depend on them."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        training = {k: v for k, v in facts.get("training", {}).items() if k not in self.FREE}
        self.facts = dict(facts) | {"training": training}

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        checkpoint[self.KEY] = json.dumps(self.facts)

    def check(self, path: Path) -> None:
        """Raise UsageError if there is a checkpoint of another configuration."""
        if not path.exists():
            return
        began = torch.load(path, "cpu", weights_only=True, mmap=True).get(self.KEY)
        if began is None:
            other = "an unknown one"
        else:
            own = json.loads(began)
            names = sorted(own.keys() | self.facts)
            other = ", ".join(n for n in names if own.get(n) != self.facts.get(n))
        if other:
            raise UsageError(
                f"{path}, begun with another configuration ({other})",
                "the one that the training began with",
                "give it again, or choose another -o",
            )


class _Log(Callback):
    """One line an epoch; unlike Lightning's CSV logger it keeps the lines of a stopped run."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path, self.names = path, tuple(names)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        lines = self.path.read_text().splitlines()[1:] if self.path.exists() else []
        kept = [line for line in lines if int(line.split(",")[0]) < trainer.current_epoch]
        head = ",".join(["epoch", "step", *self.names, "learning_rate"])
        self.path.write_text("\n".join([head, *kept]) + "\n")

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        values = ",".join(f"{float(trainer.callback_metrics[n]):.6f}" for n in self.names)
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        with self.path.open("a") as file:
            file.write(f"{trainer.current_epoch},{trainer.global_step},{values},{rate:.3g}\n")


class _Progress(Callback):
    """Tells how far the run is, and which epoch's samples come next (also after a stop)."""

    def __init__(self, sampler: Any, tell: Tell) -> None:
        self.sampler, self.tell = sampler, tell

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self.sampler.set_epoch(trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.tell(trainer.current_epoch + 1, trainer.max_epochs)


def _logger(name: str, out: Path) -> Any:
    """A logger of Lightning's; False for ``csv``, which is `_Log`.

    Raises:
        UsageError: its package is not installed.
    """
    from lightning.pytorch import loggers

    try:
        if name == "wandb":
            return loggers.WandbLogger(save_dir=out)
        if name == "mlflow":
            return loggers.MLFlowLogger(save_dir=str(out / "mlruns"))
    except ModuleNotFoundError as error:  # neither comes with kumosan
        raise UsageError(
            f"the logger {name}, which is not installed", f"the package {name}",
            f"run: pip install {name}",
        ) from error  # fmt: skip
    return False


def revision() -> str:
    """Git revision of the working tree, or nothing outside of one."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
