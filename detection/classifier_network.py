"""The patch classifier: a slim VGG (Simonyan & Zisserman 2015) on canonical bands, a small head.

    companded bands, presence planes -> VGG with batch norm -> mean over the patch -> one logit

The mean over the patch is what lets one network read patches of any size: how much of a patch is
cloud is an average over its places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..datasets.bands import BandSet
from ..datasets.errors import UsageError
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.vision import torchvision
from .network import companded

_LAYOUTS = {11: "A", 16: "D"}
"""Letters of the layouts in table 1 of Simonyan & Zisserman 2015, by number of layers."""


@dataclass(frozen=True)
class VggConfig:
    """What network to build."""

    layers: Literal[11, 16] = 11
    """Layers with weights of the published network."""
    width: float = 0.25
    """Channels of every layer over those published (64 to 512)."""
    dropout: float = 0.2
    """Share of the features that the head misses while it is trained."""

    def __post_init__(self) -> None:
        if (
            self.layers not in _LAYOUTS
            or not 1 / 64 <= self.width <= 4
            or not 0 <= self.dropout < 1
        ):
            raise UsageError(
                f"a VGG of {self.layers} layers, width {self.width}, dropout {self.dropout}",
                "11 or 16 layers, a width from 1/64 to 4, a dropout in [0, 1)",
                "correct the network's settings",
            )

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> VggConfig:
        """From plain JSON types, as a card holds them."""
        return cls(**facts)


class ClassifierNet(nn.Module):
    """Reflectance in canonical bands -> logit of "this patch is clear".

    Args:
        config: what to build.
        bands: the canonical bands that it reads.
    """

    def __init__(self, config: VggConfig, bands: BandSet = CANONICAL_BANDS) -> None:
        super().__init__()
        self.config, self.bands = config, bands
        self.features, channels = _features(config, 2 * len(bands))
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(channels, 1))

    def forward(self, image: Tensor, present: Tensor) -> Tensor:
        """Logits (n,) float32.

        Args:
            image: (n, band, y, x) float32 reflectance, of any size.
            present: (n, band) float32, 1 where the sensor has the band.
        """
        there = present[:, :, None, None]
        x = torch.cat([companded(image) * there, there.expand_as(image)], dim=1)
        logit: Tensor = self.head(self.features(x).mean(dim=(2, 3)))
        return logit[:, 0].float()


def _features(config: VggConfig, inputs: int) -> tuple[nn.Sequential, int]:
    """torchvision's layers, slimmed, for ``inputs`` planes; and the channels that come out.

    Pooling keeps an odd last row or column, so that the smallest patch still has one place.
    """
    vgg = torchvision().models.vgg
    layout = [
        v if v == "M" else max(1, round(v * config.width))
        for v in vgg.cfgs[_LAYOUTS[config.layers]]
    ]
    layers: nn.Sequential = vgg.make_layers(layout, batch_norm=True)
    layers[0] = nn.Conv2d(inputs, layout[0], kernel_size=3, padding=1)
    for layer in layers:
        if isinstance(layer, nn.MaxPool2d):
            layer.ceil_mode = True
        elif isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return layers, [v for v in layout if v != "M"][-1]
