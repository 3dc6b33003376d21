"""A raster file that is read by window, from any thread and any process.

GDAL's datasets may not be shared between threads or across a fork, and opening one for every
window is slow: it forgets the blocks it has decompressed (a JPEG 2000 window costs a whole
tile). So each thread of each process keeps its own handles, as long as the `RasterFile` lives,
and no more than 64 of them: a list of thousands of open scenes does not run out of files.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import rasterio
from numpy.typing import NDArray
from rasterio.env import get_gdal_config, getenv, hasenv, set_gdal_config
from rasterio.windows import Window

from .archive import File, Member
from .errors import FileError
from .opening import damage_named, driver_of, open_dataset

_MOST_OPEN = 64
_CACHE_BYTES = 512 * 2**20
"""Most that GDAL may keep of decompressed blocks, in the whole process. Its own limit, 5 % of
the machine's memory, is several GB where many scenes stream at once; a row of Sentinel-2 blocks
in 13 bands takes 300 MB. GDAL_CACHEMAX in the environment or in rasterio.Env overrides it."""


class _Handles(threading.local):
    """This thread's open datasets, the least recently used first."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.pid = os.getpid()
        self.open: WeakKeyDictionary[RasterFile, Any] = WeakKeyDictionary()


_HANDLES = _Handles()


@dataclass(frozen=True)
class RasterFile:
    """A file, and what it looked like when it was first opened. Picklable."""

    path: File
    stamp: tuple[int, int, int]
    """(inode, size, time of change in ns): a file that was replaced is not read on."""

    @classmethod
    def at(cls, path: File) -> RasterFile:
        """The file as it is now; FileError if it is not of a kind that is read."""
        driver_of(path)
        return cls(path, _stamp(path))

    @contextmanager
    def open(self) -> Iterator[Any]:
        """This thread's rasterio dataset; do not close it, and do not hand it on.

        Raises:
            FileError: missing, damaged, or changed since the scene was opened.
        """
        if _HANDLES.pid != os.getpid():  # after a fork the parent's file offsets are shared
            _HANDLES.renew()
        handles = _HANDLES.open
        dataset = handles.pop(self, None)
        with damage_named(self.path):
            if dataset is None:
                dataset = self._fresh()
            yield dataset
        while len(handles) >= _MOST_OPEN:
            handles.pop(next(iter(handles))).close()
        handles[self] = dataset

    def read(self, window: Window, bands: Sequence[int] | int) -> NDArray[Any]:
        """Stored numbers of a window; (band, y, x) of several bands (from 1), (y, x) of one."""
        with self.open() as dataset:
            out: NDArray[Any] = dataset.read(bands, window=window)
        return out

    def _fresh(self) -> Any:
        _bound_cache()
        dataset = open_dataset(self.path)
        if _stamp(self.path) != self.stamp:
            dataset.close()
            raise FileError(
                f"{self.path} has changed since the scene was opened", "the same file",
                "open the scene again",
            )  # fmt: skip
        return dataset


def _bound_cache() -> None:
    asked = "GDAL_CACHEMAX" in os.environ or (hasenv() and "GDAL_CACHEMAX" in getenv())
    if not asked and get_gdal_config("GDAL_CACHEMAX") > _CACHE_BYTES:
        set_gdal_config("GDAL_CACHEMAX", _CACHE_BYTES)


@contextmanager
def bounded_cache(most_bytes: int = 200 * 2**20) -> Iterator[None]:
    """Keep GDAL's cache of blocks smaller, where a scene is read in order.

    A large cache would serve nothing then. One that the user asked for stays.
    """
    own = {} if "GDAL_CACHEMAX" in os.environ else {"GDAL_CACHEMAX": most_bytes}
    with rasterio.Env(**own):
        yield


def _stamp(path: File) -> tuple[int, int, int]:
    try:
        stat = (path.archive if isinstance(path, Member) else path).stat()
    except OSError as e:
        raise FileError(
            f"{path} cannot be read ({e.strerror})", "a readable file", "correct the path"
        ) from e
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
