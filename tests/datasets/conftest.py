"""Writers of small rasters for the tests of reading."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

MakeTif = Callable[..., Path]
UTM = Affine(30, 0, 300_000, 0, -30, 5_000_000)


@pytest.fixture
def make_tif(tmp_path: Path) -> MakeTif:
    """A function that writes a (band, y, x) array as a GeoTIFF below ``tmp_path``."""

    def make(
        data: Any,
        name: str = "scene.tif",
        *,
        names: list[str] | None = None,
        nm: list[float] | None = None,
        units: str | None = "nm",
        scale: float | list[float] | None = None,
        offset: float | list[float] = 0.0,
        tags: dict[str, str] | None = None,
        band_tags: list[dict[str, str]] | None = None,
        envi: dict[str, str] | None = None,
        **profile: Any,
    ) -> Path:
        data = np.asarray(data)
        n, height, width = data.shape
        options = {"driver": "GTiff", "crs": "EPSG:32633", "transform": UTM} | profile
        path = tmp_path / name
        with rasterio.open(
            path, "w", count=n, height=height, width=width, dtype=data.dtype, **options
        ) as ds:
            ds.write(data)
            if names:
                ds.descriptions = names
            if scale is not None:
                ds.scales = scale if isinstance(scale, list) else [scale] * n
                ds.offsets = offset if isinstance(offset, list) else [offset] * n
            for i in range(n):
                if nm is not None:
                    ds.update_tags(i + 1, wavelength=str(nm[i]))
                    if units:
                        ds.update_tags(i + 1, wavelength_units=units)
                if band_tags:
                    ds.update_tags(i + 1, **band_tags[i])
            ds.update_tags(**(tags or {}))
            if envi:
                ds.update_tags(ns="ENVI", **envi)
        return path

    return make
