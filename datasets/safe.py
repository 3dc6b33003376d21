"""Sentinel-2 L1C and L2A products (``.SAFE`` folders) to Tile, on one grid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bands import BandSet
from .encoding import Encoding
from .errors import FileError, GridError, UsageError
from .families import MEMBERS
from .opening import MAX_PIXELS, open_raster
from .regrid import Grid, average, repeat, stack
from .safe_metadata import SafeMetadata, parse_safe
from .sensors import sensors
from .tile import Quality, Tile

RESOLUTIONS_M = (10, 20, 60)
_FILE = re.compile(r"_(B\d[\dA]|SCL)(?:_(\d0)m)?\.jp2$", re.I)
Files = Mapping[str, Mapping[int, Path]]
"""File by band name and pixel size in metres."""


def read_safe(product: Path, resolution_m: float = 20, max_pixels: int = MAX_PIXELS) -> Tile:
    """Read all bands of a product.

    A band is taken from the file of the wanted resolution if the product has one. Otherwise
    finer pixels are averaged over their valid numbers and coarser ones are repeated. SCL goes
    into ``Tile.quality``, by nearest neighbour.

    Args:
        product: MTD_MSIL1C.xml or MTD_MSIL2A.xml.
        resolution_m: 10, 20 or 60. The default is 20, the resolution of most bands: a whole
            scene takes about 2.5 GB of memory then, and about 10 GB at 10 m.
        max_pixels: limit of width x height x bands.

    Raises:
        FileError: metadata or the file of a band is missing or damaged, or the scene too large.
        GridError: files do not lie on one grid.
        UsageError: another resolution.
    """
    if resolution_m not in RESOLUTIONS_M:
        raise UsageError(f"resolution {resolution_m:g} m", "10, 20 or 60", "correct --resolution")
    target = int(resolution_m)
    meta = parse_safe(product)
    table = sensors()[meta.origin.key or MEMBERS["sentinel-2"][0]].bands
    bands = BandSet(tuple(b for b in table if meta.level == "L1C" or b.name != "B10"))
    files = _files(meta, {b.name: int(b.gsd_m or 0) for b in bands})
    planes = ((b.name, *_plane(files, b.name, target, max_pixels, meta)) for b in bands)
    stored, grid = stack(planes, len(bands), product.parent, max_pixels)
    scale = 1.0 / meta.quantification
    encoding = Encoding(
        "uint16",
        tuple(scale for _ in bands),
        tuple(meta.offsets.get(b.name, 0.0) * scale for b in bands),
        nodata=0,
    )
    return Tile(
        data=encoding.decode(stored),
        bands=bands,
        transform=grid.transform,
        crs=grid.crs,
        acquired=meta.acquired,
        encoding=encoding,
        stored=stored,
        quality=_scl(files, target, max_pixels, meta, grid) if meta.level == "L2A" else None,
        tags=meta.tags,
        path=str(product.parent),
    )


def _files(meta: SafeMetadata, native: Mapping[str, int]) -> Files:
    """The band files below IMG_DATA. File names of L1C do not say the resolution."""
    found: dict[str, dict[int, Path]] = {}
    for path in sorted((meta.granule / "IMG_DATA").rglob("*.jp2")):
        if match := _FILE.search(path.name):
            name, size = match.group(1).upper(), match.group(2)
            found.setdefault(name, {})[int(size) if size else native.get(name, 0)] = path
    return found


def _choose(files: Files, name: str, target: int, meta: SafeMetadata) -> tuple[Path, int]:
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


def _plane(
    files: Files, name: str, target: int, max_pixels: int, meta: SafeMetadata
) -> tuple[NDArray[Any], Grid]:
    """Stored numbers of one band on the target's pixel size, and their grid."""
    path, size = _choose(files, name, target, meta)
    with open_raster(path, max_pixels) as ds:
        grid, dtype = Grid.of(ds), ds.dtypes[0]
        _check_file(path, grid, ds.count, dtype, size, target)
        plane = ds.read(1)
    if size == target:
        return plane, grid
    if size > target:
        return repeat(plane, size // target), grid.scaled(target / size)
    factor = target // size
    if name == "SCL":  # classes cannot be averaged: the pixel in the middle of the block
        return plane[factor // 2 :: factor, factor // 2 :: factor], grid.scaled(factor)
    return average(plane, factor), grid.scaled(factor)


def _check_file(path: Path, grid: Grid, count: int, dtype: str, size: int, target: int) -> None:
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


def _scl(files: Files, target: int, max_pixels: int, meta: SafeMetadata, grid: Grid) -> Quality:
    plane, own = _plane(files, "SCL", target, max_pixels, meta)
    grid.check(own, f"SCL of {meta.granule.name}")
    return Quality("scl", plane.astype(np.uint8))
