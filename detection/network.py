"""The segmentation network: a U-Net on canonical bands that works at half resolution inside.

    PixelUnshuffle(2) -> smp.Unet -> PixelShuffle(2)

The full-resolution stages of a U-Net cost most of its time and see little of its context; folding
2 x 2 pixels into channels costs a quarter and lets the same depth see twice as far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..datasets.bands import BandSet
from ..datasets.configuration import with_tuples
from ..datasets.errors import UsageError
from ..datasets.samples import CANONICAL_BANDS, UNKNOWN_K, WITH_THERMAL
from ..datasets.vision import torchvision
from .features import FEATURES, features

if TYPE_CHECKING:
    import segmentation_models_pytorch

N_CLASSES = 4


@dataclass(frozen=True)
class NetworkConfig:
    """What network to build."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    encoder: str = "mobilenet_v2"
    """Any encoder of segmentation-models-pytorch, or ``tu-NAME`` for one of timm."""
    depth: int = 5
    """Stages of the encoder, 3 to 5."""
    decoder_channels: tuple[int, ...] = (64, 48, 32, 24, 16)
    """Channels of the decoder's stages, one for each stage of the encoder."""
    fold: int = 2
    """Pixels folded into channels along each side: 2 works at half resolution inside, 1 not."""
    thermal: bool = False
    """Read a thermal band too, where the sensor has one."""
    features: tuple[str, ...] = ()
    """Extra input planes: ndvi, ndwi, ndsi, braaten."""
    encoder_weights: str | None = None
    """``imagenet`` downloads weights of the encoder when a training starts; none by default."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.features if name not in FEATURES]
        if unknown:
            raise UsageError(
                f"features {', '.join(unknown)}", f"some of {', '.join(FEATURES)}", "correct them"
            )
        if len(self.decoder_channels) != self.depth or self.fold not in (1, 2, 4):
            raise UsageError(
                f"depth {self.depth}, {len(self.decoder_channels)} decoder channels, "
                f"fold {self.fold}",
                "one number of channels for each stage, and a fold of 1, 2 or 4",
                "correct the network's settings",
            )

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> NetworkConfig:
        """From plain JSON types, as a card holds them."""
        return cls(**with_tuples(facts))

    @property
    def bands(self) -> BandSet:
        """What the network reads."""
        return WITH_THERMAL if self.thermal else CANONICAL_BANDS

    @property
    def stride(self) -> int:
        """Sides of the input must be multiples of this many pixels."""
        return self.fold * int(2**self.depth)


class SegmentationNet(nn.Module):
    """Reflectance in canonical bands -> logits of the four classes.

    Args:
        config: what to build.

    Raises:
        UsageError: there is no such encoder.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config, self.bands = config, config.bands
        channels = 2 * len(self.bands) + len(config.features)
        self.fold = nn.PixelUnshuffle(config.fold)
        self.unet = _unet(config, channels * config.fold**2, N_CLASSES * config.fold**2)
        self.unfold = nn.PixelShuffle(config.fold)

    def forward(self, image: Tensor, present: Tensor) -> Tensor:
        """Logits (n, 4, y, x) float32.

        Args:
            image: (n, band, y, x) float32 reflectance, kelvin in the thermal band; sides
                multiples of ``config.stride``.
            present: (n, band) float32, 1 where the sensor has the band.
        """
        pixels = self.fold(torch.cat(self.seen(image), dim=1) * present[:, :, None, None])
        # What is the same everywhere need not be folded.
        there = present.repeat_interleave(self.config.fold**2, dim=1)[:, :, None, None]
        planes = [pixels, there.expand_as(pixels)]
        if self.config.features:
            planes.append(self.fold(self.extra(image, present)))
        return self.answer(torch.cat(planes, dim=1))

    def seen(self, image: Tensor) -> list[Tensor]:
        """Reflectance, and kelvin, on scales that suit a network; of bands that lack, too."""
        optical = len(CANONICAL_BANDS)
        warm = [scaled(image[:, optical:])] if self.config.thermal else []
        return [companded(image[:, :optical]), *warm]

    def extra(self, image: Tensor, present: Tensor) -> Tensor:
        """(n, plane, y, x) of the features that were asked for."""
        return features(image, present, self.bands, self.config.features)

    def answer(self, planes: Tensor) -> Tensor:
        """(n, 4, y, x) float32 logits of what the U-Net reads."""
        # In the order of memory that convolutions want: they would copy it once each.
        x = planes.contiguous(memory_format=torch.channels_last)
        return self.unfold(self.unet(x)).float()


def companded(reflectance: Tensor) -> Tensor:
    """sqrt of reflectance, shifted and scaled to about [-2, 3].

    The root gives dark ground, where shadows have to be told from water, as much of the range as
    bright ground; it also opens the small values of the cirrus band.
    """
    return reflectance.clamp(0, 2).add_(1e-4).sqrt_().sub_(0.45).mul_(4)


def scaled(kelvin: Tensor) -> Tensor:
    """Temperature, shifted and scaled to about [-3, 3]: cirrus is at 210 K, a desert at 330 K."""
    return ((kelvin - UNKNOWN_K) / 20).clamp(-4, 4)


def smp() -> segmentation_models_pytorch:  # type: ignore[valid-type]
    """The module, imported behind the cure for torchvision."""
    torchvision()
    import segmentation_models_pytorch

    return segmentation_models_pytorch


def _unet(config: NetworkConfig, channels: int, outputs: int) -> nn.Module:
    try:
        net: nn.Module = smp().Unet(  # type: ignore[attr-defined]
            config.encoder,
            encoder_weights=config.encoder_weights,
            encoder_depth=config.depth,
            decoder_channels=config.decoder_channels,
            in_channels=channels,
            classes=outputs,
        )
    except (KeyError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"encoder '{config.encoder}' ({error})".replace("\n", " "),
            "one of segmentation-models-pytorch's, or tu-NAME of timm",
            "correct the network's encoder",
        ) from error
    return net
