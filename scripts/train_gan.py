"""``kumosan train gan``: the network behind ``--filler gan``."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import Console
from .options import Common
from .train import Data, Folder

_MADE = ("last.ckpt", "metrics.csv", "weights.safetensors")


def command(
    common: Common,
    data: Data,
    output: Folder = Path("run"),
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file; without it, the training of the network meant to ship."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Instead of the file's.", min=1)] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that make samples; instead of the file's.", min=0)
    ] = None,
    logger: Annotated[
        Literal["csv", "wandb", "mlflow"], typer.Option(help="Where the log goes.")
    ] = "csv",
) -> None:
    """Train the generator that fills clouds, on clouds painted over clear ground.

    The same command on the same folder goes on where it was stopped; a folder that holds finished
    weights is refused without --overwrite. Writes weights.safetensors, metrics.csv, last.ckpt and
    pictures of samples.
    """
    from ..datasets.configuration import as_json
    from ..datasets.errors import OutputError
    from ..gan.train_config import read

    console = Console(common.json, common.log_format, common.verbose)
    facts = read(config)
    t = facts.training
    t = replace(t, epochs=t.epochs if epochs is None else epochs)
    t = replace(t, workers=t.workers if workers is None else workers)
    facts = replace(facts, training=t)
    facts.check()
    target = output / "weights.safetensors"
    if target.exists() and not common.overwrite:
        raise OutputError(
            f"{target} exists", "a run that is not finished", "choose another -o, or --overwrite"
        )
    if common.dry_run:
        console.result({"config": as_json(facts), "dry_run": True}, f"would train into {output}/")
        return
    from ..gan.training import Run

    if target.exists():
        for name in _MADE:
            (output / name).unlink(missing_ok=True)
        shutil.rmtree(output / "samples", ignore_errors=True)
    run = Run(facts, output, data, common.seed, logger)
    tell = console.teller("training", "epochs")
    with console.phase("training"):
        path = run.train(tell)
    console.result(
        {"weights": path, "seconds": console.seconds}, f"{console.seconds:.0f} s -> {path}"
    )
