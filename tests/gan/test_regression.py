"""Scene-adaptive inversion: what it learns, what it leaves alone, and how sure it says it is."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from kumosan.datasets.bands import BLUE, CIRRUS, GREEN, NIR, RED, SWIR1, THERMAL, Band, BandSet
from kumosan.datasets.errors import ValueRangeError
from kumosan.datasets.sensors import sensor
from kumosan.datasets.tile import (
    CLEAR,
    SHADOW,
    SPECTRAL,
    THICK,
    THIN,
    UNFILLABLE,
    Acquisition,
    CloudMask,
    Tile,
)
from kumosan.gan import features, regression, relation
from kumosan.gan.features import HALO, MAX_BANDS, feature_bands
from kumosan.gan.metrics import rmse_by_class
from kumosan.gan.regression import DOUBT, Regression
from kumosan.gan.relation import expected_error
from kumosan.gan.veil import Veil, draw_veil
from kumosan.synthesis.landscape import landscape

S2 = sensor("sentinel-2a").bands


@pytest.fixture(scope="module")
def clear():
    return landscape((160, 200), S2, np.random.default_rng(3), 20.0)


def veiled(clear, code, strength=1.0):
    """A disc of haze (linear, grey .45) or of shadow in the middle of ``clear``, and its mask."""
    y, x = np.mgrid[: clear.shape[0], : clear.shape[1]]
    radius = np.hypot(y - clear.shape[0] / 2, x - clear.shape[1] / 2)
    body = np.clip(1 - radius / min(55, 0.35 * min(clear.shape)), 0, 1).astype(np.float32)
    data = clear.data.copy()
    for i, band in enumerate(clear.bands):
        if code == SHADOW and band.kind != "cirrus":
            data[i] *= 1 - 0.65 * strength * np.clip(4 * body, 0, 1)
        elif code != SHADOW:
            share = 0.5 * strength * body
            data[i] += share * ((0.05 if band.kind == "cirrus" else 0.45) - data[i])
    tile = clear.with_data(data)
    return tile, CloudMask.like(tile, np.where(body > 0, code, CLEAR))


@pytest.mark.parametrize(("code", "name"), [(THIN, "thin"), (SHADOW, "shadow")])
def test_better_than_leaving_it(clear, code, name):
    """Guards what was measured: .59 of the error left for haze, about .3 for shadow."""
    tile, mask = veiled(clear, code)
    result = Regression().fill(tile, mask)
    before = rmse_by_class(clear, tile, mask)[name]
    after = rmse_by_class(clear, result.tile, mask)[name]
    assert after < 0.7 * before
    assert (result.provenance[mask.contaminated] == SPECTRAL).all()


def test_thick_cloud_is_left_as_it_was(clear):
    tile, mask = veiled(clear, THICK)
    result = Regression().fill(tile, mask)
    assert (result.provenance[mask.contaminated] == UNFILLABLE).all()
    assert np.array_equal(result.tile.data, tile.data)


@pytest.mark.parametrize("code", [THIN, SHADOW])
def test_a_false_alarm_does_little_harm(clear, code):
    """Clear ground that a detector called cloud or shadow: measured .030, leaving it is 0."""
    tile, mask = veiled(clear, code, strength=0.0)
    after = rmse_by_class(clear, Regression().fill(tile, mask).tile, mask)["all"]
    assert after < 0.04


def test_confidence_tells_where_the_error_is(clear):
    tile, mask = veiled(clear, THIN, strength=1.8)
    result = Regression(min_confidence=0.0).fill(tile, mask)
    todo = mask.contaminated
    error = np.sqrt(((result.tile.data - clear.data)[:, todo] ** 2).mean(axis=0))
    sure = result.confidence[todo]
    low, high = np.quantile(sure, [0.25, 0.75])
    assert error[sure <= low].mean() > 1.2 * error[sure >= high].mean()


def test_unsure_pixels_are_left(clear):
    tile, mask = veiled(clear, THIN)
    free = Regression(min_confidence=0.0).fill(tile, mask)
    limit = float(np.median(free.confidence[mask.contaminated]))
    strict = Regression(min_confidence=limit).fill(tile, mask)
    assert np.array_equal(strict.filled, free.filled & (free.confidence >= limit))
    left = mask.contaminated & ~strict.filled
    assert np.array_equal(strict.tile.data[:, left], tile.data[:, left])


def test_doubt_multiplies_the_expected_error(clear, monkeypatch):
    tile, mask = veiled(clear, SHADOW)
    errors = []
    for doubt in (1.0, 3.0):
        monkeypatch.setitem(DOUBT, "shadow", doubt)
        result = Regression(min_confidence=0.0).fill(tile, mask)
        errors.append(expected_error(result.confidence[result.filled]))
    np.testing.assert_allclose(errors[1], 3 * errors[0], rtol=1e-3)


def test_seed_decides(clear):
    tile, mask = veiled(clear, THIN)
    a, b = Regression(seed=1).fill(tile, mask), Regression(seed=2).fill(tile, mask)
    assert not np.array_equal(a.tile.data, b.tile.data)


def test_blocks_leave_no_seam(clear, monkeypatch):
    tile, mask = veiled(clear, THIN)
    whole = Regression().fill(tile, mask)
    monkeypatch.setattr(relation, "BLOCK_PX", 12)
    pieces = Regression().fill(tile, mask)
    np.testing.assert_allclose(pieces.tile.data, whole.tile.data, atol=1e-5)


def test_large_scenes_are_learnt_from_in_windows(clear, monkeypatch):
    tile, mask = veiled(clear, THIN)
    monkeypatch.setattr(regression, "WINDOW_PX", 96)
    result = Regression().fill(tile, mask)
    after = rmse_by_class(clear, result.tile, mask)["thin"]
    assert after < 0.75 * rmse_by_class(clear, tile, mask)["thin"]


def test_thermal_without_data_stays(clear):
    bands = BandSet((*clear.bands, THERMAL))
    kelvin = np.full((1, *clear.shape), 295, np.float32)
    kelvin[0, :, ::2] = np.nan
    full = Tile(np.concatenate([clear.data, kelvin]), bands, Affine(20, 0, 0, 0, -20, 0))
    tile, mask = veiled(full, THIN)
    result = Regression().fill(tile, mask)
    assert result.filled.any()
    np.testing.assert_array_equal(result.tile.data[-1], tile.data[-1])


def test_hundreds_of_bands():
    nm = np.linspace(420, 2450, 150)
    bands = BandSet(tuple(Band(f"b{i}", float(v), 10.0) for i, v in enumerate(nm)))
    clear = landscape((128, 128), bands, np.random.default_rng(0), 30.0)
    tile, mask = veiled(clear, THIN)
    result = Regression().fill(tile, mask)
    assert len(feature_bands(bands, cirrus=True)) == MAX_BANDS
    after = rmse_by_class(clear, result.tile, mask)["thin"]
    assert after < 0.6 * rmse_by_class(clear, tile, mask)["thin"]


def test_settings_are_checked():
    with pytest.raises(ValueRangeError, match="veils = 1"):
        Regression(veils=1)


def test_feature_bands_by_wavelength():
    bands = BandSet((SWIR1, CIRRUS, BLUE, THERMAL, NIR, Band("qa", np.nan, np.nan, kind="other")))
    assert feature_bands(bands, cirrus=True) == [2, 4, 1, 0]
    assert feature_bands(bands, cirrus=False) == [2, 4, 0]


def test_features_by_hand():
    """One band, a veiled 3 x 3 block of 4s (one 5 in the middle) in clear ground of 1s."""
    plane = np.ones((301, 301), np.float32)
    alike = np.zeros(plane.shape, bool)
    alike[149:152, 149:152] = True
    plane[alike] = 4
    plane[150, 150] = 5
    where = np.zeros(plane.shape, bool)
    where[150, 150] = True
    level = np.array([9.0], np.float32)
    found = features.features(plane[None], alike, ~alike, where, level)
    near = [(s * s - 9) / (s * s) for s in features.NEAR_PX]
    mean = (8 * 4 + 5) / 9
    # value, share of clear ground by box, value less both means, minimum, ground near
    expected = [5, *near, 5 - mean, 5 - mean, 4, 1]
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


def test_features_reach_no_farther_than_the_halo():
    rng = np.random.default_rng(0)
    planes = rng.random((1, 2 * HALO + 3, 20), np.float32)
    alike = rng.random(planes.shape[1:]) < 0.5
    where = np.zeros_like(alike)
    where[HALO + 1] = alike[HALO + 1]
    level = np.ones(1, np.float32)
    one = features.features(planes, alike, ~alike, where, level)
    planes[:, [0, -1]] = 50
    two = features.features(planes, alike, ~alike, where, level)
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_a_part_that_begins_where_a_cell_does_has_the_features_of_the_whole():
    rng = np.random.default_rng(1)
    planes = rng.random((2, 240, 215), np.float32)
    alike = rng.random(planes.shape[1:]) < 0.3
    clear = ~alike & (rng.random(alike.shape) < 0.5)
    where = np.zeros_like(alike)
    where[100:140, 104:120] = alike[100:140, 104:120]
    level = np.ones(2, np.float32)
    whole = features.features(planes, alike, clear, where, level)
    part = (slice(100 - HALO, 140 + HALO), slice(104 - HALO, 120 + HALO))
    some = features.features(
        planes[(slice(None), *part)], alike[part], clear[part], where[part], level
    )
    np.testing.assert_allclose(some, whole, atol=1e-5)
    around = features.Surroundings.of(planes, alike, clear, level)
    block = (slice(100, 140), slice(104, 120))
    near = planes[(slice(None), *around.reached(block))]
    np.testing.assert_allclose(
        around.features(near, block, np.nonzero(where[block])), whole, atol=1e-5
    )


def test_veil_by_hand():
    strength = np.array([[0.0, 1.0]], np.float32)
    cloud = Veil("thin", strength, np.array([np.log(2)]), np.array([0.6]))
    values = np.array([[[0.2, 0.2]]], np.float32)
    np.testing.assert_allclose(cloud.over(values, [0]), [[[0.2, 0.4]]], rtol=1e-6)
    at = (np.array([0]), np.array([1]))
    np.testing.assert_allclose(cloud.over(values[:, 0, 1:], [0], at), [[0.4]], rtol=1e-6)
    shade = replace(cloud, kind="shadow", exponent=np.array([0.75]), radiance=np.array([0.1]))
    np.testing.assert_allclose(shade.over(values, [0]), [[[0.2, 0.125]]], rtol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_drawn_veils_are_physical(seed):
    bands = BandSet((BLUE, GREEN, RED, NIR, SWIR1))
    rng = np.random.default_rng(seed)
    tile = Tile(np.zeros((5, 4, 4), np.float32), bands, Affine.identity())
    surface = replace(tile, acquired=Acquisition(level="SR"))
    shadow = draw_veil("shadow", surface, (40, 50), rng)
    assert ((shadow.strength >= 0) & (shadow.strength <= 1)).all()
    assert ((shadow.exponent > 0) & (shadow.exponent < 1)).all()
    assert (np.diff(shadow.exponent) >= 0).all(), "the sky's light is blue"
    assert (shadow.radiance == 0).all(), "surface reflectance has no light from the air"
    cloud = draw_veil("thin", tile, (40, 50), rng)
    assert (cloud.exponent > 0).all() and (cloud.radiance > 0).all()
    assert 0.15 < (cloud.strength > 0).mean() < 0.9
    full = replace(cloud, strength=np.ones((1, 1), np.float32))
    under = full.over(np.zeros((5, 1, 1), np.float32), [0, 1, 2, 3, 4])
    assert (under > 0).all() and (under < 1.1).all()


def test_level_decides_about_light_from_the_air(clear):
    tile, mask = veiled(clear, SHADOW)
    surface = replace(tile, acquired=Acquisition(level="SR"))
    top = replace(tile, acquired=Acquisition(level="TOA"))
    a, b = Regression().fill(surface, mask), Regression().fill(top, mask)
    assert not np.array_equal(a.tile.data, b.tile.data)


def test_bands_of_sentinel_2_see_a_painted_cloud_displaced():
    bands = sensor("sentinel-2a").bands
    tile = Tile(np.zeros((13, 64, 64), np.float32), bands, Affine(10, 0, 3e5, 0, -10, 5e6))
    flown = replace(tile, acquired=Acquisition(sensor="sentinel-2a"))
    assert draw_veil("thin", tile, tile.shape, np.random.default_rng(0)).shifts == ()
    assert draw_veil("shadow", flown, tile.shape, np.random.default_rng(0)).shifts == ()
    veil = draw_veil("thin", flown, tile.shape, np.random.default_rng(0))
    blue, red, late = (bands.names.index(n) for n in ("B02", "B04", "B12"))
    assert veil.shifts[red] == (0, 0) and veil.shifts[blue][0] * veil.shifts[late][0] < 0
    spot = np.zeros((64, 64), np.float32)
    spot[30:34, 30:34] = 1
    moved = replace(veil, strength=spot, shifts=((0, 0),) * late + ((3, -2),))
    seen = moved.over(np.zeros((2, 64, 64), np.float32), [red, late])
    assert np.argwhere(seen[0] > 0).mean(0) == pytest.approx([31.5, 31.5])
    assert np.argwhere(seen[1] > 0).mean(0) == pytest.approx([34.5, 29.5])
