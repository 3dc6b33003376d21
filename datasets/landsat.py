"""Landsat 8/9 Collection 2 Level 1 and Level 2 folders to Tile."""

from __future__ import annotations

from dataclasses import replace
from math import radians, sin
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .acquisition import parse_time
from .bands import Band, BandSet
from .encoding import Encoding
from .errors import BandError, FileError, ValueRangeError
from .families import MEMBERS, origin
from .landsat_mtl import Mtl
from .opening import MAX_PIXELS, open_raster
from .regrid import Grid, stack
from .scaling import Scaling
from .sensors import sensors
from .tile import Acquisition, Quality, Tile

FILL_BIT = 0
"""QA_PIXEL bit of pixels outside the image."""
_TAGS = ("LANDSAT_PRODUCT_ID", "PROCESSING_LEVEL", "COLLECTION_CATEGORY")


def read_landsat(mtl_path: Path, max_pixels: int = MAX_PIXELS) -> Tile:
    """Read the 30 m bands of a scene; the 15 m panchromatic band is left out.

    Level 2 (surface reflectance and temperature) is stored as delivered. Level 1 reflectance is
    as delivered too, with the division by the sine of the sun's elevation in scale and offset.
    Level 1 thermal numbers become kelvin by a logarithm, which no scale and offset can
    express: they are stored as kelvin x 100 in uint16 (0 nodata), finer than the sensor's noise.

    Args:
        mtl_path: the scene's ``_MTL`` file (.json, .xml or .txt); its bands lie beside it.
        max_pixels: limit of width x height x bands.

    Raises:
        FileError: a file or an entry is missing or damaged, or the scene too large.
        BandError: another Landsat than 8 or 9, or a scene without reflectance.
        GridError: the bands do not lie on one grid.
        ValueRangeError: Level 1 taken with the sun below the horizon.
    """
    mtl = Mtl(mtl_path)
    found = origin({"SPACECRAFT_ID": mtl.text("IMAGE_ATTRIBUTES", "SPACECRAFT_ID")}, "", ())
    if found.key not in MEMBERS["landsat-8/9"]:
        raise BandError(
            f"{mtl_path} is of {mtl.text('IMAGE_ATTRIBUTES', 'SPACECRAFT_ID')}",
            "Landsat 8 or 9",
            "stack the bands to one GeoTIFF with scales and pass --bands",
        )
    level2 = mtl.text("PRODUCT_CONTENTS", "PROCESSING_LEVEL").startswith("L2")
    layers = _level2(mtl) if level2 else _level1(mtl)
    table = {b.name: b for b in sensors()[found.key].bands}
    bands = BandSet(tuple(_named(table, name) for name, _, _ in layers))
    if not any(b.kind == "reflective" for b in bands):
        raise BandError(f"{mtl_path} has no reflectance", "an OLI scene", "choose another product")
    paths = [mtl.sibling(key) for _, key, _ in layers]  # all there, before any is read
    planes = ((p.name, *_read_plane(p, max_pixels)) for p in paths)
    stored, grid = stack(planes, len(paths), mtl_path.parent, max_pixels)
    scaling = [s for _, _, s in layers]
    if not level2:
        scaling = [
            s if b.kind != "thermal" else _to_kelvin(stored[i], mtl, b.name[1:], s)
            for i, (b, s) in enumerate(zip(bands, scaling, strict=True))
        ]
    quality = _qa(mtl, grid, max_pixels)
    scale, offset = zip(*scaling, strict=True)
    encoding = Encoding("uint16", scale, offset, nodata=0)
    data = encoding.decode(stored)
    data[:, (quality.codes >> FILL_BIT) & 1 == 1] = np.nan  # ``stored`` stays as delivered
    acquired, tags = _acquired(mtl, found.key, level2)
    return Tile(
        data=data,
        bands=bands,
        transform=grid.transform,
        crs=grid.crs,
        acquired=acquired,
        encoding=encoding,
        stored=stored,
        quality=quality,
        tags=tags,
        path=str(mtl_path.parent),
    )


Layer = tuple[str, str, Scaling]
"""Band name, key of its file in the MTL, scale and offset."""


def _level2(mtl: Mtl) -> list[Layer]:
    """SR_B1 to SR_B7, and ST_B10 where the product has it (L2SP)."""
    sr, st = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"
    layers: list[Layer] = []
    for n in range(1, 8):
        mult = mtl.number(sr, f"REFLECTANCE_MULT_BAND_{n}")
        add = mtl.number(sr, f"REFLECTANCE_ADD_BAND_{n}")
        layers.append((f"SR_B{n}", f"FILE_NAME_BAND_{n}", (mult, add)))
    if mtl.find("PRODUCT_CONTENTS", "FILE_NAME_BAND_ST_B10"):
        mult = mtl.number(st, "TEMPERATURE_MULT_BAND_ST_B10")
        add = mtl.number(st, "TEMPERATURE_ADD_BAND_ST_B10")
        layers.append(("ST_B10", "FILE_NAME_BAND_ST_B10", (mult, add)))
    return layers


def _level1(mtl: Mtl) -> list[Layer]:
    """B1 to B7 and B9 in TOA reflectance, B10 and B11 with their radiance scaling.

    Reflectance = (MULT * Q + ADD) / sin(sun elevation), USGS LSDS-1574 section 5.2.
    """
    group = "LEVEL1_RADIOMETRIC_RESCALING"
    elevation = mtl.number("IMAGE_ATTRIBUTES", "SUN_ELEVATION")
    if elevation <= 0:
        raise ValueRangeError(
            f"{mtl.path} with the sun at {elevation:g} degrees", "a scene taken by day",
            "choose another date",
        )  # fmt: skip
    sine = sin(radians(elevation))
    layers: list[Layer] = []
    for n in (*range(1, 8), 9, 10, 11):
        if not mtl.find("PRODUCT_CONTENTS", f"FILE_NAME_BAND_{n}"):
            continue  # LO08 scenes have no thermal bands, LT08 scenes nothing else
        kind, by = ("REFLECTANCE", sine) if n < 10 else ("RADIANCE", 1.0)
        mult = mtl.number(group, f"{kind}_MULT_BAND_{n}") / by
        add = mtl.number(group, f"{kind}_ADD_BAND_{n}") / by
        layers.append((f"B{n}", f"FILE_NAME_BAND_{n}", (mult, add)))
    return layers


def _to_kelvin(plane: NDArray[Any], mtl: Mtl, n: str, radiance: Scaling) -> Scaling:
    """Replace thermal counts by brightness temperature x 100, in place; its scaling.

    T = K2 / ln(K1 / L + 1), L = MULT * Q + ADD (USGS LSDS-1574 section 5.3).
    """
    k1 = mtl.number("LEVEL1_THERMAL_CONSTANTS", f"K1_CONSTANT_BAND_{n}")
    k2 = mtl.number("LEVEL1_THERMAL_CONSTANTS", f"K2_CONSTANT_BAND_{n}")
    counts = np.arange(65536)  # a table: the logarithm of 65536 numbers, not of a scene
    kelvin = k2 / np.log(k1 / np.maximum(radiance[0] * counts + radiance[1], 1e-6) + 1)
    table = np.clip(np.rint(kelvin * 100), 1, 65535).astype(np.uint16)
    table[0] = 0
    plane[...] = table[plane]
    return 0.01, 0.0


def _named(table: dict[str, Band], name: str) -> Band:
    return replace(table[name.removeprefix("SR_").removeprefix("ST_")], name=name)


def _read_plane(path: Path, max_pixels: int) -> tuple[NDArray[Any], Grid]:
    with open_raster(path, max_pixels) as ds:
        if ds.count != 1 or ds.dtypes[0] != "uint16":
            raise FileError(
                f"{path} holds {ds.count} bands of {ds.dtypes[0]}", "one band of uint16",
                "download the scene again",
            )  # fmt: skip
        return ds.read(1), Grid.of(ds)


def _qa(mtl: Mtl, grid: Grid, max_pixels: int) -> Quality:
    path = mtl.sibling("FILE_NAME_QUALITY_L1_PIXEL")
    codes, own = _read_plane(path, max_pixels)
    grid.check(own, path.name)
    return Quality("qa_pixel", codes)


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
