"""The discriminator of pix2pix as published: says of every patch whether it is real."""

from __future__ import annotations

from torch import Tensor, nn

from .generator import Norm, init_weights, norm_layer


class PatchDiscriminator(nn.Module):
    """PatchGAN: (n, in, y, x) -> one logit for each patch; 70 x 70 pixels with three ``layers``.

    C64 - C128 - C256 - C512 - 1, all convolutions 4 x 4 with padding 1, the last two with stride 1:
    256 x 256 pixels become 30 x 30 logits. Isola et al. (2017), section 6.1.2.

    Args:
        in_channels: planes of the condition and of the image that is judged, one after the other.
        channels: of the first convolution (``ndf``).
        layers: convolutions with stride 2: 1 sees patches of 16 pixels, 2 of 34, 3 of 70.
        norm: as of the generator; the first convolution has none.
    """

    def __init__(
        self, in_channels: int, channels: int = 64, layers: int = 3, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        make, bias = norm_layer(norm), norm != "batch"
        parts: list[nn.Module] = [nn.Conv2d(in_channels, channels, 4, 2, 1), nn.LeakyReLU(0.2)]
        before = channels
        for k in range(1, layers + 1):
            after = channels * min(2**k, 8)
            stride = 2 if k < layers else 1
            parts += [nn.Conv2d(before, after, 4, stride, 1, bias=bias), make(after)]
            parts.append(nn.LeakyReLU(0.2))
            before = after
        parts.append(nn.Conv2d(before, 1, 4, 1, 1))
        self.net = nn.Sequential(*parts)
        init_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        logits: Tensor = self.net(x)
        return logits
