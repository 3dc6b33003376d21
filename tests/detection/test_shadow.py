"""Where shadows fall: formula, grids, matching, and the estimate without sun angles."""

from math import cos, radians, sin, tan

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from kumosan.datasets.bands import NIR, Band, BandSet
from kumosan.datasets.tile import Acquisition, Tile
from kumosan.detection import fmask_shadow
from kumosan.detection.fmask import Fmask
from kumosan.detection.fmask_shadow import along, cast_shadow, match, potential_shadow
from kumosan.detection.shadow_offset import estimate_offset
from kumosan.detection.sun import shadow_per_metre

UTM33 = CRS.from_epsg(32633)


def grid(transform, crs=UTM33, sun=(40.0, 150.0), gsd_m=None, shape=(100, 100)):
    band = Band(NIR.name, NIR.center_nm, NIR.fwhm_nm, gsd_m)
    return Tile(
        np.zeros((1, *shape), np.float32),
        BandSet((band,)),
        transform,
        crs,
        Acquisition(sun_zenith_deg=sun[0], sun_azimuth_deg=sun[1]),
    )


@given(st.floats(0, 80), st.floats(0, 360), st.floats(1, 100))
def test_formula_on_a_north_up_grid(zenith, azimuth, gsd):
    dcol, drow = shadow_per_metre(grid(Affine(gsd, 0, 0, 0, -gsd, 0), sun=(zenith, azimuth)))
    d = tan(radians(zenith)) / gsd
    assert dcol == pytest.approx(-d * sin(radians(azimuth)), abs=1e-9)
    assert drow == pytest.approx(d * cos(radians(azimuth)), abs=1e-9)


def test_morning_sun_in_the_south_east_throws_shadows_north_west():
    dcol, drow = shadow_per_metre(grid(Affine(10, 0, 0, 0, -10, 0), sun=(45, 135)))
    assert dcol == pytest.approx(-0.1 / 2**0.5)  # west
    assert drow == pytest.approx(-0.1 / 2**0.5)  # north is up


def test_south_up_grid():
    up = shadow_per_metre(grid(Affine(10, 0, 0, 0, -10, 0)))
    down = shadow_per_metre(grid(Affine(10, 0, 0, 0, 10, 0)))
    assert down == pytest.approx((up[0], -up[1]))


@given(st.floats(-180, 180))
def test_rotated_grid_leads_to_the_same_place_on_the_map(angle):
    c, s = 20 * cos(radians(angle)), 20 * sin(radians(angle))
    t = Affine(c, s, 0, s, -c, 0)
    dcol, drow = shadow_per_metre(grid(t))
    east, north = t.a * dcol + t.b * drow, t.d * dcol + t.e * drow
    assert east == pytest.approx(-tan(radians(40)) * sin(radians(150)), abs=1e-9)
    assert north == pytest.approx(-tan(radians(40)) * cos(radians(150)), abs=1e-9)


def test_degrees_and_feet():
    lat = 60.0
    t = Affine(1e-4, 0, 10, 0, -1e-4, lat + 0.005)  # 100 rows: centre at 60 degrees
    dcol, drow = shadow_per_metre(grid(t, CRS.from_epsg(4326), sun=(45, 45)))
    assert dcol == pytest.approx(-(0.5**0.5) / (111_195 * cos(radians(lat))) / 1e-4)
    assert drow == pytest.approx(0.5**0.5 / 111_195 / 1e-4)
    feet = CRS.from_epsg(2263)  # US survey feet
    dcol, _ = shadow_per_metre(grid(Affine(100, 0, 0, 0, -100, 0), feet, sun=(45, 90)))
    assert dcol == pytest.approx(-1 / 0.3048006 / 100)


def test_without_crs_the_sensors_pixel_size_serves():
    assert shadow_per_metre(grid(Affine.identity(), None, (45, 90), gsd_m=30)) == pytest.approx(
        (-1 / 30, 0)
    )
    assert shadow_per_metre(grid(Affine.identity(), None, (45, 90))) is None
    assert shadow_per_metre(grid(Affine.identity(), None, (None, 90), gsd_m=30)) is None
    assert shadow_per_metre(grid(Affine.identity(), None, (95, 90), gsd_m=30)) is None


def blobs(shape=(200, 200), count=6, seed=0, margin=60):
    """Discs of radius 5 to 9 away from the edges."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    out = np.zeros(shape, bool)
    for _ in range(count):
        cy, cx = rng.integers(margin, np.array(shape) - margin)
        out |= (y - cy) ** 2 + (x - cx) ** 2 <= rng.integers(5, 10) ** 2
    return out


def moved(flag, dcol, drow):
    return np.roll(flag, (drow, dcol), (0, 1))


@pytest.mark.parametrize("south_up", [False, True])
def test_shadow_is_found_where_the_formula_puts_it(scene, south_up):
    cloud = blobs()
    height, zenith, azimuth, gsd = 1500.0, 40.0, 150.0, 30.0
    d = height * tan(radians(zenith)) / gsd  # 41.95 pixels
    dcol, drow = -d * sin(radians(azimuth)), d * cos(radians(azimuth))
    t = Affine(30, 0, 5e5, 0, -30, 5e6)
    if south_up:
        drow, t = -drow, Affine(30, 0, 5e5, 0, 30, 5e6)
    shadow = moved(cloud, round(dcol), round(drow)) & ~cloud
    tile = scene(cloud, shadow, transform=t, sun=(zenith, azimuth))
    mask = Fmask().mask(tile)
    assert (mask.cloud ^ cloud).sum() <= 0.03 * cloud.sum()  # the majority rounds corners
    overlap = (mask.shadow & shadow).sum()
    assert overlap / shadow.sum() > 0.95
    assert overlap / mask.shadow.sum() > 0.95


def test_sun_on_the_wrong_side_finds_nothing(scene):
    cloud = blobs(count=1)
    shadow = moved(cloud, -21, -36) & ~cloud
    assert Fmask().mask(scene(cloud, shadow, sun=(40.0, 150.0))).shadow.any()
    assert not Fmask().mask(scene(cloud, shadow, sun=(40.0, 330.0))).shadow.any()


def test_shadow_can_be_switched_off(scene):
    cloud = blobs()
    tile = scene(cloud, moved(cloud, -21, -36) & ~cloud, sun=(40.0, 150.0))
    assert not Fmask(shadow=False).mask(tile).shadow.any()


def test_estimate_without_sun_angles(scene):
    cloud = blobs(count=12)
    shadow = moved(cloud, -30, -22) & ~cloud
    tile = scene(cloud, shadow, crs=None, transform=Affine.identity())
    mask = Fmask().mask(tile)
    assert (mask.shadow & shadow).sum() / shadow.sum() > 0.95
    assert (mask.shadow & shadow).sum() / mask.shadow.sum() > 0.95
    ground = ~cloud
    assert estimate_offset(tile, cloud, shadow, ground, 0.3) == (-30, -22)


def test_estimate_believes_only_shadows_to_the_west(scene):
    cloud = blobs(count=12)
    shadow = moved(cloud, 30, -22) & ~cloud
    assert estimate_offset(scene(cloud), cloud, shadow, ~cloud, 0.3) != (30, -22)
    turned = scene(cloud, transform=Affine(-30, 0, 0, 0, 30, 0))  # rotated by 180 degrees
    assert estimate_offset(turned, cloud, shadow, ~cloud, 0.3) == (30, -22)


def test_estimate_is_silent_where_nothing_stands_out(scene):
    cloud = blobs()
    rng = np.random.default_rng(3)
    noise = (rng.random(cloud.shape) < 0.1) & ~cloud
    tile = scene(cloud)
    assert estimate_offset(tile, cloud, noise, ~cloud, 0.3) is None
    assert estimate_offset(tile, cloud, np.zeros_like(cloud), ~cloud, 0.3) is None
    assert estimate_offset(tile, np.zeros_like(cloud), noise, ~cloud, 0.3) is None


def test_estimate_on_a_thinned_image(scene, monkeypatch):
    monkeypatch.setattr("kumosan.detection.shadow_offset.MAX_SIDE", 100)
    cloud = blobs(count=12)
    shadow = moved(cloud, -30, -22) & ~cloud
    assert estimate_offset(scene(cloud), cloud, shadow, ~cloud, 0.3) == (-30, -22)


def test_potential_shadow_is_a_basin():
    nir = np.full((40, 40), 0.30, np.float32)
    nir[10:20, 10:20] = 0.20  # basin
    nir[25:30, 25:30] = 0.285  # too shallow: .015
    nir[0:5, 0:5] = 0.10  # at the edge: filled up to the 17.5th percentile, .30
    nir[30, 5] = np.nan
    found = potential_shadow(nir, np.isfinite(nir))
    assert found[10:20, 10:20].all()
    assert found[0:5, 0:5].all()
    assert found.sum() == 125


def test_basins_of_a_large_image_are_filled_on_a_coarser_grid(monkeypatch):
    """The same basin is found, to the pixel; what runs out on the coarse grid is less, not more."""
    rng = np.random.default_rng(0)
    rough = rng.uniform(0.2, 0.4, (91, 83)).astype(np.float32)
    ground = np.ones(rough.shape, bool)
    exact = potential_shadow(rough, ground)
    basin = np.full((91, 83), 0.30, np.float32)
    basin[10:21, 10:22], basin[40:60, 40:60] = 0.20, 0.26
    basin[50, 50] = 0.10
    whole = potential_shadow(basin, ground)
    monkeypatch.setattr(fmask_shadow, "FILLED_PX", rough.size / 9)
    assert np.array_equal(potential_shadow(basin, ground), whole) and whole.sum() == 532
    coarse = potential_shadow(rough, ground)
    assert (coarse <= exact).all() and 0.1 < coarse.sum() / exact.sum() < 1


def test_the_best_of_several_positions_wins():
    cloud = np.zeros((60, 60), bool)
    cloud[20:26, 40:46] = True
    dark = np.zeros_like(cloud)
    dark[20:26, 30:33] = True  # half of a shadow, nearer
    dark[20:26, 12:18] = True  # a whole one
    found = match(cloud, dark, ~cloud, along((-1.0, 0.0), 5, 35), 0.3)
    assert np.array_equal(np.argwhere(found).min(0), (20, 12))
    assert np.array_equal(np.argwhere(found).max(0), (25, 17))


def test_overlap_must_exceed_the_minimum():
    cloud = np.zeros((60, 60), bool)
    cloud[20:30, 40:50] = True
    dark = np.zeros_like(cloud)
    dark[20:30, 10:14] = True  # at best 40 of 100 pixels
    path = along((-1.0, 0.0), 11, 35)
    assert match(cloud, dark, ~cloud, path, 0.39).any()
    assert not match(cloud, dark, ~cloud, path, 0.40).any()


def test_small_clouds_are_not_matched_and_large_ones_are_sampled(monkeypatch):
    cloud = np.zeros((80, 80), bool)
    cloud[10:12, 60:64] = True  # 8 pixels
    cloud[30:60, 45:75] = True
    dark = np.roll(cloud, -35, 1)
    monkeypatch.setattr(fmask_shadow, "MAX_SAMPLES", 50)
    found = match(cloud, dark, ~cloud, along((-1.0, 0.0), 5, 45), 0.3)
    assert not found[:30].any()
    assert (found & dark).sum() > 0.9 * (dark & ~cloud)[30:].sum()


def test_only_the_largest_clouds_are_matched(monkeypatch):
    cloud = np.zeros((60, 80), bool)
    cloud[5:15, 60:70] = True
    cloud[30:36, 60:66] = True
    dark = np.roll(cloud, -35, 1)
    monkeypatch.setattr(fmask_shadow, "MAX_OBJECTS", 1)
    found = match(cloud, dark, ~cloud, along((-1.0, 0.0), 20, 45), 0.3)
    assert found[5:15].any()
    assert not found[30:].any()


def test_clouds_of_two_heights_are_both_matched(scene):
    low, high = np.zeros((2, 200, 200), bool)
    low[150:160, 150:160] = low[150:162, 100:112] = low[120:130, 170:182] = True
    high[90:100, 170:180] = True
    shadow = moved(low, -20, 0) | moved(high, -100, 0)
    tile = scene(low | high, shadow, sun=(45.0, 90.0))
    found = Fmask().mask(tile).shadow
    assert (found & shadow).sum() / shadow.sum() > 0.95
    assert (found & shadow).sum() / found.sum() > 0.95


def test_path_is_bounded():
    path = along((-3.0, 4.0), 1, 1000)
    assert path.shape == (600, 2)
    assert path[0] == pytest.approx((-3, 4))
    assert path[-1] == pytest.approx((-3000, 4000))
    assert along((-0.001, 0.0), 200, 200).shape == (1, 2)


def test_nothing_to_do(scene):
    none, every = np.zeros((20, 20), bool), np.ones((20, 20), bool)
    tile = scene(none, sun=(40.0, 150.0))
    nir = np.full((20, 20), 0.3, np.float32)
    assert not cast_shadow(tile, nir, none, every).any()
    assert not cast_shadow(tile, nir, every, none).any()


def test_kilometre_pixels(scene):
    cloud = blobs((60, 60), 3, margin=15)
    tile = scene(cloud, transform=Affine(3000, 0, 0, 0, -3000, 0), sun=(40.0, 150.0))
    assert Fmask().mask(tile).classes.shape == (60, 60)
