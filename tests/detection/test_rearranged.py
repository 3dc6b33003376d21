"""A rearranged network answers as the one it was made of, whatever its encoder and its bands."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from kumosan.detection.network import NetworkConfig, SegmentationNet
from kumosan.detection.rearranged import _Unfolded, fused, rearranged

CONFIGS = {
    "as shipped": NetworkConfig(depth=3, decoder_channels=(16, 8, 8), thermal=True),
    "another encoder": NetworkConfig("resnet18", 3, (16, 8, 8)),
    "finer": NetworkConfig("resnet18", 3, (16, 8, 8), fold=1),
    "coarser, more planes": NetworkConfig(
        "resnet18", 3, (16, 8, 8), fold=4, features=("ndvi", "braaten")
    ),
}


def untrained(config: NetworkConfig) -> SegmentationNet:
    torch.manual_seed(0)
    net = SegmentationNet(config)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    return net.eval()


@pytest.mark.parametrize("lacking", [(), (0, 6)], ids=["all bands", "two lacking"])
@pytest.mark.parametrize("name", CONFIGS)
def test_it_answers_the_same(name, lacking):
    net = untrained(CONFIGS[name])
    present = torch.ones(len(net.bands))
    present[list(lacking)] = 0
    found = rearranged(net, present)
    assert isinstance(found, _Unfolded)
    if name == "as shipped":
        assert not any(isinstance(part, nn.BatchNorm2d) for part in found.modules())
    image, there = torch.rand(2, len(present), 96, 160), present.expand(2, -1)
    with torch.inference_mode():
        expected, answer = net(image, there), found(image, there)
    assert answer.numpy() == pytest.approx(expected.numpy(), abs=1e-4)


class Twice(nn.Module):
    """An encoder that looks at its image twice."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder, self.output_stride = encoder, encoder.output_stride

    def forward(self, image):
        first, second, *others = self.encoder(image)
        return [first, second + image.mean(), *others]


def test_an_encoder_of_another_kind_stays_as_it_is():
    net = untrained(CONFIGS["another encoder"])
    net.unet.encoder = Twice(net.unet.encoder)
    present = torch.ones(len(net.bands))
    found = rearranged(net, present)
    assert not isinstance(found, _Unfolded)
    image, there = torch.rand(1, len(present), 64, 64), present[None]
    with torch.inference_mode():
        assert found(image, there).numpy() == pytest.approx(net(image, there).numpy(), abs=1e-4)


class Doubled(nn.Conv2d):
    """Its weights are not what it multiplies by, as in timm's StdConv2d."""

    def forward(self, image):
        return self._conv_forward(image, 2 * self.weight, self.bias)


@pytest.mark.parametrize("kind", ["a norm with an activation", "a convolution of changed weights"])
def test_only_plain_layers_become_one(kind):
    from timm.layers import BatchNormAct2d

    torch.manual_seed(0)
    act = kind == "a norm with an activation"
    conv = (nn.Conv2d if act else Doubled)(3, 4, 3)
    net = nn.Sequential(conv, BatchNormAct2d(4) if act else nn.BatchNorm2d(4)).eval()
    net[1].running_mean.normal_()
    image = torch.randn(1, 3, 9, 9)
    with torch.inference_mode():
        expected, answer = net(image), fused(deepcopy(net))(image)
    assert answer.numpy() == pytest.approx(expected.numpy(), abs=1e-5)
