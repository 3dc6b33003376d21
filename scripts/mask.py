"""``kumosan mask``: only the mask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import Common, Reading


def command(
    scene: Annotated[Path, typer.Argument(help="File or folder of any product in docs/data.md.")],
    reading: Reading,
    common: Common,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="GeoTIFF; default: ./<scene>_mask.tif")
    ] = None,
    detector: Annotated[str, typer.Option(help="What finds the clouds.")] = "auto",
    threshold: Annotated[
        float | None, typer.Option(help="Threshold of the detector, where it has one.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights of your own for the network (unet).")
    ] = None,
    buffer_m: Annotated[
        float,
        typer.Option(help="Grow the mask by so many metres; `clean` grows it by 2 pixels.", min=0),
    ] = 0.0,
    min_area_m2: Annotated[
        float | None, typer.Option(help="Drop specks smaller than this; default: 4 pixels.", min=0)
    ] = None,
    probability: Annotated[
        bool, typer.Option("--probability", help="Also write <output>_probability.tif.")
    ] = False,
) -> None:
    """Find clouds and shadows: 0 clear, 1 thick, 2 thin, 3 shadow, 255 nodata."""
    from ..datasets.atomic import refuse_existing
    from ..datasets.errors import UnfitError
    from ..datasets.write import write_mask, write_probability
    from .pipeline import (
        check_request,
        cover_facts,
        cover_text,
        detect,
        load,
        refuse_inputs,
        stem,
    )

    console = Console(common.json, common.log_format, common.verbose)
    path = output or Path(f"{stem(scene)}_mask.tif")
    outputs = {"mask": path}
    if probability:
        outputs["probability"] = path.with_name(f"{path.stem}_probability.tif")
    refuse_inputs(outputs.values(), [scene])
    check_request(detector, "auto", [])
    for one in outputs.values():
        refuse_existing(one, common.overwrite)

    tile = load(scene, reading, console)
    if common.dry_run:
        console.result(
            {"scene": scene, "outputs": outputs, "dry_run": True},
            "\n".join(str(one) for one in outputs.values()),
        )
        return
    used, mask = detect(
        tile,
        detector,
        console,
        threshold=threshold,
        weights=weights,
        min_area_m2=min_area_m2,
        buffer_m=buffer_m,
    )
    if probability and mask.probability is None:
        raise UnfitError(
            f"--probability with detector {used}",
            "a detector that knows probabilities",
            "leave --probability out",
        )
    with console.phase("writing"):
        write_mask(path, mask, overwrite=common.overwrite)
        if probability:
            write_probability(outputs["probability"], mask, overwrite=common.overwrite)
    console.result(
        {
            "scene": scene,
            "sensor": tile.acquired.sensor,
            "level": tile.acquired.level,
            "detector": used,
            "cover": cover_facts(mask),
            "seconds": console.seconds,
            "outputs": outputs,
        },
        f"found: {cover_text(mask)}\n{console.seconds:.1f} s -> {path}",
    )
