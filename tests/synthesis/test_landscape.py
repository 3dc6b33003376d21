"""The procedural landscape and the demo scene."""

import subprocess
import sys

import numpy as np
import pytest

from kumosan.datasets.bands import GREEN, NIR, RED, SWIR1, Band, BandSet
from kumosan.datasets.errors import GridError
from kumosan.synthesis.demo import STRIP_BANDS, demo_pair
from kumosan.synthesis.landcover import land_cover
from kumosan.synthesis.landscape import landscape
from kumosan.synthesis.terrain import ground, shading

from .conftest import S2


@pytest.fixture(scope="module")
def scene():
    return landscape((256, 256), S2, np.random.default_rng(7))


@pytest.fixture(scope="module")
def pair():
    return demo_pair(7, (256, 256))


def test_any_band_set_and_shape_can_be_drawn(bands):
    tile = landscape((37, 50), bands, np.random.default_rng(1))
    assert tile.data.shape == (len(bands), 37, 50)
    assert np.isfinite(tile.data).all() and tile.data.min() > 0 and tile.data.max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (64, 64)])
@pytest.mark.parametrize("gsd_m", [3.0, 10.0, 60.0])
def test_any_size_and_seed_works(shape, gsd_m):
    for seed in range(3):
        tile = landscape(shape, S2.select([1, 7]), np.random.default_rng(seed), gsd_m)
        assert tile.shape == shape and np.isfinite(tile.data).all()


def test_everything_is_in_the_scene(scene):
    g, r, n, s = (scene.find(w) for w in (GREEN, RED, NIR, SWIR1))
    ndvi, ndsi = (n - r) / (n + r), (g - s) / (g + s)
    shares = {
        "vegetation": (ndvi > 0.5).mean(), "water": ((n < 0.06) & (ndvi < 0.2)).mean(),
        "snow": ((ndsi > 0.4) & (g > 0.4)).mean(), "bare": ((ndvi < 0.35) & (s > 0.2)).mean(),
    }  # fmt: skip
    for name, (low, high) in {
        "vegetation": (0.4, 0.9), "water": (0.01, 0.2), "snow": (0.003, 0.15), "bare": (0.02, 0.3),
    }.items():  # fmt: skip
        assert low < shares[name] < high, (name, shares)


def test_shares_sum_to_one():
    rng = np.random.default_rng(2)
    cover = land_cover(ground((120, 120), 20.0, rng), rng)
    assert cover.share.sum(0) == pytest.approx(1, abs=1e-4)
    assert cover.share.min() >= -1e-6


def test_cirrus_band_is_blind_to_the_ground(scene):
    b10, b11 = scene.data[S2.names.index("B10")], scene.data[S2.names.index("B11")]
    assert b10.max() < 0.005
    assert abs(np.corrcoef(b10.ravel(), b11.ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("level", ["TOA", "SR"])
def test_dry_air_lets_the_cirrus_band_see_snow(level):
    cirrus = S2.select([10])
    assert cirrus[0].kind == "cirrus"
    seen = {}
    for vapour_cm in (0.05, 2.0):
        tile = landscape(
            (64, 64), cirrus, np.random.default_rng(3), level=level, climate="snow",
            vapour_cm=vapour_cm,
        )  # fmt: skip
        seen[vapour_cm] = float(np.quantile(tile.data, 0.9))
        assert tile.acquired.vapour_cm == vapour_cm
    assert seen[0.05] > 0.03 and seen[2.0] < 0.005  # no product corrects that band


def test_top_of_atmosphere_is_bluer_than_the_surface():
    draws = [
        landscape((40, 40), S2, np.random.default_rng(3), level=level).data.mean((1, 2))
        for level in ("TOA", "SR")
    ]
    added = draws[0] - draws[1]
    assert added[1] > 0.02 and added[1] > added[2] > added[3]  # blue, green, red


def test_slopes_to_the_sun_are_brighter():
    east_facing = -np.arange(20, dtype=np.float32)[None, :].repeat(5, 0) * 10  # falls eastwards
    assert (shading(east_facing, 20.0, 45.0, 90.0) > 1).all()
    assert (shading(east_facing, 20.0, 45.0, 270.0) < 1).all()
    south_facing = -np.arange(20, dtype=np.float32)[:, None].repeat(5, 1) * 10  # falls downwards
    assert (shading(south_facing, 20.0, 45.0, 180.0) > 1).all()
    assert shading(0 * south_facing, 20.0, 45.0, 180.0) == pytest.approx(1)


def test_thermal_and_unspectral_bands():
    odd = BandSet((Band("t", 10895, 590, kind="thermal"), Band("q", 1.0, 1, kind="other")))
    tile = landscape((40, 40), odd, np.random.default_rng(0))
    assert tile.data[0].min() > 260 and tile.data[0].max() < 330
    assert np.isnan(tile.data[1]).all()


def test_impossible_shape_is_refused():
    with pytest.raises(GridError, match="positive"):
        landscape((0, 5), S2, np.random.default_rng(0))


def test_demo_is_a_product(pair):
    for tile in (pair.clear, pair.cloudy):
        assert tile.stored.dtype == np.uint16 and tile.stored.min() > 0
        assert np.array_equal(tile.encoding.decode(tile.stored), tile.data)
        assert tile.crs.to_epsg() == 32633 and tile.gsd_m == 20
        assert (tile.acquired.sensor, tile.acquired.level) == ("sentinel-2a", "TOA")
        assert tile.bands == S2 and tile.valid.all()


def test_demo_truth(pair):
    clear = pair.mask.classes == 0
    assert np.array_equal((pair.cloudy.stored == pair.clear.stored).all(0), clear)
    cover = pair.mask.cover()
    assert 0.2 < 1 - cover["clear"] < 0.4
    assert all(cover[name] > 0.03 for name in ("thick_cloud", "thin_cloud", "shadow"))


def test_demo_same_seed_same_bytes():
    first, second = demo_pair(11, (64, 64)), demo_pair(11, (64, 64))
    assert first.cloudy.stored.tobytes() == second.cloudy.stored.tobytes()
    assert first.mask.classes.tobytes() == second.mask.classes.tobytes()
    assert first.params == second.params
    assert demo_pair(12, (64, 64)).cloudy.stored.tobytes() != first.cloudy.stored.tobytes()


def test_demo_any_bands(bands):
    pair = demo_pair(1, (48, 48), bands)
    assert pair.cloudy.data.shape == (len(bands), 48, 48) and pair.cloudy.acquired.sensor is None


def test_demo_strip_lies_turned_and_has_nothing_beside_it():
    pair = demo_pair(3, (80, 90), strip=True)
    tile = pair.cloudy
    assert tile.bands == STRIP_BANDS and 0.5 < tile.valid.mean() < 0.9
    left = tile.valid.argmax(axis=1)
    assert left[0] > left[40] and (np.diff(left[:40]) <= 0).all()
    assert (tile.stored[:, ~tile.valid] == 0).all() and (tile.stored[:, tile.valid] > 0).all()
    assert np.array_equal(pair.mask.valid, tile.valid) and np.array_equal(
        pair.clear.valid, tile.valid
    )
    assert 0.1 < 1 - pair.mask.cover()["clear"] < 0.9
    assert len(demo_pair(3, (64, 64), strip=True, bands=S2).cloudy.bands) == len(S2)


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, kumosan.synthesis as s; before = set(sys.modules);"
        "assert not {'cv2', 'scipy', 'rasterio', 'torch'} & before, before;"
        "s.landscape, s.cloudify, s.PRESETS; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_coast_has_sea_sand_and_the_same_hinterland():
    inland, coast = (
        landscape((128, 128), S2, np.random.default_rng(7), coast=c) for c in (False, True)
    )
    sea = [(t.find(NIR) < 0.05).mean() for t in (inland, coast)]
    assert sea[1] > sea[0] + 0.05 and np.isfinite(coast.data).all()
    land = ground((128, 128), 20.0, np.random.default_rng(7), coast=True)
    assert land.sea_m is not None and 0.05 < (land.sea_m < 0).mean() < 0.6


@pytest.mark.parametrize(("climate", "least"), [("snow", 0.2), ("desert", 0.12)])
def test_climates_that_look_like_cloud(climate, least):
    """Bright in the visible; snow, unlike cloud, is dark beyond 1500 nm."""
    found = [
        landscape((64, 64), S2, np.random.default_rng(i), 30.0, climate=climate) for i in range(6)
    ]
    bright = np.concatenate([t.find(RED).ravel() for t in found])
    assert bright.mean() > least
    swir = np.concatenate([t.find(SWIR1).ravel() for t in found])
    if climate == "snow":
        assert swir[bright > 0.6].mean() < 0.2
    else:
        assert swir.mean() > bright.mean()
