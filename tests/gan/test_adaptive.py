"""The adaptive filler: better than leaving it, unsure where opaque, smooth towards other fills."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from kumosan import gan
from kumosan.datasets import read
from kumosan.datasets.bands import THERMAL, Band, BandSet
from kumosan.datasets.errors import ValueRangeError
from kumosan.datasets.sensors import sensor
from kumosan.datasets.tile import (
    CLEAR,
    SHADOW,
    SPATIAL,
    SPECTRAL,
    THICK,
    THIN,
    UNFILLABLE,
    CloudMask,
    Tile,
)
from kumosan.gan.adaptive import Adaptive, Mixture, Network, canonical
from kumosan.gan.common import Area, assemble
from kumosan.gan.faded import FADE
from kumosan.gan.features import MAX_BANDS
from kumosan.gan.metrics import rmse_by_class
from kumosan.gan.painted import Canvas, Painted, under_clouds
from kumosan.synthesis.landscape import landscape

BANDS = BandSet(tuple(b for b in sensor("landsat-8").bands if b.kind == "reflective"))
FAST = {"skies": 24, "samples": 6000}


@pytest.fixture(scope="module")
def clear():
    return landscape((128, 144), BANDS, np.random.default_rng(3), 30.0)


def veiled(clear, code, strength=1.0):
    """A disc of haze (linear, grey .45) or of shadow in the middle of ``clear``, and its mask."""
    y, x = np.mgrid[: clear.shape[0], : clear.shape[1]]
    radius = np.hypot(y - clear.shape[0] / 2, x - clear.shape[1] / 2)
    body = np.clip(1 - radius / (0.35 * min(clear.shape)), 0, 1).astype(np.float32)
    if code == SHADOW:
        data = clear.data * (1 - 0.65 * strength * np.clip(4 * body, 0, 1))
    else:
        share = np.clip(0.5 * strength * body, 0, 0.97)
        data = clear.data + share * (np.float32(0.45 if strength <= 1 else 0.8) - clear.data)
    tile = clear.with_data(data.astype(np.float32))
    return tile, CloudMask.like(tile, np.where(body > 0, code, CLEAR))


@pytest.mark.parametrize(("code", "name", "left"), [(THIN, "thin", 0.6), (SHADOW, "shadow", 1.0)])
def test_better_than_leaving_it(clear, code, name, left):
    tile, mask = veiled(clear, code)
    result = Adaptive().fill(tile, mask)  # fewer skies are not enough for this
    after = rmse_by_class(clear, result.tile, mask)[name]
    assert after < left * rmse_by_class(clear, tile, mask)[name]
    assert (result.provenance[mask.contaminated] == SPECTRAL).any()
    observed = ~mask.contaminated
    np.testing.assert_array_equal(result.tile.data[:, observed], tile.data[:, observed])


def test_confidence_falls_with_opacity(clear):
    tile, mask = veiled(clear, THIN, strength=1.9)
    result = Adaptive(min_confidence=0.0, **FAST).fill(tile, mask)
    added = (tile.data - clear.data).mean(axis=0)[mask.contaminated]
    sure = result.confidence[mask.contaminated]
    thin, dense = added < np.quantile(added, 0.25), added > np.quantile(added, 0.75)
    assert sure[thin].mean() > sure[dense].mean() + 0.1


@dataclass(frozen=True)
class Flat:
    """Fills all it is asked to with one number."""

    value: float
    bands: ClassVar[BandSet] = BandSet(())

    def fill(self, tile, mask):
        area = Area.of(tile, mask)
        n = np.count_nonzero(area.todo)
        values = np.full((len(tile.bands), n), self.value, np.float32)
        return assemble(tile, area, area.todo, values, np.full(n, 0.5), SPATIAL)


def test_the_spatial_fill_takes_over_smoothly(clear):
    """Shares of the two by confidence, known exactly: from all spectral to all spatial."""
    tile, mask = veiled(clear, THIN, strength=1.9)
    limit = 0.35
    free = Adaptive(min_confidence=0.0, **FAST).fill(tile, mask)  # FADE ends below what it has
    mixed = Adaptive(min_confidence=limit, spatial=Flat(0.2), **FAST).fill(tile, mask)
    todo = mask.contaminated
    weight = np.clip((free.confidence - limit) / FADE, 0, 1)
    fading = todo & (free.confidence >= limit) & (weight < 1)
    whole = todo & (weight == 1)
    left = todo & (free.confidence < limit)
    assert fading.sum() > 20 and whole.sum() > 20
    flat = np.clip(0.2, *_limits(tile, mask))
    expected = flat + weight * (free.tile.data - flat)
    clean = free.confidence > FADE  # elsewhere the free fill is a mixture itself
    both = fading & clean
    np.testing.assert_allclose(mixed.tile.data[:, both], expected[:, both], atol=2e-4)
    np.testing.assert_array_equal(mixed.tile.data[:, whole], free.tile.data[:, whole])
    np.testing.assert_array_equal(mixed.tile.data[:, left], tile.data[:, left])
    assert (mixed.provenance[left] == UNFILLABLE).all()
    assert (mixed.provenance[both] == np.where(weight[both] >= 0.5, SPECTRAL, SPATIAL)).all()


def _limits(tile, mask):
    from kumosan.gan.common import plausible_range

    found = [plausible_range(tile, i, mask.classes == CLEAR) for i in range(len(tile.bands))]
    low, high = np.array(found, np.float32).T
    return low[:, None, None], high[:, None, None]


def test_the_seed_decides_and_nothing_else(clear):
    tile, mask = veiled(clear, THIN)
    one, again = (Adaptive(seed=4, **FAST).fill(tile, mask) for _ in range(2))
    np.testing.assert_array_equal(one.tile.data, again.tile.data)
    np.testing.assert_array_equal(one.confidence, again.confidence)
    other = Adaptive(seed=5, **FAST).fill(tile, mask)
    assert not np.array_equal(one.tile.data, other.tile.data)


def test_thick_cloud_is_left(clear):
    tile, mask = veiled(clear, THICK)
    assert not Adaptive(**FAST).fill(tile, mask).filled.any()


def test_no_pixel_size_is_needed_and_thermal_gaps_stay(clear):
    bands = BandSet((*(replace(b, gsd_m=None) for b in clear.bands), THERMAL))
    kelvin = np.full((1, *clear.shape), 295, np.float32)
    kelvin[0, :, ::2] = np.nan
    full = Tile(np.concatenate([clear.data, kelvin]), bands)
    tile, mask = veiled(full, THIN)
    data = tile.data.copy()
    data[-1] = kelvin[0]
    result = Adaptive(**FAST).fill(tile.with_data(data), mask)
    assert result.filled.any()
    np.testing.assert_array_equal(result.tile.data[-1], kelvin[0])


@pytest.mark.parametrize("count", [32, 198])
def test_many_bands_are_lifted(count):
    nm = np.linspace(420, 2450, count)
    bands = BandSet(tuple(Band(f"b{i}", float(v), 10.0) for i, v in enumerate(nm)))
    clear = landscape((96, 96), bands, np.random.default_rng(0), 30.0)
    tile, mask = veiled(clear, THIN)
    modelled, others = canonical(tile)
    assert len(modelled) == MAX_BANDS and sorted(modelled + others) == list(range(count))
    result = Adaptive(**FAST).fill(tile, mask)
    filled = result.filled
    assert (result.tile.data[:, filled] != tile.data[:, filled]).mean() > 0.9
    after = rmse_by_class(clear, result.tile, mask)["thin"]
    assert after < 0.7 * rmse_by_class(clear, tile, mask)["thin"]


def test_few_bands_are_modelled_all(clear):
    assert canonical(clear) == (list(range(len(BANDS))), [])


def test_painted_skies_tell_the_truth(clear):
    """What is learnt from is the ground itself, and the veil over it is never nothing."""
    ground = np.ones(clear.shape, bool)
    ground[:, :20] = False
    rng = np.random.default_rng(0)
    for kind in ("thin", "shadow"):
        canvas = Canvas.of(clear, ground, kind)
        parts = list(under_clouds(canvas, 8, 50, 256, rng))
        assert parts
        painted = Painted.join(parts)
        known = {row.tobytes() for row in clear.data[:, ground].T.astype(np.float32)}
        assert all(row.tobytes() in known for row in np.ascontiguousarray(painted.truth))
        assert (painted.seen != painted.truth).any(axis=1).all()
        if kind == "shadow":
            assert (painted.seen <= painted.truth + 1e-6).all()


def planes(rng, n=3000):
    x = rng.normal(size=(n, 3)).astype(np.float32)
    truth = np.stack([x[:, 0], x[:, 1] - x[:, 2]], axis=1)
    return Painted(x, np.zeros_like(truth), truth)


def test_a_network_learns_a_plane():
    painted = planes(np.random.default_rng(0))
    net = Network.fit(painted, "thin", np.random.default_rng(1))
    assert np.sqrt(np.mean((net.predict(painted.x) - painted.truth) ** 2)) < 0.15


@dataclass(frozen=True)
class Off:
    """Predicts the plane of ``planes``, wrong by a constant."""

    by: float

    def predict(self, x):
        return np.stack([x[:, 0], x[:, 1] - x[:, 2]], axis=1) + np.float32(self.by)


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [(0.3, -0.9, 0.25), (0.0, 0.4, 0.0), (0.4, 0.0, 0.5), (0.2, 0.5, 0.0)],
)
def test_the_share_of_a_learner_is_what_it_is_worth(first, second, share):
    """Weights that cancel constant errors, kept between none and a half."""
    test = planes(np.random.default_rng(2))
    mixed = Mixture.of(Off(first), Off(second), test)
    assert mixed.share == pytest.approx(share, abs=1e-4)
    expected = test.truth + first + share * (second - first)
    np.testing.assert_allclose(mixed.predict(test.x), expected, atol=1e-3)


def test_settings_are_checked():
    with pytest.raises(ValueRangeError, match="skies = 1"):
        Adaptive(skies=1)


def test_registered_by_name():
    assert gan.get("adaptive", seed=2) == Adaptive(seed=2)


@pytest.mark.parametrize("stem", ["l8biome_Wetlands_01_0416", "scg_clear"])
def test_on_real_ground(data, stem):
    """Clear tiles of split train, under a disc of haze that no model painted."""
    whole = read(data / "train" / f"{stem}.tif")
    part = np.ascontiguousarray(whole.data[:, :128, :128])
    truth = Tile(part, whole.bands, acquired=whole.acquired)
    tile, mask = veiled(truth, THIN)
    result = Adaptive(**FAST).fill(tile, mask)
    after = rmse_by_class(truth, result.tile, mask)["thin"]
    assert after < 0.6 * rmse_by_class(truth, tile, mask)["thin"]
