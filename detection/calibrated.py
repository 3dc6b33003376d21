"""From the logits of a network to probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .plausible import plausible

if TYPE_CHECKING:
    from .network import SegmentationNet


class Calibrated(nn.Module):
    """(image, present) -> (n, 4, y, x) probabilities at the temperature that calibrates them.

    Where the spectrum cannot be a cloud's (`plausible`), what was cloud is clear.
    """

    def __init__(self, net: SegmentationNet, temperature: float) -> None:
        super().__init__()
        self.net, self.temperature = net, temperature

    def forward(self, image: Tensor, present: Tensor) -> Tensor:
        """As `SegmentationNet.forward`, which gives logits."""
        return self.judged(self.net(image, present), image, present)

    def judged(self, logits: Tensor, image: Tensor, present: Tensor) -> Tensor:
        """Probabilities of logits (n, 4, y, x) and the image that they were told of."""
        p = (logits / self.temperature).softmax(1)
        cloud = plausible(image, present, self.net.bands)
        clear = p[:, :1] + p[:, 1:3].sum(1, keepdim=True) * (1 - cloud)
        return torch.cat([clear, p[:, 1:3] * cloud, p[:, 3:]], dim=1)
