"""``kumosan clean``: segment, then fill."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import Console
from .options import Common, MemoryGb, Reading


def command(
    scene: Annotated[Path, typer.Argument(help="File or folder of any product in docs/data.md.")],
    reading: Reading,
    common: Common,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder; default: ./<scene>_clean")
    ] = None,
    detector: Annotated[str, typer.Option(help="What finds the clouds.")] = "auto",
    weights: Annotated[
        Path | None, typer.Option(help="Weights of your own for the network.")
    ] = None,
    runtime: Annotated[
        Literal["auto", "torch", "onnx", "openvino"],
        typer.Option(help="What runs the network; auto measures those installed if it pays."),
    ] = "auto",
    filler: Annotated[str, typer.Option(help="What fills them.")] = "auto",
    fill_weights: Annotated[
        Path | None, typer.Option(help="Weights of the network (gan), by kumosan train gan.")
    ] = None,
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
    memory_gb: MemoryGb = 3.0,
) -> None:
    """Find clouds and shadows and fill what they hide.

    Writes mask, filled scene, provenance and confidence of every pixel, a quicklook, a report and a
    STAC item. Scenes of any size: those that would take more than --memory-gb are cleaned window by
    window.
    """
    from ..datasets.atomic import refuse_existing
    from .cleaning import Job, clean
    from .pipeline import stem, understood

    console = Console(common.json, common.log_format, common.verbose)
    name = stem(scene)
    folder = output or Path(f"{name}_clean")
    job = Job(
        detector,
        weights,
        runtime,
        filler,
        tuple(reference or ()),
        buffer_m,
        min_area_m2,
        fill_weights=fill_weights,
        seed=common.seed,
        memory_gb=memory_gb,
        reading=reading,
    )
    refuse_existing(folder, common.overwrite)
    job.check()
    outputs = {kind: str(folder / file) for kind, file in job.output_names(name).items()}

    opened = understood(scene, reading, console)
    if common.dry_run:
        planned = "\n".join(outputs.values())
        console.result({"scene": scene, "outputs": outputs, "dry_run": True}, planned)
        return
    facts, told, _ = clean(opened, name, folder, job, console, common.overwrite)
    console.result(
        {"scene": scene, **facts, "seconds": console.seconds, "outputs": outputs},
        f"{told}\n{console.seconds:.1f} s -> {folder}/",
    )
