"""``kumosan clean``: segment, then fill."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import Console
from .options import Common, Reading


def command(
    scene: Annotated[Path, typer.Argument(help="File or folder of any product in docs/data.md.")],
    reading: Reading,
    common: Common,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder; default: ./<scene>_clean")
    ] = None,
    detector: Annotated[str, typer.Option(help="What finds the clouds.")] = "auto",
    weights: Annotated[
        Path | None, typer.Option(help="Weights of your own for the network (unet).")
    ] = None,
    runtime: Annotated[
        Literal["auto", "torch", "onnx", "openvino"],
        typer.Option(help="What runs the network; auto measures those installed if it pays."),
    ] = "auto",
    filler: Annotated[str, typer.Option(help="What fills them.")] = "auto",
    reference: Annotated[
        list[Path] | None, typer.Option(help="Another date on the same grid; may be repeated.")
    ] = None,
    buffer_m: Annotated[
        float | None,
        typer.Option(help="Grow the mask by so many metres; default: 2 pixels.", min=0),
    ] = None,
    min_area_m2: Annotated[
        float | None, typer.Option(help="Drop specks smaller than this; default: 4 pixels.", min=0)
    ] = None,
) -> None:
    """Find clouds and shadows and fill what they hide.

    Writes mask, filled scene, provenance and confidence of every pixel, and a quicklook.
    """
    from ..datasets.atomic import atomic_folder, refuse_existing
    from .pipeline import (
        check_request,
        cover_facts,
        cover_text,
        detect,
        fill,
        fill_facts,
        fill_text,
        load,
        output_names,
        stem,
        write_outputs,
    )

    console = Console(common.json, common.log_format, common.verbose)
    name = stem(scene)
    folder = output or Path(f"{name}_clean")
    refuse_existing(folder, common.overwrite)
    check_request(detector, filler, reference or [])
    outputs = {kind: str(folder / file) for kind, file in output_names(name).items()}

    tile = load(scene, reading, console)
    if common.dry_run:
        planned = "\n".join(outputs.values())
        console.result({"scene": scene, "outputs": outputs, "dry_run": True}, planned)
        return
    used, mask = detect(
        tile,
        detector,
        console,
        weights=weights,
        runtime=runtime,
        min_area_m2=min_area_m2,
        buffer_m=buffer_m,
        buffer_px=2,
    )
    filled = fill(tile, mask, filler, reference or [], reading, console, common.seed)
    with atomic_folder(folder, common.overwrite) as new:
        write_outputs(new, name, tile, mask, filled, console)
    console.result(
        {
            "scene": scene,
            "sensor": tile.acquired.sensor,
            "level": tile.acquired.level,
            "detector": used,
            "filler": filler,
            "cover": cover_facts(mask),
            "filled": fill_facts(filled),
            "seconds": console.seconds,
            "outputs": outputs,
        },
        f"found:  {cover_text(mask)}\nfilled: {fill_text(filled)}\n"
        f"{console.seconds:.1f} s -> {folder}/",
    )
