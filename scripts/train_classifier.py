"""``kumosan train classifier``: the network behind ``kumosan filter``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import Common
from .train import (
    Config,
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
    epochs: Epochs = None,
    workers: Workers = None,
    logger: Logger = "csv",
) -> None:
    """Train the patch classifier: clear, or more than 5 % cloud and shadow.

    Probabilities and threshold are chosen on places that a network was not trained on. The same
    command on the same folder goes on where it was stopped; a folder that holds finished weights
    is refused without --overwrite. Writes weights.safetensors, metrics.csv and last.ckpt, and the
    folders fold-0, fold-1, ... with the same of the networks that were trained to calibrate.
    """
    from ..datasets.configuration import as_json
    from ..datasets.errors import FileError, UsageError
    from ..detection.classifier_config import ClassifierConfig
    from ..detection.train_config import read_config

    console = Console(common.json, common.log_format, common.verbose)
    facts = read_config(ClassifierConfig, config, "classifier")
    c = facts.calibration
    facts = replace(
        facts,
        training=overridden(facts.training, epochs, workers),
        calibration=replace(c, folds=c.folds if folds is None else folds),
    )
    if facts.calibration.folds == 1:
        raise UsageError("1 fold", "0, or 2 and more", "correct --folds")
    if not data.exists():
        raise FileError(f"{data} does not exist", "a catalogue or labels", "correct the path")
    part = fold_of(fold)
    anew = finished(output, common.overwrite)
    if common.dry_run:
        console.result({"config": as_json(facts), "dry_run": True}, f"would train into {output}/")
        return
    from ..datasets.weights import read_card
    from ..detection.classifier_training import Run

    if anew:
        for place in (output, *output.glob("fold-*")):
            clear_away(place)
    with console.phase("training"):
        path = Run(facts, output, data, common.seed, part, logger).train(
            console.teller("training", "epochs")
        )
    scores = read_card(path).scores.get("held_out", {})
    asked = facts.calibration.precision
    if scores and scores["precision"] < asked:
        console.warn(
            f"no threshold makes {100 * asked:g} % of the held-out patches called clear clear; "
            f"the best reaches {100 * scores['precision']:.1f} %"
        )
    told = ", ".join(f"{name} {value}" for name, value in scores.items())
    console.result(
        {"weights": path, "held_out": scores, "seconds": console.seconds},
        f"{told or 'not calibrated'}; {console.seconds:.0f} s -> {path}",
    )
