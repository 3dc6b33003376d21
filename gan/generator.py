"""The generator of pix2pix as published: a U-Net that halves its input down to one pixel.

Isola et al. (2017), Image-to-image translation with conditional adversarial networks, CVPR, and
its PyTorch code; the parameter counts of that code are pinned by tests. All convolutions are 4 x 4
with stride 2. A convolution has a bias only with InstanceNorm, and the last one always.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

Norm = Literal["batch", "instance", "group", "none"]
GROUPS = 8
"""Of GroupNorm."""


def norm_layer(norm: Norm) -> Callable[[int], nn.Module]:
    """Makes the normalisation of so many channels.

    InstanceNorm has no parameters and, like GroupNorm, no running statistics, so a network in
    evaluation does what it did in training. BatchNorm trained with batches of 1 does not.
    """
    layers: dict[str, Callable[[int], nn.Module]] = {
        "batch": nn.BatchNorm2d,
        "instance": nn.InstanceNorm2d,
        "group": lambda channels: nn.GroupNorm(GROUPS, channels),
        "none": lambda channels: nn.Identity(),
    }
    return layers[norm]


def init_weights(net: nn.Module) -> None:
    """Weights N(0, .02), BatchNorm's scales N(1, .02), biases 0, as published."""
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class UnetGenerator(nn.Module):
    """U-Net-256 (``depth`` 8): (n, in, y, x) -> (n, out, y, x) in [-1, 1].

    Args:
        in_channels: planes that go in.
        out_channels: planes that come out.
        channels: of the first convolution (``ngf``); they double up to eight times as many.
        depth: halvings; sides must be multiples of 2^depth. 5 at least.
        norm: ``batch`` or ``instance`` as published.
        dropout: half of the values of the three (with depth 8) stages after the innermost one are
            dropped in training: the published source of noise.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        channels: int = 64,
        depth: int = 8,
        norm: Norm = "batch",
        dropout: bool = True,
    ) -> None:
        super().__init__()
        make, bias = norm_layer(norm), norm != "batch"
        wide = [channels * min(2**k, 8) for k in range(depth)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for k in range(depth):
            layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if k else []
            source = wide[k - 1] if k else in_channels
            layers.append(nn.Conv2d(source, wide[k], 4, 2, 1, bias=bias))
            if 0 < k < depth - 1:
                layers.append(make(wide[k]))
            self.down.append(nn.Sequential(*layers))
        for k in reversed(range(1, depth)):
            source = wide[k] if k == depth - 1 else 2 * wide[k]
            layers = [nn.ReLU(), nn.ConvTranspose2d(source, wide[k - 1], 4, 2, 1, bias=bias)]
            layers.append(make(wide[k - 1]))
            if dropout and 4 <= k < depth - 1:
                layers.append(nn.Dropout(0.5))
            self.up.append(nn.Sequential(*layers))
        last = nn.ConvTranspose2d(2 * wide[0], out_channels, 4, 2, 1)
        self.up.append(nn.Sequential(nn.ReLU(), last, nn.Tanh()))
        init_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = self.up[0](skips.pop())
        for up in self.up[1:]:
            x = up(torch.cat([skips.pop(), x], dim=1))
        return x
