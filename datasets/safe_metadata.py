"""The metadata of a Sentinel-2 product: MTD_MSIL1C.xml or MTD_MSIL2A.xml, and MTD_TL.xml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException, ElementTree

from .acquisition import parse_time
from .archive import File, head
from .errors import FileError
from .families import Origin, origin
from .tile import Acquisition

BAND_IDS = (
    *("B01", "B02", "B03", "B04", "B05", "B06", "B07"),
    *("B08", "B8A", "B09", "B10", "B11", "B12"),
)
"""Band names by the ``band_id`` of the XML (0 to 12), Sentinel-2 PSD v14."""
PRODUCT_FILES = ("MTD_MSIL1C.xml", "MTD_MSIL2A.xml")
_MAX_XML_BYTES = 64 * 2**20


@dataclass(frozen=True)
class SafeMetadata:
    """What the reader needs of a product's XML files."""

    granule: File
    """Folder of the one granule, with IMG_DATA in it."""
    level: str
    """``L1C`` or ``L2A``."""
    origin: Origin
    quantification: float
    """Stored numbers per unit of reflectance."""
    offsets: Mapping[str, float]
    """Number added to the stored number before the division, by band name (absent: 0)."""
    acquired: Acquisition
    tags: Mapping[str, str]
    """Tags for the tile, so that files written from it still say what they are."""


def product_file(folder: File) -> File | None:
    """The product's metadata file in ``folder``, or None."""
    found = [folder / name for name in PRODUCT_FILES]
    return next((f for f in found if f.is_file()), None)


def parse_safe(product: File) -> SafeMetadata:
    """Read the metadata of the product whose MTD_MSIL1C.xml or MTD_MSIL2A.xml is ``product``.

    The offset is what the XML declares, never inferred from baseline or date: reprocessed
    scenes of any date have it (baseline 04.00 and later), older processing has not.

    Raises:
        FileError: a file is missing or damaged, or an entry is missing in it.
    """
    root = xml_root(product)
    granule = _granule(product)
    tile_file = granule / "MTD_TL.xml"
    tile = xml_root(tile_file)
    level = "L1C" if product.name.endswith("L1C.xml") else "L2A"
    names = ("QUANTIFICATION_VALUE",) if level == "L1C" else (
        "BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE",
    )  # fmt: skip
    spacecraft = _text(root, product, "SPACECRAFT_NAME")
    found = origin({"SPACECRAFT_NAME": spacecraft}, "", ())
    quantification = _number(root, product, *names)
    if quantification == 0:
        raise FileError(f"{product} has {names[0]} '0'", "a positive number", "download it again")
    time = _text(tile, tile_file, "SENSING_TIME")
    zenith = _number(tile, tile_file, "Mean_Sun_Angle/ZENITH_ANGLE")
    azimuth = _number(tile, tile_file, "Mean_Sun_Angle/AZIMUTH_ANGLE")
    return SafeMetadata(
        granule=granule,
        level=level,
        origin=found,
        quantification=quantification,
        offsets=_offsets(root, product),
        acquired=Acquisition(
            sensor=found.label,
            level="TOA" if level == "L1C" else "SR",
            time=parse_time(time),
            sun_zenith_deg=zenith,
            sun_azimuth_deg=azimuth,
        ),
        tags={
            "SPACECRAFT_NAME": spacecraft,
            "PROCESSING_LEVEL": level,
            "PROCESSING_BASELINE": _text(root, product, "PROCESSING_BASELINE"),
            "PRODUCT_URI": _text(root, product, "PRODUCT_URI"),
            "SENSING_TIME": time,
            "SUN_ZENITH_ANGLE": f"{zenith:.6f}",
            "SUN_AZIMUTH_ANGLE": f"{azimuth:.6f}",
        },
    )


def xml_root(path: File) -> Any:
    """Root element of an XML file, read without entities and external references."""
    try:
        content = head(path, _MAX_XML_BYTES + 1)
        if len(content) > _MAX_XML_BYTES:
            raise FileError(f"{path} is larger than 64 MiB", "a metadata file", "download it again")
        return ElementTree.fromstring(content)
    except (ParseError, DefusedXmlException, UnicodeError) as e:
        reason = str(e).split("\n")[0]
        raise FileError(
            f"{path} is not valid XML ({reason})", "the product's metadata", "download it again"
        ) from e
    except OSError as e:
        raise FileError(
            f"{path} cannot be read ({e.strerror})", "the product's metadata", "download it again"
        ) from e


def _granule(product: File) -> File:
    found: list[Any] = sorted(product.parent.glob("GRANULE/*/MTD_TL.xml"))
    folders: list[File] = [f.parent for f in found]
    if len(folders) != 1:
        raise FileError(
            f"{product.parent} has {len(folders)} granules with MTD_TL.xml",
            "exactly one",
            "download the product again (products of many tiles, before 2016, are not read)",
        )
    return folders[0]


def _offsets(root: Any, file: File) -> dict[str, float]:
    offsets = {}
    for tag in ("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET"):
        for element in root.iter(tag):
            try:
                offsets[BAND_IDS[int(element.get("band_id"))]] = float(element.text)
            except (TypeError, ValueError, IndexError):
                raise FileError(
                    f"{file} has {tag} '{element.text}' for band_id '{element.get('band_id')}'",
                    "a number and a band_id of 0 to 12",
                    "download the product again",
                ) from None
    return offsets


def _text(root: Any, file: File, *names: str) -> str:
    for name in names:
        text = root.findtext(f".//{name}")
        if text and text.strip():
            return str(text).strip()
    raise FileError(
        f"{file} has no {names[0]}", "the metadata of a Sentinel-2 product", "download it again"
    )


def _number(root: Any, file: File, *names: str) -> float:
    text = _text(root, file, *names)
    try:
        value = float(text)
    except ValueError:
        value = nan
    if not value >= 0:  # NaN too: quantification and angles are positive
        raise FileError(
            f"{file} has {names[0]} '{text}'", "a positive number", "download the product again"
        )
    return value
