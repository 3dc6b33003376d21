"""``kumosan tiles``: square patches of valid pixels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import Console
from .options import Common, Reading

CACHE_BYTES = 128 * 2**20


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
    from ..datasets.patches import PatchRun, PatchSettings
    from ..datasets.raster_file import bounded_cache
    from .pipeline import open_, stem

    console = Console(common.json, common.log_format, common.verbose)
    settings = PatchSettings(size, min_valid)
    folder = output or Path(f"{stem(scene)}_tiles")
    with bounded_cache(CACHE_BYTES):
        opened = open_(scene, reading)
        run = PatchRun.of(opened, folder, settings)
        header = run.check(common.overwrite)
        height, width = opened.shape
        told = f"{width} x {height} px; {len(run.kept)} bands kept, {len(run.dropped)} dropped"
        console.note(f"{scene.name}: {told}")
        if run.dropped:
            names = ", ".join(opened.bands.select(run.dropped).names)
            console.explain(f"dropped, since bad or not spectral: {names}")
        if header is None:
            with console.phase("searching", width * height):
                packing = run.search()
            header = run.planned(packing)
        if not header["patches"]:
            console.warn(f"no patch of {size} x {size} pixels with {100 * min_valid:g} % valid")
        facts = _facts(header, folder)
        text = _text(facts)
        if common.dry_run:
            console.result(facts | {"dry_run": True}, f"{text}\nwould be written to {folder}/")
            return
        with console.phase("writing", facts["patches"] * size * size):
            written, there = run.write(
                header, common.overwrite, console.teller("writing", "patches")
            )
        console.result(
            facts | {"written": written, "skipped": there, "seconds": console.seconds},
            f"{text}\n{written} written, {there} were there already; "
            f"{console.seconds:.1f} s -> {folder}/",
        )


def _facts(header: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What is told of a run, from its header."""
    return {
        "scene": header["source"],
        "size": header["size"],
        "min_valid": header["min_valid"],
        **header["search"],
        "bands": len(header["bands"]),
        "dropped_bands": header["dropped_bands"],
        "outputs": {"folder": folder, "manifest": folder / "manifest.jsonl"},
    }


def _text(facts: Mapping[str, Any]) -> str:
    return (
        f"{facts['patches']} patches in sliding {facts['direction']}; plain grid: "
        f"{facts['plain_grid']}, best single offset: {facts['one_offset']}, "
        f"no packing has more than {facts['upper_bound']}"
    )
