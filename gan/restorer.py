"""A generator with what it reads and what its output means: cloudy reflectance in, ground out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..datasets.configuration import STRICT, with_tuples
from ..datasets.errors import UsageError
from ..datasets.tile import SHADOW, THICK, THIN
from .generator import GROUPS, Norm, UnetGenerator
from .slim import SlimGenerator

Scale = tuple[Tensor, Tensor]
"""Reflectance that is 0 inside of the networks, and how much more is 1; (n, band, 1, 1) each."""
LEAST_CONTRAST = 0.002
"""Standard deviation of reflectance that every scene is taken to have at least: noise."""
Hidden = Literal["thick", "thin", "shadow"]
LEAST_DOUBT, MOST_DOUBT = 0.02, 1.5
"""Expected errors are taken to lie between such shares of the scene's contrast."""
CODES: dict[Hidden, int] = {"thick": THICK, "thin": THIN, "shadow": SHADOW}
N_CLASSES = 4
"""Planes of the mask: clear, thick, thin, shadow; all 0 where nothing is known."""


@dataclass(frozen=True)
class NetworkConfig:
    """What generator to build, what it reads, and what its output means."""

    __pydantic_config__ = STRICT

    kind: Literal["slim", "pix2pix"] = "slim"
    channels: tuple[int, ...] = (24, 48, 96, 160, 256)
    """``slim``: of each resolution, finest first; ``pix2pix``: of the first convolution (64,)."""
    norm: Norm = "none"
    fold: int = 2
    """``slim``: pixels folded into channels along each side, 1, 2 or 4."""
    resize: bool = True
    """``slim``: resize-convolutions on the way up; else transposed convolutions."""
    depth: int = 8
    """``pix2pix``: halvings, 5 at least."""
    dropout: bool = True
    """``pix2pix``: as published."""
    guided: bool = True
    """Beside the image it reads which bands there are, the mask and the prior; else the image
    alone, as published."""
    residual: bool = True
    """The output is added to the prior; else it is the ground itself."""
    composite: bool = True
    """In training, the discriminator sees the output where the mask says so, and the image
    elsewhere; else the output everywhere, as published."""
    white: float = 0.5
    """Reflectance that is 1 inside of the networks and in the losses; 0 is -1."""
    mixed: bool = False
    """The prior is two guesses; how much of the second is mixed into the first, in each band and
    pixel, is an output too."""
    contrast: bool = False
    """Values inside of the networks are told as the scene's own: by the mean and the standard
    deviation of each band of the prior, large ones by their logarithm (asinh). So a correction of
    an even desert is as small as it should be."""
    doubts: bool = False
    """It reads what error each guess expects, and says its corrections in such: where the first
    guess is sure, there is little to correct. Behind the guesses come their errors, one plane
    each."""
    blind: bool = False
    """Under thick cloud it does not see the image but the first guess: what it would see is how
    the painter paints dense cloud."""
    says: tuple[Hidden, ...] = ("thick", "thin", "shadow")
    """What it may change; elsewhere its answer is the first guess itself."""

    def __post_init__(self) -> None:
        least = min(self.channels, default=0)
        grouped = self.norm == "group" and any(c % GROUPS for c in self.channels)
        if least < 1 or grouped or self.fold not in (1, 2, 4) or not self.white > 0:
            raise UsageError(
                f"channels {self.channels}, norm {self.norm}, fold {self.fold}, white {self.white}",
                f"channels above 0 (multiples of {GROUPS} for group), fold 1, 2, 4, white above 0",
                "correct [network]",
            )
        if self.mixed and not (self.kind == "slim" and self.guided and self.residual):
            raise UsageError(
                "mixed guesses without a network that reads them",
                'kind = "slim", guided and residual', "correct [network]",
            )  # fmt: skip
        if self.doubts and not (self.guided and self.residual and self.contrast):
            raise UsageError(
                "doubts of a network that does not correct a first guess by the scene's contrast",
                "guided, residual and contrast", "correct [network]",
            )  # fmt: skip
        if self.kind == "pix2pix" and (self.depth < 5 or len(self.channels) != 1):
            raise UsageError(
                f"pix2pix of depth {self.depth} with channels {self.channels}",
                "a depth of 5 or more, and the channels of the first convolution only",
                "correct [network]",
            )

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> NetworkConfig:
        """From plain JSON types, as a card holds them."""
        return cls(**with_tuples(facts))

    @property
    def stride(self) -> int:
        """Sides of the input must be multiples of this many pixels."""
        if self.kind == "pix2pix":
            return int(2**self.depth)
        return self.fold * int(2 ** (len(self.channels) - 1))


class Restorer(nn.Module):
    """Cloudy reflectance, mask and prior -> reflectance of the ground.

    Args:
        config: what to build.
        n_bands: bands that go in and come out.
    """

    def __init__(self, config: NetworkConfig, n_bands: int) -> None:
        super().__init__()
        self.config, self.n_bands = config, n_bands
        guesses = 2 if config.mixed else 1
        doubts = guesses if config.doubts else 0
        guided = (2 + guesses) * n_bands + N_CLASSES + doubts
        self.n_planes = guided if config.guided else n_bands
        if config.kind == "pix2pix":
            self.net: nn.Module = UnetGenerator(
                self.n_planes, n_bands, config.channels[0], config.depth, config.norm,
                config.dropout,
            )  # fmt: skip
        else:
            self.net = SlimGenerator(
                self.n_planes, guesses * n_bands, config.channels, config.fold, config.norm,
                config.resize,
            )  # fmt: skip

    def forward(self, image: Tensor, present: Tensor, cloud: Tensor, prior: Tensor) -> Tensor:
        """(n, band, y, x) reflectance of the ground everywhere, also where the sky was clear.

        Args:
            image: (n, band, y, x) reflectance, 0 where nothing is known.
            present: (n, band) 1 where the sensor has the band.
            cloud: (n, 4, y, x) the mask one-hot, or its probabilities; see `one_hot`.
            prior: (n, band, y, x) reflectance, a first guess; the image itself for none.
                Two guesses one after the other, (n, 2 band, y, x), if they are ``mixed``; then
                the error that each expects, one plane for each, if the network reads ``doubts``.
        """
        scale = self.scale(prior, cloud)
        return self.ground(self.planes(image, present, cloud, prior, scale), cloud, prior, scale)

    def ground(self, planes: Tensor, cloud: Tensor, prior: Tensor, scale: Scale) -> Tensor:
        """What `forward` returns, of planes that were made already."""
        middle, unit = scale
        out, n = self.net(planes).float(), self.n_bands
        first = prior[:, :n]
        if self.config.doubts:
            unit = unit * self._doubts(prior, scale)[:, :1]
        ground: Tensor = out[:, :n] * unit + (first if self.config.residual else middle)
        if self.config.mixed:
            ground = ground + out[:, n:] * (prior[:, n : 2 * n] - first)
        if len(self.config.says) < len(CODES):
            spoken = cloud[:, [CODES[name] for name in self.config.says]].sum(dim=1, keepdim=True)
            ground = torch.where(spoken > 0, ground, first)
        return ground

    def _doubts(self, prior: Tensor, scale: Scale) -> Tensor:
        """(n, guess, y, x) the expected errors as shares of the contrast of the bands."""
        contrast = scale[1].square().mean(dim=1, keepdim=True).sqrt()
        guesses = 2 if self.config.mixed else 1
        return (prior[:, guesses * self.n_bands :] / contrast).clamp(LEAST_DOUBT, MOST_DOUBT)

    def planes(
        self, image: Tensor, present: Tensor, cloud: Tensor, prior: Tensor, scale: Scale
    ) -> Tensor:
        """(n, n_planes, y, x) what the network reads, and what the discriminator judges by."""
        if not self.config.guided:
            return self.scaled(image, scale)
        if self.config.blind:
            thick = cloud[:, THICK : THICK + 1] > 0
            image = torch.where(thick, prior[:, : self.n_bands], image)
        there = present[:, :, None, None].expand_as(image)
        both = prior[:, : (2 if self.config.mixed else 1) * self.n_bands]
        read = [self.scaled(guess, scale) for guess in both.split(self.n_bands, dim=1)]
        if self.config.doubts:
            read.append(self._doubts(prior, scale).log())
        return torch.cat([self.scaled(image, scale), there, cloud, *read], dim=1)

    def scale(self, prior: Tensor, cloud: Tensor) -> Scale:
        """What is 0 and what is 1 inside of the networks; arguments as of `forward`."""
        if not self.config.contrast:
            half = prior.new_full((1, 1, 1, 1), self.config.white / 2)
            return half, half
        prior = prior[:, : self.n_bands]
        known = cloud.sum(dim=1, keepdim=True).clamp(0, 1)
        count = known.sum(dim=(2, 3), keepdim=True).clamp(min=1)
        mean = (prior * known).sum(dim=(2, 3), keepdim=True) / count
        power = ((prior - mean).square() * known).sum(dim=(2, 3), keepdim=True) / count
        return mean, (power + LEAST_CONTRAST**2).sqrt()

    def scaled(self, reflectance: Tensor, scale: Scale) -> Tensor:
        """Reflectance as the networks see it: 0 to ``white`` as -1 to 1, cut off for a network that
        ends in tanh; or by the scene's own contrast."""
        middle, unit = scale
        if self.config.contrast:
            return torch.asinh((reflectance - middle) / unit)
        if self.config.kind == "pix2pix":
            reflectance = reflectance.clamp(0, self.config.white)
        return (reflectance - middle) / unit


def one_hot(mask: Tensor) -> Tensor:
    """(n, 4, y, x) float32 planes of an (n, y, x) mask of classes; all 0 for nodata (255)."""
    codes = torch.arange(N_CLASSES, device=mask.device)[:, None, None]
    return (mask[:, None] == codes).float()


def contaminated(cloud: Tensor) -> Tensor:
    """(n, 1, y, x) share of each pixel that is cloud or shadow."""
    return cloud[:, 1:].sum(dim=1, keepdim=True).clamp(0, 1)


def composed(ground: Tensor, image: Tensor, cloud: Tensor) -> Tensor:
    """``ground`` under cloud and shadow; ``image``, bit for bit, where there is none."""
    share = contaminated(cloud)
    return torch.where(share > 0, image + share * (ground - image), image)
