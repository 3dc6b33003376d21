"""A rearranged network answers as the one it was made of, whatever its encoder and its bands."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from kumosan.detection.calibrated import Calibrated
from kumosan.detection.network import NetworkConfig, SegmentationNet
from kumosan.detection.rearranged import _OneDnn, _Unfolded, fused, rearranged

CONFIGS = {
    "as shipped": NetworkConfig(depth=3, decoder_channels=(16, 8, 8), thermal=True),
    "another encoder": NetworkConfig("resnet18", 3, (16, 8, 8)),
    "finer": NetworkConfig("resnet18", 3, (16, 8, 8), fold=1),
    "coarser, more planes": NetworkConfig(
        "resnet18", 3, (16, 8, 8), fold=4, features=("ndvi", "braaten")
    ),
}


def untrained(config: NetworkConfig) -> Calibrated:
    torch.manual_seed(0)
    net = SegmentationNet(config)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    return Calibrated(net, 1.3).eval()


@pytest.mark.parametrize("lacking", [(), (0, 6)], ids=["all bands", "two lacking"])
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("on_processor", [True, False])
def test_it_answers_the_same(name, lacking, on_processor, monkeypatch):
    monkeypatch.setattr("kumosan.detection.rearranged._ROWS", 40)  # no divisor of the height
    whole = untrained(CONFIGS[name])
    present = torch.ones(len(whole.net.bands))
    present[list(lacking)] = 0
    found = rearranged(whole, present, on_processor)
    assert isinstance(found, _Unfolded)
    parts = [type(part) for part in found.modules()]
    assert (_OneDnn in parts) == on_processor
    if name == "as shipped":
        assert nn.BatchNorm2d not in parts
        assert not on_processor or not {nn.Conv2d, nn.ReLU6} & set(parts)
    image, there = torch.rand(2, len(present), 96, 160), present.expand(2, -1)
    with torch.inference_mode():
        expected, answer = whole(image, there), found(image, there)
    assert answer.numpy() == pytest.approx(expected.numpy(), abs=1e-5)


@pytest.mark.parametrize("on_processor", [True, False])
def test_bfloat16_is_near(on_processor):
    whole = untrained(CONFIGS["as shipped"])
    present = torch.ones(len(whole.net.bands))
    found = rearranged(whole, present, on_processor, bfloat16=True)
    image, there = torch.rand(1, len(present), 64, 128), present[None]
    with torch.inference_mode():
        expected, answer = whole(image, there), found(image, there)
    assert answer.dtype == torch.float32
    assert answer.numpy() == pytest.approx(expected.numpy(), abs=0.03)
    assert not torch.equal(answer, expected)


def test_without_onednn_torch_runs_the_convolutions(monkeypatch):
    def lacking(*_):
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no such attribute")

    monkeypatch.setattr(_OneDnn, "forward", lacking)
    whole = untrained(CONFIGS["as shipped"])
    present = torch.ones(len(whole.net.bands))
    found = rearranged(whole, present, on_processor=True)
    assert isinstance(found, _Unfolded)
    assert not any(isinstance(part, _OneDnn) for part in found.modules())


class Twice(nn.Module):
    """An encoder that looks at its image twice."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder, self.output_stride = encoder, encoder.output_stride

    def forward(self, image):
        first, second, *others = self.encoder(image)
        return [first, second + image.mean(), *others]


def test_an_encoder_of_another_kind_stays_as_it_is():
    whole = untrained(CONFIGS["another encoder"])
    whole.net.unet.encoder = Twice(whole.net.unet.encoder)
    present = torch.ones(len(whole.net.bands))
    found = rearranged(whole, present, on_processor=True)
    assert not isinstance(found, _Unfolded)
    image, there = torch.rand(1, len(present), 64, 64), present[None]
    with torch.inference_mode():
        assert found(image, there).numpy() == pytest.approx(whole(image, there).numpy(), abs=1e-5)


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
