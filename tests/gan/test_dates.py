"""Fills from other dates: cases whose answer is known, and references that cannot be used."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from kumosan import gan
from kumosan.datasets.bands import BLUE, NIR, RED, BandSet
from kumosan.datasets.errors import BandError, GridError, UsageError, ValueRangeError
from kumosan.datasets.tile import TEMPORAL, THICK, CloudMask, Tile
from kumosan.gan.dates import RESIDUAL_SCALE

BANDS = BandSet((BLUE, RED, NIR))
SIDE = 48
EACH = pytest.mark.parametrize("name", gan.DATED)


def truth(seed=0):
    """Fields of 4 x 4 pixels of many brightnesses."""
    rng = np.random.default_rng(seed)
    fields = np.kron(rng.uniform(0.1, 0.5, (3, SIDE // 4, SIDE // 4)), np.ones((4, 4)))
    return (fields + rng.normal(0, 1e-4, fields.shape)).astype(np.float32)


def hole():
    out = np.zeros((SIDE, SIDE), bool)
    out[12:30, 15:36] = True
    return out


def cloudy(values, where=None):
    data = values.copy()
    data[:, hole()] = 0.9
    return Tile(data, BANDS), CloudMask((hole() if where is None else where).astype(np.uint8))


def fill(name, dates, values, **settings):
    references = [Tile(np.asarray(d, np.float32), BANDS) for d in dates]
    return gan.get(name, references=references, **settings).fill(*cloudy(values))


def error(result, values):
    return np.abs(result.tile.data - values)[:, hole()]


@EACH
def test_the_same_ground_in_another_light_comes_back(name):
    values = truth()
    result = fill(name, [(values - 0.03) / 1.25], values)
    assert (result.provenance[hole()] == TEMPORAL).all()
    # Closest fit: another place may look alike; similar pixels: 20 of 100 do somewhat.
    limit = {"spectral-fit": 0.08, "nspi": 0.005}.get(name, 1e-5)
    assert np.median(error(result, values)) < limit
    assert result.confidence[hole()].min() > (0.3 if name == "spectral-fit" else 0.9)
    np.testing.assert_array_equal(result.tile.data[:, ~hole()], values[:, ~hole()])


def covers(seed=0, changed=(0.05, -0.2, 0.15)):
    """Three covers in fields, and how each looked before it changed in its own way."""
    rng = np.random.default_rng(seed)
    which = np.kron(rng.integers(0, 3, (SIDE // 4, SIDE // 4)), np.ones((4, 4), int))
    spectra = np.array([[0.1, 0.2, 0.4], [0.3, 0.3, 0.3], [0.1, 0.15, 0.2]]).T
    now = spectra[:, which]
    before = now + np.array(changed)[which]
    noise = rng.normal(0, 0.002, (2, *now.shape))
    return (now + noise[0]).astype(np.float32), (before + noise[1]).astype(np.float32)


@pytest.mark.parametrize("name", ["spectral-fit", "nspi"])
def test_covers_that_changed_each_in_its_way_are_told_apart(name):
    """No straight line relates both dates: what takes the reference itself is wrong."""
    now, before = covers()
    pasted = fill("temporal", [before], now, min_confidence=0.0)
    result = fill(name, [before], now, min_confidence=0.0)
    assert np.sqrt(np.mean(error(result, now) ** 2)) < 0.02
    assert np.sqrt(np.mean(error(pasted, now) ** 2)) > 0.05


def test_a_missed_cloud_is_outvoted_by_the_median():
    values = truth()
    dates = [values.copy() for _ in range(3)]
    dates[1][:, 16:20, 20:28] = 0.8
    assert error(fill("median", dates, values), values).max() < 1e-3


def test_the_median_of_two_is_their_mean_where_both_see():
    values = truth()
    dates = [values.copy(), values.copy()]
    dates[1][:, 20, 25] += 0.1  # in the middle: the seam is blended at the rim
    found = fill("median", dates, values).tile.data[:, 20, 25]
    np.testing.assert_allclose(found, values[:, 20, 25] + 0.05, atol=1e-4)


def test_least_cloudy_goes_by_cover_not_by_fit():
    values = truth()
    noisy = values + np.random.default_rng(1).normal(0, 0.02, values.shape).astype(np.float32)
    tiles = [Tile(values, BANDS), Tile(noisy.astype(np.float32), BANDS)]
    cover = np.zeros((SIDE, SIDE), np.uint8)
    cover[:6] = THICK
    masks = [CloudMask(cover), CloudMask(np.zeros_like(cover))]
    settings = {"references": tiles, "reference_masks": masks}
    tile, mask = cloudy(values)
    by_fit = gan.get("temporal", **settings).fill(tile, mask)
    by_cover = gan.get("least-cloudy", **settings).fill(tile, mask)
    assert error(by_fit, values).max() < 1e-3
    assert 0.005 < np.median(error(by_cover, values)) < 0.03


@EACH
def test_a_second_date_helps_where_the_first_is_cloudy(name):
    values = truth()
    cover = np.zeros((2, SIDE, SIDE), np.uint8)
    cover[0, :, 24:] = cover[1, :, :24] = THICK
    tiles = [Tile(values, BANDS)] * 2
    filler = gan.get(name, references=tiles, reference_masks=[CloudMask(c) for c in cover])
    result = filler.fill(*cloudy(values))
    assert (result.provenance[hole()] == TEMPORAL).all()
    assert np.median(error(result, values)) < 0.08


@EACH
def test_references_are_demanded(name):
    with pytest.raises(UsageError, match="--reference"):
        gan.get(name)


@EACH
def test_another_place_is_not_used(name):
    rng = np.random.default_rng(0)
    elsewhere = rng.uniform(0.1, 0.9, (3, SIDE, SIDE))
    result = fill(name, [elsewhere], rng.uniform(0.1, 0.9, (3, SIDE, SIDE)).astype(np.float32))
    assert not result.filled.any()


@EACH
def test_another_grid_system_or_sensor_is_refused(name):
    values = truth()
    tile, mask = cloudy(values)
    utm, grid = CRS.from_epsg(32633), Affine(10, 0, 0, 0, -10, 0)
    tile, mask = replace(tile, transform=grid, crs=utm), CloudMask(mask.classes, grid, utm)

    def refused(reference, kind, text):
        with pytest.raises(kind, match=text):
            gan.get(name, references=[reference]).fill(tile, mask)

    refused(Tile(values, BANDS, grid, CRS.from_epsg(32634)), GridError, "EPSG:32634")
    moved = Affine(10, 0, 50_000, 0, -10, 0)
    refused(Tile(values, BANDS, moved, utm), GridError, "pixels")
    refused(Tile(values[:2], BANDS[:2], grid, utm), BandError, "nir")


def test_numbers_of_neighbours_are_checked():
    with pytest.raises(ValueRangeError, match="30 similar pixels of 20"):
        gan.get("nspi", references=[Tile(truth(), BANDS)], similar=30, searched=20)


def test_one_half_is_the_confidence_at_the_scale():
    values = truth()
    noise = np.random.default_rng(3).normal(0, RESIDUAL_SCALE, values.shape)
    result = fill("median", [values + noise], values, min_confidence=0.0)
    # A line fitted to noisy values is flatter, and leaves a little less unexplained.
    assert result.confidence[hole()][0] == pytest.approx(0.5, abs=0.05)
