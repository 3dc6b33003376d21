"""Means of blocks of pixels: of a scene read by windows, and of a tile."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from kumosan.datasets import coarse
from kumosan.datasets.bands import GREEN, NIR, RED, BandSet
from kumosan.datasets.read import open_scene
from kumosan.datasets.tile import Tile
from kumosan.datasets.write import write_tile


@pytest.fixture
def tile():
    data = np.random.default_rng(0).random((3, 37, 53), np.float32)
    data[0, 8:16, 16:30], data[1, 3, 4] = np.nan, np.nan
    return Tile(
        data,
        BandSet(tuple(replace(b, gsd_m=10.0) for b in (GREEN, RED, NIR))),
        Affine(10, 0, 5e5, 0, -10, 5e6),
    )


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_means_of_what_is_known(tile, factor, tmp_path, monkeypatch):
    found = coarse.averaged_tile(tile, factor, [2, 0])
    assert found.bands.names == ("nir", "green") and found.transform.a == 10 * factor
    assert found.gsd_m == 10 * factor  # there is no coordinate system: the bands tell it
    for band, plane in zip((2, 0), found.data, strict=True):
        for (y, x), value in np.ndenumerate(plane):
            block = tile.data[band, y * factor : (y + 1) * factor, x * factor : (x + 1) * factor]
            known = block[np.isfinite(block)]
            expected = known.mean() if known.size else np.nan
            np.testing.assert_allclose(value, expected, rtol=1e-5)
    monkeypatch.setattr(coarse, "_SIDE_PX", 16)  # several windows
    write_tile(tmp_path / "t.tif", tile)
    seen = []
    scene = coarse.averaged(
        open_scene(tmp_path / "t.tif"), factor, [2, 0], lambda window, _: seen.append(window)
    )
    np.testing.assert_allclose(scene.data, found.data, rtol=1e-5)
    assert sum(w.width * w.height for w in seen) == 37 * 53 and len(seen) > 1
