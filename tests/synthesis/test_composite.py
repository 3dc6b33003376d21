"""The truths that a painted pair must hold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumosan.datasets.bands import Band, BandSet
from kumosan.datasets.encoding import Encoding
from kumosan.datasets.tile import CLEAR, NODATA, SHADOW, THICK, THIN
from kumosan.synthesis.clouds import CloudPlane
from kumosan.synthesis.composite import (
    SHADOW_FULL,
    SHADOW_LIMIT,
    THICK_TAU,
    cloudify,
    label_wavelength_nm,
)
from kumosan.synthesis.optics import sun_transmittance
from kumosan.synthesis.presets import PRESETS, sample_clouds
from kumosan.synthesis.shadows import shadow_factor, shadow_shift, soften

from .conftest import BAND_SETS, HSI_32, RGB, S2, flat, layer


def same(a, b) -> bool:
    return a.tobytes() == b.tobytes()


def quantised(tile):
    encoding = Encoding("uint16", (1e-4,), (0.0,), 0.0)
    stored = encoding.encode(tile.data)
    return replace(tile, data=encoding.decode(stored), stored=stored, encoding=encoding)


@pytest.mark.parametrize("change", [{"tau_550": 0.0}, {"cover": 0.0}])
def test_no_cloud_returns_the_input_bit_for_bit(bands, change):
    tile = flat(bands, 40)
    pair = cloudify(tile, layer(**change))
    assert same(pair.cloudy.data, tile.data)
    assert not pair.mask.classes.any() and (pair.shadow_factor == 1).all()
    assert same(cloudify(tile, ()).cloudy.data, tile.data)


@given(st.sampled_from(sorted(BAND_SETS)), st.sampled_from(sorted(PRESETS)),
       st.integers(0, 2**32), st.booleans())  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_the_mask_says_exactly_what_was_changed(name, preset, seed, product):
    rng = np.random.default_rng(seed)
    tile = flat(BAND_SETS[name], 33)
    tile = tile.with_data(tile.data * rng.uniform(0.7, 1.3, (33, 33)).astype(np.float32))
    tile = quantised(tile) if product else tile
    pair = cloudify(tile, rng, preset)
    changed = (pair.cloudy.data != tile.data).any(0)
    assert np.array_equal(changed, pair.mask.classes != CLEAR)
    assert np.isfinite(pair.cloudy.data).all() and pair.cloudy.data.min() >= 0
    if product:
        assert same(pair.cloudy.data, tile.encoding.decode(pair.cloudy.stored))


def test_classes_follow_their_limits():
    pair = cloudify(flat(S2), layer(cover=0.3))
    tau, factor, classes = pair.optical_thickness, pair.shadow_factor, pair.mask.classes
    assert np.array_equal(classes == THICK, tau >= THICK_TAU)
    assert np.array_equal(classes == THIN, (tau > 0) & (tau < THICK_TAU))
    assert np.array_equal(classes == SHADOW, (tau == 0) & (factor < 1))
    assert 0.98 < factor[factor < 1].max() < 1  # it fades out
    assert (pair.mask.cloud).sum() == round(0.3 * 96 * 96)
    for code in (CLEAR, THICK, THIN, SHADOW):
        assert (classes == code).any()


def test_shadow_darkens_the_near_infrared_by_its_factor_and_is_bluer():
    tile = flat(S2)
    pair = cloudify(tile, layer(cover=0.2))
    ratio = (pair.cloudy.data / tile.data)[:, pair.mask.shadow]
    names = S2.names
    blue, red, nir = (ratio[names.index(n)] for n in ("B02", "B04", "B08"))
    assert nir == pytest.approx(pair.shadow_factor[pair.mask.shadow], rel=1e-4)
    assert (blue / red > 1).all() and (red / nir > 1).all()


def test_shadow_lies_where_the_sun_puts_it():
    """Clouds that cast into the tile against the shadows they cast: the centroids differ by d."""
    tile = flat(RGB, 200)
    cloud = layer(base_m=640 * 2**0.5, cover=0.15, scale_m=1500.0)
    pair = cloudify(tile, cloud)
    rows, cols = (round(v) for v in shadow_shift(cloud, tile))
    assert (rows, cols) == (-32, -32)  # sqrt(2) * 640 m / 20 m * sqrt(1/2), north-west
    passed = sun_transmittance(pair.optical_thickness, cloud)
    casting = (shadow_factor(passed, 660.0, 45.0) < SHADOW_LIMIT)[32:, 32:]
    shadow = (pair.shadow_factor < 1)[:-32, :-32]
    centroids = [np.argwhere(a).mean(0) for a in (casting, shadow)]
    assert casting.any() and centroids[1] == pytest.approx(centroids[0], abs=0.5)
    assert (casting == shadow).mean() > 0.97


def test_a_shadow_fades_out_and_is_whole_where_it_is_dark():
    """Painted factor 1 - s (1 - f), s from 0 at the limit to 1 at SHADOW_FULL."""
    tile = flat(RGB, 128)
    cloud = layer(base_m=640 * 2**0.5, cover=0.3, scale_m=1500.0, tau_550=3.0, edge=1.5)
    pair = cloudify(tile, cloud)
    shift = shadow_shift(cloud, tile)
    seen = CloudPlane(cloud, tile.valid, 20.0, sun_shifts=[shift]).towards_sun(shift)
    f = shadow_factor(soften(sun_transmittance(seen, cloud), cloud, 20.0), 660.0, 45.0)
    s = np.clip((SHADOW_LIMIT - f) / (SHADOW_LIMIT - SHADOW_FULL), 0, 1)
    assert ((s > 0) & (s < 1)).sum() > 100
    assert pair.shadow_factor == pytest.approx(1 - s * (1 - f), abs=2e-3)


def test_haze_hides_blue_more_than_infrared():
    tile = flat(S2, 48)
    haze = layer(kind="haze", phase="aerosol", alpha=1.4, asymmetry=0.68, tau_550=0.6, cover=1.0)
    change = np.abs(cloudify(tile, haze).cloudy.data - tile.data).mean((1, 2))
    assert change[S2.names.index("B02")] > 4 * change[S2.names.index("B12")]


def test_thick_cloud_is_flat_in_the_visible_and_darker_in_swir():
    tile = flat(S2, 64)
    pair = cloudify(tile, layer(cover=0.6, tau_550=25.0))
    core = np.median(pair.cloudy.data[:, pair.optical_thickness > 20], 1)
    seen = dict(zip(S2.names, core.tolist(), strict=True))
    assert 0.5 < seen["B03"] < 0.85 and abs(seen["B02"] - seen["B04"]) < 0.02
    assert seen["B11"] / seen["B03"] == pytest.approx(0.62, abs=0.06)


def test_cirrus_band_sees_high_cloud_and_no_ground():
    dark, bright = flat(S2, 48, "conifer"), flat(S2, 48, "sand")
    b10, b11 = S2.names.index("B10"), S2.names.index("B11")
    for tile in (dark, bright):
        tile.data[b10] = 0.001  # what vapour leaves of any surface
    for base, seen in ((800.0, False), (9500.0, True)):
        cloud = layer(base_m=base, tau_550=1.0, cover=0.5)
        a, b = cloudify(dark, cloud), cloudify(bright, cloud)
        assert same(a.cloudy.data[b10], b.cloudy.data[b10])
        assert not same(a.cloudy.data[b11], b.cloudy.data[b11])
        under = a.optical_thickness > 0.5
        assert (a.cloudy.data[b10][under] > 0.01).all() == seen
        assert same(a.cloudy.data[b10][a.mask.shadow], dark.data[b10][a.mask.shadow])


def test_toa_shadows_keep_the_light_of_the_air():
    tile = flat(S2, 96, "clear_water", level="TOA")
    tile.data[:] = 0.08  # nearly all of it air in the blue
    pair = cloudify(tile, layer())
    blue = pair.cloudy.data[S2.names.index("B01")][pair.mask.shadow]
    nir = pair.cloudy.data[S2.names.index("B8A")][
        pair.mask.shadow & (pair.shadow_factor < SHADOW_FULL)
    ]
    assert pair.mask.shadow.any() and blue.min() > 0.95 * 0.08 and nir.max() < 0.9 * 0.08


def test_invalid_pixels_stay_and_do_not_count():
    tile = quantised(flat(S2, 50))
    stored = tile.stored.copy()
    stored[:, :20, :30] = 0
    tile = replace(tile, stored=stored, data=tile.encoding.decode(stored))
    pair = cloudify(tile, layer(cover=0.5))
    assert (pair.mask.classes[:20, :30] == NODATA).all()
    assert not pair.cloudy.stored[:, :20, :30].any()
    assert np.isnan(pair.cloudy.data[:, :20, :30]).all()
    assert np.isfinite(pair.cloudy.data[:, tile.valid]).all()
    assert pair.mask.cloud.sum() == round(0.5 * (2500 - 600))


def test_two_layers_add_up_and_are_named_lowest_first():
    high, low = layer(kind="cirrus", base_m=9000.0, tau_550=1.0, seed=8), layer()
    tile = flat(HSI_32, 64)
    pair = cloudify(tile, (high, low))
    assert [p.base_m for p in pair.params] == [400.0, 9000.0]
    alone = [cloudify(tile, one).optical_thickness for one in (low, high)]
    assert pair.optical_thickness == pytest.approx(alone[0] + alone[1])


def test_same_seed_same_bytes_and_the_params_alone_repeat_it():
    tile = flat(S2, 40)
    first, second = (cloudify(tile, np.random.default_rng(3), "mixed") for _ in range(2))
    third = cloudify(tile, first.params)
    drawn = sample_clouds("mixed", np.random.default_rng(3), tile.acquired)
    assert set(drawn) == set(first.params)
    for other in (second, third):
        assert same(first.cloudy.data, other.cloudy.data)
        assert same(first.mask.classes, other.mask.classes)
    fourth = cloudify(tile, np.random.default_rng(4), "mixed")
    assert not same(first.cloudy.data, fourth.cloudy.data)


def test_input_is_left_alone():
    tile = quantised(flat(S2, 40))
    before = tile.data.tobytes(), tile.stored.tobytes()
    cloudify(tile, layer())
    assert before == (tile.data.tobytes(), tile.stored.tobytes())


def test_thermal_clouds_are_cold_and_other_bands_are_left():
    bands = BandSet((Band("nir", 850, 30), Band("t", 11000, 600, kind="thermal"),
                     Band("qa", float("nan"), 1, kind="other")))  # fmt: skip
    tile = flat(bands, 64)
    pair = cloudify(tile, layer(base_m=2000.0, tau_550=30.0))
    kelvin = pair.cloudy.data[1]
    assert kelvin[pair.optical_thickness > 20] == pytest.approx(299 - 13, abs=0.1)  # 6.5 K/km
    assert (kelvin[pair.mask.shadow] < 299).all() and (kelvin[pair.mask.shadow] > 293).all()
    assert same(pair.cloudy.data[2], tile.data[2])


def test_label_wavelength():
    assert label_wavelength_nm(S2) == 832.8
    assert label_wavelength_nm(RGB) == 660
    assert label_wavelength_nm(HSI_32) == 460 + 12 * 31
    assert label_wavelength_nm(BandSet((Band("swir", 1600, 80), Band("x", 2200, 80)))) == 2200
