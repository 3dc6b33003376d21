"""Spatial fills: known surfaces, the reach, and what must stay as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rasterio.crs import CRS

from kumosan.datasets.bands import BLUE, NIR, RED, THERMAL, Band, BandSet
from kumosan.datasets.errors import ValueRangeError
from kumosan.datasets.protocols import Filler
from kumosan.datasets.tile import NODATA, OBSERVED, SPATIAL, UNFILLABLE, CloudMask, Tile
from kumosan.gan import get
from kumosan.gan.inpaint import Biharmonic, NavierStokes, Telea

FILLERS = {"telea": Telea(), "navier-stokes": NavierStokes(), "biharmonic": Biharmonic()}
EACH = pytest.mark.parametrize("filler", FILLERS.values(), ids=FILLERS)


def _plane(shape: tuple[int, int] = (40, 40)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (0.1 + 0.004 * x + 0.002 * y).astype(np.float32)


def _scene(truth: np.ndarray, hole: np.ndarray, bands: BandSet) -> tuple[Tile, CloudMask]:
    """``truth`` with a bright cloud in ``hole``."""
    data = truth.copy()
    data[:, hole] = 0.95
    return Tile(data, bands), CloudMask(hole.astype(np.uint8))


def _box(shape: tuple[int, int] = (40, 40)) -> np.ndarray:
    hole = np.zeros(shape, bool)
    hole[12:20, 15:25] = True
    return hole


@EACH
def test_fillers_meet_the_protocol(filler: Filler) -> None:
    assert isinstance(filler, Filler)
    assert len(filler.bands) == 0


def test_registry_makes_them_with_settings() -> None:
    assert get("telea", max_distance_m=120) == Telea(max_distance_m=120)
    assert get("biharmonic", max_hole_px=50) == Biharmonic(max_hole_px=50)


def test_biharmonic_restores_a_plane() -> None:
    truth = np.stack([_plane(), 1 - _plane()])
    filled = Biharmonic().fill(*_scene(truth, _box(), BandSet((BLUE, RED))))
    np.testing.assert_allclose(filled.tile.data, truth, atol=1e-5)


@EACH
def test_a_constant_stays_constant(filler: Filler) -> None:
    truth = np.full((1, 40, 40), 0.3, np.float32)
    truth[0, 0, 0] = 0.8  # OpenCV's constant error of a unit or so would show
    filled = filler.fill(*_scene(truth, _box(), BandSet((BLUE,))))
    np.testing.assert_allclose(filled.tile.data, truth, atol=1e-5)


def test_telea_stays_between_its_surroundings() -> None:
    truth = _plane()[None]
    filled = Telea().fill(*_scene(truth, _box(), BandSet((BLUE,))))
    assert np.abs(filled.tile.data - truth).max() < 0.02  # half the contrast across the hole


@EACH
def test_the_reach_is_kept(filler: Filler) -> None:
    truth = np.full((1, 40, 40), 0.3, np.float32)
    hole = np.zeros((40, 40), bool)
    hole[:, :20] = True
    tile, mask = _scene(truth, hole, BandSet((BLUE,)))
    filled = replace(filler, max_distance_px=4.0).fill(tile, mask)  # type: ignore[type-var]
    # Column 19 is 1 pixel from clear ground, column 16 is 4.
    assert (filled.provenance[:, 16:20] == SPATIAL).all()
    assert (filled.provenance[:, :16] == UNFILLABLE).all()
    np.testing.assert_allclose(filled.tile.data[0, :, 16:20], 0.3, atol=1e-5)
    np.testing.assert_array_equal(filled.tile.data[:, :, :16], tile.data[:, :, :16])
    # Clear ground does not differ at any distance, so nothing is doubted within reach.
    np.testing.assert_array_equal(filled.confidence[5, 15:21], [0, 1, 1, 1, 1, 1])


@EACH
def test_the_confidence_falls_as_clear_pixels_differ(filler: Filler) -> None:
    """Ground of blocks of 20 columns: two pixels d < 20 apart differ in a share d / 20."""
    truth = np.where(np.arange(400) // 20 % 2, 0.2, 0.4).astype(np.float32)
    truth = np.broadcast_to(truth, (1, 40, 400)).copy()
    hole = np.zeros((40, 400), bool)
    hole[:, 199:204] = True
    filled = filler.fill(*_scene(truth, hole, BandSet((BLUE,))))
    # Rows do not differ down, only along: half the pairs.
    expected = [0.2 * np.sqrt(d / 20 / 2) for d in (1, 2)]
    sure = filled.confidence[5, [199, 200]]
    np.testing.assert_allclose(0.05 / sure - 0.05, expected, rtol=0.05)


def test_navier_stokes_carries_a_slope_inwards_otherwise_than_telea() -> None:
    truth = _plane()[None]
    tile, mask = _scene(truth, _box(), BandSet((BLUE,)))
    filled, other = NavierStokes().fill(tile, mask), Telea().fill(tile, mask)
    assert np.abs(filled.tile.data - truth).max() < 0.02  # half the contrast across the hole
    assert not np.array_equal(filled.tile.data, other.tile.data)


def test_the_reach_is_in_metres_on_a_map() -> None:
    truth = np.full((1, 40, 40), 0.3, np.float32)
    hole = np.zeros((40, 40), bool)
    hole[:, :20] = True
    tile, mask = _scene(truth, hole, BandSet((BLUE,)))
    tile = replace(tile, transform=Affine(30, 0, 0, 0, -30, 0), crs=CRS.from_epsg(32633))
    filled = Telea(max_distance_m=60).fill(tile, mask)
    assert (filled.provenance == SPATIAL).sum() == 2 * 40


def test_the_inner_front_of_a_wide_hole_does_not_reach_the_rim() -> None:
    """Filling the ring alone gives what filling the whole hole gives."""
    rng = np.random.default_rng(3)
    truth = rng.uniform(0.1, 0.5, (1, 90, 90)).astype(np.float32)
    hole = np.zeros((90, 90), bool)
    hole[5:85, 5:85] = True
    tile, mask = _scene(truth, hole, BandSet((BLUE,)))
    ring = Telea(max_distance_px=6).fill(tile, mask)
    whole = Telea(max_distance_px=500).fill(tile, mask)
    where = ring.provenance == SPATIAL
    np.testing.assert_allclose(
        ring.tile.data[:, where], whole.tile.data[:, where], rtol=0, atol=1e-4
    )


def test_large_holes_are_left_to_others() -> None:
    hole = _box()  # 80 pixels
    hole[30:33, 3:6] = True  # 9 pixels
    truth = _plane()[None]
    filled = Biharmonic(max_hole_px=79).fill(*_scene(truth, hole, BandSet((BLUE,))))
    assert (filled.provenance == SPATIAL).sum() == 9
    assert (filled.provenance == UNFILLABLE).sum() == 80


@EACH
def test_nodata_and_cloud_beyond_the_reach_are_no_source(filler: Filler) -> None:
    truth = np.full((1, 40, 40), 0.3, np.float32)
    tile, mask = _scene(truth, _box(), BandSet((BLUE,)))
    tile.data[0, 10:30, 20] = np.nan  # a stripe through the hole
    stripe = ~np.isfinite(tile.data[0])
    filled = filler.fill(tile, mask)
    assert (filled.provenance[stripe] == NODATA).all()
    assert np.isnan(filled.tile.data[0][stripe]).all()
    np.testing.assert_allclose(filled.tile.data[0][~stripe], 0.3, atol=1e-5)


@EACH
def test_thermal_is_filled_and_classes_are_not(filler: Filler) -> None:
    classes = Band("SCL", float("nan"), float("nan"), kind="other")
    truth = np.stack([np.full((40, 40), v, np.float32) for v in (0.2, 290, 4)])
    tile, mask = _scene(truth, _box(), BandSet((BLUE, THERMAL, classes)))
    tile.data[1, 30:, 30:] = np.nan  # no thermal data on clear ground
    filled = filler.fill(tile, mask)
    np.testing.assert_allclose(filled.tile.data[:2][:, _box()], truth[:2][:, _box()], rtol=1e-5)
    np.testing.assert_array_equal(filled.tile.data[2], tile.data[2])


@EACH
def test_many_bands_are_filled_through_components(filler: Filler) -> None:
    centres = np.linspace(420, 1300, 40)
    bands = BandSet(tuple(Band(f"b{c:.0f}", float(c), 10) for c in centres))
    rng = np.random.default_rng(0)
    spectra = rng.uniform(0.1, 0.4, (3, 40))
    amounts = np.stack([_plane(), _plane().T, _plane()[::-1] ** 2])
    truth = np.einsum("kb,kyx->byx", spectra, amounts).astype(np.float32)
    tile, mask = _scene(truth, _box(), bands)
    through = filler.fill(tile, mask).tile.data
    single = filler.fill(Tile(tile.data[:10], bands[:10]), mask).tile.data
    np.testing.assert_allclose(through[:10], single, atol=2e-3)


@EACH
@settings(max_examples=25, deadline=None)
@given(
    codes=arrays(
        np.uint8,
        st.tuples(st.integers(1, 13), st.integers(1, 13)),
        elements=st.sampled_from([0, 0, 1, 2, 3, 255]),
    ),
    seed=st.integers(0, 99),
)
def test_only_cloud_changes_and_nothing_spreads(
    filler: Filler, codes: np.ndarray, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    data = rng.uniform(0, 1, (2, *codes.shape)).astype(np.float32)
    data[:, rng.random(codes.shape) < 0.1] = np.nan
    tile, mask = Tile(data, BandSet((RED, NIR))), CloudMask(codes)
    before = data.copy()
    filled = filler.fill(tile, mask)
    np.testing.assert_array_equal(data, before)  # the input itself is left alone
    kept = filled.provenance != SPATIAL
    np.testing.assert_array_equal(filled.tile.data[:, kept], before[:, kept])
    np.testing.assert_array_equal(np.isnan(filled.tile.data), np.isnan(before))
    valid = tile.valid & mask.valid
    clear = valid & (codes == 0)
    assert (filled.provenance[clear] == OBSERVED).all()
    assert (filled.provenance[~valid] == NODATA).all()
    if clear.any():  # everything lies within reach on so small a tile, unless the hole is cut off
        assert (filled.provenance[valid & ~clear] != OBSERVED).all()
    else:
        assert not filled.filled.any()


@EACH
@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (13, 7)])
@pytest.mark.parametrize("code", [0, 1])
def test_all_clear_and_all_cloud(filler: Filler, shape: tuple[int, int], code: int) -> None:
    tile = Tile(np.full((1, *shape), 0.4, np.float32), BandSet((RED,)))
    filled = filler.fill(tile, CloudMask(np.full(shape, code, np.uint8)))
    np.testing.assert_array_equal(filled.tile.data, tile.data)
    assert (filled.provenance == (UNFILLABLE if code else OBSERVED)).all()


def test_settings_out_of_range_are_refused() -> None:
    tile, mask = _scene(_plane()[None], _box(), BandSet((BLUE,)))
    for filler in (Telea(radius_px=0), Telea(max_distance_px=-1), Biharmonic(max_hole_px=0)):
        with pytest.raises(ValueRangeError):
            filler.fill(tile, mask)
