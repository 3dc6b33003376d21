"""Configurations of the GAN: those we ship are understood, mistakes are named."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from kumosan.datasets.configuration import as_json, validated
from kumosan.datasets.errors import UnfitError, UsageError
from kumosan.datasets.tile import CLEAR
from kumosan.datasets.torch_data import Draw
from kumosan.gan.mixture import Mixture
from kumosan.gan.train_config import CONFIGS, GanConfig, rate_factor, read

from .small_set import CONFIG, make


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("set"))


@pytest.fixture
def config(tmp_path) -> GanConfig:
    (tmp_path / "c.toml").write_text(CONFIG)
    return read(tmp_path / "c.toml")


@pytest.mark.parametrize("name", ["gan", "pix2pix-paper"])
def test_those_we_ship(name):
    config = read(CONFIGS / f"{name}.toml")
    config.check()
    assert {s.split for s in config.sources} == {"train"}
    assert validated(GanConfig, as_json(config), "card") == config


def test_the_published_training():
    config = read(CONFIGS / "pix2pix-paper.toml")
    t, network, d = config.training, config.network_config, config.adversary
    assert (t.epochs, t.constant_epochs, t.batch_size, t.crop) == (200, 100, 1, 256)
    assert t.enlarge == 286 / 256
    assert (t.learning_rate, t.betas, t.ema) == (2e-4, (0.5, 0.999), 0.0)
    assert (config.loss, d.weight, d.loss, d.layers, d.channels) == ({"l1": 100}, 1, "bce", 3, 64)
    assert (network.kind, network.depth, network.dropout) == ("pix2pix", 8, True)
    assert not (network.guided or network.residual or network.composite)


def test_the_learning_rate_stays_and_falls():
    factors = [rate_factor(e, 200, 100) for e in range(201)]
    assert factors[:100] == [1] * 100
    assert factors[100] == pytest.approx(1 - 1 / 101)
    assert factors[200] == 0 and all(a >= b for a, b in pairwise(factors))
    assert rate_factor(4, 5, 100) == 1


BAD = {
    "an unknown field": ("lambda = 3\n", "lambda"),
    "an unknown loss": ("[adversary]\nloss = 'wgan'\n", "adversary.loss"),
    "labels": ("[[sources]]\nkind = 'labelled'\n", "sources.0.kind"),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_named(tmp_path, name):
    text, field = BAD[name]
    more = "" if "sources" in text else "[[sources]]\nkind = 'landscape'\n"
    (tmp_path / "c.toml").write_text(text + more)
    with pytest.raises(UsageError, match=field) as caught:
        read(tmp_path / "c.toml")
    assert "docs/gan.md" in str(caught.value)


def test_crops_that_the_network_cannot_take(config):
    with pytest.raises(UsageError, match="stride, 4"):
        replace(config, training=replace(config.training, crop=30)).check()


def test_split_test_is_refused_and_never_read(config, folder):
    wrong = replace(config, sources=(replace(config.sources[0], split="test"),))
    with pytest.raises(UsageError, match="test"):
        Mixture.of(wrong, folder, 0)
    rows = Mixture.of(config, folder, 0).dataset.parts[0].store.items.rows
    assert [row.id for row in rows] == ["t0.tif", "t1.tif", "t2.tif"]


def test_a_catalogue_without_clear_images(config, folder):
    wrong = replace(config, sources=(replace(config.sources[0], split="val"),))
    with pytest.raises(UnfitError, match="without any clear image"):
        Mixture.of(wrong, folder, 0)


@pytest.mark.parametrize("veil_share", [0.0, 1.0])
def test_a_pair_differs_only_where_the_mask_says(config, folder, veil_share):
    source = replace(config.sources[0], veil_share=veil_share, presets=("mixed",))
    data = Mixture.of(replace(config, sources=(source,), augment={}), folder, 1).dataset
    seen = set()
    for k in range(8):
        sample = data.sample(Draw(0, k, k % 3))
        clear = sample.mask == CLEAR
        assert (sample.image[:, clear] == sample.target[:, clear]).all()
        seen |= set(sample.mask.ravel().tolist())
    assert {0, 2, 3} <= seen
    again = data.sample(Draw(0, 7, 1))
    assert (again.image == sample.image).all()


def test_a_few_paintings_come_again_turned(config, folder, monkeypatch):
    """Each tile is painted twice; later samples are those, and no first guess is made again."""
    source = replace(config.sources[0], paintings=2)
    config = replace(config, sources=(source,), prior="telea", augment={})
    data = Mixture.of(config, folder, 1).dataset
    guesses = []
    part = data.parts[0]
    (filler,) = part.guesses
    fill = filler.fill
    monkeypatch.setattr(type(filler), "fill", lambda self, *a: guesses.append(1) or fill(*a))
    seen = {}
    for epoch in range(4):
        for number in range(6):
            s = data.sample(Draw(epoch, number, 1))
            planes = np.concatenate([s.image, s.target, s.prior])
            every = [np.rot90(planes, k, (-2, -1))[..., ::m] for k in range(4) for m in (1, -1)]
            upright = min(every, key=lambda a: a.tobytes())
            seen.setdefault(upright.tobytes(), set()).add(planes.tobytes())
    assert len(seen) == len(guesses) == 2
    assert all(len(turns) > 2 for turns in seen.values())


def test_the_shares_of_the_sources(config, folder):
    mixture = Mixture.of(config, folder, 0)
    assert len(mixture.weights) == len(mixture.dataset) == 3 + 2
    assert sum(mixture.weights[:3]) == pytest.approx(sum(mixture.weights[3:]))
    assert mixture.description == "clouds painted on 3 clear tiles; clouds painted on 2 landscapes"
