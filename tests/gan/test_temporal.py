"""Fill from other dates: exact recovery, choice of the reference, blended seams."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from scipy import sparse

from kumosan.datasets.bands import BLUE, NIR, RED, THERMAL, Band, BandSet
from kumosan.datasets.errors import BandError, GridError, UsageError
from kumosan.datasets.protocols import Filler
from kumosan.datasets.tile import TEMPORAL, UNFILLABLE, Acquisition, CloudMask, Tile
from kumosan.gan import get
from kumosan.gan.blend import Seam
from kumosan.gan.dates import fit_relation
from kumosan.gan.laplace import Laplace
from kumosan.gan.temporal import Temporal

SIZE = 32
BANDS = BandSet((BLUE, RED, NIR))


def _truth(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 0.5, (3, SIZE, SIZE)).astype(np.float32)


def _hole() -> np.ndarray:
    hole = np.zeros((SIZE, SIZE), bool)
    hole[8:20, 10:24] = True
    return hole


def _cloudy(truth: np.ndarray, hole: np.ndarray) -> tuple[Tile, CloudMask]:
    data = truth.copy()
    data[:, hole] = 0.9
    return Tile(data, BANDS), CloudMask(hole.astype(np.uint8))


def test_references_are_demanded_with_the_remedy() -> None:
    with pytest.raises(UsageError, match="--reference"):
        get("temporal")
    reference = Tile(_truth(), BANDS)
    with pytest.raises(UsageError, match="2 reference masks for 1"):
        Temporal((reference,), [CloudMask(np.zeros((SIZE, SIZE), np.uint8))] * 2)
    assert isinstance(get("temporal", references=(reference,)), Filler)


def test_gain_and_offset_between_dates_are_undone() -> None:
    truth = _truth()
    reference = Tile((truth - 0.03) / 1.25, BANDS)
    filled = Temporal((reference,)).fill(*_cloudy(truth, _hole()))
    np.testing.assert_allclose(filled.tile.data, truth, atol=2e-6)
    assert (filled.provenance[_hole()] == TEMPORAL).all()
    np.testing.assert_allclose(filled.confidence[_hole()], 1, atol=1e-4)
    np.testing.assert_array_equal(filled.tile.data[:, ~_hole()], truth[:, ~_hole()])


def test_relation_ignores_changed_ground() -> None:
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 0.5, 1000)
    y = 1.2 * x + 0.02
    y[:200] = 0.9  # missed cloud
    relation = fit_relation(x, y)
    assert relation.gain == pytest.approx(1.2, abs=1e-9)
    assert relation.offset == pytest.approx(0.02, abs=1e-9)


def test_relation_measures_the_noise_and_survives_no_contrast() -> None:
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 0.5, 20_000)
    noisy = fit_relation(x, x + rng.normal(0, 0.02, x.size))
    assert noisy.residual == pytest.approx(0.02, rel=0.05)
    assert fit_relation(np.full(300, 0.2), np.full(300, 0.3))[:2] == pytest.approx((1, 0.1))


def test_confidence_falls_with_the_residual() -> None:
    truth = _truth()
    noise = np.random.default_rng(5).normal(0, 0.03, truth.shape)
    reference = Tile((truth + noise).astype(np.float32), BANDS)
    confidence = Temporal((reference,)).fill(*_cloudy(truth, _hole())).confidence[_hole()]
    assert confidence.min() == confidence.max()
    assert 0.6 < confidence[0] < 0.7  # .05 / (.05 + .03) = .63, less noisy after the regression


def test_best_reference_wins_and_the_other_helps_out() -> None:
    truth = _truth()
    noise = np.random.default_rng(5).normal(0, 0.05, truth.shape)
    good, bad = Tile(truth * 0.5, BANDS), Tile((truth + noise).astype(np.float32), BANDS)
    codes = np.zeros((SIZE, SIZE), np.uint8)
    codes[:, 16:] = 1
    masks = [CloudMask(np.zeros_like(codes)), CloudMask(codes)]
    filled = Temporal((bad, good), masks).fill(*_cloudy(truth, _hole()))
    left, right = _hole() & (codes == 0), _hole() & (codes == 1)
    assert filled.confidence[left].min() > 0.99
    assert filled.confidence[right].max() < 0.65
    assert (filled.provenance[_hole()] == TEMPORAL).all()


def test_among_equals_the_nearest_in_time_wins() -> None:
    truth = _truth()
    tile, mask = _cloudy(truth, _hole())

    def on(day: int, t: Tile) -> Tile:
        return replace(t, acquired=Acquisition(time=datetime(2024, 6, day, tzinfo=timezone.utc)))

    far, near = truth.copy(), truth.copy()
    far[0, 12, 12], near[0, 12, 12] = 0.2, 0.4  # far from the border: no blending to speak of
    references = (on(1, Tile(far, BANDS)), on(11, Tile(near, BANDS)))
    filled = Temporal(references).fill(on(10, tile), mask)
    assert filled.tile.data[0, 12, 12] == pytest.approx(0.4, abs=1e-5)


def test_what_no_reference_sees_stays_unfillable() -> None:
    truth = _truth()
    data = truth.copy()
    data[:, 10:12] = np.nan
    tile, mask = _cloudy(truth, _hole())
    filled = Temporal((Tile(data, BANDS),)).fill(tile, mask)
    blind = _hole() & np.isnan(data[0])
    assert (filled.provenance[blind] == UNFILLABLE).all()
    np.testing.assert_array_equal(filled.tile.data[:, blind], tile.data[:, blind])
    np.testing.assert_allclose(filled.tile.data[:, ~blind], truth[:, ~blind], atol=1e-5)


def test_too_few_common_pixels_and_nothing_is_used() -> None:
    truth = _truth()
    codes = np.ones((SIZE, SIZE), np.uint8)
    codes[8:20, 8:24] = 0  # clear in both: two columns of 12
    filled = Temporal((Tile(truth, BANDS),), [CloudMask(codes)]).fill(*_cloudy(truth, _hole()))
    assert not filled.filled.any()


def test_bands_are_matched_by_wavelength_and_missing_ones_named() -> None:
    truth = _truth()
    tile, mask = _cloudy(truth, _hole())
    other = BandSet((Band("B8", 835, 100), Band("B4", 660, 30), Band("B2", 490, 60)))
    filled = Temporal((Tile(truth[::-1].copy(), other),)).fill(tile, mask)
    np.testing.assert_allclose(filled.tile.data, truth, atol=2e-6)
    with pytest.raises(BandError, match="nir"):
        Temporal((Tile(truth[:2], BANDS[:2]),)).fill(tile, mask)
    wrong = BandSet((BLUE, RED, Band("nir", 1610, 100)))  # the same name, another wavelength
    with pytest.raises(BandError, match="nir"):
        Temporal((Tile(truth, wrong),)).fill(tile, mask)


def test_other_grids_are_refused() -> None:
    truth = _truth()
    tile, mask = _cloudy(truth, _hole())
    with pytest.raises(GridError, match="31 x 32"):
        Temporal((Tile(truth[:, :, 1:], BANDS),)).fill(tile, mask)
    crs, grid = CRS.from_epsg(32633), Affine(10, 0, 0, 0, -10, 0)
    tile = replace(tile, transform=grid, crs=crs)
    shifted = Tile(truth, BANDS, Affine(10, 0, 5, 0, -10, 0), crs)
    with pytest.raises(GridError, match=r"0\.50 pixels"):
        Temporal((shifted,)).fill(tile, mask)
    with pytest.raises(GridError, match="EPSG:32634"):
        Temporal((Tile(truth, BANDS, grid, CRS.from_epsg(32634)),)).fill(tile, mask)


def test_thermal_gaps_do_not_spread() -> None:
    bands = BandSet((BLUE, THERMAL))
    truth = np.stack([_truth()[0], 280 + 40 * _truth()[1]]).astype(np.float32)
    data = truth.copy()
    data[:, _hole()] = 0.9
    data[1, 5:15, 5:15] = np.nan
    reference = truth + np.float32([[[0]], [[3]]])
    reference[1, 6:12, 6:12] = np.nan
    filled = Temporal((Tile(reference, bands),)).fill(
        Tile(data, bands), CloudMask(_hole().astype(np.uint8))
    )
    gap = np.isnan(data[1])
    np.testing.assert_array_equal(np.isnan(filled.tile.data[1]), gap)
    np.testing.assert_allclose(filled.tile.data[1][~gap], truth[1][~gap], atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (13, 7), (25, 25)])
@pytest.mark.parametrize("code", [0, 1])
def test_all_clear_and_all_cloud(shape: tuple[int, int], code: int) -> None:
    tile = Tile(np.full((1, *shape), 0.4, np.float32), BandSet((RED,)))
    filled = Temporal((tile,)).fill(tile, CloudMask(np.full(shape, code, np.uint8)))
    np.testing.assert_array_equal(filled.tile.data, tile.data)
    assert (filled.provenance == (UNFILLABLE if code else 0)).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999))
def test_only_cloud_changes_and_nothing_spreads(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def date() -> tuple[Tile, CloudMask]:
        data = rng.uniform(0, 1, (2, 29, 31)).astype(np.float32)
        data[:, rng.random((29, 31)) < 0.1] = np.nan
        codes = rng.choice(np.uint8([0, 0, 0, 0, 0, 0, 1, 3, 255]), (29, 31))
        return Tile(data, BandSet((RED, NIR))), CloudMask(codes)

    (tile, mask), one, other = date(), date(), date()
    before = tile.data.copy()
    filled = Temporal((one[0], other[0]), (one[1], other[1]), 0.0).fill(tile, mask)
    kept = filled.provenance != TEMPORAL
    np.testing.assert_array_equal(filled.tile.data[:, kept], before[:, kept])
    np.testing.assert_array_equal(np.isnan(filled.tile.data), np.isnan(before))
    seen = [t.valid & (m.classes == 0) for t, m in (one, other)]
    expected = tile.valid & mask.contaminated & (seen[0] | seen[1])
    np.testing.assert_array_equal(filled.provenance == TEMPORAL, expected)


def _harmonic() -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    return x * x - y * y + 0.3 * x  # its discrete Laplacian is exactly 0


def test_a_harmonic_difference_leaves_no_seam() -> None:
    guide = _truth()[0].astype(np.float64)
    target = guide + _harmonic()
    source = np.where(_hole(), 0, -1)
    everywhere = np.ones_like(_hole())
    correction = Seam(source, ~_hole(), [everywhere]).correct(target, [guide])
    np.testing.assert_allclose(correction, _harmonic()[_hole()], atol=1e-12)


def test_two_guides_meet_without_a_seam() -> None:
    truth = _truth()[0].astype(np.float64)
    source = np.where(_hole(), 0, -1)
    source[:, 16:][source[:, 16:] == 0] = 1
    everywhere = np.ones_like(_hole())
    guides = [truth - 0.1, truth + 0.2]
    correction = Seam(source, ~_hole(), [everywhere, everywhere]).correct(truth, guides)
    np.testing.assert_allclose(correction, np.where(source == 0, 0.1, -0.2)[_hole()], atol=1e-12)


def test_nodata_is_a_wall_and_an_island_gets_no_correction() -> None:
    source = np.full((3, 7), -1)
    source[1, 1:3] = 0  # pasted beside known ground with a difference of 1
    source[1, 4:6] = 0  # pasted, shut in by nodata
    known = np.zeros((3, 7), bool)
    known[1, 0] = True
    everywhere = np.ones((3, 7), bool)
    target = np.full((3, 7), np.nan)
    target[1, 0] = 1
    correction = Seam(source, known, [everywhere]).correct(target, [np.zeros((3, 7))])
    np.testing.assert_allclose(correction, [1, 1, 0, 0], atol=1e-12)


def test_multigrid_agrees_with_factorising() -> None:
    n = 90
    line = sparse.diags_array([[-1.0] * (n - 1), [2.0] * n, [-1.0] * (n - 1)], offsets=[-1, 0, 1])
    one = sparse.eye_array(n)
    matrix = (sparse.kron(line, one) + sparse.kron(one, line)).tocsr()
    y, x = np.divmod(np.arange(n * n), n)
    right = np.random.default_rng(0).normal(size=n * n)
    exact = Laplace(matrix, y, x).solve(right)
    found = Laplace(matrix, y, x, direct=100).solve(right)
    np.testing.assert_allclose(found, exact, atol=1e-4 * np.abs(exact).max())


def test_a_reference_of_another_place_is_not_used():
    rng = np.random.default_rng(0)
    tile = Tile(rng.random((2, 40, 40), np.float32), BandSet((BLUE, NIR)))
    other = tile.with_data(rng.random((2, 40, 40), np.float32))
    classes = np.zeros(tile.shape, np.uint8)
    classes[10:20, 10:20] = 1
    mask = CloudMask.like(tile, classes)
    assert not Temporal((other,)).fill(tile, mask).filled.any()
    assert Temporal((tile,)).fill(tile, mask).filled.sum() == 100
