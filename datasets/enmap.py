"""EnMAP L2A product folders (GeoTIFF and METADATA.XML) to Scene.

Structure: DLR, EnMAP HSI Level 1/Level 2 Product Format Specification (EN-PCV-ICD-2009-2).
Verified on files made to it. Real pixels were at hand as GeoTIFF tiles only, not as a folder.

The bands stay in the order of the file, so that band n of the scene is band n of the file. The
detectors overlap between 900 and 1000 nm: both are kept, since whoever asks by wavelength gets
the nearest band, and a file written from the scene has all of them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .acquisition import parse_time
from .badbands import spectral_bands
from .encoding import Encoding
from .errors import FileError
from .geotiff import RasterSource
from .opening import MAX_PIXELS
from .product_xml import child_number, child_text, finite, matching, product_part
from .raster_file import RasterFile
from .regrid import Grid
from .safe_metadata import xml_root
from .scene import Scene
from .tile import Acquisition

_NAME = re.compile(r"ENMAP\d\d-.*-(METADATA\.XML|SPECTRAL_IMAGE\.TIF)$", re.I)
GSD_M = 30.0
NODATA = -32768.0
"""Stored number of background pixels, where the XML does not give another."""


def matches(path: Path) -> bool:
    """Whether ``path`` is an EnMAP folder, or its metadata or spectral image."""
    if path.is_dir():
        return any(_NAME.match(p.name) for p in matching(path, "enmap*-metadata.xml"))
    return path.is_file() and _NAME.match(path.name) is not None and _beside(path).is_file()


def open_enmap(path: Path, *, max_pixels: int = MAX_PIXELS) -> Scene:
    """Open a product by its folder, its METADATA.XML or its SPECTRAL_IMAGE.TIF.

    Args:
        path: one of the three.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        FileError: a file or an entry of the metadata is missing or damaged, or not Level 2A.
        BandError: the number of bands differs from the metadata, or no band is good.
    """
    xml = product_part(path, "enmap*-metadata.xml") if path.is_dir() else _beside(path)
    root = xml_root(xml)
    level = child_text(root, "base/level", xml)
    if level != "L2A":
        raise FileError(
            f"{xml} is of level {level}", "level L2A (surface reflectance)", "order the L2A product"
        )
    product = re.sub(r"-METADATA\.XML$", "", xml.name, flags=re.I)
    image = product_part(xml.parent, f"{product}-spectral_image.tif")
    rows = _rows(root, xml)
    file = RasterFile.at(image.absolute())
    with file.open() as ds:
        grid, count, dtype = Grid.of(ds), ds.count, ds.dtypes[0]
        nodata = ds.nodata
    if nodata is None:
        text = root.findtext("specific/backgroundValue")
        nodata = finite(text, "backgroundValue", xml) if text else NODATA
    bands, band_tags = spectral_bands(
        image,
        [f"band_{i:03d}" for i in range(1, count + 1)],
        [r[0] for r in rows],
        [r[1] for r in rows],
        good=None if len(rows) != count else [not _empty(root, i) for i in range(1, count + 1)],
        gsd_m=GSD_M,
    )
    acquired, tags = _acquired(root, xml, product)
    return Scene(
        path=str(xml.parent),
        grid=grid,
        bands=bands,
        encoding=Encoding(dtype, tuple(r[2] for r in rows), tuple(r[3] for r in rows), nodata),
        source=RasterSource(file),
        acquired=acquired,
        tags=tags,
        band_tags=band_tags,
        max_pixels=max_pixels,
    )


def _beside(path: Path) -> Path:
    """The METADATA.XML beside a file of the product, spelled as the file system has it."""
    name = re.sub(r"SPECTRAL_IMAGE\.TIF$", "METADATA.XML", path.name, flags=re.I)
    exact = path.with_name(name)
    return exact if exact.is_file() else path.with_name(name.replace(".XML", ".xml"))


def _rows(root: Any, xml: Path) -> list[tuple[float, float, float, float]]:
    """Wavelength nm, width nm, gain and offset of each band, by its number."""
    keys = ("wavelengthCenterOfBand", "FWHMOfBand", "GainOfBand", "OffsetOfBand")
    found: dict[int, tuple[float, float, float, float]] = {}
    for band in root.findall("specific/bandCharacterisation/bandID"):
        number = int(finite(band.get("number") or "", "a bandID number", xml))
        center, fwhm, gain, offset = (child_number(band, k, xml) for k in keys)
        found[number] = center, fwhm, gain, offset
    if sorted(found) != list(range(1, len(found) + 1)) or not found:
        raise FileError(
            f"{xml} characterises bands {sorted(found)[:3]}...",
            "bandCharacterisation with bandID 1, 2, 3, ...",
            "download the product again",
        )
    return [found[i] for i in sorted(found)]


def _empty(root: Any, number: int) -> bool:
    """Whether the processor found no valid pixel at all in a band: its statistics are constant.

    The bands in the vapour at 1400 nm are delivered so (mean -1000000 or the background value).
    """
    row = f"product/bandStatistics/bandID[@number='{number}']"
    deviation, mean = (root.findtext(f"{row}/{k}") for k in ("stdDeviation", "mean"))
    try:
        return float(deviation) == 0 and float(mean) < -1
    except (TypeError, ValueError):
        return False


def _acquired(root: Any, xml: Path, product: str) -> tuple[Acquisition, dict[str, str]]:
    elevation = child_number(root, "specific/sunElevationAngle/center", xml)
    azimuth = child_number(root, "specific/sunAzimuthAngle/center", xml)
    time = child_text(root, "base/temporalCoverage/startTime", xml)
    tags = {
        "SENSOR": "EnMAP",
        "PROCESSING_LEVEL": "L2A",
        "PRODUCT_ID": product,
        "START_TIME": time,
        "SUN_ELEVATION": f"{elevation:.6f}",
        "SUN_AZIMUTH": f"{azimuth:.6f}",
    }
    return Acquisition("enmap", "SR", parse_time(time), 90.0 - elevation, azimuth), tags
