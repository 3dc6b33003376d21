"""Cubes are masked lazily, by chunks that see their surroundings, as tiles are."""

import numpy as np
import pytest

xr = pytest.importorskip("xarray", reason="comes with the extra 'xarray'")
pytest.importorskip("rioxarray", reason="comes with the extra 'xarray'")

from dataclasses import replace  # noqa: E402
from itertools import pairwise  # noqa: E402

from kumosan.datasets.errors import UnfitError  # noqa: E402
from kumosan.detection import mask_xarray  # noqa: E402
from kumosan.detection.segmenter import Segmenter  # noqa: E402

S2 = ("blue", "green", "red", "nir", "swir1", "swir2", "cirrus")


@pytest.fixture
def tile(scene):
    y, x = np.mgrid[:200, :260]
    made = scene(np.sin(y / 19) + np.cos(x / 17) > 0.9, names=S2, sun=(40.0, 250.0))
    data = made.data.copy()
    data[:, :9, :30] = np.nan
    return replace(made, data=data)


def test_a_cube_in_memory_is_masked_as_its_tile(tile, weights):
    found = mask_xarray(tile.to_xarray(), Segmenter(weights))
    assert np.array_equal(found.values, Segmenter(weights).mask(tile).classes)
    assert found.rio.crs == tile.crs and found.dims == ("y", "x")


def by_hand(tile, segmenter, tops, lefts, overlap):
    """Each chunk masked with its surroundings, which are then cut off."""
    out = np.empty(tile.shape, np.uint8)
    for top, bottom in pairwise(tops):
        for left, right in pairwise(lefts):
            y, x = max(top - overlap, 0), max(left - overlap, 0)
            data = tile.data[:, y : bottom + overlap, x : right + overlap].copy()
            classes = segmenter.mask(tile.with_data(data)).classes
            inner = classes[top - y :, left - x :][: bottom - top, : right - left]
            out[top:bottom, left:right] = inner
    return out


@pytest.mark.parametrize(
    ("chunks", "tops", "lefts"),
    [
        ({"y": 128, "x": 130}, (0, 128, 200), (0, 130, 260)),
        ({"y": 100, "x": 90, "band": 2}, (0, 100, 200), (0, 90, 180, 260)),
    ],
)
def test_a_lazy_cube_gives_a_lazy_mask(tile, weights, chunks, tops, lefts, monkeypatch):
    segmenter = Segmenter(weights)
    whole = segmenter.mask(tile).classes
    calls = []
    inner = Segmenter.mask

    def spy(self, tile):
        calls.append(tile.shape)
        return inner(self, tile)

    monkeypatch.setattr(Segmenter, "mask", spy)
    cube = tile.to_xarray().chunk(chunks)
    lazy = mask_xarray(cube, segmenter, overlap_px=48)
    assert lazy.chunks is not None and calls == []
    assert lazy.dtype == np.uint8 and lazy.shape == tile.shape
    found = lazy.compute(scheduler="synchronous")
    assert len(calls) > 3
    assert np.array_equal(found.values, by_hand(tile, segmenter, tops, lefts, 48))
    assert np.array_equal(found.values == 255, whole == 255)
    assert np.array_equal(found.x, cube.x) and found.attrs["flag_values"] == [0, 1, 2, 3]


def test_stored_numbers_need_their_scale(tile, weights):
    cube = tile.to_xarray()
    plain = xr.DataArray(
        np.nan_to_num(np.rint(cube.values * 1e4)).astype("uint16"), dims=cube.dims,
        coords={"wavelength": cube.wavelength, "y": cube.y, "x": cube.x},
        attrs={"sun_azimuth_deg": 250.0},
    ).rio.write_crs(tile.crs)  # fmt: skip
    lazy = mask_xarray(plain.chunk(y=200, x=260), Segmenter(weights), scale=1e-4, nodata=0)
    whole = Segmenter(weights).mask(tile).classes
    assert (lazy.values == whole).mean() > 0.995


def test_bands_that_do_not_fit_are_refused_before_anything_is_computed(tile, weights):
    cube = tile.to_xarray().isel(band=[1, 2]).chunk(y=128)
    with pytest.raises(UnfitError):
        mask_xarray(cube, Segmenter(weights))
