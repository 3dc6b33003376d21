"""Safe opening: a file is what its first bytes say, and nothing is read that was not asked for.

GDAL picks its driver by trying all of them, so a ``.tif`` that is really a VRT may name any
other file or address. Here the driver is chosen by magic bytes from a list of two.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError

from .archive import File, Member, head
from .errors import FileError

MAX_PIXELS = 2_000_000_000
"""Default limit of samples (width x height x bands): a Sentinel-2 scene of 10980 x 10980 with
13 bands (1.57e9) passes, a header that declares hundreds of gigabytes does not."""

_DRIVERS = (
    (b"II*\x00", "GTiff"),
    (b"MM\x00*", "GTiff"),
    (b"II+\x00", "GTiff"),  # BigTIFF
    (b"MM\x00+", "GTiff"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),  # bare JPEG 2000 code stream
)
_OTHERS = (
    (b"<VRTDataset", "a GDAL VRT (a text that names other files)"),
    (b"<", "an XML text"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x89HDF", "an HDF5 or netCDF-4 file"),
    (b"CDF", "a netCDF file"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"ENVI", "an ENVI header"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"{", "a JSON text"),
)


def driver_of(path: File) -> str:
    """Name of the GDAL driver for the file, by its first bytes.

    Raises:
        FileError: missing, a directory, empty, unreadable, or of another kind.
    """
    if isinstance(path, Path) and path.is_dir():
        raise FileError(
            f"{path} is a folder without a Sentinel-2 or Landsat product",
            "a raster file, a .SAFE folder or a Landsat folder with its MTL file",
            "name the file or the product's own folder",
        )
    try:
        first = head(path, 64)
    except FileNotFoundError:
        raise FileError(f"{path} does not exist", "an existing file", "correct the path") from None
    except (OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or str(e)
        raise FileError(
            f"{path} cannot be read ({reason})", "a readable file", "check its permissions"
        ) from e
    if not first:
        raise FileError(f"{path} is empty (zero bytes)", "a raster file", "download it again")
    for magic, driver in _DRIVERS:
        if first.startswith(magic):
            return driver
    text = first.lstrip(b"\xef\xbb\xbf \t\r\n")
    kind = next((name for magic, name in _OTHERS if text.startswith(magic)), "of an unknown kind")
    raise FileError(f"{path} is {kind}", "a GeoTIFF or JPEG 2000 file", "convert it to GeoTIFF")


def check_size(path: File | str, width: int, height: int, bands: int, max_pixels: int) -> None:
    """Raise FileError if the raster would hold more than ``max_pixels`` samples."""
    samples = width * height * bands
    if samples > max_pixels:
        raise FileError(
            f"{path} declares {width} x {height} pixels in {bands} bands ({samples:.3g} samples)",
            f"at most {max_pixels:.3g} samples",
            f"cut out a part, or pass --max-pixels {samples} if the memory is there",
        )


@contextmanager
def open_raster(path: str | File, max_pixels: int = MAX_PIXELS) -> Iterator[Any]:
    """Open a GeoTIFF or JPEG 2000 file for reading; yields the rasterio dataset.

    Errors of GDAL in the body of the ``with`` (a block that is cut off or corrupt) become
    FileError too, so that no caller ever works with half of the data.

    Args:
        path: a local file, or a member of a local archive. Addresses and GDAL's virtual paths
            are not followed.
        max_pixels: limit of width x height x bands, checked before anything is allocated.

    Raises:
        FileError: the file is missing, not of a kind that is read, too large, or damaged.
    """
    path = Path(path) if isinstance(path, str) else path
    with damage_named(path), open_dataset(path) as dataset:
        check_size(path, dataset.width, dataset.height, dataset.count, max_pixels)
        yield dataset


@contextmanager
def damage_named(path: File) -> Iterator[None]:
    """Turn GDAL's errors in the body of the ``with`` into a FileError that names ``path``."""
    try:
        yield
    except (RasterioError, CRSError, UnicodeDecodeError) as e:
        reason = str(e.__cause__ or e).split("\n")[0]
        raise FileError(
            f"{path} is damaged ({reason})", "a complete raster file", "download or copy it again"
        ) from e


def open_dataset(path: File) -> Any:
    """The rasterio dataset of a file, opened with the driver that its first bytes name.

    Raises:
        FileError: missing, not of a kind that is read, or without any band.
        RasterioError: damaged; call it inside `damage_named`.
    """
    driver = driver_of(path)
    # An absolute path cannot be mistaken for a URL or a virtual file system by GDAL.
    name = path.gdal_name() if isinstance(path, Member) else path.absolute()
    dataset = _open(name, driver)
    if dataset.count == 0:
        dataset.close()
        raise FileError(f"{path} holds no band", "at least one", "name its raster file")
    return dataset


class _LostTags(logging.Handler):
    """Notes GDAL's warnings that a tag of the TIFF header could not be read.

    GDAL opens a file whose end is missing, without the tags (grid, nodata, scale) that lay
    there, and says so in its log only.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.thread = threading.get_ident()
        self.lost: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.thread == self.thread and "IO error during reading" in text:
            self.lost.append(text.split(":", 1)[-1].strip())


def _open(path: Path | str, driver: str) -> Any:
    """The rasterio dataset, opened in silence; RasterioError if part of its header is lost."""
    log, watch = logging.getLogger("rasterio._env"), _LostTags()
    log.addHandler(watch)
    try:
        with warnings.catch_warnings():  # a file without georeference is fine
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(path, driver=driver)
    finally:
        log.removeHandler(watch)
    if watch.lost:
        dataset.close()
        raise RasterioError(watch.lost[0])
    return dataset
