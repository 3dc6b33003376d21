"""Where clouds and shadows lie."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from kumosan.datasets.errors import GridError, UsageError, ValueRangeError
from kumosan.datasets.tile import Acquisition, Tile
from kumosan.synthesis.clouds import TAU_EDGE, TAU_PEAK, CloudPlane
from kumosan.synthesis.presets import PRESETS, sample_clouds
from kumosan.synthesis.shadows import shadow_shift, soften

from .conftest import RGB, flat, layer

KINDS = st.sampled_from(["cumulus", "stratus", "broken", "cirrus", "haze", "fog"])


@given(KINDS, st.integers(0, 2**63 - 1), st.floats(0, 1), st.floats(0.1, 40))
@settings(max_examples=60, deadline=None)
def test_cover_is_exact(kind, seed, cover, tau):
    valid = np.ones((23, 31), bool)
    valid[:5, :7] = False
    cloud = layer(kind=kind, seed=seed, cover=cover, tau_550=tau, stretch=3.0, heading_deg=40.0)
    above = CloudPlane(cloud, valid, 20.0).above_tile
    assert (above > 0).sum() == round(cover * valid.sum())
    assert not above[~valid].any()
    assert above.max() <= TAU_PEAK * tau + 1e-4
    assert not ((above > 0) & (above < min(TAU_EDGE, tau) - 1e-6)).any()


def test_cover_is_exact_on_a_field_without_any_difference():
    """Equal heights everywhere: on the lattice the noise is zero."""
    valid = np.ones((1, 1), bool)
    assert CloudPlane(layer(cover=1.0), valid, 20.0).above_tile.all()


def test_mean_thickness_is_the_asked_one():
    above = CloudPlane(layer(tau_550=10.0, cover=0.4), np.ones((128, 128), bool), 20.0).above_tile
    assert above[above > 0].mean() == pytest.approx(10.0, rel=0.05)  # peaks are cut


def test_the_sun_sees_the_same_clouds_elsewhere():
    plane = CloudPlane(layer(cover=0.4), np.ones((80, 90), bool), 20.0)
    above, seen = plane.above_tile, plane.displaced((12.0, -7.0))
    assert seen[12:, :-7] == pytest.approx(above[:-12, 7:], abs=1e-3)


def test_a_shadow_without_its_cloud_in_view():
    plane = CloudPlane(layer(cover=0.05, scale_m=1500), np.ones((60, 60), bool), 20.0)
    assert plane.displaced((200.0, 0.0)).any()


@pytest.mark.parametrize(
    "azimuth, rows, cols",
    [(0, 50, 0), (90, 0, -50), (180, -50, 0), (270, 0, 50), (135, -35.3553, -35.3553)],
)
def test_shift_points_away_from_the_sun(azimuth, rows, cols):
    """h = 1000 m at 45 degrees over 20 m pixels: 50 pixels."""
    cloud = layer(base_m=1000.0, sun_azimuth_deg=float(azimuth))
    assert shadow_shift(cloud, flat(RGB)) == pytest.approx((rows, cols), abs=1e-3)


def test_shift_obeys_the_grid():
    cloud = layer(base_m=1000.0, sun_azimuth_deg=180.0)  # shadow to the north
    data = flat(RGB, 8).data
    crs = CRS.from_epsg(32633)
    south_up = Tile(data, RGB, Affine(20, 0, 0, 0, 20, 0), crs)
    assert shadow_shift(cloud, south_up) == pytest.approx((50, 0), abs=1e-3)
    turned = Tile(data, RGB, Affine.rotation(30) @ Affine.scale(20, -20), crs)
    rows, cols = shadow_shift(cloud, turned)
    east, north = turned.transform @ (cols, rows)
    assert (east, north) == pytest.approx((0, 1000), abs=1e-6)
    degrees = Tile(data, RGB, Affine(20 / 111_195, 0, 0, 0, -20 / 111_195, 0), CRS.from_epsg(4326))
    assert shadow_shift(cloud, degrees) == pytest.approx((-50, 0), rel=0.01, abs=1e-3)


def test_no_pixel_size_is_refused_with_the_remedy():
    with pytest.raises(GridError, match="gsd_m"):
        shadow_shift(layer(), Tile(flat(RGB, 8).data, RGB))


def test_penumbra_has_its_width():
    """A step under a 10 km cloud: .0093 * 10 km / cos^2(60) = 372 m, a sigma of 93 m."""
    step = np.zeros((5, 401), np.float32)
    step[:, 201:] = 1
    soft = soften(step, layer(base_m=10_000.0, sun_zenith_deg=60.0), 1.0)
    assert soft[2, 201 + 93] == pytest.approx(0.841, abs=0.01)  # one sigma
    assert np.array_equal(soften(step, layer(base_m=100.0), 100.0), step)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_draw_within_their_ranges_and_use_the_tiles_sun(preset):
    sun = Acquisition(sun_zenith_deg=33.0, sun_azimuth_deg=222.0)
    for seed in range(20):
        drawn = sample_clouds(preset, np.random.default_rng(seed), sun)
        for cloud, ranges in zip(drawn, PRESETS[preset], strict=True):
            assert (cloud.sun_zenith_deg, cloud.sun_azimuth_deg) == (33.0, 222.0)
            for name in ("cover", "tau_550", "alpha", "base_m", "scale_m", "side_loss"):
                low, high = getattr(ranges, name)
                assert low <= getattr(cloud, name) <= high * (1 + 1e-12)


def test_unknown_preset_names_the_known():
    with pytest.raises(UsageError, match="cumulus, stratus, broken"):
        sample_clouds("snowfall", np.random.default_rng(0))


@pytest.mark.parametrize(
    "name, value",
    [("cover", 1.2), ("tau_550", -1.0), ("tau_550", np.nan), ("sun_zenith_deg", 95.0),
     ("scale_m", 0.0), ("octaves", 0)],
)  # fmt: skip
def test_impossible_clouds_are_refused(name, value):
    with pytest.raises(ValueRangeError, match=name):
        layer(**{name: value})
