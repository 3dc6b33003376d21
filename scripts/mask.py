"""``kumosan mask``: only the mask."""

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
        Path | None, typer.Option("-o", "--output", help="GeoTIFF; default: ./<scene>_mask.tif")
    ] = None,
    detector: Annotated[str, typer.Option(help="What finds the clouds.")] = "auto",
    threshold: Annotated[
        float | None, typer.Option(help="Threshold of the detector, where it has one.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights of your own for the network.")
    ] = None,
    buffer_m: Annotated[
        float,
        typer.Option(help="Grow the mask by so many metres; `clean` grows it by 2 pixels.", min=0),
    ] = 0.0,
    min_area_m2: Annotated[
        float | None, typer.Option(help="Drop specks smaller than this; default: 4 pixels.", min=0)
    ] = None,
    runtime: Annotated[
        Literal["auto", "torch", "onnx", "openvino"],
        typer.Option(help="What runs the network; auto measures those installed if it pays."),
    ] = "auto",
    network_m: Annotated[
        float | None,
        typer.Option(
            help="Pixel size the network works at, for example 20 on a 10 m scene: a quarter of "
            "the time; edges are then found again in the scene.",
        ),
    ] = None,
    probability: Annotated[
        bool, typer.Option("--probability", help="Also write <output>_probability.tif.")
    ] = False,
) -> None:
    """Find clouds and shadows: 0 clear, 1 thick, 2 thin, 3 shadow, 255 nodata.

    Scenes are streamed: the memory does not grow with them. Only fmask and the peers look at the
    whole scene at once.
    """
    from ..datasets.atomic import refuse_existing
    from ..detection.engine import choose_for, mask_scene
    from ..detection.mask_settings import MaskSettings, output_paths
    from .freed_memory import keep_freed_memory
    from .pipeline import check_request, describe, open_, refuse_inputs, shares_text, stem

    console = Console(common.json, common.log_format, common.verbose)
    path = output or Path(f"{stem(scene)}_mask.tif")
    settings = MaskSettings(
        detector=detector,
        threshold=threshold,
        weights=weights,
        min_area_m2=min_area_m2,
        buffer_m=buffer_m,
        runtime=runtime,
        network_m=network_m,
        probability=probability,
        overwrite=common.overwrite,
    )
    outputs = output_paths(path, settings)
    refuse_inputs(outputs.values(), [scene])
    check_request(detector, None)
    for one in outputs.values():
        refuse_existing(one, common.overwrite)

    opened = open_(scene, reading)
    console.note(f"{scene.name}: {describe(opened)}")
    used, _ = choose_for(opened, settings)
    if common.dry_run:
        console.result(
            {"scene": scene, "outputs": outputs, "detector": used, "dry_run": True},
            "\n".join(str(one) for one in outputs.values()),
        )
        return
    keep_freed_memory()
    with console.phase(f"masking ({used})", opened.shape[0] * opened.shape[1]):
        done = mask_scene(opened, path, settings, console.teller("masking", "rows"))
    if done.runtime is not None:
        console.explain(f"the network ran in {done.runtime}")
    if done.valid_pixels == 0:
        console.warn("no valid pixel: the scene holds nothing but nodata")
    elif done.cover["clear"] == 0:
        console.warn("no clear pixel")
    console.result(
        {
            "scene": scene,
            "sensor": opened.acquired.sensor,
            "level": opened.acquired.level,
            "detector": used,
            "runtime": done.runtime,
            "cover": {name: round(100 * share, 3) for name, share in done.cover.items()},
            "seconds": console.seconds,
            "outputs": outputs,
        },
        f"found: {shares_text(done.cover)}\n{console.seconds:.1f} s -> {path}",
    )
