"""Training of the patch classifier: one module, its calibration, and the run around both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.nn import functional

from ..datasets.configuration import as_json
from ..datasets.errors import KumosanError
from ..datasets.fitting import WEIGHTS, Tell, revision, run_facts, seed_everything
from ..datasets.loading import DrawSampler, make_loader
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.splits import Fold
from ..datasets.weights import ModelCard, read_card, save_weights
from .classifier import Classifier
from .classifier_config import ClassifierConfig
from .classifier_data import Examples, examples, judged
from .classifier_network import ClassifierNet
from .patch_decision import Bools, Calibrated, Floats, calibrate
from .patch_truth import patch_labels
from .training import Module, fit


class ClassifierModule(Module):
    """How one batch moves the weights."""

    def __init__(self, config: ClassifierConfig, sizes: tuple[int, ...]) -> None:
        super().__init__(config.optimization)
        self.net = ClassifierNet(config.network_config)
        self.sizes = sizes

    def training_step(self, batch: dict[str, Tensor], number: int) -> Tensor:
        if self.sizes:
            batch = cut_up(batch, self.sizes[number % len(self.sizes)])
        clear, weight = patch_labels(batch["mask"], batch["valid"], batch["meanings"])
        logits = self.net(batch["image"], batch["present"])
        losses = functional.binary_cross_entropy_with_logits(logits, clear, weight, reduction="sum")
        loss: Tensor = losses / weight.sum().clamp(min=1)
        self.log("loss", loss, on_step=False, on_epoch=True, batch_size=len(logits))
        return loss


def cut_up(batch: dict[str, Tensor], side: int) -> dict[str, Tensor]:
    """Every sample of a batch as the patches of ``side`` pixels that fit into it."""
    rows, columns = (n // side for n in batch["mask"].shape[-2:])
    out = {}
    for name in ("image", "mask", "valid"):
        planes = batch[name][..., : rows * side, : columns * side]
        parts = planes.unfold(-2, side, side).unfold(-2, side, side)  # ..., row, column, y, x
        if name == "image":
            parts = parts.permute(0, 2, 3, 1, 4, 5)
        out[name] = parts.flatten(0, 2).contiguous()
    for name in ("present", "meanings"):
        out[name] = batch[name].repeat_interleave(rows * columns, dim=0)
    return out


@dataclass(frozen=True)
class Run:
    """One training, in a folder of its own; called again, it goes on where it was stopped.

    Raises:
        UsageError, UnfitError, FileError: see `examples` and `calibrate`.
    """

    config: ClassifierConfig
    out: Path
    data: Path
    """A catalogue, a CSV file of labels, or a folder with clear/ and cloudy/."""
    seed: int = 0
    fold: Fold | None = None
    """Groups that are left out, and that the network is judged and calibrated by. Without one,
    networks of ``config.calibration.folds`` folds are trained for that."""
    logger: str = "csv"
    """See `training.fit`."""

    def train(self, tell: Tell = lambda done, total: None) -> Path:
        """Train to the end; returns the file of weights.

        Args:
            tell: called with (epochs done, epochs of all) after each, for each network anew.
        """
        c = self.config.calibration
        if self.fold is None and c.folds:
            out_of_fold = [self._judge_fold(Fold(k, c.folds), tell) for k in range(c.folds)]
            logits, clear = (np.concatenate(parts) for parts in zip(*out_of_fold, strict=True))
            found: Calibrated | None = calibrate(logits, clear, c.precision)
        path, held = self._fit(tell)
        if self.fold is not None:
            found = calibrate(*judge(path, held, c.patch_px), c.precision)
        elif not c.folds:
            found = None
        if found is not None:
            _put_on_card(path, found)
        return path

    def _judge_fold(self, fold: Fold, tell: Tell) -> tuple[Floats, Bools]:
        """Logits and truth of one fold's patches by the network that was trained without them."""
        epochs = self.config.calibration.epochs or self.config.training.epochs
        training = replace(self.config.training, epochs=epochs)
        out = self.out / f"fold-{fold.number}"
        run = replace(self, config=replace(self.config, training=training), out=out, fold=fold)
        path, held = run._fit(tell)
        return judge(path, held, self.config.calibration.patch_px)

    def _fit(self, tell: Tell) -> tuple[Path, Examples]:
        """Train one network, unless its file is there already, whole and of these settings."""
        drawn = examples(self.config, self.data, self.seed, self.fold)
        path = self.out / WEIGHTS
        card = self._card(drawn.description)
        if _finished(path, card):
            return path, drawn
        seed_everything(self.seed)
        module = ClassifierModule(self.config, drawn.sizes)
        t = self.config.training
        order = DrawSampler(len(drawn.dataset), t.samples, seed=self.seed, weights=drawn.weights)
        loader = make_loader(
            drawn.dataset, t.batch_size, sampler=order, workers=t.workers, drop_last=True
        )
        fit(module, loader, order, self.out, t, card.training, self.logger, tell)
        save_weights(path, module.net.state_dict(), card, overwrite=True)
        return path, drawn

    def _card(self, data: str) -> ModelCard:
        facts = run_facts(self.config, self.seed, self.fold)
        return ModelCard(
            "classifier", as_json(self.config.network_config), CANONICAL_BANDS.names,
            data=data, training=facts, revision=revision(),
        )  # fmt: skip


def judge(path: Path, drawn: Examples, side: int) -> tuple[Floats, Bools]:
    """Logits and truth (True: clear) of the patches that were held out."""
    classifier = Classifier(path)
    pairs = [(classifier.logit(tile), clear) for tile, clear in judged(drawn.held_out, side)]
    pairs = [(logit, clear) for logit, clear in pairs if logit == logit]
    logits, clear = zip(*pairs, strict=True) if pairs else ((), ())
    return np.array(logits, float), np.array(clear, bool)


def _finished(path: Path, card: ModelCard) -> bool:
    try:
        return read_card(path).training == card.training
    except KumosanError:
        return False


def _put_on_card(path: Path, found: Calibrated) -> None:
    from ..datasets.weights import load_weights

    card, state = load_weights(path, "classifier")
    card = replace(
        card, temperature=found.temperature, decision={"clear": found.threshold},
        scores={"held_out": found.scores},
    )  # fmt: skip
    save_weights(path, state, card, overwrite=True)
