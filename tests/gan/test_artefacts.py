"""Seams, blur and checkerboards that were put there are found, and none where there is none."""

import numpy as np
import pytest
from scipy import ndimage

from kumosan.datasets.bands import BLUE, NIR, THERMAL, BandSet
from kumosan.datasets.tile import NODATA, OBSERVED, SPATIAL, UNFILLABLE, FilledTile, Tile
from kumosan.gan.artefacts import artefacts, nyquist_share

SIDE = 96


def ground(seed: int = 0) -> np.ndarray:
    """(3, y, x): two bands of smooth ground, and a thermal one that must not count."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.standard_normal((2, SIDE, SIDE)), (0, 2, 2))
    planes = 0.2 + 0.05 * field / field.std()
    return np.concatenate([planes, 290 + 50 * rng.standard_normal((1, SIDE, SIDE))]).astype("f4")


def hole() -> np.ndarray:
    where = np.zeros((SIDE, SIDE), bool)
    where[28:68, 28:68] = True
    return where


def filled(data: np.ndarray, where: np.ndarray) -> FilledTile:
    provenance = np.where(where, SPATIAL, OBSERVED).astype(np.uint8)
    provenance[:4], provenance[-4:] = NODATA, UNFILLABLE
    tile = Tile(data.astype(np.float32), BandSet((BLUE, NIR, THERMAL)))
    return FilledTile(tile, provenance, np.ones(tile.shape, np.float32))


def test_a_perfect_forgery_has_no_traces():
    found = artefacts(filled(ground(), hole()))
    assert found.seam == pytest.approx(1, abs=0.15)
    assert found.texture == pytest.approx(1, abs=0.15)
    assert found.checkerboard == pytest.approx(found.checkerboard_clear, rel=0.5)
    assert found.checkerboard < 0.01


def test_a_seam_is_found_at_the_border_only():
    data = ground()
    data[:2, hole()] += 0.3
    found = artefacts(filled(data, hole()))
    assert found.seam > 10
    assert found.texture == pytest.approx(1, abs=0.15)


def test_a_flat_fill_has_no_texture():
    data = ground()
    data[:2, hole()] = 0.2
    found = artefacts(filled(data, hole()))
    assert found.texture == pytest.approx(0, abs=1e-6)
    assert np.isnan(found.checkerboard)


def test_a_checkerboard_is_found():
    data = ground()
    y, x = np.mgrid[:SIDE, :SIDE]
    data[:2] += np.where(hole(), 0.01 * (-1.0) ** (x + y), 0).astype("f4")
    found = artefacts(filled(data, hole()))
    assert found.checkerboard > 10 * found.checkerboard_clear
    assert found.checkerboard_clear < 0.01


def test_white_noise_has_a_quarter_at_nyquist():
    noise = np.random.default_rng(1).standard_normal((1, SIDE, SIDE)).astype(np.float32)
    share = nyquist_share(noise, np.ones((SIDE, SIDE), bool))
    assert share == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("where", [np.zeros((SIDE, SIDE), bool), np.ones((SIDE, SIDE), bool)])
def test_nothing_filled_or_nothing_clear_is_nan(where):
    found = artefacts(filled(ground(), where))
    assert np.isnan(found.seam) and np.isnan(found.checkerboard_clear)


def test_a_tile_smaller_than_a_block():
    tile = Tile(np.full((1, 5, 5), 0.1, np.float32), BandSet((BLUE,)))
    provenance = np.full((5, 5), OBSERVED, np.uint8)
    provenance[2, 2] = SPATIAL
    found = artefacts(FilledTile(tile, provenance, np.ones((5, 5), np.float32)))
    assert np.isnan(found.checkerboard) and np.isnan(found.seam)
