"""L8 Biome (Foga et al. 2017): 96 Landsat 8 scenes with masks drawn by hand, in windows."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from math import radians, sin
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from ..encoding import Encoding
from ..errors import FileError, GridError, ValueRangeError
from ..labelled import LabelledTile
from ..opening import open_raster
from ..scene import starts
from ..tile import CLEAR, NODATA, SHADOW, THICK, THIN, Acquisition, CloudMask, Tile
from .common import PublicSet, bands_of, read_planes, recode

_BANDS = (2, 3, 4, 5, 6, 7, 9)
_TABLE = {0: NODATA, 64: SHADOW, 128: CLEAR, 192: THIN, 255: THICK}


class L8Biome(PublicSet):
    """Scene folders with ``*_B2.TIF`` ... ``*_MTL.txt`` and ``*_fixedmask.img`` (ENVI).

    A scene is 60 million pixels, so the examples are windows of it, named
    ``<folder>/<row>_<column>`` of the first pixel. Codes: 0 fill, 64 shadow, 128 clear, 192
    thin, 255 cloud. Shadow was drawn in 32 of the 96 scenes only: where a scene's mask has none,
    shadow counts as not labelled. The group is the path and row.

    Args:
        root: the folder above the scene folders (or above folders of biomes).
        size: side of the windows, pixels; they cover the scene, evenly spaced.
    """

    form = "scene folders with *_B2.TIF ..., *_MTL.txt and *_fixedmask.img"

    def __init__(self, root: str | Path, size: int = 512) -> None:
        if size < 1:
            raise ValueRangeError(f"windows of {size} pixels", "1 or more", "correct the size")
        self.size = size
        self._shadowed: dict[str, bool] = {}
        super().__init__(root)

    def _find(self) -> Iterable[str]:
        names = []
        for path in sorted(self.root.rglob("*_fixedmask.img")):
            folder = path.parent
            with open_raster(_file(folder, "_B2.TIF")) as ds:
                height, width = ds.shape
            place = folder.relative_to(self.root).as_posix()
            tops, lefts = (starts(n, self.size, 0) for n in (height, width))
            names += [f"{place}/{top}_{left}" for top in tops for left in lefts]
        return names

    def _load(self, name: str) -> LabelledTile:
        place, _, corner = name.rpartition("/")
        folder, (top, left) = self.root / place, map(int, corner.split("_"))
        window = Window(left, top, self.size, self.size)
        stored, grid = read_planes([_file(folder, f"_B{b}.TIF") for b in _BANDS], window)
        mtl = _file(folder, "_MTL.txt")
        encoding, sun = _calibration(mtl, stored.dtype.name)
        tile = Tile(
            encoding.decode(stored), bands_of("landsat-8", [f"B{b}" for b in _BANDS]),
            grid.transform, grid.crs, sun, encoding, stored, path=f"{folder} {corner}",
        )  # fmt: skip
        mask = _file(folder, "_fixedmask.img")
        codes = _read_envi(mask, window)
        if codes.shape != tile.shape:
            raise GridError(f"{mask} ends at {codes.shape}", f"{tile.shape}", "get it again")
        classes = recode(codes, _TABLE, mask)
        if place not in self._shadowed:
            self._shadowed[place] = bool((_read_envi(mask, None) == 64).any())
        labelled = {CLEAR, THICK, THIN} | ({SHADOW} if self._shadowed[place] else set())
        found = re.search(r"LC8(\d{6})", mask.name)
        return LabelledTile(
            name, tile, CloudMask.like(tile, classes), labelled=frozenset(labelled),
            group=found[1] if found else place,
        )  # fmt: skip


def _file(folder: Path, ending: str) -> Path:
    """The one file of the folder whose name ends so."""
    found = sorted(p for p in folder.iterdir() if p.name.upper().endswith(ending.upper()))
    if len(found) != 1:
        raise FileError(
            f"{folder} has {len(found)} files *{ending}", "one", "unpack the scene again"
        )
    return found[0]


def _calibration(mtl: Path, dtype: str) -> tuple[Encoding, Acquisition]:
    """Scaling to TOA reflectance and the sun (USGS Landsat 8 Data Users Handbook, section 5)."""
    text = mtl.read_text("ascii", "replace")

    def number(key: str) -> float:
        found = re.search(rf"^\s*{key}\s*=\s*([-+.\dEe]+)\s*$", text, re.M)
        try:
            return float(found[1]) if found else float("nan")
        except ValueError:
            return float("nan")

    elevation = number("SUN_ELEVATION")
    scale = [number(f"REFLECTANCE_MULT_BAND_{b}") for b in _BANDS]
    offset = [number(f"REFLECTANCE_ADD_BAND_{b}") for b in _BANDS]
    if not (np.isfinite([*scale, *offset]).all() and 0 < elevation <= 90):
        raise FileError(
            f"{mtl} lacks the sun's elevation or the reflectance scaling of a band",
            "REFLECTANCE_MULT_BAND_2 ... and SUN_ELEVATION above 0", "download the scene again",
        )  # fmt: skip
    height = sin(radians(elevation))
    encoding = Encoding(
        dtype, tuple(s / height for s in scale), tuple(o / height for o in offset), nodata=0
    )
    azimuth = number("SUN_AZIMUTH")
    sun = Acquisition(
        "landsat-8", "TOA", None, 90 - elevation, azimuth if np.isfinite(azimuth) else None
    )
    return encoding, sun


def _read_envi(path: Path, window: Window | None) -> NDArray[Any]:
    """The mask's window, with the ENVI driver and no other."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path.absolute(), driver="ENVI") as ds:
                return np.asarray(ds.read(1, window=window))
    except RasterioError as e:
        raise FileError(
            f"{path} is damaged ({e})", "an ENVI mask with its .hdr", "get it again"
        ) from e
