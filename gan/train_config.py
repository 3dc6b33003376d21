"""What a training of the GAN is: read from TOML, every field checked, mistakes named.

A file sets only what differs from the defaults below, which are those of pix2pix where it has
them. `docs/gan.md` explains the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..datasets.configuration import STRICT, Training, read_config, validated
from ..datasets.errors import UsageError

if TYPE_CHECKING:
    from .restorer import NetworkConfig

CONFIGS = Path(__file__).with_name("configs")
"""Folder of the configurations that come with kumosan."""
PAGE = "docs/gan.md"


@dataclass(frozen=True)
class Source:
    """One data set of the mixture: clear ground, on which clouds are painted, or real pairs."""

    __pydantic_config__ = STRICT

    kind: Literal["painted", "landscape", "pairs"]
    """``painted``: clear images of a catalogue. ``landscape``: procedural ones. ``pairs``: cloudy
    images of a catalogue, each with a clear one of another date; nothing is painted."""
    catalog: str = ""
    """Folder or file of the catalogue; empty for the one given on the command line. A relative
    path counts from the configuration file."""
    split: str = "train"
    """Rows of this split only. ``test`` is refused."""
    least_clear: float = 1.0
    """``painted``: images of which people called so large a share clear; below 1 the clear parts of
    cloudy images are learnt from too."""
    weight: float = 1.0
    """Share of the samples, among the weights of all sources."""
    presets: tuple[str, ...] = ("mixed",)
    """Kinds of cloud that are painted."""
    preset_weights: tuple[float, ...] = ()
    """How often each; evenly if empty."""
    veil_share: float = 0.0
    """Share of the samples painted with another cloud model: thin cloud or shadow of randomly
    drawn optics, see `veil`. What is learnt of one model only, holds for that one only."""
    paintings: int = 0
    """How often each tile is painted (``pairs``: cut): then the same samples come again, flipped
    and turned anew, and a ``prior``, which costs more than a step of the network, is made once for
    each. They are kept in memory. 0: every sample is made anew."""
    turn: bool = True
    """Flip and turn the ground before clouds are painted on it; ``pairs``: with its clouds."""
    count: int = 48
    """``landscape``: number of landscapes to draw."""
    size: int = 384
    """``landscape``: their side in pixels."""


@dataclass(frozen=True)
class Adversary:
    """The discriminator, and how much it has to say."""

    __pydantic_config__ = STRICT

    weight: float = 1.0
    """Of its loss in the generator's (lambda_GAN); 0: there is none, and it is not trained."""
    loss: Literal["bce", "lsgan"] = "bce"
    channels: int = 64
    layers: int = 3
    """3 judges patches of 70 pixels, 2 of 34."""
    norm: Literal["batch", "instance", "group", "none"] = "batch"


@dataclass(frozen=True)
class GanTraining(Training):
    """How long, how much at a time, how fast."""

    epochs: int = 200
    """An epoch is ``samples`` samples; a checkpoint is written after each."""
    constant_epochs: int = 100
    """The learning rate falls linearly to 0 after so many."""
    batch_size: int = 1
    crop: int = 256
    """Side of a sample in pixels, a multiple of the network's stride."""
    canvas: int = 0
    """Side of the ground that is painted, and guessed by the ``prior``, at once; a sample is cut
    out of it. A prior that learns from the clear ground of small crops is worse than it is on
    scenes. 0: as large as a sample."""
    enlarge: float = 1.0
    """Crops are cut smaller by this factor and enlarged: 286 / 256 in pix2pix."""
    gsd_range_m: tuple[float, float] | None = None
    """Pixel sizes that samples are resampled to; none leaves them."""
    learning_rate: float = 2e-4
    """Of Adam, for both networks."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Of Adam, for both networks."""
    clip_norm: float = 0.0
    """Largest norm of the gradient of either network; 0: as it is."""
    ema: float = 0.0
    """Decay of the exponential moving average of the weights, which is what is saved; 0: none."""
    picture_epochs: int = 10
    """A PNG of samples is written after each so many epochs; 0: none."""


@dataclass(frozen=True)
class GanConfig:
    """A training of the generator and its adversary."""

    __pydantic_config__ = STRICT

    sources: tuple[Source, ...]
    network: dict[str, Any] = field(default_factory=dict)
    """Fields of `restorer.NetworkConfig`."""
    prior: str = ""
    """Filler whose result is the network's first guess; empty for the cloudy image itself."""
    second: str = ""
    """Filler whose result is mixed into the first guess (``mixed`` in [network]); may be empty."""
    loss: dict[str, float] = field(default_factory=lambda: {"l1": 100.0})
    """Distances to the clear image and their weights: see `losses.NAMES`."""
    clear_weight: float = 1.0
    """Weight of clear pixels in them, those under cloud or shadow having 1."""
    adversary: Adversary = field(default_factory=Adversary)
    augment: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Augmentations by name with their settings, applied in this order to the painted pair: see
    `datasets.augmentations`."""
    training: GanTraining = field(default_factory=GanTraining)

    @property
    def network_config(self) -> NetworkConfig:
        """``network`` as an object."""
        from .restorer import NetworkConfig

        return validated(NetworkConfig, self.network, "[network]", PAGE)

    def check(self) -> None:
        """Raise UsageError unless crops suit the network, and the canvas the crops."""
        stride, t = self.network_config.stride, self.training
        if self.network_config.mixed != bool(self.prior and self.second):
            raise UsageError(
                f"prior '{self.prior}' and second '{self.second}' for a network of mixed = "
                f"{str(self.network_config.mixed).lower()}",
                "both, and mixed = true; or no second guess", "correct second or [network]",
            )  # fmt: skip
        if self.network_config.doubts and not self.prior:
            raise UsageError(
                "doubts without a prior", "a prior, whose expected error is read",
                "name one, or correct [network]",
            )  # fmt: skip
        if t.canvas and t.canvas < t.crop:
            raise UsageError(
                f"a canvas of {t.canvas} pixels for crops of {t.crop}", "one at least as large",
                "correct canvas",
            )  # fmt: skip
        t.check_crop(stride)


def read(path: str | Path | None) -> GanConfig:
    """The configuration in a TOML file, or of the training that comes with kumosan.

    Raises:
        FileError, UsageError: see `configuration.read_config`.
    """
    return read_config(GanConfig, CONFIGS / "gan.toml" if path is None else path, PAGE)


def rate_factor(epoch: int, epochs: int, constant_epochs: int) -> float:
    """Learning rate in ``epoch`` (from 0) over the first: constant, then falling linearly.

    As in the published code: the first epoch of the fall has one step less already, and the rate
    would be 0 in the epoch after the last.
    """
    fall = max(epochs - constant_epochs, 0)
    return 1 - max(0, epoch + 1 - constant_epochs) / (fall + 1)
