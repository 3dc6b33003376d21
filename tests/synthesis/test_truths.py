"""What any pair must hold, for every band set, preset, seed and odd tile."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumosan.datasets.bands import Band, BandSet
from kumosan.datasets.encoding import Encoding
from kumosan.datasets.errors import BandError, UsageError, ValueRangeError
from kumosan.datasets.tile import CLEAR, NODATA, SHADOW, THICK, THIN, Acquisition
from kumosan.synthesis import optics
from kumosan.synthesis.composite import cloudify, cloudify_all, generator
from kumosan.synthesis.presets import PRESETS
from kumosan.synthesis.sampler import CloudSampler

from .conftest import BAND_SETS, RGB, S2, flat, layer

NAMES, SEEDS = st.sampled_from(sorted(BAND_SETS)), st.integers(0, 2**32)
ONE_LAYER = st.sampled_from([name for name, layers in PRESETS.items() if len(layers) == 1])


def textured(name: str, size: int, seed: int, sensor: str | None = None):
    """Ground of differing brightness, as a product would store it."""
    tile = flat(BAND_SETS[name], size)
    rng = np.random.default_rng(seed)
    data = tile.data * rng.uniform(0.7, 1.3, (size, size)).astype(np.float32)
    encoding = Encoding("uint16", (1e-4,), (0.0,), 0.0)
    stored = encoding.encode(data)
    acquired = replace(tile.acquired, sensor=sensor)
    return replace(
        tile, data=encoding.decode(stored), stored=stored, encoding=encoding, acquired=acquired
    )


@given(NAMES, ONE_LAYER, SEEDS)
@settings(max_examples=12, deadline=None)
def test_no_thickness_no_change(name, preset, seed):
    tile = textured(name, 24, seed)
    (drawn,) = PRESETS[preset]
    params = replace(drawn.sample(np.random.default_rng(seed), tile.acquired), tau_550=0.0)
    pair = cloudify(tile, params)
    assert pair.cloudy.data.tobytes() == tile.data.tobytes() and not pair.mask.classes.any()


@given(NAMES, ONE_LAYER, SEEDS, st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_cover_is_the_asked_one_to_a_pixel(name, preset, seed, cover):
    tile = textured(name, 24, seed)
    sampler = CloudSampler((preset,), cover=(cover, cover))
    pair = cloudify(tile, sampler, rng=np.random.default_rng(seed))
    assert (pair.optical_thickness > 0).sum() == round(cover * 24 * 24)
    assert ((pair.optical_thickness > 0) <= pair.mask.cloud).all()


@given(NAMES, st.sampled_from(sorted(PRESETS)), SEEDS, st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_mask_tells_what_changed_with_parallax_and_glow_too(name, preset, seed, product):
    tile = textured(name, 32, seed, "sentinel-2a")
    tile = tile if product else replace(tile, stored=None)
    pair = cloudify(tile, np.random.default_rng(seed), preset)
    changed = (pair.cloudy.data != tile.data).any(0)
    assert np.array_equal(changed, pair.mask.classes != CLEAR)
    assert np.isfinite(pair.cloudy.data).all()


@given(NAMES, st.floats(0.1, 4), st.floats(0.05, 20))
@settings(max_examples=20, deadline=None)
def test_transmittance_grows_with_wavelength(name, alpha, tau):
    nm = sorted(b.center_nm for b in BAND_SETS[name])
    cloud = layer(alpha=alpha, asymmetry=0.7)
    t = [float(optics.transmittance(np.array([tau], np.float32), w, cloud)[0]) for w in nm]
    assert all(a <= b for a, b in itertools.pairwise(t)) and t[0] < t[-1]


@given(NAMES, SEEDS)
@settings(max_examples=12, deadline=None)
def test_shadows_are_bluer_than_the_ground(name, seed):
    tile = flat(BAND_SETS[name], 48)
    pair = cloudify(tile, layer(seed=seed, cover=0.3))
    ratio = (pair.cloudy.data / tile.data)[:, pair.mask.shadow]
    blue, red = (tile.bands.nearest(nm) for nm in (480, 660))
    assert (ratio[blue] > ratio[red]).all()


@given(st.lists(SEEDS, min_size=1, max_size=3), SEEDS)
@settings(max_examples=5, deadline=None)
def test_a_batch_equals_the_same_images_one_by_one(seeds, run):
    tiles = [textured("s2", 24, seed) for seed in seeds]
    sampler = CloudSampler(("cumulus", "fog", "mixed"), weights=(1, 1, 2))
    for number, pair in enumerate(cloudify_all(tiles, sampler, run)):
        alone = cloudify(tiles[number], sampler, rng=generator(run, number))
        assert pair.cloudy.stored.tobytes() == alone.cloudy.stored.tobytes()
        assert pair.params == alone.params


def test_blind_cirrus_band_for_every_spectrometer():
    name = BAND_SETS["hsi224"]
    cirrus = [i for i, b in enumerate(name) if b.kind == "cirrus"]
    dark, bright = flat(name, 32, "conifer"), flat(name, 32, "sand")
    for tile in (dark, bright):
        tile.data[cirrus] = 0.001
    clouds = layer(base_m=9000.0, tau_550=1.0, adjacency=0.05)
    a, b = cloudify(dark, clouds), cloudify(bright, clouds)
    assert cirrus and np.array_equal(a.cloudy.data[cirrus], b.cloudy.data[cirrus])


@pytest.mark.parametrize("value", [-0.05, 1.4])
def test_reflectance_outside_0_and_1_is_taken_as_it_is(value):
    tile = flat(RGB, 40)
    tile.data[:] = value
    pair = cloudify(tile, layer(cover=0.3))
    clear = pair.mask.classes == CLEAR
    assert (pair.cloudy.data[:, clear] == np.float32(value)).all()
    assert np.isfinite(pair.cloudy.data).all()
    assert np.array_equal((pair.cloudy.data != tile.data).any(0), ~clear)
    assert pair.mask.shadow.any() == (value > 0)  # black ground shows no shadow


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 2)])
@pytest.mark.parametrize("cover, count", [(0.0, 0), (1.0, None)])
def test_tiles_smaller_than_a_cell_and_extreme_covers(shape, cover, count):
    tile = flat(RGB, 8)
    tile = tile.with_data(tile.data[:, : shape[0], : shape[1]].copy())
    pair = cloudify(tile, layer(cover=cover, scale_m=50_000.0))
    expected = shape[0] * shape[1] if count is None else count
    assert pair.mask.cloud.sum() == expected == (pair.optical_thickness > 0).sum()


def test_nothing_valid_is_nothing_painted():
    tile = flat(S2, 16)
    tile = tile.with_data(np.full_like(tile.data, np.nan))
    pair = cloudify(tile, np.random.default_rng(0), "mixed")
    assert (pair.mask.classes == NODATA).all() and np.isnan(pair.cloudy.data).all()


def test_clouds_over_nodata_cast_shadows_beside_it():
    """The western half has no data; the sun in the west throws its clouds' shadows eastwards."""
    tile = flat(RGB, 96)
    tile.data[:, :, :48] = np.nan
    west = layer(cover=0.15, sun_azimuth_deg=270.0, base_m=600.0, seed=11)
    pair = cloudify(tile, west)
    assert (pair.mask.classes[:, :48] == NODATA).all()
    assert pair.mask.shadow[:, 48:78].any()
    assert (pair.optical_thickness[:, :48] == 0).all()
    assert pair.mask.cloud.sum() == round(0.15 * 96 * 48)


def test_a_night_tile_and_bands_without_wavelength_are_refused_with_the_remedy():
    night = replace(flat(RGB, 8), acquired=Acquisition(sun_zenith_deg=97.0))
    with pytest.raises(ValueRangeError, match="by day"):
        cloudify(night, np.random.default_rng(0))
    odd = BandSet((Band("x", float("nan"), 1), *RGB.bands[1:]))
    with pytest.raises(BandError, match="--sensor or --bands"):
        cloudify(replace(flat(RGB, 8), bands=odd), layer())


def test_two_suns_and_a_sampler_without_randomness_are_refused():
    with pytest.raises(ValueRangeError, match="one sun"):
        cloudify(flat(RGB, 8), [layer(), layer(sun_azimuth_deg=10.0)])
    with pytest.raises(ValueRangeError, match="generator"):
        cloudify(flat(RGB, 8), CloudSampler())


@given(st.sampled_from(sorted(PRESETS)), SEEDS)
@settings(max_examples=20, deadline=None)
def test_layers_are_drawn_under_one_sun(preset, seed):
    drawn = CloudSampler((preset,)).sample(np.random.default_rng(seed))
    assert len({(p.sun_zenith_deg, p.sun_azimuth_deg) for p in drawn}) == 1
    known = CloudSampler((preset,)).sample(
        np.random.default_rng(seed), Acquisition(sun_zenith_deg=31.0, sun_azimuth_deg=99.0)
    )
    assert {(p.sun_zenith_deg, p.sun_azimuth_deg) for p in known} == {(31.0, 99.0)}


def test_a_sampler_keeps_its_ranges_and_weights():
    sampler = CloudSampler(("haze", "fog"), (0, 1), cover=(0.3, 0.4), tau_550=(2, 3))
    for seed in range(20):
        (fog,) = sampler.sample(np.random.default_rng(seed))
        assert fog.kind == "fog" and 0.3 <= fog.cover <= 0.4 and 2 <= fog.tau_550 <= 3


@pytest.mark.parametrize(
    "settings, error",
    [({"presets": ("snow",)}, UsageError), ({"presets": ()}, UsageError),
     ({"weights": (1, 2)}, ValueRangeError), ({"cover": (0.5, 0.1)}, ValueRangeError)],
)  # fmt: skip
def test_impossible_samplers_are_refused(settings, error):
    with pytest.raises(error):
        CloudSampler(**settings)


def test_class_codes_are_all_there():
    pair = cloudify(flat(S2, 96), layer(cover=0.3))
    assert set(np.unique(pair.mask.classes)) == {CLEAR, THICK, THIN, SHADOW}
