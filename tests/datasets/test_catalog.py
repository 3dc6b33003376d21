"""Every real image is read, and its reflectance is scale x number + offset."""

import numpy as np
import rasterio

from kumosan.datasets import read, read_mask
from kumosan.datasets.errors import BandError


def test_every_image_of_the_catalogue(data, catalog):
    for row in catalog:
        path = data / row["image"]
        if row["sensor"].startswith("Sentinel-1"):
            try:
                read(path)
            except BandError as e:
                assert "radar" in str(e), path
            else:
                raise AssertionError(f"{path} was read")
            continue
        tile = read(path)
        with rasterio.open(path) as ds:
            raw = ds.read()
            scales, offsets = np.array(ds.scales), np.array(ds.offsets)
            nodata = ds.nodata
        assert np.array_equal(tile.stored, raw, equal_nan=raw.dtype.kind == "f"), path
        some = raw[:, ::5, ::3]  # enough to see a wrong scale, and quick
        expected = some * scales[:, None, None] + offsets[:, None, None]
        if nodata is not None:
            expected[some == nodata] = np.nan
        got = tile.data[:, ::5, ::3]
        assert np.allclose(got, expected, rtol=1e-6, atol=1e-6, equal_nan=True), path
        assert list(tile.bands.names) == row["bands"] or len(row["bands"]) > 100, path
        assert all(b.fwhm_nm > 0 for b in tile.bands), path
        if not row["sensor"].startswith("EnMAP"):
            family = "landsat-8" if row["sensor"].startswith("Landsat") else "sentinel-2"
            assert tile.acquired.sensor == family, path
            assert all(b.gsd_m for b in tile.bands), path
        expected_level = "TOA" if ("L1" in row["level"] or "TOA" in row["level"]) else "SR"
        assert tile.acquired.level in (expected_level, None), path
        for i, band in enumerate(tile.bands):
            if band.kind == "thermal" and tile.valid.any():
                assert 140 < np.nanmedian(tile.data[i]) < 330, path
        if row["mask"]:
            assert read_mask(data / row["mask"], tile).classes.shape == tile.shape


def test_a_jpeg_2000_band(data):
    """Alone, its numbers are ambiguous; the user's word settles what they mean."""
    path = data / "raw_formats" / "sentinel2_jp2" / "B01.jp2"
    tile = read(path, sensor="sentinel-2a", scale=1e-4)
    assert tile.bands.names == ("B01",)
    assert tile.crs.to_epsg() == 32615
    assert 0 < np.nanmedian(tile.data) < 1
