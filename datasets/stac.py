"""One STAC item as a Scene (`stac_stack` makes time stacks of many).

Metadata come from the item (`stac_assets`), pixels from files beside it or public servers
(`hrefs`). Verified on items made to STAC 1.0 and 1.1 with local files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .bands import BandSet
from .encoding import Encoding
from .errors import BandError, FileError, GridError
from .families import Origin
from .hrefs import checked_href
from .opening import MAX_PIXELS
from .raster_file import RasterFile
from .regrid import Grid
from .remote_file import RemoteFile
from .scaling import choose_encoding
from .scene import Scene
from .stac_assets import AssetBand, acquisition, asset_bands, load_item

_HEAD = 1 << 16


@dataclass(frozen=True)
class AssetSource:
    """PixelSource of bands that lie in several files."""

    files: tuple[tuple[RasterFile | RemoteFile, int], ...]
    """File and number (from 1) of each band."""
    dtype: str

    def stored(self, window: Window, bands: Sequence[int]) -> NDArray[Any]:
        """(len(bands), height, width) stored numbers."""
        out = np.empty((len(bands), int(window.height), int(window.width)), self.dtype)
        for place, b in enumerate(bands):
            file, number = self.files[b]
            out[place] = file.read(window, number)
        return out

    def quality(self, window: Window) -> None:
        """No supplier's mask."""
        return None

    def missing(self, window: Window) -> None:
        """Nodata says it all."""
        return None


def matches(path: Path) -> bool:
    """Whether ``path`` is a JSON text that names a STAC version near its beginning or end."""
    if path.suffix.lower() not in (".json", ".geojson") or not path.is_file():
        return False
    try:
        with path.open("rb") as f:
            first = f.read(_HEAD)
            f.seek(max(0, path.stat().st_size - _HEAD))
            return b'"stac_version"' in first + f.read(_HEAD)
    except OSError:
        return False


def open_stac(
    item: str | Path | Mapping[str, Any],
    *,
    assets: Sequence[str] | None = None,
    resolution_m: float | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Scene:
    """Open the images of one item; servers are asked for the headers of the files only.

    Args:
        item: path of the item's file, its content, or a pystac.Item.
        assets: keys of assets or names of bands, in the wanted order; all bands with
            wavelengths by default.
        resolution_m: pixel size of the bands to take, where the item has several.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        MissingExtraError: pystac is not installed.
        FileError: no valid item, an href that is not followed (`hrefs`), or a file that is
            missing, damaged or not reachable.
        BandError: no wavelengths, numbers without a scale, or files of several dtypes.
        GridError: the bands do not lie on one grid.
    """
    loaded, folder = load_item(item)
    try:
        bands = asset_bands(loaded, assets)
        acquired, found, tags = acquisition(loaded)
    except (TypeError, AttributeError) as error:
        raise FileError(
            f"{loaded.id} is no valid STAC item ({error})",
            "fields of the types that STAC prescribes",
            "correct the item, or take it from its catalogue again",
        ) from error
    name = str(item) if isinstance(item, str | Path) else loaded.id
    opened = [(b, *_opened(b, folder, found)) for b in bands]
    sizes = sorted({_size(grid) for _, _, grid, _ in opened})
    if resolution_m is not None:
        opened = [row for row in opened if math.isclose(_size(row[2]), resolution_m, rel_tol=0.01)]
    if not opened or len({_size(grid) for _, _, grid, _ in opened}) > 1:
        raise GridError(
            f"{name} has bands of {', '.join(f'{s:g}' for s in sizes)} units a pixel",
            "one pixel size", "pass --resolution with one of them, or resample with from_stac",
        )  # fmt: skip
    grid = opened[0][2]
    for band, _, other, _ in opened[1:]:
        grid.check(other, band.key)
    encoding = _merged(name, [e for *_, e in opened])
    return Scene(
        path=name,
        grid=grid,
        bands=BandSet(tuple(b.band for b, *_ in opened)),
        encoding=encoding,
        source=AssetSource(tuple((file, b.number) for b, file, *_ in opened), encoding.dtype),
        acquired=acquired,
        tags=tags,
        max_pixels=max_pixels,
    )


def _opened(
    band: AssetBand, folder: Path | None, found: Origin
) -> tuple[RasterFile | RemoteFile, Grid, Encoding]:
    place = checked_href(band.href, folder)
    file = RasterFile.at(place) if isinstance(place, Path) else RemoteFile(place)
    with file.open() as ds:
        if band.number > ds.count:
            raise BandError(
                f"{band.href} has {ds.count} bands, the item says {band.number} or more",
                "as many", "correct the item",
            )  # fmt: skip
        nodata = ds.nodatavals[band.number - 1] if band.nodata is None else band.nodata
        if band.scaling is not None:
            dtype = np.dtype(ds.dtypes[band.number - 1]).name
            encoding = Encoding(dtype, (band.scaling[0],), (band.scaling[1],), nodata)
        else:
            encoding = _by_file(ds, band, nodata, found)
        return file, Grid.of(ds), encoding


def _by_file(ds: Any, band: AssetBand, nodata: float | None, found: Origin) -> Encoding:
    """Scaling as the file tells it: by its own scale, or because it is reflectance."""
    if ds.count > 1 and (ds.scales[band.number - 1], ds.offsets[band.number - 1]) == (1.0, 0.0):
        raise BandError(
            f"{band.href} has several bands without scale, and the item gives none",
            "raster:scale of each band", "add it to the item",
        )  # fmt: skip
    if ds.count > 1:
        i = band.number - 1
        return Encoding(ds.dtypes[i], (ds.scales[i],), (ds.offsets[i],), nodata)
    return choose_encoding(ds, BandSet((band.band,)), nodata, found)


def _size(grid: Grid) -> float:
    size: float = round(float(abs(grid.transform.determinant)) ** 0.5, 9)
    return size


def _merged(name: str, encodings: Sequence[Encoding]) -> Encoding:
    """One encoding for all bands: scales may differ, dtype and nodata may not."""
    kinds = {(e.dtype, repr(e.nodata)) for e in encodings}
    if len(kinds) > 1:
        raise BandError(
            f"{name} has bands of {len(kinds)} types ({sorted(kinds)})",
            "one dtype and nodata value for all bands", "choose assets that share them",
        )  # fmt: skip
    scale = tuple(s for e in encodings for s in e.scale)
    offset = tuple(s for e in encodings for s in e.offset)
    return Encoding(encodings[0].dtype, scale, offset, encodings[0].nodata)
