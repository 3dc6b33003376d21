"""``kumosan info``: what kumosan understands of a file."""

from __future__ import annotations

from collections.abc import Callable
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
    from ..datasets.opening import check_size
    from .pipeline import describe, open_

    console = Console(common.json, common.log_format, common.verbose)
    opened = open_(scene, reading)
    height, width = opened.shape
    if reading.max_pixels:  # else of any size, for pixels are streamed
        check_size(opened.path, width, height, len(opened.bands), reading.max_pixels)
    console.note(f"{scene.name}: {describe(opened)}")
    with console.phase("finding the valid area", width * height):
        valid = _valid_share(opened, console.teller("finding the valid area", "rows"))
    facts = _facts(scene, opened, valid)
    console.result(facts, _text(facts, _bad(opened)))


def _valid_share(opened: Scene, tell: Callable[[int, int], None]) -> float:
    """Share of valid pixels in [0, 1], found in blocks of rows."""
    from ..datasets.validity import valid_rows

    height, width = opened.shape
    count = done = 0
    for rows in valid_rows(opened):
        count += int(rows.sum())
        done += rows.shape[0]
        tell(done, height)
    return count / (height * width)


def _bad(opened: Scene) -> dict[str, list[str]]:
    """Names of the bands that no method uses, by the reason that the reader gives."""
    found: dict[str, list[str]] = {}
    for i, band in enumerate(opened.bands):
        if band.kind == "other":
            tags = opened.band_tags[i] if opened.band_tags else {}
            listed = "listed as bad" if tags.get("bbl") == "0" else "not spectral"
            found.setdefault(tags.get("bbl_reason", listed), []).append(band.name)
    return found


def _facts(scene: Path, opened: Scene, valid: float) -> dict[str, Any]:
    from rasterio.windows import Window

    from .. import detection

    height, width = opened.shape
    corner = opened.read(Window(0, 0, 1, 1))  # what fits depends on bands and supplier's mask
    gsd = opened.gsd_m
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
                "scale": opened.encoding.of([i]).scale[0],
                "offset": opened.encoding.of([i]).offset[0],
            }
            for i, b in enumerate(opened.bands)
        ],
    }


def _text(facts: dict[str, Any], bad: dict[str, list[str]]) -> str:
    lines = [
        f"{key.replace('_', ' '):16} {', '.join(value) if isinstance(value, list) else value}"
        for key, value in facts.items()
        if key != "bands" and value is not None
    ]
    lines += [f"{'bands not used':16} {', '.join(names)}: {why}" for why, names in bad.items()]
    head = f"{'band':14}{'centre nm':>10}{'FWHM nm':>9}{'GSD m':>7}  {'kind':11}scale, offset"
    rows = [
        f"{b['name']:14}{b['center_nm']:10.1f}{b['fwhm_nm']:9.1f}{b['gsd_m'] or '-':>7}  "
        f"{b['kind']:11}{b['scale']:g}, {b['offset']:g}"
        for b in facts["bands"]
    ]
    return "\n".join([*lines, "", head, *rows])
