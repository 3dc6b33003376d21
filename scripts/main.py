"""``kumosan``: the command and its subcommands."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from . import (
    ablation,
    batch,
    clean,
    compare,
    composite,
    demo,
    evaluate,
    evaluate_fills,
    experiments,
    export,
    fill,
    filter,
    info,
    labels,
    labels_audit,
    mask,
    synthesize,
    tiles,
    train,
    train_classifier,
    train_gan,
    train_relations,
    tune,
)
from .options import expand

app = typer.Typer(
    name="kumosan",
    help="Find clouds and their shadows in satellite images, and fill what they hide.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (
    clean,
    mask,
    fill,
    compare,
    info,
    demo,
    tiles,
    filter,
    synthesize,
    export,
    batch,
    composite,
    tune,
):
    app.command(module.__name__.rsplit(".", 1)[-1])(expand(module.command))
train.app.command("classifier")(expand(train_classifier.command))
train.app.command("gan")(expand(train_gan.command))
train.app.command("relations")(expand(train_relations.command))
app.add_typer(train.app, name="train")
evaluate.app.command("fills")(expand(evaluate_fills.command))
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(experiments.app, name="experiments")
app.add_typer(ablation.app, name="ablation")
labels.app.command("audit")(expand(labels_audit.audit))
labels.app.command("suggest")(expand(labels_audit.suggest))
app.add_typer(labels.app, name="labels")


def _version(asked: bool) -> None:
    if asked:
        print(f"kumosan {__version__}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find clouds and their shadows in satellite images, and fill what they hide."""


def main() -> None:
    """Entry point of the console script."""
    app()
