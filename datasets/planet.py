"""PlanetScope scenes: surface reflectance of 8 bands (SuperDove) or 4, with their UDM2.

Structure: Planet, PlanetScope product specification (asset types ``ortho_analytic_8b_sr``,
``ortho_analytic_4b_sr``, ``ortho_udm2``, ``ortho_analytic_*_xml``). Verified on files made to it.

Surface reflectance is uint16, 1e-4 a step, 0 is nodata. The usable data mask (UDM2) has one
plane a class; its classes are packed into one number, see `Udm2Bit`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .acquisition import parse_time
from .bands import BandSet
from .encoding import Encoding
from .errors import BandError, FileError
from .opening import MAX_PIXELS
from .product_xml import finite, matching
from .raster_file import RasterFile
from .regrid import Grid
from .safe_metadata import xml_root
from .scene import Scene
from .sensors import sensor
from .tile import Acquisition, BoolArray

_SR = re.compile(r"(?P<id>.+)_AnalyticMS_SR(?P<eight>_8b)?(_.*)?\.tiff?$", re.I)
_INSTRUMENTS = {"PSB.SD": "superdove", "PS2.SD": "dove-r", "PS2": "dove-classic"}
"""Sensor keys by the instrument that the metadata name."""
_FOUR = ("blue", "green", "red", "nir")
_AGAIN = "download the scene again"
SCALE = 1e-4


class Udm2Bit(IntFlag):
    """Bits of ``Tile.quality.codes`` of scheme ``udm2``: plane n of the UDM2 is bit n - 1.

    Plane 7, the confidence in percent, is left out; bit 7 is the blackfill of plane 8.
    """

    CLEAR = 1 << 0
    SNOW = 1 << 1
    SHADOW = 1 << 2
    LIGHT_HAZE = 1 << 3
    HEAVY_HAZE = 1 << 4
    CLOUD = 1 << 5
    BLACKFILL = 1 << 7


@dataclass(frozen=True)
class PlanetSource:
    """PixelSource of an image and, where there is one, its usable data mask."""

    image: RasterFile
    udm2: RasterFile | None

    def stored(self, window: Window, bands: Sequence[int]) -> NDArray[Any]:
        """(len(bands), height, width) uint16."""
        return self.image.read(window, [i + 1 for i in bands])

    def quality(self, window: Window) -> NDArray[np.uint8] | None:
        """(height, width) uint8 bits, see `Udm2Bit`."""
        if self.udm2 is None:
            return None
        planes = self.udm2.read(window, [1, 2, 3, 4, 5, 6, 8])
        codes = np.where(planes[6] & 1, np.uint8(Udm2Bit.BLACKFILL), np.uint8(0))
        for bit, plane in enumerate(planes[:6]):
            codes |= (plane != 0).astype(np.uint8) << bit
        return codes.astype(np.uint8)

    def missing(self, window: Window) -> BoolArray | None:
        """Blackfill: bit 0 of plane 8."""
        if self.udm2 is None:
            return None
        out: BoolArray = (self.udm2.read(window, 8) & 1).astype(bool)
        return out


def matches(path: Path) -> bool:
    """Whether ``path`` is a folder with an ``*_AnalyticMS*.tif``, or a file of SR.

    A file of 4 bands without metadata beside it is left to the reader of single files: three
    generations of satellites made such files, with other wavelengths.
    """
    if path.is_dir():
        return bool(matching(path, "*_analyticms*.tif*"))
    found = _SR.match(path.name)
    return path.is_file() and found is not None and bool(found["eight"] or _metadata(path, found))


def open_planet(path: Path, *, max_pixels: int = MAX_PIXELS) -> Scene:
    """Open a scene by its folder or its surface reflectance file.

    Args:
        path: folder with one ``*_AnalyticMS_SR*.tif``, or that file. The metadata (XML or JSON)
            and the UDM2 of the same scene are looked for beside it; the UDM2 may be absent,
            and so may the metadata of 8 bands.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        FileError: a file or an entry of the metadata is missing or damaged, no surface
            reflectance, or several scenes in the folder.
        BandError: neither 4 nor 8 bands of uint16, an unknown instrument, or a UDM2 of
            another form.
        GridError: the UDM2 does not lie on the image's grid.
    """
    image = _image(path) if path.is_dir() else path
    found = _named(image)
    meta = _metadata(image, found)
    instrument, acquired, tags = _read_metadata(meta)
    key = _sensor(image, meta, instrument, eight=bool(found["eight"]))
    file = RasterFile.at(image.absolute())
    with file.open() as ds:
        grid, count, dtype, nodata = Grid.of(ds), ds.count, ds.dtypes[0], ds.nodata
        own = ds.tags()
    bands = _bands(image, key, count, dtype, eight=bool(found["eight"]))
    udm2 = _udm2(image, found, grid)
    return Scene(
        path=str(path),
        grid=grid,
        bands=bands,
        encoding=Encoding("uint16", (SCALE,), (0.0,), 0.0 if nodata is None else nodata),
        source=PlanetSource(file, udm2),
        acquired=Acquisition(key, "SR", *acquired),
        scheme=None if udm2 is None else "udm2",
        tags=own | {"SENSOR": key, "LEVEL": "SR"} | tags,
        max_pixels=max_pixels,
    )


def _image(folder: Path) -> Path:
    paths = [p for p in matching(folder, "*_analyticms_sr*.tif*") if _SR.match(p.name)]
    if len(paths) != 1:
        names = ", ".join(p.name for p in paths[:3]) or "only radiance"
        raise FileError(
            f"{folder} has {len(paths)} files *_AnalyticMS_SR*.tif ({names})", "exactly one",
            "name the file" if paths else "order the surface reflectance (analytic_8b_sr_udm2)",
        )  # fmt: skip
    return paths[0]


def _named(image: Path) -> re.Match[str]:
    found = _SR.match(image.name)
    if found is None:
        raise FileError(
            f"{image} is not called <scene>_AnalyticMS_SR*.tif", "a file as Planet names it",
            "give it its name again, or read it with --sensor superdove --scale 1e-4",
        )  # fmt: skip
    return found


def _siblings(image: Path, found: re.Match[str], pattern: str) -> list[Path]:
    """Files of the same scene; the JSON's name lacks the processing level (``_3B``)."""
    scene = re.sub(r"_\d[ab]$", "", found["id"].lower())
    return [
        p for p in matching(image.parent, f"*{pattern}") if p.name.lower().startswith(scene + "_")
    ]


def _metadata(image: Path, found: re.Match[str]) -> Path | None:
    """The XML of the same number of bands, else any XML of the scene, else its JSON."""
    xml = _siblings(image, found, "_metadata*.xml")
    same = [p for p in xml if ("_8b" in p.name.lower()) == bool(found["eight"])]
    return next(iter([*same, *xml, *_siblings(image, found, "_metadata*.json")]), None)


_Facts = tuple[Any, float | None, float | None]
"""Time, zenith and azimuth of the sun in degrees."""


def _read_metadata(path: Path | None) -> tuple[str | None, _Facts, dict[str, str]]:
    """Instrument, facts and tags from the scene's metadata; nothing without a file.

    Raises:
        FileError: damaged, or an angle or the time makes no sense.
    """
    if path is None:
        return None, (None, None, None), {}
    said = _from_xml(path) if path.suffix.lower() == ".xml" else _from_json(path)
    missing = [name for name, text in said.items() if not text]
    if missing:
        raise FileError(f"{path} has no {missing[0]}", "the metadata of a scene", _AGAIN)
    instrument, time, elevation, azimuth = (str(v) for v in said.values())
    up = finite(elevation, "the sun's elevation", path)
    around = finite(azimuth, "the sun's azimuth", path)
    taken = parse_time(time)
    if taken is None or not -90 <= up <= 90 or not -180 <= around <= 360:
        raise FileError(
            f"{path} has the time '{time}' and the sun at elevation {up:g}, azimuth {around:g}",
            "an ISO time and angles in degrees", _AGAIN,
        )  # fmt: skip
    tags = {
        "ACQUISITION_TIME": time, "SUN_ELEVATION": f"{up:g}", "SUN_AZIMUTH": f"{around:g}"
    }  # fmt: skip
    return instrument, (taken, 90.0 - up, around), tags


def _from_xml(path: Path) -> dict[str, str | None]:
    """Texts by local names: the namespaces change with the version of the schema."""
    root = xml_root(path)

    def text(name: str) -> str | None:
        return (root.findtext(f".//{{*}}{name}") or "").strip() or None

    time = text("acquisitionDateTime") or text("acquisitionDate")
    return {
        "Instrument/shortName": text("Instrument/{*}shortName"),
        "acquisitionDateTime": time,
        "illuminationElevationAngle": text("illuminationElevationAngle"),
        "illuminationAzimuthAngle": text("illuminationAzimuthAngle"),
    }


def _from_json(path: Path) -> dict[str, str | None]:
    try:
        content = json.loads(path.read_bytes())
        properties = content["properties"]
        names = ("instrument", "acquired", "sun_elevation", "sun_azimuth")
        return {n: None if (v := properties.get(n)) is None else str(v) for n in names}
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as e:
        raise FileError(
            f"{path} is not a scene's metadata ({type(e).__name__})",
            "a JSON item with properties", _AGAIN,
        ) from e  # fmt: skip


def _sensor(image: Path, meta: Path | None, instrument: str | None, *, eight: bool) -> str:
    if instrument is None:
        if not eight:
            raise FileError(
                f"{image} has no metadata beside it", "its *_metadata.xml or *_metadata.json",
                "download it: three generations of satellites made images of these 4 bands",
            )  # fmt: skip
        return "superdove"
    key = _INSTRUMENTS.get(instrument.upper())
    if key is None or (eight and key != "superdove"):
        known = "PSB.SD" if eight else ", ".join(_INSTRUMENTS)
        raise BandError(f"{meta} names the instrument {instrument}", known, _AGAIN)
    return key


def _bands(image: Path, key: str, count: int, dtype: str, *, eight: bool) -> BandSet:
    """The bands in delivered order: suppliers keep it, and no file says more."""
    if count != (8 if eight else 4) or dtype != "uint16":
        raise BandError(
            f"{image} has {count} bands of {dtype}", f"{8 if eight else 4} of uint16", _AGAIN
        )
    table = sensor(key).bands
    return table if eight else table.select(table.names.index(n) for n in _FOUR)


def _udm2(image: Path, found: re.Match[str], grid: Grid) -> RasterFile | None:
    paths = _siblings(image, found, "_udm2*.tif")
    if not paths:
        return None
    if len(paths) > 1:
        names = ", ".join(p.name for p in paths)
        raise FileError(
            f"{image.name} has {len(paths)} masks ({names})", "one", "remove the others"
        )
    file = RasterFile.at(paths[0].absolute())
    with file.open() as ds:
        if ds.count != 8 or set(ds.dtypes) != {"uint8"}:
            raise BandError(
                f"{paths[0]} has {ds.count} bands of {ds.dtypes[0]}", "8 of uint8", _AGAIN
            )
        grid.check(Grid.of(ds), paths[0].name)
    return file
