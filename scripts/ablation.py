"""``kumosan ablation``: which bands, and which method, fill the same clouds best."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import Console
from .options import Common, expand

app = typer.Typer(help="Compare bands and fills on equal terms.", no_args_is_help=True)


def run(
    common: Common,
    ablation: Annotated[Path, typer.Argument(help="TOML file of the ablation.")],
    data: Annotated[
        Path | None,
        typer.Argument(help="Catalogue, if ground is of one: a folder with catalog.json."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the ablation.")] = Path(
        "ablation"
    ),
) -> None:
    """Fill the same clouds over the same ground by every method on every set of bands.

    The same command on the same folder goes on where it was stopped. Writes results.csv; where a
    network is compared, its trainings to gan/BANDS_bands/sSEED. Seeds are the file's; --seed
    changes nothing.
    """
    from ..gan import ablation_runs
    from ..gan.ablation import read_ablation

    console = Console(common.json, common.log_format, common.verbose)
    asked = read_ablation(ablation)
    if common.dry_run:
        steps = ablation_runs.steps(asked, data)
        fills = len(steps) * len(asked.bands) * len(asked.methods)
        lines = [f"would fill {len(steps)} scenes, {fills} fills"]
        lines += [f"{cloud} on {ground}, seed {seed}" for ground, cloud, seed in steps]
        console.result({"scenes": steps, "fills": fills, "dry_run": True}, "\n".join(lines))
        return

    with console.phase("ablation"):
        path = ablation_runs.run(asked, data, output, console.step, common.overwrite)
    console.led_to("results", path, f"; kumosan ablation table {output} shows them")


def table(
    common: Common,
    folder: Annotated[Path, typer.Argument(help="Folder of an ablation, or its results.csv.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Markdown file to write as well.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Figure to write as well: .png, .svg or .pdf.")
    ] = None,
    measure: Annotated[
        Literal["rmse", "mae", "sam_deg"], typer.Option(help="Of blue, green and red.")
    ] = "rmse",
    cases: Annotated[
        int, typer.Option(min=1, help="Leave out what fewer pieces of ground and seeds show.")
    ] = 1,
) -> None:
    """Show what each method reached on each set of bands, and what differs beyond chance.

    Mean over the seeds (smallest to largest). Stars mark differences of which one in twenty is
    chance: Wilcoxon's signed-rank test over ground and seeds, corrected for their number.
    """
    from ..datasets.atomic import atomic_file, refuse_existing
    from ..datasets.errors import FileError
    from ..gan.ablation_results import RESULTS, read_scores
    from ..gan.ablation_summary import markdown, summaries

    console = Console(common.json, common.log_format, common.verbose)
    for path in (output, plot):
        if path is not None:
            refuse_existing(path, common.overwrite)
    path = folder / RESULTS if folder.is_dir() else folder
    if not path.exists():
        raise FileError(
            f"{path} does not exist", "results of kumosan ablation run", "name its folder"
        )
    found = summaries(read_scores(path), measure, cases)
    text = markdown(found)
    if output is not None and not common.dry_run:
        with atomic_file(output, common.overwrite) as part:
            part.write_text(text + "\n", "utf-8")
    if plot is not None and not common.dry_run:
        from ..gan.ablation_plot import draw

        draw(found, measure, plot, common.overwrite)
    console.result({"summaries": [asdict(each) for each in found]}, text)


app.command("run")(expand(run))
app.command("table")(expand(table))
