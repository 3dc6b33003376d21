"""The networks: as published to the unit, and the slim one's promises."""

import pytest
import torch
from torch import nn

from kumosan.datasets.errors import UsageError
from kumosan.gan.discriminator import PatchDiscriminator
from kumosan.gan.generator import UnetGenerator
from kumosan.gan.restorer import NetworkConfig, Restorer, composed, one_hot
from kumosan.gan.slim import SlimGenerator
from kumosan.gan.train_config import read

torch.set_num_threads(1)

PUBLISHED = {
    (3, 3): (54_413_955, 54_409_603, 2_768_705, 2_767_809),
    (4, 3): (54_414_979, 54_410_627, 2_769_729, 2_768_833),
    (13, 13): (54_444_685, 54_440_333, 2_789_185, 2_788_289),
    (14, 13): (54_445_709, 54_441_357, 2_790_209, 2_789_313),
}
"""Parameters of the published code: generator with BatchNorm and InstanceNorm, discriminator."""


def count(make) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in make().parameters())


@pytest.mark.parametrize(("ins", "outs"), PUBLISHED)
def test_parameters_are_those_of_the_published_code(ins, outs):
    found = (
        *(count(lambda n=n: UnetGenerator(ins, outs, norm=n)) for n in ("batch", "instance")),
        *(count(lambda n=n: PatchDiscriminator(ins + outs, norm=n)) for n in ("batch", "instance")),
    )
    assert found == PUBLISHED[ins, outs]


def test_the_published_layers():
    net = UnetGenerator(3, 3, channels=4)
    normed = [any(isinstance(m, nn.BatchNorm2d) for m in part) for part in net.down]
    assert normed == [False, *[True] * 6, False]
    dropped = [any(isinstance(m, nn.Dropout) for m in part) for part in net.up]
    assert dropped == [False, True, True, True, False, False, False, False]
    assert net.up[-1][1].bias is not None and net.up[0][1].bias is None
    out = net.eval()(torch.randn(1, 3, 256, 256))
    assert out.shape == (1, 3, 256, 256) and out.abs().max() <= 1


def test_first_weights():
    torch.manual_seed(0)
    net = UnetGenerator(3, 3, channels=16, depth=6)
    weights = torch.cat([m.weight.flatten() for m in net.modules() if isinstance(m, nn.Conv2d)])
    assert weights.mean().item() == pytest.approx(0, abs=1e-3)
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    scales = [m.weight for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert torch.cat(scales).std().item() == pytest.approx(0.02, rel=0.2)
    assert not net.up[-1][1].bias.any()


def test_patches_of_70_pixels():
    net = PatchDiscriminator(2, channels=2, norm="none").eval()
    image = torch.randn(1, 2, 256, 256, requires_grad=True)
    logits = net(image)
    assert logits.shape == (1, 1, 30, 30)
    logits[0, 0, 15, 15].backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero()
    assert rows.max() - rows.min() + 1 == 70


@pytest.mark.parametrize("norm", ["none", "group", "instance", "batch"])
@pytest.mark.parametrize("resize", [True, False])
def test_the_slim_generator_starts_at_zero_and_takes_any_size(norm, resize):
    net = SlimGenerator(5, 3, (8, 16, 24), 2, norm, resize).eval()
    assert not net(torch.randn(1, 5, 40, 24)).any()
    assert net(torch.randn(2, 5, 8, 16)).shape == (2, 3, 8, 16)


def test_the_slim_generator_that_is_meant_to_ship_fits_15_mb_in_float16():
    config = read(None).network_config
    assert config.kind == "slim"
    assert count(lambda: Restorer(config, 7)) * 2 <= 15e6


def batch(n=2, bands=3, side=16):
    torch.manual_seed(0)
    image = torch.rand(n, bands, side, side)
    cloud = one_hot(torch.randint(0, 4, (n, side, side)))
    return image, torch.ones(n, bands), cloud, torch.rand(n, bands, side, side)


SMALL = {"channels": (8, 16), "fold": 2}


def test_before_training_the_answer_is_the_prior():
    image, present, cloud, prior = batch()
    assert torch.equal(Restorer(NetworkConfig(**SMALL), 3)(image, present, cloud, prior), prior)


def test_it_reads_mask_presence_and_prior_only_if_guided():
    for guided, planes in ((True, 3 * 3 + 4), (False, 3)):
        net = Restorer(NetworkConfig(**SMALL, guided=guided), 3)
        assert net.n_planes == planes == net.planes(*batch(), net.scale(*batch()[:1:-1])).shape[1]


def test_pix2pix_puts_out_reflectance_up_to_white():
    config = NetworkConfig("pix2pix", (8,), depth=5, residual=False, white=0.8, norm="instance")
    net = Restorer(config, 3).eval()
    out = net(*batch(side=64))
    assert out.min() >= 0 and out.max() <= 0.8
    scaled = net.scaled(torch.tensor([0.0, 0.4, 0.8, 2.0]), net.scale(*batch()[:1:-1]))
    assert scaled.flatten().tolist() == pytest.approx([-1, 0, 1, 1])


def test_clear_pixels_of_a_composite_are_the_image_bit_for_bit():
    image, _, cloud, ground = batch()
    out = composed(ground, image, cloud)
    clear = (cloud[:, 0] == 1)[:, None].expand_as(image)
    assert torch.equal(out[clear], image[clear])
    assert torch.allclose(out[~clear], ground[~clear])


def test_nodata_is_no_class():
    assert not one_hot(torch.full((1, 2, 2), 255)).any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": ()}, {"fold": 3}, {"norm": "group", "channels": (9, 16)}, {"white": 0.0},
        {"kind": "pix2pix", "channels": (8,), "depth": 4}, {"kind": "pix2pix"},
        {"doubts": True}, {"doubts": True, "contrast": True, "residual": False},
    ],
)  # fmt: skip
def test_networks_that_cannot_be_built(wrong):
    with pytest.raises(UsageError):
        NetworkConfig(**wrong)


def test_a_config_survives_json():
    config = NetworkConfig(channels=(8, 16))
    assert NetworkConfig.of({"channels": [8, 16]}) == config
    assert config.stride == 4


def test_a_network_that_mixes_gives_the_second_guess_where_it_says_so():
    image, present, cloud, first = batch()
    second = torch.rand_like(first)
    net = Restorer(NetworkConfig(**SMALL, mixed=True), 3)
    both = torch.cat([first, second], dim=1)
    assert torch.equal(net(image, present, cloud, both), first)
    torch.nn.init.constant_(net.net.leave[1].bias[3:], 1.0)
    assert torch.allclose(net(image, present, cloud, both), second, atol=1e-6)
    with pytest.raises(UsageError, match="mixed"):
        NetworkConfig(**SMALL, mixed=True, guided=False)


def test_corrections_are_as_large_as_the_doubt_about_the_first_guess():
    image, present, cloud, first = batch()
    second, doubt = torch.rand_like(first), torch.full((2, 2, 16, 16), 0.02)
    doubt[:, :, :8] = 0.1
    net = Restorer(NetworkConfig(**SMALL, mixed=True, contrast=True, doubts=True), 3)
    assert torch.equal(net(image, present, cloud, torch.cat([first, second, doubt], 1)), first)
    torch.nn.init.constant_(net.net.leave[1].bias[:3], 1.0)
    off = net(image, present, cloud, torch.cat([first, second, doubt], 1)) - first
    assert torch.allclose(off[:, :, 0], 5 * off[:, :, -1], rtol=1e-3)
    torch.nn.init.normal_(net.net.leave[1].weight, 0, 0.1)
    other = net(image, present, cloud, torch.cat([first, second, 2 * doubt], 1)) - first
    assert not torch.allclose(other, 2 * off, rtol=0.05), "it reads them too"


def test_a_network_that_has_no_say_leaves_the_first_guess_bit_for_bit():
    image, present, cloud, prior = batch()
    net = Restorer(NetworkConfig(**SMALL, says=("thick", "shadow")), 3)
    torch.nn.init.constant_(net.net.leave[1].bias, 1.0)
    out = net(image, present, cloud, prior)
    for code, says in ((0, False), (1, True), (2, False), (3, True)):
        here = (cloud[:, code] == 1)[:, None].expand_as(out)
        assert torch.equal(out[here], prior[here]) != says


def test_a_blind_network_does_not_see_thick_cloud():
    image, present, cloud, prior = batch()
    torch.manual_seed(1)
    net = Restorer(NetworkConfig(**SMALL, blind=True), 3)
    torch.nn.init.normal_(net.net.leave[1].weight, 0, 0.1)
    out = net(image, present, cloud, prior)
    for code, seen in ((1, False), (3, True)):
        other = torch.where(cloud[:, code : code + 1] > 0, image + 0.5, image)
        assert torch.equal(net(other, present, cloud, prior), out) != seen


def test_with_contrast_a_brighter_scene_is_corrected_alike():
    """A scene of five times the contrast and another level has five times the correction."""
    image, present, cloud, prior = batch()
    net = Restorer(NetworkConfig(**SMALL, contrast=True), 3)
    torch.nn.init.normal_(net.net.leave[1].weight, 0, 0.1)
    one = net(image, present, cloud, prior) - prior
    other = net(5 * image + 0.3, present, cloud, 5 * prior + 0.3) - (5 * prior + 0.3)
    assert one.abs().mean() > 0.001
    assert torch.allclose(other, 5 * one, rtol=1e-3, atol=1e-4)
    fixed = Restorer(NetworkConfig(**SMALL), 3)
    fixed.load_state_dict(net.state_dict())
    one = fixed(image, present, cloud, prior) - prior
    other = fixed(5 * image + 0.3, present, cloud, 5 * prior + 0.3) - (5 * prior + 0.3)
    assert not torch.allclose(other, 5 * one, rtol=0.1)
