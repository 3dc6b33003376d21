"""Satellogic hyperspectral scenes: one GeoTIFF a band, or one GeoTIFF with all bands.

Older micro-satellites: a folder of ``HyperCube_<nm>_nm.tif``. Other deliveries: one file whose
bands are called ``HC_<nm>``. The wavelength is the one in the name, never one by position.
Verified on files made to these names; no real scene was at hand.

Numbers need a meaning: scale and offset of the file, floating-point reflectance, or the user's
``scale``. Widths are not published; the spacing of the bands, at most 6 % of the wavelength,
stands for them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .acquisition import from_tags
from .badbands import spectral_bands
from .encoding import Encoding
from .errors import BandError, FileError
from .families import Origin
from .geotiff import RasterSource
from .opening import MAX_PIXELS
from .product_xml import matching
from .raster_file import RasterFile
from .regrid import Grid
from .scaling import choose_encoding
from .scene import Scene

_FILE = re.compile(r"HyperCube_(\d{3,4})_nm\.tiff?$", re.I)
_NAME = re.compile(r"HC_(\d{3,4})$", re.I)


@dataclass(frozen=True)
class BandFiles:
    """PixelSource of one file a band."""

    files: tuple[RasterFile, ...]
    dtype: str

    def stored(self, window: Window, bands: Sequence[int]) -> NDArray[Any]:
        """(len(bands), height, width) stored numbers."""
        out = np.empty((len(bands), int(window.height), int(window.width)), self.dtype)
        for place, b in enumerate(bands):
            out[place] = self.files[b].read(window, 1)
        return out

    def quality(self, window: Window) -> None:
        """No supplier's mask."""
        return None

    def missing(self, window: Window) -> None:
        """Nodata says it all."""
        return None


def matches(path: Path) -> bool:
    """Whether ``path`` is a folder with ``HyperCube_<nm>_nm.tif`` files, or one of them.

    A file with bands ``HC_<nm>`` is not told from other GeoTIFFs without opening it; those names
    are understood there too.
    """
    if path.is_dir():
        return any(_FILE.match(p.name) for p in matching(path, "hypercube_*"))
    return path.is_file() and _FILE.match(path.name) is not None


def open_satellogic(
    path: Path,
    *,
    scale: float | None = None,
    offset: float | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Scene:
    """Open a folder of single bands, or one file with bands ``HC_<nm>``.

    Args:
        path: the folder, one of its files (its siblings belong to it), or the file of all bands.
        scale: reflectance per stored number, where the files do not say.
        offset: reflectance of the stored number 0.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        FileError: a file is missing or damaged.
        BandError: no wavelength in the names, one twice, other than one band or several dtypes
            in the files, or numbers without a meaning.
        GridError: the files do not lie on one grid.
    """
    if path.is_dir() or _FILE.match(path.name):
        folder = path if path.is_dir() else path.parent
        paths = _by_wavelength(folder)
        return _open(folder, list(paths.values()), list(paths), scale, offset, max_pixels)
    file = RasterFile.at(path.absolute())
    with file.open() as ds:
        names = [(d or "").strip() for d in ds.descriptions]
    found = [_NAME.match(n) for n in names]
    lost = [n for n, m in zip(names, found, strict=True) if m is None]
    if lost:
        raise BandError(
            f"{path} has {len(lost)} bands not called HC_<nm> ({', '.join(lost[:3])})",
            "names such as HC_670", "pass --bands with their wavelengths",
        )  # fmt: skip
    centers = [float(m.group(1)) for m in found if m]
    return _open(path, [path], centers, scale, offset, max_pixels)


def _by_wavelength(folder: Path) -> dict[float, Path]:
    """Files by wavelength in nm, ascending.

    Raises:
        BandError: a wavelength twice (``.tif`` and ``.tiff``), or no file at all.
    """
    found: dict[float, Path] = {}
    for path in matching(folder, "hypercube_*"):
        match = _FILE.match(path.name)
        if match is None:
            continue
        nm = float(match.group(1))
        if nm in found:
            raise BandError(
                f"{folder} has {nm:g} nm twice ({found[nm].name}, {path.name})",
                "one file a band", "remove one",
            )  # fmt: skip
        found[nm] = path
    if not found:
        raise FileError(f"{folder} has no HyperCube_<nm>_nm.tif", "one a band", "name its folder")
    return dict(sorted(found.items()))


def _open(
    place: Path,
    paths: Sequence[Path],
    centers: Sequence[float],
    scale: float | None,
    offset: float | None,
    max_pixels: int,
) -> Scene:
    files = tuple(RasterFile.at(p.absolute()) for p in paths)
    bands, band_tags = spectral_bands(
        place, [f"HC_{c:03.0f}" for c in centers], centers, _widths(centers)
    )
    several = len(files) > 1 or len(centers) == 1
    grids, encodings, named = [], [], Origin(named=True)
    for i, file in enumerate(files):
        with file.open() as ds:
            if several and ds.count != 1:
                raise BandError(
                    f"{paths[i]} has {ds.count} bands", "one band a file", "name the file itself"
                )
            grids.append(Grid.of(ds))
            if i:
                grids[0].check(grids[i], paths[i].name)
            tags = ds.tags()
            own = bands.select([i]) if several else bands
            encodings.append(choose_encoding(ds, own, ds.nodata, named, scale, offset))
    encoding = _merged(place, encodings)
    return Scene(
        path=str(place),
        grid=grids[0],
        bands=bands,
        encoding=encoding,
        source=BandFiles(files, encoding.dtype) if several else RasterSource(files[0]),
        acquired=from_tags(tags, Origin("satellogic"), bands.names),
        tags=tags | {"SENSOR": "Satellogic hyperspectral"},
        band_tags=band_tags,
        max_pixels=max_pixels,
    )


def _widths(centers: Sequence[float]) -> list[float]:
    return [min([0.06 * c, *(abs(c - other) for other in centers if other != c)]) for c in centers]


def _merged(place: Path, encodings: Sequence[Encoding]) -> Encoding:
    """One encoding for all files: scales may differ, dtype and nodata may not."""
    kinds = {(e.dtype, None if e.nodata is None else repr(e.nodata)) for e in encodings}
    if len(kinds) > 1:
        raise BandError(
            f"{place} holds files of {len(kinds)} types ({sorted(map(str, kinds))})",
            "one dtype and nodata value for all bands",
            "convert the files (gdal_translate -ot, -a_nodata)",
        )
    first = encodings[0]
    scale = tuple(s for e in encodings for s in e.scale)
    shift = tuple(s for e in encodings for s in e.offset)
    return Encoding(first.dtype, scale, shift, first.nodata)
