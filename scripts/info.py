"""``kumosan info``: what kumosan understands of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Console
from .options import Common, Reading

if TYPE_CHECKING:
    from ..datasets import Scene


def command(
    scene: Annotated[Path, typer.Argument(help="File or folder of any product in docs/data.md.")],
    reading: Reading,
    common: Common,
) -> None:
    """Tell sensor, bands, wavelengths, scaling, sun, valid area, and the detectors that fit."""
    from .pipeline import describe, open_

    console = Console(common.json, common.log_format, common.verbose)
    opened = open_(scene, reading)
    console.note(f"{scene.name}: {describe(opened)}")
    with console.phase("finding the valid area", opened.shape[0] * opened.shape[1]):
        facts = _facts(scene, opened)
    console.result(facts, _text(facts))


def _facts(scene: Path, opened: Scene) -> dict[str, Any]:
    from rasterio.windows import Window

    from .. import detection
    from ..datasets.validity import valid_rows

    height, width = opened.shape
    valid = sum(int(rows.sum()) for rows in valid_rows(opened)) / (height * width)
    corner = opened.read(Window(0, 0, 1, 1))  # what fits depends on bands and supplier's mask
    gsd = opened.gsd_m
    scales, offsets = opened.encoding.scale, opened.encoding.offset
    return {
        "scene": scene,
        "sensor": opened.acquired.sensor,
        "level": opened.acquired.level,
        "time": opened.acquired.time,
        "sun_zenith_deg": opened.acquired.sun_zenith_deg,
        "sun_azimuth_deg": opened.acquired.sun_azimuth_deg,
        "width": width,
        "height": height,
        "gsd_m": gsd,
        "crs": opened.grid.crs.to_string() if opened.grid.crs else None,
        "dtype": opened.encoding.dtype,
        "nodata": opened.encoding.nodata,
        "valid_percent": 100 * valid,
        "valid_km2": valid * height * width * gsd**2 / 1e6 if gsd else None,
        "suppliers_mask": opened.scheme,
        "detectors": detection.fitting(corner),
        "bands": [
            {
                "name": b.name,
                "center_nm": b.center_nm,
                "fwhm_nm": b.fwhm_nm,
                "gsd_m": b.gsd_m,
                "kind": b.kind,
                "scale": scales[i if len(scales) > 1 else 0],
                "offset": offsets[i if len(offsets) > 1 else 0],
            }
            for i, b in enumerate(opened.bands)
        ],
    }


def _text(facts: dict[str, Any]) -> str:
    lines = [
        f"{key.replace('_', ' '):16} {', '.join(value) if isinstance(value, list) else value}"
        for key, value in facts.items()
        if key != "bands" and value is not None
    ]
    head = f"{'band':14}{'centre nm':>10}{'FWHM nm':>9}{'GSD m':>7}  {'kind':11}scale, offset"
    rows = [
        f"{b['name']:14}{b['center_nm']:10.1f}{b['fwhm_nm']:9.1f}{b['gsd_m'] or '-':>7}  "
        f"{b['kind']:11}{b['scale']:g}, {b['offset']:g}"
        for b in facts["bands"]
    ]
    return "\n".join([*lines, "", head, *rows])
