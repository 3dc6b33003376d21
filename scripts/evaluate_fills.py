"""``kumosan evaluate fills``: measure fillers under painted clouds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import Console
from .options import Common

DEFAULT = ("identity", "nearest", "idw", "auto")


def command(
    catalog: Annotated[
        Path, typer.Argument(help="Catalogue with clear images, or the folder of catalog.json.")
    ],
    common: Common,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the report.")] = Path(
        "evaluation"
    ),
    filler: Annotated[
        list[str] | None,
        typer.Option(help=f"Filler to measure; may be repeated. Default: {', '.join(DEFAULT)}."),
    ] = None,
    fill_weights: Annotated[
        Path | None, typer.Option(help="Weights of the network (gan), by kumosan train gan.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the catalogue.")] = "test",
    fold: Annotated[
        str | None,
        typer.Option(help="K/N: only part K (from 0) of N, what train gan --fold K/N left out."),
    ] = None,
    skies: Annotated[int, typer.Option(help="Skies painted over each image.", min=1)] = 2,
    size: Annotated[
        int, typer.Option(help="Side of the middle part that is used, pixels.", min=16)
    ] = 256,
) -> None:
    """Paint clouds on the clear images of a catalogue, fill them, compare with what was there.

    Prints one table, and writes all figures to evaluation.json and, with pictures of the largest
    errors, to evaluation.html.
    """
    from .. import __version__, gan
    from ..datasets.atomic import atomic_folder, refuse_existing
    from ..datasets.catalog import read_catalog
    from ..datasets.errors import UsageError
    from ..gan.evaluation import clear_rows, evaluate
    from ..gan.evaluation_facts import facts, markdown
    from ..gan.evaluation_report import report
    from .pipeline import filler_settings
    from .train import fold_of

    console = Console(common.json, common.log_format, common.verbose)
    names = list(dict.fromkeys(filler or DEFAULT))
    dated = [name for name in names if name in gan.DATED]
    if dated:
        raise UsageError(
            f"--filler {dated[0]} on images of one date",
            "fillers that need no other date",
            "leave it out; kumosan compare --reference takes it",
        )
    weights = {name: fill_weights if name == "gan" else None for name in names}
    fillers = {n: gan.get(n, **filler_settings(n, common.seed, weights[n])) for n in names}
    refuse_existing(output, common.overwrite)
    part = fold_of(fold)
    listed = (row for row in read_catalog(catalog) if part is None or part.holds(row.group))
    rows = clear_rows(listed, split)
    outputs = {"json": output / "evaluation.json", "html": output / "evaluation.html"}
    console.note(f"{catalog}, split {split}: {len(rows)} clear images; {', '.join(names)}")
    head: dict[str, Any] = {"catalog": catalog, "split": split, "outputs": outputs}
    if common.dry_run:
        console.result(head | {"dry_run": True}, "\n".join(map(str, outputs.values())))
        return

    with console.phase("measuring"):
        tell = console.teller("measuring", "images")
        found = evaluate(rows, fillers, common.seed, skies, size, tell)
    figures = facts(found, common.seed)
    about = {
        "kumosan": __version__,
        "catalog": str(catalog),
        "split": split,
        "fold": fold,
        "seed": common.seed,
    }
    with console.phase("writing"), atomic_folder(output, common.overwrite) as folder:
        text = json.dumps(about | {"size": size} | figures, indent=1)
        (folder / outputs["json"].name).write_text(text + "\n", "utf-8")
        title = f"Fills on {catalog}, split {split}"
        (folder / outputs["html"].name).write_text(report(title, figures, found.sights), "utf-8")
    brief = {
        name: {view: part["rmse"] for view, part in of["views"].items()}
        for name, of in figures["fillers"].items()
    }
    console.result(
        head | {"rmse": brief, "seconds": console.seconds},
        f"{markdown(figures)}\n\n{console.seconds:.1f} s -> {output}/",
    )
