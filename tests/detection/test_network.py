"""The network, whatever its encoder: one class of checks over several."""

from dataclasses import replace

import pytest
import torch

from kumosan.datasets.errors import UsageError
from kumosan.detection.network import NetworkConfig, SegmentationNet

SMALL = NetworkConfig("resnet18", 3, (16, 8, 8))
CONFIGS = {
    "default": NetworkConfig(),
    "resnet18": SMALL,
    "Inception-v4": NetworkConfig("inceptionv4", 3, (16, 8, 8)),  # its own strides are odd
    "a timm encoder": NetworkConfig("tu-regnetx_002", 4, (16, 16, 8, 8)),
    "full resolution": replace(SMALL, fold=1),
    "thermal": replace(SMALL, thermal=True),
    "features": replace(SMALL, features=("ndvi", "ndwi", "ndsi", "braaten")),
}


@pytest.fixture(params=CONFIGS)
def net(request) -> SegmentationNet:
    torch.manual_seed(0)
    return SegmentationNet(CONFIGS[request.param]).eval()


def run(net, image, present):
    with torch.inference_mode():
        return net(image, present)


def test_logits_of_four_classes_on_every_pixel(net):
    side = 2 * net.config.stride
    n = len(net.bands)
    out = run(net, torch.rand(2, n, side, net.config.stride), torch.ones(2, n))
    assert out.shape == (2, 4, side, net.config.stride)
    assert out.dtype == torch.float32


def test_what_lies_in_a_missing_band_is_not_looked_at(net):
    side = net.config.stride
    n = len(net.bands)
    image, present = torch.rand(1, n, side, side), torch.ones(1, n)
    present[0, 4:] = 0
    other = image.clone()
    other[:, 4:] = 0.77
    assert torch.equal(run(net, image, present), run(net, other, present))
    assert not torch.equal(run(net, image, present), run(net, image, torch.ones(1, n)))


def test_temperature_is_looked_at_on_its_own_scale():
    torch.manual_seed(0)
    net = SegmentationNet(CONFIGS["thermal"]).eval()
    image, present = torch.rand(1, 8, 32, 32), torch.ones(1, 8)
    answers = []
    for kelvin in (210.0, 290.0, 291.0):
        image[:, 7] = kelvin
        answers.append(run(net, image, present))
    far, near = (answers[0] - answers[1]).abs().max(), (answers[2] - answers[1]).abs().max()
    assert far > 4 * near > 0


def test_its_settings_survive_json():
    config = CONFIGS["features"]
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in config.__dict__.items()}
    assert NetworkConfig.of(plain) == config


@pytest.mark.parametrize(
    "settings",
    [
        {"encoder": "inception-v99"},
        {"features": ("ndxi",)},
        {"depth": 4},
        {"fold": 3},
    ],
)
def test_a_network_that_cannot_be_built_is_a_mistake_of_use(settings):
    with pytest.raises(UsageError):
        SegmentationNet(NetworkConfig(**settings))
