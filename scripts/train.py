"""``kumosan train``: networks from your own labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from .console import Console
from .options import Common, expand

if TYPE_CHECKING:
    from ..datasets.configuration import Training

app = typer.Typer(help="Train a network on a catalogue of images.", no_args_is_help=True)

Data = Annotated[Path, typer.Argument(help="Catalogue: a folder with catalog.json, or the file.")]
Folder = Annotated[Path, typer.Option("-o", "--output", help="Folder of the run.")]
Config = Annotated[
    Path | None, typer.Option(help="TOML file; without it, the training of the weights we ship.")
]
FoldOption = Annotated[
    str | None,
    typer.Option("--fold", help="K/N: leave out part K (from 0) of N parts of the groups."),
]
Epochs = Annotated[int | None, typer.Option(help="Instead of the file's.", min=1)]
Workers = Annotated[
    int | None, typer.Option(help="Processes that make samples; instead of the file's.", min=0)
]
Logger = Annotated[Literal["csv", "wandb", "mlflow"], typer.Option(help="Where the log goes.")]
AnyTraining = TypeVar("AnyTraining", bound="Training")
MADE = ("last.ckpt", "metrics.csv", "weights.safetensors")
"""What a training writes into its folder."""


def overridden(training: AnyTraining, epochs: int | None, workers: int | None) -> AnyTraining:
    """``training`` with what the command line says instead of the file."""
    t = training if epochs is None else replace(training, epochs=epochs)
    return t if workers is None else replace(t, workers=workers)


def finished(output: Path, overwrite: bool) -> bool:
    """Whether ``output`` holds finished weights, which are to be trained anew.

    Raises:
        OutputError: it does, and may not be overwritten.
    """
    from ..datasets.errors import OutputError

    target = output / "weights.safetensors"
    if target.exists() and not overwrite:
        raise OutputError(
            f"{target} exists", "a run that is not finished", "choose another -o, or --overwrite"
        )
    return target.exists()


def clear_away(folder: Path) -> None:
    """Remove what an earlier training wrote into ``folder``."""
    for name in MADE:
        (folder / name).unlink(missing_ok=True)


def fold_of(text: str | None) -> Any:
    """``2/4`` as a `splits.Fold`; None stays None.

    Raises:
        UsageError: it is not of this form.
    """
    from ..datasets.errors import UsageError
    from ..datasets.splits import Fold

    if text is None:
        return None
    first, _, second = text.partition("/")
    if first.isdecimal() and second.isdecimal() and int(first) < int(second) >= 2:
        return Fold(int(first), int(second))
    raise UsageError(f"--fold {text}", "K/N with K from 0 to N - 1, like 0/4", "correct it")


def segmenter(
    common: Common,
    data: Data,
    output: Folder = Path("run"),
    config: Config = None,
    fold: FoldOption = None,
    init: Annotated[
        Path | None, typer.Option(help="Weights to start from (transfer learning).")
    ] = None,
    encoder_weights: Annotated[
        str | None,
        typer.Option(help="imagenet: download weights of the encoder when the training starts."),
    ] = None,
    epochs: Epochs = None,
    workers: Workers = None,
    logger: Logger = "csv",
) -> None:
    """Train the segmenter: clear, thick cloud, thin cloud, shadow.

    The same command on the same folder goes on where it was stopped; a folder that holds finished
    weights is refused without --overwrite. Writes weights.safetensors, metrics.csv and last.ckpt.
    """
    from ..datasets.configuration import as_json
    from ..detection.train_config import SegmenterConfig, read_config

    console = Console(common.json, common.log_format, common.verbose)
    facts = read_config(SegmenterConfig, config, "segmenter")
    if encoder_weights is not None:
        facts = replace(facts, network={**facts.network, "encoder_weights": encoder_weights})
    facts = replace(facts, training=overridden(facts.training, epochs, workers))
    part = fold_of(fold)
    anew = finished(output, common.overwrite)
    if common.dry_run:
        console.result({"config": as_json(facts), "dry_run": True}, f"would train into {output}/")
        return
    from ..detection.segmenter_training import Run

    if anew:
        clear_away(output)
    run = Run(facts, output, data, common.seed, part, init, logger)
    with console.phase("training"):
        path = run.train(console.teller("training", "epochs"))
    console.led_to("weights", path)


def calibrate(
    common: Common,
    data: Data,
    weights: Annotated[Path, typer.Option(help="Weights trained on everything.")],
    runs: Annotated[
        list[Path], typer.Option("--fold-weights", help="Weights of a fold; give all folds.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    split: Annotated[str, typer.Option(help="Split that the folds were made of.")] = "train",
    mask_kind: Annotated[str, typer.Option(help="Labels to judge by.")] = "human",
) -> None:
    """Choose temperature and class weights of a segmenter on the folds of a cross-validation."""
    from ..datasets.atomic import refuse_existing
    from ..datasets.catalog import read_catalog
    from ..detection.decision import calibrate as run

    console = Console(common.json, common.log_format, common.verbose)
    refuse_existing(output, common.overwrite)
    rows = [r for r in read_catalog(data) if r.split == split and r.mask_kind.startswith(mask_kind)]
    with console.phase("calibrating"):
        card = run(rows, runs, weights, output)
    facts = {"temperature": card.temperature, "decision": card.decision, "scores": card.scores}
    console.result({"weights": output, **facts}, f"{facts} -> {output}")


app.command("segmenter")(expand(segmenter))
app.command("calibrate")(expand(calibrate))
