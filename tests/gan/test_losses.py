"""Losses: known values, what does not count, and gradients that can be followed."""

import importlib.util
from math import log, radians

import pytest
import torch

from kumosan.datasets.errors import UsageError
from kumosan.gan.losses import Distance, adversarial
from kumosan.gan.restorer import one_hot

torch.set_num_threads(1)
if importlib.util.find_spec("torchmetrics") is None:  # importing it here would skip our cure
    pytest.skip("the extra train is not installed", allow_module_level=True)


def scene(bands=3, side=16):
    torch.manual_seed(0)
    target = torch.rand(1, bands, side, side) * 0.4 + 0.05
    mask = torch.zeros(1, side, side, dtype=torch.long)
    mask[:, : side // 2] = 1
    return target, torch.ones(1, bands), torch.ones(1, side, side, dtype=torch.bool), one_hot(mask)


def test_adversarial_losses_of_an_undecided_discriminator():
    zero = torch.zeros(1, 1, 4, 4)
    assert adversarial("bce", zero, True).item() == pytest.approx(log(2))
    assert adversarial("lsgan", zero, True).item() == 1
    assert adversarial("lsgan", zero, False).item() == 0
    assert adversarial("bce", zero + 9, True) < 1e-3 < adversarial("bce", zero + 9, False)


@pytest.mark.parametrize("name", ["l1", "sam", "ssim"])
def test_a_true_image_has_no_distance(name):
    target, *rest = scene()
    total, values = Distance({name: 3.0}, 0.2, 0.5)(target.clone(), target, *rest)
    assert total.item() == pytest.approx(0, abs=1e-5)
    assert set(values) == {name}


def test_l1_is_weighted_by_the_mask_and_scaled_by_white():
    target, *rest = scene()
    cloudy, clear = target.clone(), target.clone()
    cloudy[:, :, :8] += 0.1
    clear[:, :, 8:] += 0.1
    loss = Distance({"l1": 1.0}, 0.25, 0.5)
    # scaled difference .4; the weights are 1 for the cloudy half, .25 for the clear one
    assert loss(cloudy, target, *rest)[0].item() == pytest.approx(0.4 * 1 / 1.25, rel=1e-4)
    assert loss(clear, target, *rest)[0].item() == pytest.approx(0.4 * 0.25 / 1.25, rel=1e-4)


def test_bands_and_pixels_that_are_not_there_do_not_count():
    target, present, valid, cloud = scene()
    out = target.clone()
    out[:, 1] += 1
    out[:, :, 3, 3] += 1
    present[:, 1] = 0
    valid[:, 3, 3] = False
    total, _ = Distance({"l1": 1.0, "sam": 1.0}, 0.2, 0.5)(out, target, present, valid, cloud)
    assert total.item() == pytest.approx(0, abs=1e-5)


def test_the_angle_is_blind_to_brightness_and_in_radians():
    target, *rest = scene(bands=2)
    loss = Distance({"sam": 1.0}, 1.0, 0.5)
    assert loss(target * 1.7, target, *rest)[0].item() == pytest.approx(0, abs=1e-5)
    turned = torch.stack([-target[:, 1], target[:, 0]], dim=1)
    assert loss(turned, target, *rest)[0].item() == pytest.approx(radians(90), rel=1e-3)


def test_all_gradients_are_finite_even_at_the_truth():
    target, *rest = scene()
    target[:, :, 2, 2] = 0
    out = target.clone().requires_grad_()
    Distance({"l1": 1.0, "sam": 1.0, "ssim": 1.0}, 0.2, 0.5)(out, target, *rest)[0].backward()
    assert torch.isfinite(out.grad).all()


def test_unknown_losses_are_named():
    with pytest.raises(UsageError, match="vgg"):
        Distance({"vgg": 1.0}, 0.2, 0.5)


@pytest.mark.parametrize("name", ["relative", "squares"])
def test_relative_to_the_prior_every_class_counts_alike(name):
    side = 16
    mask = torch.ones(1, side, side, dtype=torch.int64)
    mask[:, 8:] = 2  # thick cloud above, thin below
    target = torch.full((1, 2, side, side), 0.2)
    prior = target + torch.where(mask[:, None] == 1, 0.1, 0.01)
    rest = (torch.ones(1, 2), torch.ones(1, side, side, dtype=torch.bool), one_hot(mask))
    loss = Distance({name: 1.0}, 1.0, 0.5)
    assert float(loss(prior, target, *rest, prior)[0]) == pytest.approx(1)
    assert float(loss(target, target, *rest, prior)[0]) < 0.15
    thick, thin = (
        float(loss(torch.where(mask[:, None] == code, target, prior), target, *rest, prior)[0])
        for code in (1, 2)
    )
    assert thick == pytest.approx(thin, abs=0.1), "the small error counts as much as the large one"


def test_squares_count_one_large_error_for_more():
    mask = torch.ones(1, 16, 16, dtype=torch.int64)
    rest = (torch.ones(1, 1), torch.ones(1, 16, 16, dtype=torch.bool), one_hot(mask))
    target = torch.zeros(1, 1, 16, 16)
    prior, spike = target + 0.1, target.clone()
    spike[..., 0, 0] = 0.1 * 16**2  # the same sum
    shares = [
        float(Distance({name: 1.0}, 1.0, 0.5)(spike, target, *rest, prior)[0])
        for name in ("relative", "squares")
    ]
    assert shares[0] == pytest.approx(1, abs=0.01)
    assert shares[1] == pytest.approx(16, rel=0.01)
