"""``kumosan fill``: only the fill, with any mask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import Common, MemoryGb, Reading


def command(
    scene: Annotated[Path, typer.Argument(help="File or folder of any product in docs/data.md.")],
    mask: Annotated[Path, typer.Argument(help="Mask on the scene's grid: 0, 1, 2, 3, 255.")],
    reading: Reading,
    common: Common,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="GeoTIFF; default: ./<scene>_filled.tif")
    ] = None,
    filler: Annotated[str, typer.Option(help="What fills the clouds.")] = "auto",
    fill_weights: Annotated[
        Path | None, typer.Option(help="Weights of the network (gan), by kumosan train gan.")
    ] = None,
    reference: Annotated[
        list[Path] | None, typer.Option(help="Another date on the same grid; may be repeated.")
    ] = None,
    memory_gb: MemoryGb = 3.0,
) -> None:
    """Fill the masked pixels; every other pixel stays bit-identical."""
    from ..datasets import read_mask
    from ..datasets.atomic import refuse_existing
    from ..datasets.write import write_confidence, write_filled, write_provenance
    from . import windowed
    from .pipeline import (
        check_request,
        fill,
        fill_facts,
        fill_text,
        refuse_inputs,
        stem,
        understood,
        whole,
    )

    console = Console(common.json, common.log_format, common.verbose)
    path = output or Path(f"{stem(scene)}_filled.tif")
    outputs = {
        "filled": path,
        "provenance": path.with_name(f"{path.stem}_provenance.tif"),
        "confidence": path.with_name(f"{path.stem}_confidence.tif"),
    }
    refuse_inputs(outputs.values(), [scene, mask, *(reference or [])])
    check_request("auto", filler, reference or [], fill_weights)
    for one in outputs.values():
        refuse_existing(one, common.overwrite)

    opened = understood(scene, reading, console)
    if common.dry_run:
        console.result(
            {"scene": scene, "outputs": outputs, "dry_run": True},
            "\n".join(str(one) for one in outputs.values()),
        )
        return
    if windowed.needed(opened, memory_gb):
        windowed.refuse_references(opened, reference or [])
        counts = windowed.fill(
            opened, mask, outputs, filler, common.seed, console, common.overwrite, fill_weights
        )
    else:
        tile = whole(opened, console)
        holes = read_mask(mask, like=tile)
        filled = fill(
            tile, holes, filler, reference or [], reading, console, common.seed, fill_weights
        )
        with console.phase("writing"):
            write_provenance(outputs["provenance"], filled, overwrite=common.overwrite)
            write_confidence(outputs["confidence"], filled, overwrite=common.overwrite)
            write_filled(path, filled, overwrite=common.overwrite)
        counts = fill_facts(filled)
    console.result(
        {
            "scene": scene,
            "mask": mask,
            "filler": filler,
            "filled": counts,
            "seconds": console.seconds,
            "outputs": outputs,
        },
        f"filled: {fill_text(counts)}\n{console.seconds:.1f} s -> {path}",
    )
