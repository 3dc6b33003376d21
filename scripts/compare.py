"""``kumosan compare``: every detector and every filler side by side, in one report."""

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
        Path | None, typer.Option("-o", "--output", help="Folder; default: ./<scene>_compare")
    ] = None,
    detector: Annotated[
        list[str] | None, typer.Option(help="Detector to compare; repeat it. Default: all.")
    ] = None,
    filler: Annotated[
        list[str] | None, typer.Option(help="Filler to compare; repeat it. Default: all.")
    ] = None,
    truth: Annotated[
        list[Path] | None,
        typer.Option(help="True mask, or the scene without clouds; or both, one after the other."),
    ] = None,
    mask_by: Annotated[
        str | None,
        typer.Option(help="Whose mask is filled; default: truth if given, else the first's."),
    ] = None,
    reference: Annotated[
        list[Path] | None, typer.Option(help="Another date on the same grid; may be repeated.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights of your own for the network.")
    ] = None,
    fill_weights: Annotated[
        Path | None, typer.Option(help="Weights of the network (gan), by kumosan train gan.")
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(help="Also show the spectrum at COLUMN,ROW (pixels from 0); repeat it."),
    ] = None,
    map_point: Annotated[
        list[str] | None,
        typer.Option(help="The same at X,Y in the scene's coordinate system; repeat it."),
    ] = None,
    size: Annotated[
        int,
        typer.Option(help="Larger scenes are compared on a square of so many pixels.", min=32),
    ] = 1024,
    at: Annotated[
        str | None,
        typer.Option(help="COLUMN,ROW of its middle; default: where clear and cloudy mix."),
    ] = None,
) -> None:
    """Compare detectors and fillers on the same pixels.

    Writes report.html, one page to read and send on, and report.json. A method that does not fit
    the scene is listed with the reason.
    """
    import json

    from .. import __version__
    from ..datasets.atomic import atomic_folder, refuse_existing
    from .comparison import Settings, compare
    from .comparison_facts import brief, facts
    from .comparison_inputs import Inputs, pixel
    from .comparison_page import comparison_page
    from .comparison_points import points
    from .comparison_window import part_of
    from .pipeline import stem, understood

    console = Console(common.json, common.log_format, common.verbose)
    name = stem(scene)
    folder = output or Path(f"{name}_compare")
    settings = Settings(
        tuple(dict.fromkeys(detector or ())),
        tuple(dict.fromkeys(filler or ())),
        mask_by,
        weights,
        fill_weights,
        common.seed,
    )
    inputs = Inputs.of(truth or (), reference or (), point or (), map_point or (), reading)
    middle = pixel("--at", at) if at else None
    refuse_existing(folder, common.overwrite)
    settings.check(inputs.truth_mask is not None, bool(inputs.references))
    outputs = {"html": folder / "report.html", "json": folder / "report.json"}

    opened = understood(scene, reading, console)
    inputs.check(opened)
    if common.dry_run:
        told = "\n".join(map(str, outputs.values()))
        console.result({"scene": scene, "outputs": outputs, "dry_run": True}, told)
        return
    asked = inputs.points(opened)
    part = part_of(opened, size, middle, asked, console)
    tile, known, dates = inputs.read(opened, part, console)
    found = compare(tile, settings, console, known, dates)
    with console.phase("writing"), atomic_folder(folder, common.overwrite) as new:
        left, top = int(part.col_off), int(part.row_off)
        shown = points(found, [(column - left, row - top) for column, row in asked])
        figures = {"kumosan": __version__, "seed": common.seed, **facts(found, shown)}
        figures["scene"] |= {"file": scene.name, "column": left, "row": top}
        text = json.dumps(figures, indent=1, allow_nan=False)
        (new / outputs["json"].name).write_text(text + "\n", "utf-8")
        page = comparison_page(f"Clouds of {name}, compared", found, figures, shown)
        (new / outputs["html"].name).write_text(page, "utf-8")
    console.result(
        {
            "scene": scene,
            "mask_by": found.hidden_by,
            "detectors": figures["detectors"],
            "fillers": figures["fillers"],
            "seconds": console.seconds,
            "outputs": outputs,
        },
        f"{brief(figures)}\n{console.seconds:.1f} s -> {outputs['html']}",
    )
