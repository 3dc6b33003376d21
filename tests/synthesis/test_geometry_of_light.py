"""Parallax between bands, the glow beside thick cloud, and shadows on lower cloud."""

from dataclasses import replace
from math import cos, radians, sin

import numpy as np
import pytest

from kumosan.datasets.tile import CLEAR
from kumosan.synthesis import adjacency
from kumosan.synthesis.clouds import CloudPlane
from kumosan.synthesis.composite import cloudify
from kumosan.synthesis.parallax import TRACK_DEG, band_shifts, view_tangents
from kumosan.synthesis.shadows import shadow_shift

from .conftest import RGB, S2, flat, layer


def sentinel(size: int = 96):
    tile = flat(S2, size)
    return replace(tile, acquired=replace(tile.acquired, sensor="sentinel-2a"))


def test_parallax_by_hand():
    """B02 is 1.005 s before B04 at 7.45 km/s and 786 km: tan -.009526; h = 2 km, 20 m: .95 px."""
    shifts = np.array(band_shifts(2000.0, sentinel()))
    blue, green, red = (shifts[S2.names.index(n)] for n in ("B02", "B03", "B04"))
    assert np.hypot(*blue) == pytest.approx(0.9526, abs=1e-3) and not red.any()
    track = radians(TRACK_DEG)
    assert blue / np.hypot(*blue) == pytest.approx([cos(track), -sin(track)], abs=1e-6)
    assert np.hypot(*(blue - green)) == pytest.approx(2000 * 0.527 * 7.45 / 786 / 20, abs=1e-3)


def test_parallax_is_along_one_vector_and_0_where_unknown():
    shifts = np.array(band_shifts(-9000.0, sentinel()))
    assert np.linalg.matrix_rank(shifts, tol=1e-6) == 1
    assert not np.any(band_shifts(0.0, sentinel()))
    assert not np.any(view_tangents(flat(S2, 4)))


def test_bands_show_the_cloud_displaced():
    tile = sentinel()
    tile.data[:] = 0.02
    cloud = layer(base_m=9000.0, parallax=1.0, cover=0.15, tau_550=20.0, sun_zenith_deg=10.0)
    pair = cloudify(tile, cloud)
    names = S2.names
    red, late = (pair.cloudy.data[names.index(n)] for n in ("B04", "B07"))
    rows, cols = (round(v) for v in band_shifts(9000.0, tile)[names.index("B07")])
    assert (rows, cols) != (0, 0)
    moved = np.roll(red, (rows, cols), (0, 1))
    inner = (slice(10, -10), slice(10, -10))
    apart = [np.abs(late - other)[inner].mean() for other in (moved, red)]
    assert apart[0] < 0.5 * apart[1]
    assert pair.mask.cloud.sum() > (pair.optical_thickness > 0).sum() == round(0.15 * 96 * 96)


def test_glow_is_bluer_soft_and_labelled_where_it_exceeds_its_limit():
    tile = flat(S2, 128)
    cloud = layer(cover=0.3, tau_550=25.0, scale_m=2000.0, adjacency=0.08, sun_zenith_deg=5.0)
    pair, without = cloudify(tile, cloud), cloudify(tile, replace(cloud, adjacency=0.0))
    rim = (pair.mask.classes != CLEAR) & (without.mask.classes == CLEAR)
    added = (pair.cloudy.data - tile.data)[:, rim]
    blue, red, swir = (added[S2.names.index(n)] for n in ("B02", "B04", "B11"))
    assert rim.any() and (blue > red).mean() > 0.99 and (red > swir).mean() > 0.99
    assert (added[S2.names.index("B02")] > 0).mean() > 0.99
    assert np.array_equal((pair.cloudy.data != tile.data).any(0), pair.mask.classes != CLEAR)
    # it fades to nothing at its own border, and is widest beside the most cloud
    plane = CloudPlane(cloud, tile.valid, 20.0)
    glow = adjacency.glow([plane], tile.shape, 20.0)
    assert 0 < glow.max() <= 0.08 and np.abs(np.diff(glow, axis=0)).max() < 0.004
    assert np.array_equal(without.optical_thickness, pair.optical_thickness)


def test_small_adjacency_changes_nothing():
    tile = flat(RGB, 48)
    first, second = (cloudify(tile, layer(adjacency=a)) for a in (0.0, adjacency.LIMIT))
    assert first.cloudy.data.tobytes() == second.cloudy.data.tobytes()


def test_high_cloud_shades_low_cloud():
    """A closed low sheet under heaps: dark where the heaps' shadow falls at its height."""
    tile = flat(RGB, 96)
    low = layer(kind="stratus", cover=1.0, tau_550=20.0, base_m=400.0, edge=1.0)
    high = layer(base_m=1400.0, cover=0.2, tau_550=30.0, seed=9)
    alone, both = cloudify(tile, low), cloudify(tile, (low, high))
    plane = CloudPlane(high, tile.valid, 20.0)
    shaded = plane.displaced(shadow_shift(high, tile, 400.0)) > 10
    sunny = plane.displaced(shadow_shift(high, tile, 400.0)) == 0
    clear_above = plane.above_tile == 0
    ratio = (both.cloudy.data / alone.cloudy.data).mean(0)
    assert (shaded & clear_above).sum() > 20
    assert np.median(ratio[shaded & clear_above]) < 0.7
    assert np.median(ratio[sunny & clear_above]) == pytest.approx(1, abs=0.02)


def test_shadow_on_lower_cloud_is_shorter():
    high = layer(base_m=1400.0)
    ground, above = (np.hypot(*shadow_shift(high, flat(RGB, 4), h)) for h in (0.0, 400.0))
    assert above == pytest.approx(ground * 1000 / 1400)
    assert shadow_shift(high, flat(RGB, 4), 5000.0) == pytest.approx((0, 0))


def test_a_shadow_without_its_cloud_in_view_is_painted():
    found = 0
    for seed in range(6):
        pair = cloudify(flat(RGB, 64), layer(base_m=3000.0, cover=0.02, scale_m=1500.0, seed=seed))
        rows, cols = np.nonzero(pair.mask.shadow)
        shift = shadow_shift(pair.params[0], pair.clear)
        r, c = rows - round(shift[0]), cols - round(shift[1])
        found += int(((r < 0) | (r >= 64) | (c < 0) | (c >= 64)).sum())
    assert found > 20
