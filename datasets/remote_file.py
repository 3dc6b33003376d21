"""A raster on a public server, read by window with range requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from .opening import damage_named

GDAL_OPTIONS: dict[str, Any] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no side files: they were not checked
    "GDAL_HTTP_MAX_RETRY": 4,  # 429, 500, 502, 503 and 504, with growing delays
    "GDAL_HTTP_RETRY_DELAY": 1,
    "GDAL_HTTP_TIMEOUT": 60,
    "GDAL_HTTP_CONNECTTIMEOUT": 20,
    "AWS_NO_SIGN_REQUEST": "YES",  # public buckets; no search for credentials either
}
_JPEG2000 = (".jp2", ".j2k")


@dataclass(frozen=True)
class RemoteFile:
    """Reads as `RasterFile` does; GDAL keeps headers and blocks, so each read opens anew."""

    href: str
    """A checked address (`hrefs.checked_href`)."""

    @contextmanager
    def open(self) -> Iterator[Any]:
        """The rasterio dataset.

        Raises:
            FileError: not reachable, damaged, or neither GeoTIFF nor JPEG 2000.
        """
        parts = urlsplit(self.href)
        system = "/vsis3/" if parts.scheme == "s3" else "/vsicurl/"
        name = system + (parts.netloc + parts.path if parts.scheme == "s3" else self.href)
        # The driver is given: a VRT behind a .tif could name any file of this machine.
        driver = "JP2OpenJPEG" if parts.path.lower().endswith(_JPEG2000) else "GTiff"
        with (
            damage_named(self.href),  # type: ignore[arg-type]
            rasterio.Env(**GDAL_OPTIONS),
            rasterio.open(name, driver=driver) as dataset,
        ):
            yield dataset

    def read(self, window: Window, bands: Sequence[int] | int) -> NDArray[Any]:
        """Stored numbers of a window; (band, y, x) of several bands (from 1), (y, x) of one."""
        with self.open() as dataset:
            out: NDArray[Any] = dataset.read(bands, window=window)
        return out
