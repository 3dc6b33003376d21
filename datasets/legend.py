"""Names and colours of the classes of masks and provenance, and QGIS style files of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from .atomic import AnyPath, atomic_file
from .tile import CLASS_NAMES, NODATA, PROVENANCE_NAMES

NODATA_GREY = (128, 128, 128)


@dataclass(frozen=True)
class Entry:
    """One class as it is shown."""

    code: int
    name: str
    rgb: tuple[int, int, int]
    opaque: bool = True
    """False: a style lets the map below shine through (clear, observed)."""

    @property
    def rgba(self) -> tuple[int, int, int, int]:
        return (*self.rgb, 255 if self.opaque else 0)


Legend = tuple[Entry, ...]

MASK_LEGEND: Legend = (
    Entry(0, CLASS_NAMES[0], (232, 232, 232), opaque=False),
    Entry(1, CLASS_NAMES[1], (215, 38, 56)),
    Entry(2, CLASS_NAMES[2], (255, 205, 40)),
    Entry(3, CLASS_NAMES[3], (38, 102, 214)),
)
"""Thick cloud red, thin cloud yellow, shadow blue; clear is light grey where no style is read."""

PROVENANCE_LEGEND: Legend = (
    Entry(0, PROVENANCE_NAMES[0], (232, 232, 232), opaque=False),
    Entry(1, PROVENANCE_NAMES[1], (27, 158, 119)),
    Entry(2, PROVENANCE_NAMES[2], (240, 130, 30)),
    Entry(3, PROVENANCE_NAMES[3], (130, 80, 180)),
    Entry(4, PROVENANCE_NAMES[4], (40, 40, 40)),
)

CONFIDENCE_STEPS = (0.2, 0.4, 0.6, 0.8)
"""Where one colour of the confidence of filled pixels passes into the next."""
CONFIDENCE_LEGEND: Legend = (
    Entry(0, "observed", (232, 232, 232), opaque=False),
    Entry(1, "below 20 %", (68, 1, 84)),
    Entry(2, "20 to 40 %", (59, 82, 139)),
    Entry(3, "40 to 60 %", (33, 145, 140)),
    Entry(4, "60 to 80 %", (94, 201, 98)),
    Entry(5, "80 % and more", (253, 231, 37)),
)
"""Steps of the colour map viridis, which colour-blind people can read."""


def colormap(legend: Legend) -> dict[int, tuple[int, int, int, int]]:
    """The colour table of a uint8 raster; nodata is transparent grey."""
    return {e.code: e.rgba for e in legend} | {NODATA: (*NODATA_GREY, 0)}


def category_tags(legend: Legend) -> dict[str, str]:
    """Band tags ``class_<code>``: a TIFF has no other place for the names of classes."""
    return {f"class_{e.code}": e.name for e in legend}


def write_style(raster: AnyPath, legend: Legend) -> Path:
    """Write ``<raster>.qml`` beside a raster, so that QGIS opens it with names and colours.

    A style that is there already is kept: somebody may have drawn it.

    Raises:
        OutputError: the folder cannot be written to.
    """
    path = Path(raster).with_suffix(".qml")
    if not path.exists():
        with atomic_file(path, overwrite=True) as place:
            place.write_text(_style_text(legend), "utf-8")
    return path


def _style_text(legend: Sequence[Entry]) -> str:
    """A QGIS 3 layer style: single band, paletted, one entry a class."""
    root = ET.Element("qgis", {"version": "3.22", "styleCategories": "Symbology"})
    pipe = ET.SubElement(root, "pipe")
    renderer = ET.SubElement(
        pipe, "rasterrenderer", {"type": "paletted", "band": "1", "opacity": "1", "alphaBand": "-1"}
    )
    ET.SubElement(renderer, "rasterTransparency")
    palette = ET.SubElement(renderer, "colorPalette")
    for e in legend:
        label = e.name.replace("_", " ")
        color = "#{:02x}{:02x}{:02x}".format(*e.rgb)
        ET.SubElement(
            palette,
            "paletteEntry",
            {"value": str(e.code), "color": color, "alpha": str(e.rgba[3]), "label": label},
        )
    ET.indent(root)
    doctype = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return doctype + ET.tostring(root, "unicode") + "\n"
