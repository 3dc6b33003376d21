"""A generator small enough to ship: a U-Net that works at half resolution inside.

What differs from pix2pix, each for a reason: resizing and a convolution instead of transposed
convolutions, which leave checkerboards (Odena et al. 2016); no BatchNorm, whose running statistics
shift what a network trained with small batches puts out; no bottleneck of one pixel, so any size
goes in; no tanh, which cuts bright ground off.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .generator import Norm, norm_layer


class SlimGenerator(nn.Module):
    """(n, in, y, x) -> (n, out, y, x), zero before training; no limits to the values.

    Args:
        in_channels: planes that go in.
        out_channels: planes that come out.
        channels: of each resolution, finest first.
        fold: pixels folded into channels along each side: 2 works at half resolution, 1 at full.
        norm: after each convolution.
        resize: the way up is nearest neighbour and a convolution; else a transposed convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        channels: Sequence[int] = (24, 48, 96, 160, 256),
        fold: int = 2,
        norm: Norm = "none",
        resize: bool = True,
    ) -> None:
        super().__init__()
        first = channels[0]
        self.enter = nn.Sequential(
            nn.PixelUnshuffle(fold),
            _conv(in_channels * fold**2, first, norm),
            _conv(first, first, norm),
        )
        self.down, self.up, self.merge = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for fine, coarse in pairwise(channels):
            halved = _conv(fine, coarse, norm, size=4, stride=2)
            self.down.append(nn.Sequential(halved, _conv(coarse, coarse, norm)))
            self.up.insert(0, _rise(coarse, fine, norm, resize))
            self.merge.insert(0, _conv(2 * fine, fine, norm))
        self.leave = nn.Sequential(
            nn.Upsample(scale_factor=fold), nn.Conv2d(first, out_channels, 3, padding=1)
        )
        nn.init.zeros_(self.leave[1].weight)
        nn.init.zeros_(self.leave[1].bias)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        skips = [self.enter(x)]
        for down in self.down:
            skips.append(down(skips[-1]))
        x = skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([up(x), skips.pop()], dim=1))
        out: Tensor = self.leave(x)
        return out


def _conv(before: int, after: int, norm: Norm, size: int = 3, stride: int = 1) -> nn.Module:
    conv = nn.Conv2d(before, after, size, stride, 1, bias=norm != "batch")
    return nn.Sequential(conv, norm_layer(norm)(after), nn.LeakyReLU(0.2))


def _rise(coarse: int, fine: int, norm: Norm, resize: bool) -> nn.Module:
    """Twice the pixels, fewer channels."""
    if resize:
        return nn.Sequential(nn.Upsample(scale_factor=2), _conv(coarse, fine, norm))
    conv = nn.ConvTranspose2d(coarse, fine, 4, 2, 1, bias=norm != "batch")
    return nn.Sequential(conv, norm_layer(norm)(fine), nn.LeakyReLU(0.2))
