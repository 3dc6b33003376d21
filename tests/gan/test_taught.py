"""Scenes without clear ground: what other scenes taught, and how sure it says it is."""

from dataclasses import replace

import numpy as np
import pytest

from kumosan import gan
from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, BandSet
from kumosan.datasets.sensors import sensor
from kumosan.datasets.tile import CLEAR, SHADOW, SPECTRAL, THICK, THIN, UNFILLABLE, CloudMask, Tile
from kumosan.datasets.weights import WeightsError
from kumosan.gan.common import MIN_CLEAR
from kumosan.gan.metrics import rmse_by_class
from kumosan.gan.network_filler import NetworkFiller
from kumosan.gan.taught import Taught
from kumosan.synthesis.landscape import landscape

S2 = sensor("sentinel-2a").bands


@pytest.fixture(scope="module")
def clear():
    return landscape((96, 128), S2, np.random.default_rng(3), 20.0)


def overcast(clear, code, few=0):
    """Haze or shadow over all of ``clear`` but its first ``few`` pixels, and the mask."""
    y = np.linspace(0.3, 0.8, clear.shape[0], dtype=np.float32)[:, None]
    data = clear.data.copy()
    for i, band in enumerate(clear.bands):
        if code == SHADOW:
            data[i] *= 1 - 0.8 * y if band.kind != "cirrus" else 1
        else:
            data[i] += 0.6 * y * ((0.02 if band.kind == "cirrus" else 0.45) - data[i])
    classes = np.full(clear.shape, code, np.uint8)
    classes.ravel()[:few] = CLEAR
    data.reshape(len(data), -1)[:, :few] = clear.data.reshape(len(data), -1)[:, :few]
    tile = clear.with_data(data)
    return tile, CloudMask.like(tile, classes)


@pytest.mark.parametrize("name", ["auto", "regression", "adaptive", "gan"])
def test_a_scene_that_is_all_thin_cloud_is_corrected(clear, name):
    tile, mask = overcast(clear, THIN)
    result = gan.get(name).fill(tile, mask)
    assert (result.provenance == SPECTRAL).mean() > 0.9
    before, after = (rmse_by_class(clear, t, mask)["thin"] for t in (tile, result.tile))
    assert after < 0.8 * before  # .69 was measured


def test_a_scene_that_is_all_shadow_is_relit(clear):
    tile, mask = overcast(clear, SHADOW)
    result = gan.get("auto").fill(tile, mask)
    assert result.filled.mean() > 0.9
    before, after = (rmse_by_class(clear, t, mask)["shadow"] for t in (tile, result.tile))
    assert after < 0.7 * before


def test_clear_pixels_keep_their_bytes_however_few(clear):
    tile, mask = overcast(clear, THIN, few=MIN_CLEAR - 1)
    result = gan.get("auto").fill(tile, mask)
    free = mask.classes == CLEAR
    assert np.array_equal(result.tile.data[:, free], tile.data[:, free])
    assert result.filled.mean() > 0.9


def test_it_is_used_only_where_the_scene_cannot_teach(clear, monkeypatch):
    def never(*_):
        raise AssertionError("not asked for")

    monkeypatch.setattr(Taught, "of", never)
    tile, mask = overcast(clear, THIN, few=MIN_CLEAR)
    assert gan.get("regression", veils=4).fill(tile, mask).tile.data.shape == tile.data.shape


def test_it_is_less_sure_than_the_scene_itself_would_be(clear):
    tile, mask = overcast(clear, THIN, few=clear.data[0].size // 2)
    own = gan.get("regression").fill(tile, mask)
    other = Taught.of(tile, mask).fill(tile, mask)
    both = own.filled & other.filled
    assert other.confidence[both].mean() < own.confidence[both].mean()


def test_thick_cloud_stays(clear):
    tile, mask = overcast(clear, THICK)
    result = gan.get("auto").fill(tile, mask)
    assert (result.provenance == UNFILLABLE).all()
    assert np.array_equal(result.tile.data, tile.data)


@pytest.mark.parametrize(
    "bands", [(BLUE, GREEN, RED), (GREEN, RED, NIR), (BLUE, GREEN, RED, NIR)], ids=len
)
def test_sensors_that_lack_bands(bands):
    bands = BandSet(tuple(replace(band, gsd_m=20.0) for band in bands))
    clear = landscape((64, 64), bands, np.random.default_rng(3), 20.0)
    tile, mask = overcast(clear, THIN)
    result = gan.get("regression").fill(tile, mask)
    before, after = (rmse_by_class(clear, t, mask)["thin"] for t in (tile, result.tile))
    assert result.filled.mean() > 0.9 and after < 0.8 * before


def test_bands_that_nothing_is_known_of_leave_the_scene_as_it_is():
    data = np.random.default_rng(0).uniform(0.1, 0.5, (1, 32, 32)).astype(np.float32)
    tile = Tile(data, BandSet((replace(NIR, gsd_m=10.0),)))
    mask = CloudMask.like(tile, np.full(tile.shape, THIN, np.uint8))
    result = gan.get("regression").fill(tile, mask)
    assert (result.provenance == UNFILLABLE).all()
    assert np.array_equal(result.tile.data, data)


def test_all_reflective_bands_change_and_no_others(clear):
    tile, mask = overcast(clear, THIN)
    result = gan.get("regression").fill(tile, mask)
    changed = (result.tile.data != tile.data)[:, result.filled].mean(axis=1) > 0.5
    assert changed.tolist() == [band.kind == "reflective" for band in tile.bands]


def test_a_window_is_filled_as_in_the_whole_scene(clear):
    tile, mask = overcast(clear, THIN)
    filler = gan.get("regression").learn(tile, mask)
    part = replace(tile, data=tile.data[:, :60], stored=None, quality=None)
    whole, window = (
        filler.fill(tile, mask),
        filler.fill(part, CloudMask.like(part, mask.classes[:60])),
    )
    far = slice(0, 40)  # surroundings are looked at over 25 pixels
    np.testing.assert_allclose(window.tile.data[:, far], whole.tile.data[:, far], atol=1e-6)


def test_damaged_weights_are_named(clear, tmp_path):
    tile, mask = overcast(clear, THIN)
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match=r"w\.safetensors"):
        Taught.of(tile, mask, path)


def test_the_network_hands_on_its_first_guess(clear):
    tile, mask = overcast(clear, THIN)
    filler = NetworkFiller(prior=gan.get("regression"))
    expected = gan.get("regression").fill(tile, mask)
    np.testing.assert_array_equal(filler.fill(tile, mask).tile.data, expected.tile.data)
