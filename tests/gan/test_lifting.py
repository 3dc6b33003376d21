"""Spectral lifting: exact where spectra are mixtures, honest where a band cannot be told."""

import numpy as np
import pytest

from kumosan.datasets.bands import Band, BandSet
from kumosan.datasets.tile import Tile
from kumosan.gan.common import MIN_CLEAR
from kumosan.gan.lifting import Lifting
from kumosan.synthesis.landscape import landscape

NM = np.linspace(450, 2300, 32)
BANDS = BandSet(tuple(Band(f"b{i}", float(v), 10.0) for i, v in enumerate(NM)))
KNOWN = [0, 6, 12, 18, 24, 31]
OTHERS = [i for i in range(32) if i not in KNOWN]


def mixtures(shape=(48, 64), seed=0):
    """Every spectrum a mixture of four: six bands tell all 32 exactly."""
    rng = np.random.default_rng(seed)
    pure = rng.uniform(0.05, 0.5, (4, 32))
    shares = rng.dirichlet(np.ones(4), shape)
    return Tile(np.moveaxis(shares @ pure, -1, 0).astype(np.float32), BANDS)


def fit(tile, clear, seed=0, known=KNOWN, lifted=OTHERS):
    return Lifting.fit(tile, clear, known, lifted, np.random.default_rng(seed))


def test_mixtures_are_recovered():
    tile = mixtures()
    clear = np.zeros(tile.shape, bool)
    clear[:, :32] = True
    lifting = fit(tile, clear)
    assert lifting.error.max() < 0.002
    values = tile.data.copy()
    values[OTHERS] = np.nan
    lifting.apply(values, ~clear)
    np.testing.assert_allclose(values[:, ~clear], tile.data[:, ~clear], atol=0.005)
    assert np.isnan(values[OTHERS][:, clear]).all(), "only what was asked for is written"
    np.testing.assert_array_equal(values[KNOWN], tile.data[KNOWN])


def test_the_error_is_that_of_pixels_not_seen():
    """A band of noise: nothing tells it, so the error is its spread; and that of the rest holds."""
    tile = landscape((96, 96), BANDS, np.random.default_rng(1), 30.0)
    noise = np.random.default_rng(2).normal(0.2, 0.05, tile.shape)
    data = tile.data.copy()
    data[5] = noise
    tile = tile.with_data(data)
    clear = np.zeros(tile.shape, bool)
    clear[:64] = True
    lifting = fit(tile, clear)
    assert lifting.error[OTHERS.index(5)] == pytest.approx(0.05, rel=0.05)
    values = tile.data.copy()
    lifting.apply(values, ~clear)
    off = np.sqrt(np.mean((values - tile.data)[OTHERS][:, ~clear] ** 2, axis=1))
    ratio = off / lifting.error
    assert 0.5 < np.median(ratio) < 2


def test_bands_without_data_are_left_out():
    tile = mixtures()
    data = tile.data.copy()
    data[3] = np.nan
    data[4, ::10] = np.nan
    lifting = fit(tile.with_data(data), np.ones(tile.shape, bool))
    assert 3 not in lifting.lifted and 4 in lifting.lifted


def test_too_few_pixels_are_no_fit():
    tile = mixtures()
    clear = np.zeros(tile.shape, bool)
    clear.ravel()[: MIN_CLEAR - 1] = True
    assert fit(tile, clear) is None
    assert fit(tile, ~clear, lifted=[]) is None


def test_pixels_without_known_values_stay():
    tile = mixtures()
    lifting = fit(tile, np.ones(tile.shape, bool))
    values = np.full_like(tile.data, np.nan)
    lifting.apply(values, np.ones(tile.shape, bool))
    assert np.isnan(values).all()


def test_the_same_seed_is_the_same_fit():
    tile = mixtures()
    clear = np.ones(tile.shape, bool)
    a, b = fit(tile, clear, 3), fit(tile, clear, 3)
    np.testing.assert_array_equal(a.error, b.error)
