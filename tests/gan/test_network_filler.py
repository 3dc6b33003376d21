"""The filler ``gan`` beyond what every filler promises (test_fillers)."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kumosan import gan
from kumosan.datasets.band_order import spectrometer
from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, RED_EDGE_2, BandSet
from kumosan.datasets.configuration import as_json
from kumosan.datasets.errors import UnfitError
from kumosan.datasets.samples import CANONICAL_BANDS
from kumosan.datasets.tile import SPATIAL, SPECTRAL, THICK, THIN, CloudMask, Tile
from kumosan.datasets.weights import ModelCard, WeightsError, read_card, save_weights
from kumosan.gan.network_filler import PACKAGED, NetworkFiller, load_restorer
from kumosan.gan.restorer import NetworkConfig, Restorer

from .small_set import BANDS, clear_tile, generator

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """A generator whose output is its prior plus some noise of its own."""
    return generator(tmp_path_factory.mktemp("w") / "w.safetensors", seed=3)


def cloudy(side=96, bands=BANDS):
    """A tile with thin cloud above and thick cloud below, and its mask."""
    tile = clear_tile(1, side, bands)
    classes = np.zeros(tile.shape, np.uint8)
    classes[10:30, 10:80], classes[60:80, 10:80] = THIN, THICK
    data = np.where(classes > 0, 0.5 * tile.data + 0.3, tile.data)
    return tile.with_data(data.astype(np.float32)), CloudMask.like(tile, classes)


def test_without_weights_it_takes_those_that_come_with_kumosan():
    card, net = load_restorer(PACKAGED)
    assert gan.get("gan").weights == PACKAGED
    assert PACKAGED.stat().st_size < 4_000_000
    assert card.scores and card.training["prior"] == "auto-far" and net.config.doubts


def test_only_masked_pixels_change_and_are_accounted_for(noisy):
    tile, mask = cloudy()
    done = NetworkFiller(noisy).fill(tile, mask)
    clear = ~mask.contaminated
    assert np.array_equal(done.tile.data[:, clear], tile.data[:, clear])
    assert (done.tile.data[:, ~clear] != tile.data[:, ~clear]).any(axis=0).mean() > 0.9
    assert (done.provenance[mask.classes == THIN] == SPECTRAL).all()
    assert (done.provenance[mask.classes == THICK] == SPATIAL).all()
    sure = done.confidence[~clear]
    assert 0 < sure.min() < sure.max() <= 1


def test_windows_leave_no_seam(noisy):
    """Far from the borders of windows both ways agree; nothing jumps where windows meet."""
    tile, mask = cloudy()
    whole = NetworkFiller(noisy, window_px=96, overlap_px=48).fill(tile, mask).tile.data
    parts = NetworkFiller(noisy, window_px=48, overlap_px=24).fill(tile, mask).tile.data
    assert np.abs(whole - parts).max() < 0.05
    assert np.median(np.abs(whole - parts)) < 1e-3


def test_bands_of_its_own_filler_for_what_the_network_does_not_know(noisy):
    bands = BandSet((BLUE, GREEN, RED, RED_EDGE_2, NIR))
    tile, mask = cloudy(bands=bands)

    class Half:
        bands = BandSet(())

        def fill(self, tile, mask):
            left = replace(mask, classes=np.where(mask.classes == THICK, 255, mask.classes))
            return gan.get("idw", max_distance_px=99, max_distance_m=None).fill(tile, left)

    done = NetworkFiller(noisy, others=Half()).fill(tile, mask)
    thick, thin = mask.classes == THICK, mask.classes == THIN
    assert not done.filled[thick].any()
    assert np.array_equal(done.tile.data[:, thick], tile.data[:, thick])
    assert done.filled[thin].all()
    expected = Half().fill(tile, mask).tile.data[3]
    assert np.array_equal(done.tile.data[3][thin], expected[thin])
    alone = NetworkFiller(noisy, others=Half()).fill(tile, mask).tile.data[0]
    assert not np.array_equal(alone[thin], Half().fill(tile, mask).tile.data[0][thin])


def test_the_prior_is_the_one_it_was_trained_with_or_another(tmp_path):
    tile, mask = cloudy()
    by_card = NetworkFiller(generator(tmp_path / "a.safetensors", prior="idw")).fill(tile, mask)
    plain = generator(tmp_path / "b.safetensors")
    by_name = NetworkFiller(plain, prior=gan.get("idw")).fill(tile, mask)
    itself = NetworkFiller(plain).fill(tile, mask)
    assert np.array_equal(by_card.tile.data, by_name.tile.data)
    assert not np.array_equal(by_card.tile.data, itself.tile.data)


@pytest.mark.parametrize(
    "bands", [BandSet((BLUE, GREEN, RED)), spectrometer(224)], ids=["3", "224"]
)
def test_two_guesses_for_any_sensor_the_same_each_time(tmp_path, bands):
    """A network that takes all of the second guess: other bands follow it."""
    net = Restorer(NetworkConfig(channels=(8, 16), mixed=True, contrast=True), len(CANONICAL_BANDS))
    torch.nn.init.constant_(net.net.leave[1].bias[len(CANONICAL_BANDS) :], 1.0)
    facts = {"prior": "nearest", "second": "idw-far"}
    card = ModelCard("generator", as_json(net.config), CANONICAL_BANDS.names, training=facts)
    path = tmp_path / "w.safetensors"
    save_weights(path, net.state_dict(), card)
    tile, mask = cloudy(bands=bands)
    one, again = (NetworkFiller(path).fill(tile, mask) for _ in range(2))
    assert np.array_equal(one.tile.data, again.tile.data)
    hidden = mask.contaminated
    assert np.array_equal(one.tile.data[:, ~hidden], tile.data[:, ~hidden])
    assert one.filled[hidden].all() and np.isfinite(one.tile.data).all()
    first, second = (gan.get(name).fill(tile, mask).tile.data for name in facts.values())
    slots = [i for w in CANONICAL_BANDS if (i := bands.find(w)) is not None]
    assert np.allclose(one.tile.data[slots], second[slots], atol=1e-3)
    rest = sorted(set(range(len(bands))) - set(slots))
    if rest:
        off, before = (
            np.abs(x[rest] - second[rest])[:, hidden].mean() for x in (one.tile.data, first)
        )
        assert off < 0.8 * before


def test_a_tile_smaller_than_the_network(noisy):
    tile, mask = cloudy()
    small = Tile(tile.data[:, 20:25, 8:15], tile.bands, tile.transform, tile.crs)
    holes = CloudMask(mask.classes[20:25, 8:15], tile.transform, tile.crs)
    assert NetworkFiller(noisy).fill(small, holes).filled.sum() == holes.contaminated.sum()


def test_a_tile_without_red_does_not_fit(noisy):
    tile, mask = cloudy(bands=BandSet((BLUE, GREEN, NIR)))
    with pytest.raises(UnfitError, match="red"):
        NetworkFiller(noisy).fill(tile, mask)


def test_weights_that_do_not_fit(noisy, tmp_path):
    card, net = load_restorer(noisy)
    wrong = {"bands": ("green",), "network": {**card.network, "channels": [8, 24]}, "kind": "unet"}
    for name, value in wrong.items():
        path = tmp_path / f"{name}.safetensors"
        save_weights(path, net.state_dict(), replace(card, **{name: value}))
        with pytest.raises(WeightsError):
            NetworkFiller(path)
    assert read_card(noisy).kind == "generator"
