"""``kumosan train gan``: the network behind ``--filler gan``."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import Common
from .train import (
    Data,
    Epochs,
    Folder,
    FoldOption,
    Logger,
    Workers,
    clear_away,
    finished,
    fold_of,
    overridden,
)


def command(
    common: Common,
    data: Data,
    output: Folder = Path("run"),
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file; without it, the one that docs/gan.md tells of."),
    ] = None,
    fold: FoldOption = None,
    epochs: Epochs = None,
    workers: Workers = None,
    logger: Logger = "csv",
    paintings: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps what is painted, for other trainings on the same."),
    ] = None,
) -> None:
    """Train the generator that fills clouds, on clouds painted over clear ground.

    The same command on the same folder goes on where it was stopped; a folder that holds finished
    weights is refused without --overwrite. Writes weights.safetensors, metrics.csv, last.ckpt and
    pictures of samples.
    """
    from ..datasets.configuration import as_json
    from ..gan.train_config import read

    console = Console(common.json, common.log_format, common.verbose)
    facts = read(config)
    facts = replace(facts, training=overridden(facts.training, epochs, workers))
    facts.check()
    part = fold_of(fold)
    anew = finished(output, common.overwrite)
    if common.dry_run:
        console.result({"config": as_json(facts), "dry_run": True}, f"would train into {output}/")
        return
    from ..gan.training import Run

    if anew:
        clear_away(output)
        shutil.rmtree(output / "samples", ignore_errors=True)
    run = Run(facts, output, data, common.seed, logger, fold=part, paintings=paintings)
    with console.phase("training"):
        path = run.train(console.teller("training", "epochs"))
    console.led_to("weights", path)
