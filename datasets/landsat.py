"""Landsat 4 to 9 Collection 2 Level 1 and Level 2 scenes, from folders and TAR archives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import radians, sin
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .acquisition import parse_time
from .archive import File, Member, is_archive
from .bands import Band, BandSet
from .encoding import Encoding
from .errors import BandError, FileError, ValueRangeError
from .families import origin
from .landsat_mtl import Mtl, mtl_file
from .opening import MAX_PIXELS
from .raster_file import RasterFile
from .regrid import Grid
from .scaling import Scaling
from .scene import Scene
from .sensors import sensors
from .tile import Acquisition, BoolArray

FILL_BIT = 0
"""QA_PIXEL bit of pixels outside the image, and of the gaps of Landsat 7 since May 2003."""
_TAGS = ("LANDSAT_PRODUCT_ID", "PROCESSING_LEVEL", "COLLECTION_CATEGORY")
_OLI, _TM, _ETM = ("landsat-8", "landsat-9"), ("landsat-4", "landsat-5"), ("landsat-7",)
_REFLECTIVE = {
    **dict.fromkeys(_OLI, (1, 2, 3, 4, 5, 6, 7, 9)),
    **dict.fromkeys((*_TM, *_ETM), (1, 2, 3, 4, 5, 7)),
}
"""Numbers of the 30 m reflective bands by sensor."""
_THERMAL = {
    **dict.fromkeys(_OLI, (("B10", "10"), ("B11", "11"))),
    **dict.fromkeys(_TM, (("B6", "6"),)),
    **dict.fromkeys(_ETM, (("B6", "6_VCID_1"),)),
}
"""Level 1 thermal bands and how the MTL calls them. Of the two gains of ETM+ the low one
(VCID 1) is taken: the high gain saturates over cold clouds and hot deserts."""


@dataclass(frozen=True)
class Thermal:
    """What turns Level 1 counts into brightness temperature (USGS LSDS-1574 section 5.3)."""

    mult: float
    add: float
    k1: float
    k2: float


@dataclass(frozen=True)
class LandsatSource:
    """Windows of a scene's band files."""

    planes: tuple[RasterFile, ...]
    thermal: tuple[Thermal | None, ...]
    """For each band: how its counts become kelvin x 100; None where they stay as delivered."""
    qa: RasterFile

    def stored(self, window: Window, bands: Sequence[int]) -> NDArray[Any]:
        out = np.empty((len(bands), window.height, window.width), np.uint16)
        for plane, i in zip(out, bands, strict=True):
            counts, thermal = self.planes[i].read(window, 1), self.thermal[i]
            plane[...] = counts if thermal is None else _kelvin_table(thermal)[counts]
        return out

    def quality(self, window: Window) -> NDArray[Any]:
        return self.qa.read(window, 1)

    def missing(self, window: Window) -> BoolArray:
        fill: BoolArray = (self.quality(window) >> FILL_BIT) & 1 == 1
        return fill


def matches(path: Path) -> bool:
    """A folder with an MTL file, that file, or a TAR that holds one."""
    if path.is_dir():
        return any(path.glob("*_MTL.*"))
    if path.suffix.lower() == ".tar" and is_archive(path):
        return any(True for _ in Member(path).rglob("*_MTL.*")) or path.name.startswith("L")
    return path.stem.endswith("_MTL")


def open_landsat(path: Path, *, max_pixels: int = MAX_PIXELS) -> Scene:
    """Open the 30 m bands of a scene; the 15 m panchromatic band is left out.

    Level 2 (surface reflectance and temperature) is stored as delivered. Level 1 reflectance is
    as delivered too, with the division by the sine of the sun's elevation in scale and offset;
    the 8-bit counts of TM and ETM+ are widened to uint16. Level 1 thermal counts become kelvin
    by a logarithm, which no scale and offset can express: they are stored as kelvin x 100 in
    uint16 (0 nodata), finer than the sensor's noise.

    Args:
        path: folder or TAR of a scene, or its ``_MTL`` file (.json, .xml or .txt); its bands
            lie beside that.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        FileError: a file or an entry is missing or damaged.
        BandError: another Landsat than 4 to 9, or a scene without reflectance.
        GridError: the bands do not lie on one grid.
        ValueRangeError: Level 1 taken with the sun below the horizon.
    """
    mtl = Mtl(_mtl(path))
    found = origin({"SPACECRAFT_ID": mtl.text("IMAGE_ATTRIBUTES", "SPACECRAFT_ID")}, "", ())
    if found.key not in _REFLECTIVE:
        raise BandError(
            f"{mtl.path} is of {mtl.text('IMAGE_ATTRIBUTES', 'SPACECRAFT_ID')}",
            "Landsat 4 to 9 (TM, ETM+ or OLI)",
            "stack the bands to one GeoTIFF with scales and pass --bands",
        )
    level2 = mtl.text("PRODUCT_CONTENTS", "PROCESSING_LEVEL").startswith("L2")
    layers = _level2(mtl, found.key) if level2 else _level1(mtl, found.key)
    table = {b.name: b for b in sensors()[found.key].bands}
    bands = BandSet(tuple(_named(table, layer.name) for layer in layers))
    if not any(b.kind == "reflective" for b in bands):
        raise BandError(f"{mtl.path} has no reflectance", "an OLI scene", "choose another product")
    siblings = [mtl.sibling(layer.key) for layer in layers]  # all there, before any is opened
    siblings.append(mtl.sibling("FILE_NAME_QUALITY_L1_PIXEL"))
    narrow = not level2 and found.key not in _OLI
    dtypes = [*["uint8" if narrow else "uint16"] * len(layers), "uint16"]
    opened = [_plane(s, dtype) for s, dtype in zip(siblings, dtypes, strict=True)]
    grid = opened[0][1]
    for sibling, (_, own) in zip(siblings, opened, strict=True):
        grid.check(own, sibling.name)
    scale, offset = zip(*(layer.scaling for layer in layers), strict=True)
    acquired, tags = _acquired(mtl, found.key, level2)
    place = mtl.path.archive if isinstance(mtl.path, Member) else mtl.path.parent
    return Scene(
        path=str(place),
        grid=grid,
        bands=bands,
        encoding=Encoding("uint16", scale, offset, nodata=0),
        source=LandsatSource(
            tuple(file for file, _ in opened[:-1]),
            tuple(layer.thermal for layer in layers),
            opened[-1][0],
        ),
        acquired=acquired,
        scheme="qa_pixel",
        tags=tags,
        max_pixels=max_pixels,
    )


def _mtl(path: Path) -> File:
    if path.is_dir():
        found = mtl_file(path)
    elif is_archive(path):
        found = mtl_file(Member(path))
    else:
        found = path
    if found is None:
        raise FileError(
            f"{path} has no MTL file at its top (*_MTL.json, .xml or .txt)",
            "a Landsat Collection 2 product",
            "download the scene again",
        )
    return found


@dataclass(frozen=True)
class _Layer:
    """A band of the product."""

    name: str
    key: str
    """Key of its file in the MTL."""
    scaling: Scaling
    thermal: Thermal | None = None


def _level2(mtl: Mtl, sensor: str) -> list[_Layer]:
    """SR_B1 to SR_B7, and the surface temperature where the product has it (L2SP)."""
    sr, st = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"
    layers = []
    for n in (n for n in _REFLECTIVE[sensor] if n < 8):
        mult = mtl.number(sr, f"REFLECTANCE_MULT_BAND_{n}")
        add = mtl.number(sr, f"REFLECTANCE_ADD_BAND_{n}")
        layers.append(_Layer(f"SR_B{n}", f"FILE_NAME_BAND_{n}", (mult, add)))
    name = "ST_B10" if sensor in _OLI else "ST_B6"
    if mtl.find("PRODUCT_CONTENTS", f"FILE_NAME_BAND_{name}"):
        mult = mtl.number(st, f"TEMPERATURE_MULT_BAND_{name}")
        add = mtl.number(st, f"TEMPERATURE_ADD_BAND_{name}")
        layers.append(_Layer(name, f"FILE_NAME_BAND_{name}", (mult, add)))
    return layers


def _level1(mtl: Mtl, sensor: str) -> list[_Layer]:
    """Reflective bands in TOA reflectance, thermal ones in kelvin.

    Reflectance = (MULT * Q + ADD) / sin(sun elevation), USGS LSDS-1574 section 5.2.
    """
    group, constants = "LEVEL1_RADIOMETRIC_RESCALING", "LEVEL1_THERMAL_CONSTANTS"
    elevation = mtl.number("IMAGE_ATTRIBUTES", "SUN_ELEVATION")
    if elevation <= 0:
        raise ValueRangeError(
            f"{mtl.path} with the sun at {elevation:g} degrees", "a scene taken by day",
            "choose another date",
        )  # fmt: skip
    sine = sin(radians(elevation))
    layers = []
    for n in _REFLECTIVE[sensor]:
        if mtl.find("PRODUCT_CONTENTS", f"FILE_NAME_BAND_{n}"):  # LT08 scenes lack them all
            mult = mtl.number(group, f"REFLECTANCE_MULT_BAND_{n}") / sine
            add = mtl.number(group, f"REFLECTANCE_ADD_BAND_{n}") / sine
            layers.append(_Layer(f"B{n}", f"FILE_NAME_BAND_{n}", (mult, add)))
    for name, thermal_n in _THERMAL[sensor]:
        if mtl.find("PRODUCT_CONTENTS", f"FILE_NAME_BAND_{thermal_n}"):  # LO08 scenes have none
            thermal = Thermal(
                mtl.number(group, f"RADIANCE_MULT_BAND_{thermal_n}"),
                mtl.number(group, f"RADIANCE_ADD_BAND_{thermal_n}"),
                mtl.number(constants, f"K1_CONSTANT_BAND_{thermal_n}"),
                mtl.number(constants, f"K2_CONSTANT_BAND_{thermal_n}"),
            )
            layers.append(_Layer(name, f"FILE_NAME_BAND_{thermal_n}", (0.01, 0.0), thermal))
    return layers


@lru_cache(maxsize=8)
def _kelvin_table(thermal: Thermal) -> NDArray[np.uint16]:
    """Brightness temperature x 100 of every count: T = K2 / ln(K1 / L + 1), L = MULT * Q + ADD."""
    radiance = np.maximum(thermal.mult * np.arange(65536) + thermal.add, 1e-6)
    kelvin = thermal.k2 / np.log(thermal.k1 / radiance + 1)
    table: NDArray[np.uint16] = np.clip(np.rint(kelvin * 100), 1, 65535).astype(np.uint16)
    table[0] = 0
    return table


def _named(table: dict[str, Band], name: str) -> Band:
    return replace(table[name.removeprefix("SR_").removeprefix("ST_")], name=name)


def _plane(path: File, dtype: str) -> tuple[RasterFile, Grid]:
    file = RasterFile.at(path)
    with file.open() as ds:
        if ds.count != 1 or ds.dtypes[0] != dtype:
            raise FileError(
                f"{path} holds {ds.count} bands of {ds.dtypes[0]}", f"one band of {dtype}",
                "download the scene again",
            )  # fmt: skip
        return file, Grid.of(ds)


def _acquired(mtl: Mtl, sensor: str, level2: bool) -> tuple[Acquisition, dict[str, str]]:
    """Acquisition, and tags by which a file written from the tile can still be understood."""
    image = "IMAGE_ATTRIBUTES"
    elevation = mtl.number(image, "SUN_ELEVATION")
    azimuth = mtl.number(image, "SUN_AZIMUTH")
    date, clock = mtl.text(image, "DATE_ACQUIRED"), mtl.text(image, "SCENE_CENTER_TIME")
    tags = {key: mtl.text("PRODUCT_CONTENTS", key) for key in _TAGS}
    tags |= {
        "SPACECRAFT_ID": mtl.text(image, "SPACECRAFT_ID"),
        "ACQUISITION_DATETIME": f"{date}T{clock}",
        "SUN_ELEVATION": f"{elevation:.6f}",
        "SUN_AZIMUTH": f"{azimuth:.6f}",
    }
    return Acquisition(
        sensor=sensor,
        level="SR" if level2 else "TOA",
        time=parse_time(f"{date}T{clock}"),
        sun_zenith_deg=90.0 - elevation,
        sun_azimuth_deg=azimuth,
    ), tags
