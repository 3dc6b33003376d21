"""Sentinel-2 L1C and L2A products (``.SAFE`` folders, zipped ones too), on one grid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .archive import File, Member, is_archive
from .bands import BandSet
from .encoding import Encoding
from .errors import FileError, GridError, UsageError
from .families import MEMBERS
from .opening import MAX_PIXELS
from .raster_file import RasterFile
from .regrid import Grid, average, repeat
from .safe_metadata import PRODUCT_FILES, SafeMetadata, parse_safe, product_file
from .scene import Scene
from .sensors import sensors

RESOLUTIONS_M = (10, 20, 60)
_FILE = re.compile(r"_(B\d[\dA]|SCL)(?:_(\d0)m)?\.jp2$", re.I)
Files = Mapping[str, Mapping[int, File]]
"""File by band name and pixel size in metres."""


@dataclass(frozen=True)
class Plane:
    """The file of one band, and what it takes to bring it onto the scene's grid."""

    file: RasterFile
    finer: int = 1
    """File pixels along one side of a scene pixel."""
    coarser: int = 1
    """Scene pixels along one side of a file pixel."""
    classes: bool = False
    """Classes cannot be averaged: the pixel in the middle of the block is taken."""

    def read(self, window: Window) -> NDArray[Any]:
        """(height, width) stored numbers of a window of the scene."""
        top, left = window.row_off, window.col_off
        height, width = window.height, window.width
        if self.coarser > 1:
            c = self.coarser
            y, x = top // c, left // c
            bottom, right = ceil((top + height) / c), ceil((left + width) / c)
            plane = repeat(self.file.read(Window(x, y, right - x, bottom - y), 1), c)
            return plane[top - y * c :, left - x * c :][:height, :width]
        f = self.finer
        plane = self.file.read(Window(left * f, top * f, width * f, height * f), 1)
        if f == 1:
            return plane
        return plane[f // 2 :: f, f // 2 :: f] if self.classes else average(plane, f)


@dataclass(frozen=True)
class SafeSource:
    """Windows of a product whose bands have their own resolutions."""

    planes: tuple[Plane, ...]
    scl: Plane | None

    def stored(self, window: Window, bands: Sequence[int]) -> NDArray[Any]:
        out = np.empty((len(bands), window.height, window.width), np.uint16)
        for plane, i in zip(out, bands, strict=True):
            plane[...] = self.planes[i].read(window)
        return out

    def quality(self, window: Window) -> NDArray[Any] | None:
        return None if self.scl is None else self.scl.read(window).astype(np.uint8)

    def missing(self, window: Window) -> None:
        return None


def matches(path: Path) -> bool:
    """A folder with MTD_MSIL1C.xml or MTD_MSIL2A.xml, that file, or a ZIP that holds it."""
    if path.is_dir():
        return path.suffix.upper() == ".SAFE" or product_file(path) is not None
    if path.suffix.lower() == ".zip" and is_archive(path):
        return bool(_zipped(path)) or ".SAFE" in path.name.upper()
    return path.name in PRODUCT_FILES


def open_safe(path: Path, *, resolution_m: float = 20, max_pixels: int = MAX_PIXELS) -> Scene:
    """Open all bands of a product.

    A band is taken from the file of the wanted resolution if the product has one. Otherwise
    finer pixels are averaged over their valid numbers and coarser ones are repeated. SCL goes
    into ``Tile.quality``, by nearest neighbour.

    Args:
        path: ``.SAFE`` folder, MTD_MSIL1C.xml or MTD_MSIL2A.xml in it, or the ZIP of the
            folder. The copies that a ZIP compresses again are read more slowly.
        resolution_m: 10, 20 or 60. The default is 20, the resolution of most bands: a whole
            scene takes about 2.5 GB of memory then, and about 10 GB at 10 m.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        FileError: metadata or the file of a band is missing or damaged.
        GridError: files do not lie on one grid.
        UsageError: another resolution.
    """
    if resolution_m not in RESOLUTIONS_M:
        raise UsageError(f"resolution {resolution_m:g} m", "10, 20 or 60", "correct --resolution")
    target, product = int(resolution_m), _product(path)
    meta = parse_safe(product)
    table = sensors()[meta.origin.key or MEMBERS["sentinel-2"][0]].bands
    bands = BandSet(tuple(b for b in table if meta.level == "L1C" or b.name != "B10"))
    files = _files(meta, {b.name: int(b.gsd_m or 0) for b in bands})
    names = [*bands.names, *(["SCL"] if meta.level == "L2A" else [])]
    place = product.archive if isinstance(product, Member) else product.parent
    opened = [_plane(files, name, target, meta) for name in names]
    planes, grid = [plane for plane, _ in opened], opened[0][1]
    for name, (_, own) in zip(names, opened, strict=True):
        grid.check(own, f"{name} of {place.name}")
    scale = 1.0 / meta.quantification
    return Scene(
        path=str(place),
        grid=grid,
        bands=bands,
        encoding=Encoding(
            "uint16",
            tuple(scale for _ in bands),
            tuple(meta.offsets.get(b.name, 0.0) * scale for b in bands),
            nodata=0,
        ),
        source=SafeSource(tuple(planes[: len(bands)]), planes[-1] if meta.level == "L2A" else None),
        acquired=meta.acquired,
        scheme="scl" if meta.level == "L2A" else None,
        tags=meta.tags,
        max_pixels=max_pixels,
    )


def _zipped(path: Path) -> list[Member]:
    """The metadata files of the products in a ZIP: at its top or in a ``.SAFE`` folder."""
    found = [f for name in PRODUCT_FILES for f in Member(path).rglob(name)]
    return [f for f in found if f.inner.count("/") <= 1]


def _product(path: Path) -> File:
    found: File | None = path
    if path.is_dir():
        found = product_file(path)
    elif is_archive(path):
        inside = _zipped(path)
        if len(inside) > 1:
            raise FileError(
                f"{path} holds {len(inside)} products", "one", "unpack it and name a product"
            )
        found = inside[0] if inside else None
    if found is None:
        raise FileError(
            f"{path} has no MTD_MSIL1C.xml or MTD_MSIL2A.xml",
            "a Sentinel-2 L1C or L2A product",
            "download the product again",
        )
    return found


def _files(meta: SafeMetadata, native: Mapping[str, int]) -> Files:
    """The band files below IMG_DATA. File names of L1C do not say the resolution."""
    found: dict[str, dict[int, File]] = {}
    listed: list[File] = list((meta.granule / "IMG_DATA").rglob("*.jp2"))
    for path in sorted(listed, key=str):
        if match := _FILE.search(path.name):
            name, size = match.group(1).upper(), match.group(2)
            found.setdefault(name, {})[int(size) if size else native.get(name, 0)] = path
    return found


def _choose(files: Files, name: str, target: int, meta: SafeMetadata) -> tuple[File, int]:
    """The file and its pixel size: the target's, else the next finer, else the next coarser."""
    sizes = files.get(name, {})
    if not sizes:
        raise FileError(
            f"{meta.granule / 'IMG_DATA'} has no file for band {name} (*_{name}*.jp2)",
            f"all bands of a Sentinel-2 {meta.level} product",
            "download the product again",
        )
    finer, coarser = [s for s in sizes if s <= target], [s for s in sizes if s > target]
    size = max(finer) if finer else min(coarser)
    return sizes[size], size


def _plane(files: Files, name: str, target: int, meta: SafeMetadata) -> tuple[Plane, Grid]:
    """One band on the target's pixel size, and its grid then."""
    path, size = _choose(files, name, target, meta)
    file = RasterFile.at(path)
    with file.open() as ds:
        grid = Grid.of(ds)
        _check_file(path, grid, ds.count, ds.dtypes[0], size, target)
    finer, coarser = max(target // size, 1), max(size // target, 1)
    return Plane(file, finer, coarser, name == "SCL"), grid.scaled(target / size)


def _check_file(path: File, grid: Grid, count: int, dtype: str, size: int, target: int) -> None:
    if count != 1 or dtype not in ("uint16", "uint8"):
        raise FileError(
            f"{path} holds {count} bands of {dtype}", "one band of uint16", "download it again"
        )
    if abs(grid.transform.a - size) > 0.01 * size:
        raise GridError(
            f"{path} with pixels of {grid.transform.a:g} m", f"{size} m", "download it again"
        )
    factor = max(target // size, 1)
    if grid.shape[0] % factor or grid.shape[1] % factor:
        raise GridError(
            f"{path} of {grid.shape[1]} x {grid.shape[0]} pixels",
            f"a multiple of {factor}, to be averaged to {target} m",
            f"choose --resolution {size}",
        )
