"""What a training is: read from TOML, every field checked, mistakes named.

A file sets only what differs from the defaults below. `docs/training.md` explains the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..datasets.configuration import STRICT, Training, validated
from ..datasets.configuration import read_config as read_file
from ..datasets.errors import UsageError
from ..datasets.tile import NODATA, SHADOW

if TYPE_CHECKING:
    from .network import NetworkConfig

CONFIGS = Path(__file__).with_name("configs")
"""Folder of the configurations that come with kumosan."""


@dataclass(frozen=True)
class Source:
    """One data set of the mixture."""

    __pydantic_config__ = STRICT

    kind: Literal["labelled", "painted", "landscape"]
    """``labelled``: images with masks. ``painted``: clear images, on which clouds are painted.
    ``landscape``: procedural clear images, on which clouds are painted."""
    catalog: str = ""
    """Folder or file of the catalogue; empty for the one given on the command line. A relative
    path counts from the configuration file."""
    decisions: str = ""
    """Decision file of ``kumosan labels audit``: labels that it does not keep are left out. A
    relative path counts from the configuration file."""
    split: str = "train"
    """Rows of this split only. ``test`` is refused."""
    mask_kinds: tuple[str, ...] = ("human",)
    """``labelled``: rows whose masks were made so (the word before any remark in brackets)."""
    weight: float = 1.0
    """Share of the samples, among the weights of all sources."""
    shadow_boost: float = 1.0
    """``labelled``: how much more often tiles with shadow in their label come than others."""
    match_shadows: bool = False
    """``labelled``: complete labels of shadow by the dark ground that the drawn clouds fall on when
    they are moved away from the sun, and leave out drawn shadow that is not dark: `matched`."""
    mapping: dict[str, int] = field(default_factory=dict)
    """``labelled``: other meanings of the classes in the masks, for example ``{"2" = 1}`` where
    thin cloud was not told from thick; 255 ignores. Masks hold the codes 0 to 3 and 255 already:
    those of other schemes are translated when their catalogue is made (`datasets.public`)."""
    presets: tuple[str, ...] = ("mixed",)
    """Kinds of cloud that are painted."""
    preset_weights: tuple[float, ...] = ()
    """How often each; evenly if empty."""
    clear_share: float = 0.1
    """Share of the samples that no cloud is painted on: ground that must not look like cloud."""
    max_cirrus: float = 0.05
    """Images called clear (``labelled``, ``painted``) of larger mean reflectance in the cirrus band
    are left out. Either their air is so dry that their snow cannot be told from ice cloud, which
    is far more frequent, or they hold cirrus."""
    sun_azimuth_deg: tuple[float, float] = (30.0, 180.0)
    """Where the painted sun stands, clockwise from the top. The default is the forenoon of either
    hemisphere, when nearly all satellites pass; the detector mirrors scenes of the afternoon."""
    count: int = 48
    """``landscape``: number of landscapes to draw."""
    size: int = 384
    """``landscape``: their side in pixels."""

    def __post_init__(self) -> None:
        wrong = [
            f"{code} = {meaning}"
            for code, meaning in self.mapping.items()
            if code not in map(str, range(SHADOW + 1))
            or meaning not in (*range(SHADOW + 1), NODATA)
        ]
        if wrong:
            raise UsageError(
                f"a mapping with {', '.join(wrong)}",
                "codes from 0 to 3, which is what masks hold, each with one of them, or 255",
                "translate other codes in the masks, and correct the source's mapping",
            )


@dataclass(frozen=True)
class Optimization:
    """How the weights move."""

    __pydantic_config__ = STRICT

    optimizer: Literal["adamw", "adam", "sgd", "radam", "nadam"] = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    scheduler: Literal["one-cycle", "cosine", "poly", "constant"] = "one-cycle"
    """Changes the rate at each step, over the whole training."""
    clip_norm: float = 1.0
    """Largest norm of the gradient; 0 does not clip."""
    ema: float = 0.998
    """Decay of the exponential moving average of the weights, which is what is saved; 0: none."""
    frozen: Literal["none", "encoder"] = "none"
    """Which part does not move (with ``--init``)."""


@dataclass(frozen=True)
class SegmenterConfig:
    """A training of the segmenter."""

    __pydantic_config__ = STRICT

    sources: tuple[Source, ...]
    network: dict[str, Any] = field(default_factory=dict)
    """Fields of `network.NetworkConfig`."""
    loss: dict[str, float] = field(default_factory=lambda: {"ce": 1.0, "dice": 0.5})
    """Terms and their weights: ce, dice, focal, lovasz."""
    class_weights: tuple[float, float, float, float] = (1.0, 1.0, 1.5, 3.0)
    """Of clear, thick, thin and shadow in the cross-entropy."""
    augment: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Augmentations by name with their settings, applied in this order: see
    `datasets.augmentations`."""
    optimization: Optimization = field(default_factory=Optimization)
    training: Training = field(default_factory=Training)

    @property
    def network_config(self) -> NetworkConfig:
        """``network`` as an object."""
        from .network import NetworkConfig

        return validated(NetworkConfig, self.network, "[network]")

    def check(self) -> None:
        """Raise UsageError unless crops suit the network."""
        self.training.check_crop(self.network_config.stride)


T = TypeVar("T")


def read_config(kind: type[T], path: str | Path | None, default: str) -> T:
    """The configuration in a TOML file, or the packaged one called ``default``.

    Raises:
        FileError, UsageError: see `configuration.read_config`.
    """
    return read_file(kind, CONFIGS / f"{default}.toml" if path is None else path)
