"""``kumosan experiments``: variants of a training compared on an equal budget."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import Common, expand

app = typer.Typer(help="Compare variants of a training.", no_args_is_help=True)


def run(
    common: Common,
    experiment: Annotated[Path, typer.Argument(help="TOML file of the experiment.")],
    data: Annotated[
        Path, typer.Argument(help="Catalogue: a folder with catalog.json, or the file.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the experiment.")],
) -> None:
    """Train every variant with every seed on every fold, and judge each on the fold left out.

    The same command on the same folder goes on where it was stopped. Writes results.csv, and each
    training to VARIANT/sSEED_fFOLD. Seeds are the file's; --seed changes nothing.
    """
    from ..detection import experiment_runs
    from ..detection.experiments import read_experiment

    console = Console(common.json, common.log_format, common.verbose)
    asked = read_experiment(experiment)
    if common.dry_run:
        trials = experiment_runs.check(asked, data)
        folders = [output / trial.folder for trial in trials]
        console.result(
            {"trainings": folders, "dry_run": True},
            "\n".join([f"would train {len(trials)} times, into", *map(str, folders)]),
        )
        return

    with console.phase("experiment"):
        path = experiment_runs.run(asked, data, output, console.step, common.overwrite)
    console.led_to("results", path, f"; kumosan experiments table {output} shows them")


def table(
    common: Common,
    folder: Annotated[Path, typer.Argument(help="Folder of an experiment, or its results.csv.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Markdown file to write as well.")
    ] = None,
) -> None:
    """Show what the variants reached, and by how much they differ from the base.

    Mean over the seeds (smallest to largest), counts of all folds pooled.
    """
    from ..datasets.atomic import atomic_file, refuse_existing
    from ..datasets.errors import FileError
    from ..detection.experiment_results import RESULTS, markdown, read_results, summaries

    console = Console(common.json, common.log_format, common.verbose)
    if output is not None:
        refuse_existing(output, common.overwrite)
    path = folder / RESULTS if folder.is_dir() else folder
    if not path.exists():
        raise FileError(
            f"{path} does not exist", "results of kumosan experiments run", "name its folder"
        )
    found = summaries(read_results(path))
    text = markdown(found)
    if output is not None and not common.dry_run:
        with atomic_file(output, common.overwrite) as part:
            part.write_text(text + "\n", "utf-8")
    console.result({"variants": [asdict(each) for each in found]}, text)


app.command("run")(expand(run))
app.command("table")(expand(table))
