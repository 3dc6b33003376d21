"""DESIS L2A product folders (GeoTIFF, its ``.hdr`` and METADATA.xml) to Scene.

Structure: DLR, DESIS Product Specification (PAV-DLR-ICD-003). Verified on files made to it; no
real product was at hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .acquisition import parse_time
from .badbands import spectral_bands
from .encoding import Encoding
from .envi_header import read_header
from .errors import BandError, FileError
from .geotiff import RasterSource
from .opening import MAX_PIXELS
from .product_xml import child_number, child_text, finite, matching, product_part
from .raster_file import RasterFile
from .regrid import Grid
from .safe_metadata import xml_root
from .scene import Scene
from .tile import Acquisition

_PART = re.compile(r"(DESIS-HSI-L\w\w-.*)-(METADATA\.xml|SPECTRAL_IMAGE\.(tif|hdr))$", re.I)
GSD_M = 30.0


def matches(path: Path) -> bool:
    """Whether ``path`` is a DESIS folder, or its metadata, spectral image or header."""
    if path.is_dir():
        return any(_PART.match(p.name) for p in matching(path, "desis-hsi-*-metadata.xml"))
    return path.is_file() and _PART.match(path.name) is not None


def open_desis(path: Path, *, max_pixels: int = MAX_PIXELS) -> Scene:
    """Open a product by its folder or one of its files.

    Args:
        path: the folder, METADATA.xml, SPECTRAL_IMAGE.tif or SPECTRAL_IMAGE.hdr.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        FileError: a file or an entry is missing or damaged, or not Level 2A.
        BandError: the header lacks wavelengths or gains, or does not fit the image.
    """
    folder, stem = _product(path)
    xml = product_part(folder, f"{stem}-metadata.xml")
    image = product_part(folder, f"{stem}-spectral_image.tif")
    header = read_header(product_part(folder, f"{stem}-spectral_image.hdr"))
    if "-L2A-" not in stem.upper():
        raise FileError(f"{folder / stem} is not L2A", "DESIS-HSI-L2A", "order the L2A product")
    file = RasterFile.at(image.absolute())
    with file.open() as ds:
        grid, count, dtype, nodata = Grid.of(ds), ds.count, ds.dtypes[0], ds.nodata
    known = header.wavelengths_nm(count)
    gains = header.numbers("data gain values", count)
    offsets = header.numbers("data offset values", count)
    if known is None or gains is None or offsets is None:
        raise BandError(
            f"{header.path} lacks wavelengths, gains or offsets",
            "wavelength, data gain values and data offset values",
            "download the product again",
        )
    if nodata is None and (text := header.text("data ignore value")):
        nodata = finite(text, "data ignore value", header.path)
    flags = header.numbers("bbl", count)
    names = [f"band_{i:03d}" for i in range(1, count + 1)]
    good = None if flags is None else [f != 0 for f in flags]
    bands, band_tags = spectral_bands(image, names, *known, good=good, gsd_m=GSD_M)
    acquired, tags = _acquired(xml_root(xml), xml, stem)
    return Scene(
        path=str(folder),
        grid=grid,
        bands=bands,
        encoding=Encoding(dtype, tuple(gains), tuple(offsets), nodata),
        source=RasterSource(file),
        acquired=acquired,
        tags=tags,
        band_tags=band_tags,
        max_pixels=max_pixels,
    )


def _product(path: Path) -> tuple[Path, str]:
    """Folder, and the name that all files of the product begin with."""
    file = product_part(path, "desis-hsi-*-metadata.xml") if path.is_dir() else path
    match = _PART.match(file.name)
    if match is None:
        raise FileError(f"{path} is no file of a DESIS product", "its folder", "name the folder")
    return file.parent, match.group(1)


def _acquired(root: Any, xml: Path, stem: str) -> tuple[Acquisition, dict[str, str]]:
    zenith = child_number(root, ".//sunZenithAngle", xml)
    azimuth = child_number(root, ".//sunAzimuthAngle", xml)
    time = child_text(root, ".//temporalCoverage/startTime", xml)
    tags = {
        "SENSOR": "DESIS",
        "PROCESSING_LEVEL": "L2A",
        "PRODUCT_ID": stem,
        "START_TIME": time,
        "SUN_ZENITH_ANGLE": f"{zenith:.6f}",
        "SUN_AZIMUTH_ANGLE": f"{azimuth:.6f}",
    }
    return Acquisition("desis", "SR", parse_time(time), zenith, azimuth), tags
