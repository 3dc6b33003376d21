"""``kumosan tiles``: square patches of valid pixels."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import Common, Reading


def command(
    scene: Annotated[Path, typer.Argument(help="A scene of any kind that `kumosan info` reads.")],
    reading: Reading,
    common: Common,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder; default: ./<scene>_tiles")
    ] = None,
    size: Annotated[int, typer.Option(help="Side of a patch in pixels.", min=1)] = 256,
    min_valid: Annotated[
        float, typer.Option(help="Share of valid pixels that a patch must have, in (0, 1].")
    ] = 1.0,
) -> None:
    """Cut a scene into as many whole patches of valid pixels as fit.

    Rows (or columns) of patches slide on their own to follow the edge of a rotated swath. A
    second run with the same scene and settings goes on where the first one was stopped.
    """
    from ..datasets.opening import MAX_PIXELS
    from ..datasets.patches import LINES, PatchRun, PatchSettings
    from ..datasets.read import open_scene
    from .pipeline import stem

    console = Console(common.json, common.log_format, common.verbose)
    settings = PatchSettings(size, min_valid)
    folder = output or Path(f"{stem(scene)}_tiles")
    opened = open_scene(
        scene,
        sensor=reading.sensor,
        bands=reading.bands,
        scale=reading.scale,
        offset=reading.offset,
        resolution_m=reading.resolution,
        max_pixels=reading.max_pixels or MAX_PIXELS,
    )
    run = PatchRun.of(opened, folder, settings)
    header = run.check(common.overwrite)
    height, width = opened.shape
    kept, dropped = len(run.kept), [opened.bands.names[i] for i in run.dropped]
    console.note(f"{scene.name}: {width} x {height} px; {kept} bands kept, {len(dropped)} dropped")
    if dropped:
        console.explain(f"dropped, since bad or not spectral: {', '.join(dropped)}")
    if header is None:
        with console.phase("searching", width * height):
            packing = run.search()
        header = run.planned(packing)
    found = header["search"]
    if not found["patches"]:
        console.warn(f"no patch of {size} x {size} pixels with {100 * min_valid:g} % valid")
    facts = {"scene": scene, "size": size, "min_valid": min_valid, **found}
    facts |= {"bands": kept, "dropped_bands": dropped}
    facts |= {"outputs": {"folder": folder, "manifest": folder / LINES}}
    text = (
        f"{found['patches']} patches in sliding {found['direction']}; plain grid: "
        f"{found['plain_grid']}, best single offset: {found['one_offset']}, "
        f"no packing has more than {found['upper_bound']}"
    )
    if common.dry_run:
        console.result(facts | {"dry_run": True}, f"{text}\nwould be written to {folder}/")
        return
    with console.phase("writing", found["patches"] * size * size):
        written, there = run.write(header, common.overwrite, _Teller(console))
    console.result(
        facts | {"written": written, "skipped": there, "seconds": console.seconds},
        f"{text}\n{written} written, {there} were there already; "
        f"{console.seconds:.1f} s -> {folder}/",
    )


class _Teller:
    """A line of progress every ten seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = time.perf_counter()

    def __call__(self, done: int, total: int) -> None:
        now = time.perf_counter()
        if now - self._told >= 10:
            self._told = now
            self._console.note(f"writing: {done} of {total} patches", done=done, total=total)
