"""What a training of the patch classifier is; its parts are those of `train_config`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..datasets.configuration import Training, validated
from .train_config import Optimization, SegmenterConfig, Source

if TYPE_CHECKING:
    from .classifier_network import VggConfig

_STRICT = {"extra": "forbid"}


@dataclass(frozen=True)
class Calibration:
    """How probabilities and threshold are chosen, on patches that the network has not seen."""

    __pydantic_config__ = _STRICT

    folds: int = 2
    """Networks trained each without one part of the groups, only to judge that part; 0: none, then
    probabilities stay as they are and the threshold is 0.5."""
    epochs: int = 0
    """Of those networks; 0 as many as of the one that is kept."""
    precision: float = 0.98
    """Share of truly clear ones among the patches that are called clear."""
    patch_px: int = 64
    """Side of the patches that labelled images are cut into to judge."""


@dataclass(frozen=True)
class ClassifierConfig:
    """A training of the patch classifier."""

    __pydantic_config__ = _STRICT

    sources: tuple[Source, ...] = ()
    """Where patches come from when the data are a catalogue; labelled patches need none."""
    network: dict[str, Any] = field(default_factory=dict)
    """Fields of `classifier_network.VggConfig`."""
    sizes: tuple[int, ...] = ()
    """Sides in pixels of the patches that the crops of a catalogue are cut into: the first batch
    into patches of the first size, and so on, again and again; none leaves crops whole."""
    augment: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Augmentations by name with their settings: see `datasets.augmentations`."""
    optimization: Optimization = field(default_factory=Optimization)
    training: Training = field(default_factory=Training)
    calibration: Calibration = field(default_factory=Calibration)

    @property
    def network_config(self) -> VggConfig:
        """``network`` as an object."""
        from .classifier_network import VggConfig

        return validated(VggConfig, self.network, "[network]")

    @property
    def mixture(self) -> SegmenterConfig:
        """The part that says what is drawn, in the form that `train_data.MixtureBuilder` reads."""
        return SegmenterConfig(self.sources, augment=self.augment, training=self.training)
