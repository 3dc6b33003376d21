"""What every filler promises, whatever its method."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from kumosan import gan
from kumosan.datasets.bands import BLUE, CIRRUS, GREEN, NIR, RED, SWIR1, Band, BandSet
from kumosan.datasets.errors import GridError, UsageError
from kumosan.datasets.protocols import Filler
from kumosan.datasets.tile import (
    CLEAR,
    NODATA,
    OBSERVED,
    SHADOW,
    SPATIAL,
    SPECTRAL,
    TEMPORAL,
    THICK,
    THIN,
    UNFILLABLE,
    CloudMask,
    Tile,
)

from .small_set import generator

FLAGS = Band("flags", np.nan, np.nan, kind="other")
BANDS = BandSet((BLUE, GREEN, RED, NIR, SWIR1, CIRRUS, FLAGS))
REFLECTIVE = [i for i, band in enumerate(BANDS) if band.kind == "reflective"]
GRID = Affine(20, 0, 0, 0, -20, 0)
UTM = CRS.from_epsg(32633)


TAUGHT = ("regression", "adaptive", "auto", "auto-far")
"""Fillers that fall back on what other scenes taught of thin cloud and shadow."""
WEAK = ("dark-object", "dark-channel", "homomorphic")
"""Rules that know less than half of what took the ground away."""


def ground(shape=(64, 80), seed=0, bands=BANDS):
    """A smooth field of two covers with noise; the last band holds flags, not light."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    share = 0.5 + 0.5 * np.sin(x / 9.0) * np.cos(y / 7.0)
    soil, leaf = np.linspace(0.1, 0.35, len(bands)), np.linspace(0.03, 0.45, len(bands))
    data = share * soil[:, None, None] + (1 - share) * leaf[:, None, None]
    data += rng.normal(0, 0.004, data.shape)
    for i, band in enumerate(bands):
        if band.kind == "cirrus":
            data[i] = 0.002 + rng.normal(0, 0.0002, shape)  # it does not see the ground
        if band.kind == "other":
            data[i] = rng.integers(0, 9, shape)
    return Tile(data.astype(np.float32), bands, GRID, UTM)


def scene(shape=(64, 80), seed=0, bands=BANDS):
    """(truth, cloudy tile, mask): every class, nodata in the tile and in the mask."""
    truth = ground(shape, seed, bands)
    classes = np.zeros(shape, np.uint8)
    h, w = shape
    classes[h // 8 : h // 4, w // 8 : w // 3] = THICK
    classes[h // 3 : h // 2, w // 3 : w // 2] = THIN
    classes[h // 2 : 2 * h // 3, w // 8 : w // 3] = SHADOW
    classes[-3:, :5] = NODATA
    data = truth.data.copy()
    light = slice(0, -1) if bands[len(bands) - 1].kind == "other" else slice(None)
    data[light][:, classes == THICK] = 0.8
    data[light][:, classes == THIN] = 0.7 * data[light][:, classes == THIN] + 0.15
    data[light][:, classes == SHADOW] *= 0.4
    data[:, :, -4:] = np.nan
    cloudy = truth.with_data(data)
    return truth, cloudy, CloudMask.like(cloudy, classes)


def make(name):
    """A filler ready for scenes of the default shape: those of other dates have a clear one, and
    the network of ``gan`` has learnt nothing yet, so that it hands on its prior."""
    if name == "gan":
        return gan.get(name, weights=untrained())
    return gan.get(name, references=(ground(seed=5),)) if name in gan.DATED else gan.get(name)


@cache
def untrained() -> Path:
    return generator(Path(mkdtemp()) / "w.safetensors", prior="idw")


@cache
def filled(name):
    """(truth, cloudy tile, mask, fill) of one scene, which many promises are looked at on."""
    truth, cloudy, mask = scene()
    return truth, cloudy, mask, make(name).fill(cloudy, mask)


def same(a, b):
    return np.array_equal(a.view(np.uint32), b.view(np.uint32))


@pytest.mark.parametrize("name", sorted(gan.FILLERS))
class TestEveryFiller:
    def test_meets_the_protocol(self, name):
        filler = make(name)
        assert isinstance(filler, Filler)
        assert isinstance(filler.bands, BandSet)

    def test_fills_and_accounts_for_every_pixel(self, name):
        _, cloudy, mask, result = filled(name)
        todo = mask.contaminated
        assert result.tile.data.shape == cloudy.data.shape
        assert result.tile.data.dtype == result.confidence.dtype == np.float32
        assert result.provenance.dtype == np.uint8
        assert result.filled.any() == (name != "identity")
        assert (result.provenance[~mask.valid] == NODATA).all()
        assert (result.provenance[mask.classes == CLEAR] == OBSERVED).all()
        ours = {SPECTRAL, SPATIAL, TEMPORAL, UNFILLABLE}
        assert set(np.unique(result.provenance[todo])) <= ours
        assert np.isnan(result.confidence[~mask.valid]).all()
        assert (result.confidence[mask.classes == CLEAR] == 1).all()
        assert (result.confidence[result.provenance == UNFILLABLE] == 0).all()
        sure = result.confidence[result.filled]
        assert ((sure > 0) & (sure <= 1)).all()

    def test_touches_only_what_it_says(self, name):
        _, cloudy, mask, result = filled(name)
        before, classes = scene()[1].data, scene()[2].classes
        assert same(cloudy.data, before), "the input was changed"
        assert np.array_equal(mask.classes, classes)
        assert not result.filled[~mask.contaminated].any()
        assert same(result.tile.data[:, ~result.filled], before[:, ~result.filled])
        assert same(result.tile.data[-1], before[-1]), "flags are no reflectance"
        assert result.tile.bands == cloudy.bands and result.tile.transform == cloudy.transform

    def test_values_are_plausible_and_finite(self, name):
        if name == "identity":
            pytest.skip("it fills nothing")
        truth, cloudy, _, result = filled(name)
        light = result.tile.data[:-1]
        assert np.array_equal(np.isfinite(light), np.isfinite(cloudy.data[:-1]))
        assert light[:, result.filled].min() >= 0
        assert light[:, result.filled].max() <= truth.data[:-1].max() + 0.1

    def test_nearer_to_the_truth_than_the_cloud(self, name):
        if name == "identity":
            pytest.skip("it fills nothing")
        truth, cloudy, _, result = filled(name)
        where = result.filled
        before = np.abs(cloudy.data - truth.data)[:-1][:, where].mean()
        after = np.abs(result.tile.data - truth.data)[:-1][:, where].mean()
        assert after < (0.9 if name in WEAK else 0.7) * before

    def test_same_input_same_bytes(self, name):
        _, cloudy, mask, one = filled(name)
        two = make(name).fill(cloudy, mask)
        assert same(one.tile.data, two.tile.data)
        assert same(one.confidence, two.confidence)
        assert np.array_equal(one.provenance, two.provenance)

    def test_nothing_cloudy_nothing_changed(self, name):
        cloudy = ground()
        result = make(name).fill(cloudy, CloudMask.like(cloudy, np.zeros(cloudy.shape)))
        assert same(result.tile.data, cloudy.data)
        assert (result.provenance == OBSERVED).all() and (result.confidence == 1).all()

    @pytest.mark.parametrize("code", [THICK, THIN, SHADOW])
    def test_all_cloud_is_unfillable_without_other_dates_or_scenes(self, name, code):
        cloudy = ground()
        result = make(name).fill(cloudy, CloudMask.like(cloudy, np.full(cloudy.shape, code)))
        if name in TAUGHT and code != THICK:
            assert (result.provenance == SPECTRAL).mean() > 0.5
        elif name not in gan.DATED:
            assert (result.provenance == UNFILLABLE).all() and (result.confidence == 0).all()
            assert same(result.tile.data, cloudy.data)

    def test_no_data_at_all(self, name):
        cloudy = ground()
        cloudy = cloudy.with_data(np.full_like(cloudy.data, np.nan))
        result = make(name).fill(cloudy, CloudMask.like(cloudy, np.ones(cloudy.shape)))
        assert (result.provenance == NODATA).all()
        assert np.isnan(result.tile.data).all() and np.isnan(result.confidence).all()

    @pytest.mark.parametrize("shape", [(1, 1), (1, 37), (41, 1), (53, 31)])
    @pytest.mark.parametrize("code", [THICK, THIN, SHADOW])
    def test_odd_sizes(self, name, shape, code):
        cloudy = ground(shape)
        classes = np.zeros(shape, np.uint8)
        classes[shape[0] // 3 :, shape[1] // 3 : shape[1] // 3 + 4] = code
        dates = {"references": (ground(shape, 5),)}
        filler = gan.get(name, **dates) if name in gan.DATED else make(name)
        result = filler.fill(cloudy, CloudMask.like(cloudy, classes))
        assert same(result.tile.data[:, classes == CLEAR], cloudy.data[:, classes == CLEAR])
        assert np.isfinite(result.tile.data).all()

    def test_colour_images_work(self, name):
        if name in (*gan.DATED, "cirrus"):
            pytest.skip("it asks for other bands")
        _, cloudy, mask = scene(bands=BandSet((BLUE, GREEN, RED)))
        result = make(name).fill(cloudy, mask)
        clear = mask.classes == CLEAR
        assert same(result.tile.data[:, clear], cloudy.data[:, clear])

    def test_negative_reflectance_is_ground_too(self, name):
        """Dark water after atmospheric correction, in the clear and below the cloud."""
        _, cloudy, mask = scene()
        data = cloudy.data.copy()
        data[:-1, ::3, ::4] = -0.02
        result = make(name).fill(cloudy.with_data(data), mask)
        left = ~result.filled
        assert same(result.tile.data[:, left], data[:, left])
        light = result.tile.data[REFLECTIVE][:, result.filled]
        assert np.isfinite(light).all() and (light.min() >= 0 if light.size else name == "identity")

    def test_saturated_cloud_spreads_nowhere(self, name):
        truth, cloudy, mask = scene()
        data = cloudy.data.copy()
        bright = np.isin(mask.classes, (THICK, THIN))
        data[:-1, bright & np.isfinite(data[0])] = 2.0  # the end of the scale in all bands
        result = make(name).fill(cloudy.with_data(data), mask)
        left = ~result.filled
        assert same(result.tile.data[:, left], data[:, left])
        light = result.tile.data[REFLECTIVE][:, result.filled]
        assert light.size == 0 or light.max() <= truth.data[:-1].max() + 0.1

    def test_another_grid_is_refused(self, name):
        with pytest.raises(GridError, match="mask"):
            make(name).fill(ground(), CloudMask(np.zeros((3, 3), np.uint8)))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    name=st.sampled_from(["telea", "regression", "auto"]),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_clear_pixels_stay_whatever_the_mask(seed, name, shape):
    rng = np.random.default_rng(seed)
    data = ground(shape, seed % 7).data.copy()
    data[:, rng.random(shape) < 0.05] = np.nan
    cloudy = Tile(data, BANDS, GRID, UTM)
    mask = CloudMask.like(cloudy, rng.choice([0, 0, 1, 2, 3, 255], shape))
    result = gan.get(name).fill(cloudy, mask)
    assert same(result.tile.data[:, ~mask.contaminated], data[:, ~mask.contaminated])
    assert np.array_equal(np.isnan(result.tile.data), np.isnan(data))


def test_unknown_name_is_a_usage_error():
    with pytest.raises(UsageError, match="no filler called 'magic'"):
        gan.get("magic")
