"""``kumosan synthesize``: pairs of clear and cloudy tiles whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .console import Console
from .options import Common, Reading


def command(
    reading: Reading,
    common: Common,
    clear: Annotated[
        list[Path] | None,
        typer.Argument(help="Clear scenes or folders of clear tiles; none: made-up landscapes."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the pairs.")] = Path(
        "pairs"
    ),
    n: Annotated[int, typer.Option("--n", "-n", help="Number of pairs.", min=1)] = 100,
    preset: Annotated[
        str, typer.Option(help="Kind of cloud; several, with commas, are drawn from evenly.")
    ] = "mixed",
    size: Annotated[int, typer.Option(help="Side of a pair in pixels.", min=1)] = 256,
    workers: Annotated[
        int, typer.Option(help="Processes. Their number does not change the output.", min=1)
    ] = 1,
    bands_from: Annotated[
        str | None,
        typer.Option(
            help="Sensor whose bands the landscapes have (default: sentinel-2a), or whose bands "
            "are picked from the clear scenes by wavelength (default: all they have)."
        ),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Write preview.png, the first 16 pairs.")
    ] = False,
) -> None:
    """Paint clouds and shadows on clear tiles: training pairs with masks and every parameter.

    Writes <id>_clear.tif, <id>_cloudy.tif and <id>_mask.tif for each pair, and manifest.jsonl. Pair
    number i depends on the clear tiles, the settings, --seed and i only; a second run with the same
    settings goes on where the first one was stopped, or where a smaller --n ended.
    """
    from ..synthesis.contact_sheet import MOST, write_contact_sheet
    from ..synthesis.pair_folder import LINES, PairRun
    from ..synthesis.pairs import PairSource
    from ..synthesis.sampler import CloudSampler
    from .pipeline import clear_inputs

    console = Console(common.json, common.log_format, common.verbose)
    sampler = CloudSampler(tuple(name.strip() for name in preset.split(",")))
    scenes = tuple(clear_inputs(clear or [], reading))
    sensor = bands_from or (None if scenes else "sentinel-2a")
    run = PairRun.of(PairSource(scenes, sampler, common.seed, size, sensor), output, n)
    done = run.done(common.overwrite)
    there = len([i for i in done if i < n])
    facts: dict[str, Any] = {
        "pairs": n,
        "clear": [s.path for s in scenes] or "landscape",
        "preset": preset,
        "seed": common.seed,
        "size": size,
        "outputs": {"folder": output, "manifest": output / LINES},
    }
    if preview:
        facts["outputs"]["preview"] = output / "preview.png"
    told = f"{len(scenes)} clear scenes" if scenes else f"landscapes in the bands of {sensor}"
    console.note(f"{told}; {n} pairs of {size} x {size} px with {preset} clouds")
    if common.dry_run:
        console.result(
            facts | {"dry_run": True}, f"{n - there} pairs would be written to {output}/"
        )
        return
    with console.phase("painting", (n - there) * size * size):
        written = run.write(done, workers, common.overwrite, console.teller("painting", "pairs"))
    if preview:
        write_contact_sheet(output / "preview.png", output, range(min(n, MOST)), overwrite=True)
    console.result(
        facts | {"written": written, "skipped": there, "seconds": console.seconds},
        f"{written} pairs written, {there} were there already; "
        f"{console.seconds:.1f} s -> {output}/",
    )
