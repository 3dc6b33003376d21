"""``kumosan train classifier``: the network behind ``kumosan filter``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import Console
from .options import Common
from .train import Config, Folder, FoldOption, fold_of

_MADE = ("last.ckpt", "metrics.csv", "weights.safetensors")


def command(
    common: Common,
    data: Annotated[
        Path,
        typer.Argument(
            help="A catalogue; or a CSV file with the columns image and label (clear or cloudy); "
            "or a folder with the subfolders clear and cloudy."
        ),
    ],
    output: Folder = Path("run"),
    config: Config = None,
    fold: FoldOption = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Networks trained only to calibrate the one that is kept, each without one part "
            "of the places; 0: no calibration. Instead of the file's.",
            min=0,
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Instead of the file's.", min=1)] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that make samples; instead of the file's.", min=0)
    ] = None,
    logger: Annotated[
        Literal["csv", "wandb", "mlflow"], typer.Option(help="Where the log goes.")
    ] = "csv",
) -> None:
    """Train the patch classifier: clear, or more than 5 % cloud and shadow.

    Probabilities and threshold are chosen on places that a network was not trained on. The same
    command on the same folder goes on where it was stopped; a folder that holds finished weights
    is refused without --overwrite. Writes weights.safetensors, metrics.csv and last.ckpt, and the
    folders fold-0, fold-1, ... with the same of the networks that were trained to calibrate.
    """
    from ..datasets.errors import FileError, OutputError, UsageError
    from ..detection.classifier_config import ClassifierConfig
    from ..detection.train_config import as_json, read_config

    console = Console(common.json, common.log_format, common.verbose)
    facts = read_config(ClassifierConfig, config, "classifier")
    t, c = facts.training, facts.calibration
    t = replace(
        t,
        epochs=t.epochs if epochs is None else epochs,
        workers=t.workers if workers is None else workers,
    )
    facts = replace(
        facts, training=t, calibration=replace(c, folds=c.folds if folds is None else folds)
    )
    if facts.calibration.folds == 1:
        raise UsageError("1 fold", "0, or 2 and more", "correct --folds")
    if not data.exists():
        raise FileError(f"{data} does not exist", "a catalogue or labels", "correct the path")
    part = fold_of(fold)
    target = output / "weights.safetensors"
    if target.exists() and not common.overwrite:
        raise OutputError(
            f"{target} exists", "a run that is not finished", "choose another -o, or --overwrite"
        )
    if common.dry_run:
        console.result({"config": as_json(facts), "dry_run": True}, f"would train into {output}/")
        return
    from ..detection.classifier_training import Run
    from ..detection.weights import read_card

    if target.exists():
        for place in (output, *output.glob("fold-*")):
            for name in _MADE:
                (place / name).unlink(missing_ok=True)
    with console.phase("training"):
        path = Run(facts, output, data, common.seed, part, logger).train(
            console.teller("training", "epochs")
        )
    scores = read_card(path).scores.get("held_out", {})
    told = ", ".join(f"{name} {value}" for name, value in scores.items())
    console.result(
        {"weights": path, "held_out": scores, "seconds": console.seconds},
        f"{told or 'not calibrated'}; {console.seconds:.0f} s -> {path}",
    )
