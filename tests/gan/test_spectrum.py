"""Principal components of many bands: what they are, and that few bands never meet them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumosan.datasets.bands import Band, BandSet
from kumosan.datasets.errors import ValueRangeError
from kumosan.datasets.tile import SHADOW, THIN, CloudMask, Tile
from kumosan.gan.painted import Canvas, under_clouds, under_veils
from kumosan.gan.regression import Regression
from kumosan.gan.spectrum import Spectrum
from kumosan.synthesis.landscape import landscape


def ground(count: int, side: int = 64) -> Tile:
    nm = np.linspace(420, 2450, count)
    bands = BandSet(tuple(Band(f"b{i}", float(v), 10.0) for i, v in enumerate(nm)))
    return landscape((side, side), bands, np.random.default_rng(0), 30.0)


def half(tile: Tile, code: int) -> tuple[Tile, CloudMask]:
    """``tile`` with its left third brighter (darker for shadow)."""
    classes = np.zeros(tile.shape, np.uint8)
    classes[:, : tile.shape[1] // 3] = code
    data = tile.data.copy()
    under = classes == code
    data[:, under] = 0.7 * data[:, under] + (0.15 if code == THIN else 0)
    return tile.with_data(data), CloudMask(classes, tile.transform)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 8))
def test_components_are_orthonormal_and_fall_in_variance(seed, width, components):
    rng = np.random.default_rng(seed)
    spectra = rng.random((50, width)).astype(np.float32) * np.arange(1, width + 1, dtype=np.float32)
    found = Spectrum.of(list(range(width)), spectra, components)
    axes = found.axes.astype(np.float64)
    assert axes.shape == (width, min(components, width))
    np.testing.assert_allclose(axes.T @ axes, np.eye(axes.shape[1]), atol=1e-5)
    x = found.beside(np.empty((50, 0), np.float32), spectra.T)
    spread = x.std(axis=0)
    assert (np.diff(spread) <= 1e-5).all()
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-4)


def test_a_band_without_data_counts_as_its_mean():
    spectra = np.array([[0.1, 0.2], [0.3, 0.6], [0.2, 0.4]], np.float32)
    found = Spectrum.of([0, 1], spectra, 2)
    whole = found.beside(np.ones((1, 1), np.float32), found.mean[:, None])
    gap = found.beside(np.ones((1, 1), np.float32), np.array([[np.nan], [found.mean[1]]]))
    np.testing.assert_allclose(whole, [[1, 0, 0]], atol=1e-7)
    np.testing.assert_allclose(gap, whole, atol=1e-7)


def test_few_bands_are_looked_at_as_ever():
    tile, mask = half(ground(13), THIN)
    with_, without = (Regression(veils=8, samples=2000, components=n) for n in (24, 0))
    np.testing.assert_array_equal(
        with_.fill(tile, mask).tile.data, without.fill(tile, mask).tile.data
    )


@pytest.mark.parametrize("code", [THIN, SHADOW])
def test_many_bands_are_filled_with_components(code):
    clear = ground(40)
    tile, mask = half(clear, code)
    tile.data[7, :, :5] = np.nan  # a gap under the veil
    filler = Regression(veils=8, samples=4000, min_confidence=0.0, components=6)
    done = filler.fill(tile, mask)
    other = Regression(veils=8, samples=4000, min_confidence=0.0).fill(tile, mask)
    where = done.filled & np.isfinite(tile.data).all(axis=0)
    assert where.any() and not np.array_equal(done.tile.data, other.tile.data, equal_nan=True)
    before, after = (np.abs(t.data - clear.data)[:, where].mean() for t in (tile, done.tile))
    assert after < 0.7 * before


def test_both_painters_add_the_same_columns():
    tile = ground(40)
    canvas = Canvas.of(tile, np.ones(tile.shape, bool), "thin", components=5)
    assert canvas is not None and len(canvas.spectrum.bands) == 40
    rng = np.random.default_rng(0)
    for paint in (under_veils, under_clouds):
        part = next(iter(paint(canvas, 4, 100, 64, rng)))
        looked = canvas.spectrum.beside(np.empty((len(part.x), 0), np.float32), part.seen.T)
        np.testing.assert_allclose(part.x[:, -5:], looked, atol=1e-6)


def test_components_are_checked():
    with pytest.raises(ValueRangeError, match="components = -1"):
        Regression(components=-1)
