"""A network for images of known bands, rearranged for speed: it answers the same but for rounding.

- A BatchNorm goes into the convolution before it.
- The first convolution reads pixels as they lie: folding them first (`network`) moves every number
  twice. What is the same everywhere, which bands there are, it reads as one plane of ones.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

if TYPE_CHECKING:
    from .network import SegmentationNet

_ROWS = 16
"""Rows that are prepared at once on a processor: they stay in its cache."""
_SAME = 1e-3
"""Logits that differ by less are the same."""


def rearranged(net: SegmentationNet, present: Tensor) -> nn.Module:
    """A network that answers as ``net`` where these bands are there, and takes about half the time
    beside its U-Net; it looks at ``present`` no more.

    Encoders whose first convolution cannot be replaced keep it.

    Args:
        net: in evaluation; it stays as it is.
        present: (band,) float32, 1 where the sensor has the band.
    """
    shape = (1, len(present), net.config.stride, net.config.stride)
    example, there = torch.linspace(0, 1, prod(shape)).view(shape), present[None]
    with torch.no_grad():
        try:
            found = _Unfolded(fused(deepcopy(net)), present)
            error = (found(example, there) - net(example, there)).abs().max()
        except (RuntimeError, TypeError):  # an encoder that uses its image in another way
            error = torch.tensor(torch.inf)
    return found if error < _SAME else fused(deepcopy(net))  # type: ignore[no-any-return]


def fused(net: Any) -> Any:
    """The torch module with each BatchNorm2d taken into the convolution before it, in place.

    Of those that follow each other in a Sequential, as in most encoders and in all decoders; others
    stay as they are. ONNX's exporter does the same.
    """
    for part in net.modules():
        names = list(part._modules) if isinstance(part, nn.Sequential) else []
        for first, second in pairwise(names):
            conv, norm = part._modules[first], part._modules[second]
            # No class derived from these: timm's add an activation, or change the weights.
            if type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d:
                part._modules[first] = fuse_conv_bn_eval(conv, norm)
                part._modules[second] = nn.Identity()
    return net


class _Unfolded(nn.Module):
    """Takes ``net`` to pieces; see `rearranged`.

    Raises:
        RuntimeError, TypeError: its first convolution is no plain one of all planes.
    """

    def __init__(self, net: SegmentationNet, present: Tensor) -> None:
        super().__init__()
        self.net, encoder = net, net.unet.encoder
        name = next((n for n, m in encoder.named_modules() if isinstance(m, nn.Conv2d)), "")
        parent, _, child = name.rpartition(".")
        conv = _unfolded(encoder.get_submodule(name), net.config.fold, present)
        setattr(encoder.get_submodule(parent), child, conv)
        net.unet.encoder = _Folded(encoder, net.config.fold)

    def forward(self, image: Tensor, present: Tensor) -> Tensor:
        """As `SegmentationNet.forward`."""
        (n, bands, height, width), extra = image.shape, len(self.net.config.features)
        planes = torch.empty(
            (n, bands + 1 + extra, height, width),
            device=image.device, memory_format=torch.channels_last,
        )  # fmt: skip
        planes[:, bands] = 1
        step = height if image.is_cuda else _ROWS
        for top in range(0, height, step):
            part, to = image[:, :, top : top + step], planes[:, :, top : top + step]
            to[:, :bands] = torch.cat(self.net.seen(part), dim=1)
            if extra:
                to[:, bands + 1 :] = self.net.extra(part, present)
        return self.net.answer(planes)


class _Folded(nn.Module):
    """An encoder that reads pixels unfolded, for a decoder that thinks they were folded: it looks
    at the size of the first of the encoder's planes, and no more."""

    def __init__(self, encoder: Any, fold: int) -> None:
        super().__init__()
        self.encoder, self.fold = encoder, fold
        self.output_stride = encoder.output_stride

    def forward(self, image: Tensor) -> list[Tensor]:
        first, *others = self.encoder(image)
        return [first[:, :, :: self.fold, :: self.fold], *others]


def _unfolded(conv: Any, fold: int, present: Tensor) -> nn.Conv2d:
    """``conv`` of folded planes (bands, which of them there are, features) as one of planes that
    were not (bands, ones, features): a kernel of 3 x 3 that saw 6 x 6 pixels has 6 x 6 numbers."""
    bands = len(present)
    kernel = conv.weight.detach().unflatten(1, (-1, fold, fold))  # out, plane, fold, fold, y, x
    kernel = kernel.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)
    pixels, there, extra = kernel.tensor_split([bands, 2 * bands], dim=1)
    share = present[:, None, None]
    kernel = torch.cat([pixels * share, (there * share).sum(1, keepdim=True), extra], dim=1)
    out = nn.Conv2d(
        kernel.shape[1], conv.out_channels, tuple(kernel.shape[2:]),
        stride=tuple(fold * n for n in conv.stride),
        padding=tuple(fold * n for n in conv.padding), bias=conv.bias is not None,
    )  # fmt: skip
    out.weight = nn.Parameter(kernel)
    if conv.bias is not None:
        out.bias = conv.bias
    return out.eval()
