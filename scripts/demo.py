"""``kumosan demo``: make a scene, cloud it, clean it, and tell how good that was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import Console
from .options import Common

if TYPE_CHECKING:
    from ..datasets import CloudMask, FilledTile
    from ..datasets.pair import CloudyPair


def command(
    common: Common,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the scene and what is made of it.")
    ] = Path("kumosan_demo"),
    size: Annotated[int, typer.Option(help="Width and height in pixels.", min=64, max=4096)] = 512,
    strip: Annotated[
        bool, typer.Option(help="In its place a strip of many narrow bands, turned on its grid.")
    ] = False,
) -> None:
    """Clean a made-up Sentinel-2 scene whose truth is known. Needs no data and no network.

    The landscape and its clouds are drawn from --seed; the result is scored against the truth.
    """
    from ..datasets.atomic import atomic_folder, refuse_existing
    from ..datasets.write import write_mask, write_tile
    from ..synthesis.demo import demo_pair
    from .options import Reading
    from .pipeline import (
        detect,
        fill,
        fill_facts,
        fill_text,
        load,
        output_names,
        shares_text,
        write_outputs,
    )

    console = Console(common.json, common.log_format, common.verbose)
    refuse_existing(output, common.overwrite)
    names = {name: f"{name}.tif" for name in ("scene", "truth", "clear")} | output_names("scene")
    outputs = {kind: str(output / name) for kind, name in names.items()}
    if common.dry_run:
        console.result({"outputs": outputs, "dry_run": True}, "\n".join(outputs.values()))
        return

    with console.phase("drawing a landscape and its clouds"):
        pair = demo_pair(seed=common.seed, shape=(size, size), strip=strip)
    with atomic_folder(output, common.overwrite) as new:
        write_tile(new / "scene.tif", pair.cloudy)
        write_mask(new / "truth.tif", pair.mask)
        write_tile(new / "clear.tif", pair.clear)
        tile = load(new / "scene.tif", Reading(), console)
        used, mask = detect(tile, "auto", console, buffer_m=None, buffer_px=2)
        filled = fill(tile, mask, "auto", [], Reading(), console, common.seed)
        write_outputs(new, "scene", tile, mask, filled, console)

    found = _mask_scores(pair, mask)
    errors = _fill_scores(pair, filled)
    console.result(
        {
            "detector": used,
            "mask_scores": found,
            "fill_rmse": errors,
            "seconds": console.seconds,
            "outputs": outputs,
        },
        "\n".join(
            [
                f"found ({used}): {shares_text(mask.cover())}",
                f"filled: {fill_text(fill_facts(filled))}",
                "",
                f"{'mask against truth':20}{'found':>8}{'right':>8}{'IoU':>8}",
                *(
                    f"  {view:18}{s['pa']:8.1%}{s['ua']:8.1%}{s['iou']:8.3f}"
                    for view, s in found.items()
                ),
                "",
                f"{'error of reflectance':20}{'filled':>8}{'left as it was':>16}",
                *(
                    f"  {view:18}{e['filled']:8.3f}{e['cloudy']:16.3f}"
                    for view, e in errors.items()
                ),
                "",
                f"{console.seconds:.1f} s; look at {outputs['quicklook']}",
            ]
        ),
    )


def _mask_scores(pair: CloudyPair, mask: CloudMask) -> dict[str, dict[str, float]]:
    from ..detection.metrics import compare

    seen = compare(pair.mask.classes, mask.classes)
    return {view: {"pa": c.pa, "ua": c.ua, "iou": c.iou} for view, c in seen.items()}


def _fill_scores(pair: CloudyPair, filled: FilledTile) -> dict[str, dict[str, float]]:
    """RMSE of reflectance on filled pixels, by class of the truth: as filled, and before."""
    from ..datasets.tile import CLASS_NAMES
    from ..gan.metrics import reflectances, rmse

    views = {"all": filled.filled}
    for code, name in enumerate(CLASS_NAMES):
        views[name.replace("_", " ")] = filled.filled & (pair.mask.classes == code)
    return {
        view: {
            "filled": rmse(*reflectances(pair.clear, filled.tile, where)),
            "cloudy": rmse(*reflectances(pair.clear, pair.cloudy, where)),
        }
        for view, where in views.items()
    }
