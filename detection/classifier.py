"""The patch filter's network: a patch of any optical sensor -> how probably it is clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..datasets.errors import ValueRangeError
from ..datasets.fingerprint import changed_ns
from ..datasets.samples import CANONICAL_BANDS, sample_of
from ..datasets.tile import FloatArray, Tile
from ..datasets.weights import ModelCard, WeightsError, load_network
from .inputs import check_bands, coarsening, filled, resized
from .weights import PACKAGED

if TYPE_CHECKING:
    from .classifier_network import ClassifierNet

DEFAULT_WEIGHTS = PACKAGED / "classifier.safetensors"
LARGEST_PX, SMALLEST_PX = 128, 32
"""Longer patches are averaged to about the first: the network was trained on 64 and 128 pixels.
No averaging goes below the second."""
_MANY, _CONSTANT = 8, 1e-6
"""So many different patches never have probabilities that differ by less."""


@dataclass(frozen=True)
class Classifier:
    """Slim VGG on canonical bands; needs blue, green and red, or green, red and near infrared.

    "Clear" means that at most 5 % of the valid pixels are cloud, thin cloud or shadow.
    Probabilities are calibrated on patches that the network was not trained on.

    Raises:
        ValueRangeError: the threshold is no probability.
    """

    weights: str | Path | None = None
    """A ``.safetensors`` file; None takes the weights that come with kumosan."""
    threshold: float | None = None
    """Probability from which on a patch is called clear; None takes that of the weights, chosen
    on patches that they were not trained on; see `precision`."""

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ValueRangeError(
                f"threshold {self.threshold}", "a probability between 0 and 1", "correct it"
            )

    @property
    def path(self) -> Path:
        """The file of weights that is used."""
        return Path(self.weights) if self.weights else DEFAULT_WEIGHTS

    @property
    def decision(self) -> float:
        """The threshold that is used.

        Raises:
            FileError, WeightsError: see `weights.load_weights`.
        """
        return (
            self._loaded[1].decision.get("clear", 0.5) if self.threshold is None else self.threshold
        )

    @property
    def precision(self) -> float | None:
        """Share of clear ones among the held-out patches that the weights' threshold calls clear;
        None for another threshold, and for weights that were not calibrated.

        Raises:
            FileError, WeightsError: see `weights.load_weights`.
        """
        if self.threshold is not None:
            return None
        reached = self._loaded[1].scores.get("held_out", {}).get("precision")
        return None if reached is None else float(reached)

    def clear_probability(self, patch: Tile) -> float:
        """P(clear), NaN where no pixel is valid.

        Raises:
            UnfitError: the patch lacks a band that is needed.
            FileError, WeightsError: see `weights.load_weights`; or the network's answer is no
                number.
        """
        logit = self.logit(patch) / self._loaded[1].temperature
        return float(1 / (1 + np.exp(-np.clip(logit, -80, 80))))

    def logit(self, patch: Tile) -> float:
        """Logit of "clear" before calibration: the mean over the patch and its mirror images."""
        import torch

        check_bands(patch)
        sample = sample_of(patch, CANONICAL_BANDS)
        if not sample.valid.any():
            return float("nan")
        image = _scaled(filled(sample.image, sample.valid), patch.gsd_m)
        there = torch.from_numpy(sample.present.astype(np.float32))[None].expand(4, -1)
        views = [image, image[:, ::-1], image[..., ::-1], image[:, ::-1, ::-1]]
        net = self._loaded[0]
        with torch.inference_mode():
            logit = float(net(torch.from_numpy(np.stack(views)), there).mean())
        if not np.isfinite(logit):
            raise _broken(self.path, "not a number")
        return logit

    @property
    def _loaded(self) -> tuple[ClassifierNet, ModelCard]:
        path = self.path
        return _network(path, changed_ns(path))


def check_varied(probabilities: Sequence[float], path: Path) -> None:
    """Refuse what only broken weights make: one answer for many different patches.

    Raises:
        WeightsError: as said.
    """
    known = np.array([p for p in probabilities if p == p])
    if len(known) >= _MANY and np.ptp(known) < _CONSTANT:
        raise _broken(path, f"the same for all of {len(known)} patches")


def _broken(path: Path, problem: str) -> WeightsError:
    return WeightsError(
        f"the probabilities from {path} are {problem}",
        "weights of a finished training", "fetch or train them again",
    )  # fmt: skip


def _scaled(image: FloatArray, gsd_m: float | None) -> FloatArray:
    """Averaged to the pixel sizes and the patch sizes that the network knows."""
    shape = image.shape[1:]
    factor = max(coarsening(gsd_m), max(shape) / LARGEST_PX)
    factor = min(factor, min(shape) / SMALLEST_PX)
    if factor <= 1:
        return image
    return resized(image, (round(shape[0] / factor), round(shape[1] / factor)))


@lru_cache(maxsize=4)
def _network(path: Path, changed_ns: int) -> tuple[ClassifierNet, ModelCard]:
    """The network in a file, ready to run; kept as long as the file does not change."""
    from .classifier_network import ClassifierNet, VggConfig

    return load_network(path, "classifier", lambda facts: ClassifierNet(VggConfig.of(facts)))
