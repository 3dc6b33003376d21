"""``kumosan composite``: one unclouded image of several dates."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import Console
from .options import Common, MemoryGb, Reading


def command(
    scenes: Annotated[
        list[Path], typer.Argument(help="Dates of one place; the first gives grid and bands.")
    ],
    reading: Reading,
    common: Common,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="GeoTIFF; others go beside it.")
    ] = Path("composite.tif"),
    method: Annotated[
        Literal["median", "best", "geomedian"],
        typer.Option(
            help="How the clear dates of a pixel become one (geomedian: extra composite)."
        ),
    ] = "median",
    detector: Annotated[
        str | None,
        typer.Option(help="Mask all dates anew; default: <scene>_mask.tif beside, else auto."),
    ] = None,
    decisions: Annotated[
        Path | None, typer.Option(help="What a reviewer decided (decisions.jsonl).")
    ] = None,
    date: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Day that best wants; default: the middle one of all."
        ),
    ] = None,
    align: Annotated[
        bool, typer.Option("--align", help="Resample dates on other grids to the first's.")
    ] = False,
    fill: Annotated[
        str | None, typer.Option(help="Filler for pixels that are never clear; default: nodata.")
    ] = None,
    memory_gb: MemoryGb = 3.0,
) -> None:
    """Make one unclouded image of several dates.

    Writes the composite, and beside it which date each pixel is from and how many are clear there.
    """
    from .compositing_job import CompositeJob, run

    console = Console(common.json, common.log_format, common.verbose)
    job = CompositeJob(
        tuple(scenes), output, method, detector, decisions, date, align, fill, memory_gb,
        common.seed, reading, common.overwrite,
    )  # fmt: skip
    facts, told = run(job, console, common.dry_run)
    console.result({**facts, "seconds": console.seconds}, told)
