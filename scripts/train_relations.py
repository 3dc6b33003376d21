"""``kumosan train relations``: what thin cloud and shadow take, for scenes without clear ground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import Common
from .train import Data, FoldOption, fold_of


def command(
    common: Common,
    data: Data,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")] = Path(
        "relations.safetensors"
    ),
    fold: FoldOption = None,
) -> None:
    """Fit what other scenes teach of thin cloud and shadow.

    On clear ground of split train and on procedural landscapes, under painted clouds; judged on
    places that a fit had not seen. Fills use it in scenes with too little clear ground.
    """
    from ..datasets.atomic import refuse_existing
    from ..gan.teaching import teach

    console = Console(common.json, common.log_format, common.verbose)
    part = fold_of(fold)
    refuse_existing(output, common.overwrite)
    if common.dry_run:
        console.result({"dry_run": True}, f"would write {output}")
        return
    with console.phase("fitting"):
        card = teach(data, output, common.seed, part, console.teller("fitting", "grounds"))
    told = "\n".join(
        f"{name}: RMSE {errors['left']:.4f} left, {errors['corrected']:.4f} corrected"
        for name, errors in card.scores.items()
    )
    console.result({"weights": output, "scores": card.scores}, f"{told}\n-> {output}")
