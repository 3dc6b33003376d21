"""``kumosan tune``: a detector's settings by the fill that they lead to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import Common, Reading


def command(
    reading: Reading,
    common: Common,
    clear: Annotated[
        list[Path] | None,
        typer.Argument(help="Clear scenes or folders of them; none: made-up landscapes."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="JSON of all figures.")] = Path(
        "tuning.json"
    ),
    catalog: Annotated[
        Path | None, typer.Option(help="Take the clear images of a catalogue's split train.")
    ] = None,
    detector: Annotated[str, typer.Option(help="What is tuned.")] = "auto",
    threshold: Annotated[
        list[float] | None,
        typer.Option(help="To try; repeat it. Default: 0.7, 1 and 1.4 times its own."),
    ] = None,
    buffer_m: Annotated[
        list[float] | None,
        typer.Option(help="To try; repeat it. Default: 0, 1, 2, 4 and 6 pixels.", min=0),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="Compare with this detector, as clean uses it; repeat it."),
    ] = None,
    filler: Annotated[str, typer.Option(help="What fills.")] = "auto",
    n: Annotated[int, typer.Option("--n", "-n", help="Number of painted pairs.", min=1)] = 12,
    preset: Annotated[
        str, typer.Option(help="Kind of cloud; several, with commas, are drawn from evenly.")
    ] = "mixed",
    size: Annotated[int, typer.Option(help="Side of a pair in pixels.", min=32)] = 256,
    bands_from: Annotated[
        str | None,
        typer.Option(help="Sensor whose bands landscapes have, or are picked from the scenes."),
    ] = None,
) -> None:
    """Judge masks by the fill that they lead to, on clear scenes under painted clouds.

    Tells what errors of the true mask cost (too small, too large, shadow or thin cloud missed), and
    which threshold and buffer of a detector cost least, and what the masks of others cost.
    """
    from .. import __version__, detection, gan
    from ..datasets.atomic import atomic_file, refuse_existing
    from ..datasets.protocols import Filler
    from ..synthesis.pairs import PairSource
    from ..synthesis.sampler import CloudSampler
    from .pipeline import check_request, filler_settings
    from .tuning import (
        Tuning,
        choose,
        cost_of_detectors,
        cost_of_errors,
        cost_of_settings,
        facts,
        settings_of,
        told,
    )
    from .tuning_ground import clear_scenes

    console = Console(common.json, common.log_format, common.verbose)
    check_request(detector, filler, [])
    others = tuple(dict.fromkeys(against or ()))
    for name in others:
        detection.get(name)
    refuse_existing(output, common.overwrite)
    sampler = CloudSampler(tuple(name.strip() for name in preset.split(",")))
    scenes, left = clear_scenes(clear or [], catalog, reading, detector, others)
    for path in left:
        console.note(f"{path}: left out, a detector does not fit it")
    sensor = bands_from or (None if scenes else "sentinel-2a")
    source = PairSource(scenes, sampler, common.seed, size, sensor)
    where = f"{len(scenes)} clear scenes" if scenes else f"landscapes in the bands of {sensor}"
    console.note(f"{n} pairs of {size} x {size} px with {preset} clouds on {where}")
    if common.dry_run:
        console.result({"outputs": {"json": output}, "dry_run": True}, str(output))
        return

    def make() -> Filler:
        return gan.get(filler, **filler_settings(filler, common.seed))

    tuning = Tuning()
    first = source.draw(0)[0]
    name = detection.auto(first.cloudy) if detector == "auto" else detector
    settings, default = settings_of(name, threshold or [], buffer_m or [])
    with console.phase("tuning"), console.counting("tuning", n, "pairs") as tell:
        for i in range(n):
            pair = first if i == 0 else source.draw(i)[0]
            cost_of_errors(pair, make, tuning)
            cost_of_settings(name, pair, make, settings, tuning)
            cost_of_detectors(others, pair, make, tuning)
            tell(i + 1, f"{len(settings)} settings of {name}")
    choice = choose(tuning, default)
    head = {
        "kumosan": __version__, "clear": [s.path for s in scenes] or "landscape",
        "detector": name, "filler": filler, "pairs": n, "size": size, "preset": preset,
        "seed": common.seed,
    }  # fmt: skip
    report = head | facts(tuning, choice)
    with atomic_file(output, common.overwrite) as place:
        place.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    console.result(
        report | {"seconds": console.seconds, "outputs": {"json": output}},
        f"{told(name, tuning, choice)}\n{console.seconds:.1f} s -> {output}",
    )
