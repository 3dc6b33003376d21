"""A network for images of known bands, rearranged for speed: it answers the same but for rounding.

- A BatchNorm goes into the convolution before it.
- The first convolution reads pixels as they lie: folding them first (`network`) moves every number
  twice. What is the same everywhere, which bands there are, it reads as one plane of ones.
- On a processor, oneDNN runs each convolution with the activation after it; and what comes before
  the first one and after the last is done to some rows at a time.
- It may multiply in bfloat16.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .calibrated import Calibrated
from .network import N_CLASSES

_ROWS = 128
"""Rows that are prepared or judged at once on a processor. Fewer would stay in its cache, but
threads that work side by side would wait for each other at each of the many small steps."""
_SAME = 1e-4
"""Probabilities that differ by less are the same."""


def rearranged(
    whole: Calibrated, present: Tensor, on_processor: bool, bfloat16: bool = False
) -> nn.Module:
    """What answers as ``whole`` where these bands are there, in two thirds of the time
    (``benchmarks/bits.py``).

    An encoder whose first convolution cannot be replaced keeps it, and works in single precision.

    Args:
        whole: in evaluation; it stays as it is.
        present: (band,) float32, 1 where the sensor has the band.
        on_processor: it will not run on a GPU.
        bfloat16: multiply in this precision.
    """
    side = whole.net.config.stride
    shape = (1, len(present), side, side)
    example, there = torch.linspace(0, 1, prod(shape)).view(shape), present[None]
    plain = Calibrated(fused(deepcopy(whole.net)), whole.temperature).eval()
    with torch.no_grad():
        expected = whole(example, there)
        for with_onednn in (True, False) if on_processor else (False,):
            try:
                found = _Unfolded(deepcopy(plain), present)
                if with_onednn:
                    _use_onednn(found)
                if (found(example, there) - expected).abs().max() < _SAME:
                    if bfloat16:
                        found.whole.net.unet.to(torch.bfloat16)
                    return found.eval()
            # An encoder that uses its image in another way; a torch without these operations.
            except (RuntimeError, TypeError, AttributeError):
                continue
    return plain


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
    """Takes ``whole`` to pieces; see `rearranged`.

    Raises:
        RuntimeError, TypeError: its first convolution is no plain one of all planes.
    """

    def __init__(self, whole: Calibrated, present: Tensor) -> None:
        super().__init__()
        self.whole, encoder = whole, whole.net.unet.encoder
        name = next((n for n, m in encoder.named_modules() if isinstance(m, nn.Conv2d)), "")
        parent, _, child = name.rpartition(".")
        conv = _unfolded(encoder.get_submodule(name), whole.net.config.fold, present)
        setattr(encoder.get_submodule(parent), child, conv)
        whole.net.unet.encoder = _Folded(encoder, whole.net.config.fold)

    def forward(self, image: Tensor, present: Tensor) -> Tensor:
        """As `Calibrated.forward`."""
        net = self.whole.net
        (n, bands, height, width), extra = image.shape, len(net.config.features)
        planes = torch.empty(
            (n, bands + 1 + extra, height, width), dtype=next(net.unet.parameters()).dtype,
            device=image.device, memory_format=torch.channels_last,
        )  # fmt: skip
        rows = height if image.is_cuda else _ROWS
        parts = [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
        for part in parts:
            seen = [*net.seen(image[:, :, part])]
            seen.append(torch.ones_like(seen[0][:, :1]))
            if extra:
                seen.append(net.extra(image[:, :, part], present))
            planes[:, :, part] = torch.cat(seen, dim=1)
        answer = net.unet(planes)
        del planes
        out = torch.empty((n, N_CLASSES, height, width), device=image.device)
        for part in parts:
            folded = slice(part.start // net.config.fold, part.stop // net.config.fold)
            logits = net.unfold(answer[:, :, folded]).float()
            out[:, :, part] = self.whole.judged(logits, image[:, :, part], present)
        return out


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


class _OneDnn(nn.Module):
    """A convolution and perhaps the ReLU or ReLU6 after it, by oneDNN.

    torch takes a slower way for kernels of 1 x 1 on one thread, and goes over all numbers once more
    for the activation. Its compiler uses the same operation.
    """

    def __init__(self, conv: nn.Conv2d, activation: str, limits: list[float]) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias
        self.settings = (conv.padding, conv.stride, conv.dilation, conv.groups)
        self.activation, self.limits = activation, limits

    def forward(self, x: Tensor) -> Tensor:
        """(n, plane, y, x)."""
        found: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self.weight, self.bias, *self.settings, self.activation, self.limits, ""
        )
        return found


_ACTIVATIONS: dict[type[nn.Module], tuple[str, list[float]]] = {
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
}


def _use_onednn(net: nn.Module) -> None:
    """Let oneDNN run all plain convolutions of a module, in place."""
    for part in list(net.modules()):
        chain = isinstance(part, nn.Sequential)
        children = [(n, m) for n, m in part._modules.items() if type(m) is not nn.Identity]
        for (name, conv), (after, act) in pairwise([*children, ("", None)]):
            if type(conv) is not nn.Conv2d or conv.padding_mode != "zeros":
                continue
            known = _ACTIVATIONS.get(type(act)) if chain else None
            part._modules[name] = _OneDnn(conv, *(known or ("none", [])))
            if known:
                part._modules[after] = nn.Identity()
