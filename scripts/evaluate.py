"""``kumosan evaluate``: measure methods on labelled images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .console import Console
from .options import Common, expand

app = typer.Typer(help="Measure methods on labelled images.", no_args_is_help=True)


def masks(
    catalog: Annotated[
        Path, typer.Argument(help="Catalogue of labelled images, or the folder of catalog.json.")
    ],
    common: Common,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the report.")] = Path(
        "evaluation"
    ),
    detector: Annotated[
        list[str] | None,
        typer.Option(help="Detector to measure; repeat it for several. Default: those of `auto`."),
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the catalogue.")] = "test",
    fold_weights: Annotated[
        list[Path] | None,
        typer.Option(help="Add networks by cross-validation: of the fold that left it out."),
    ] = None,
    kind: Annotated[
        Literal["human", "all"],
        typer.Option(help="Labels drawn by people, or automatic masks too (apart from them)."),
    ] = "human",
) -> None:
    """Compare the masks of detectors with the labels of a catalogue's images.

    Prints one table, and writes all figures to evaluation.json and, with reliability curves and
    pictures of the worst images, to evaluation.html.
    """
    from .. import __version__, detection
    from ..datasets.atomic import atomic_folder, refuse_existing
    from ..datasets.catalog import read_catalog
    from ..detection.decision import fold_detectors
    from ..detection.evaluation import DetectorFor, evaluate, labelled_rows
    from ..detection.evaluation_facts import facts, markdown
    from ..detection.evaluation_report import page

    console = Console(common.json, common.log_format, common.verbose)
    names = list(dict.fromkeys(detector or detection.AUTO))
    detectors: dict[str, DetectorFor] = {name: detection.get(name) for name in names}
    if fold_weights:
        detectors |= {
            f"{name}, cross-validated": fold_detectors(fold_weights, detection.DETECTORS[name])
            for name in detection.NETWORKS
        }
    refuse_existing(output, common.overwrite)
    parts = labelled_rows(read_catalog(catalog), split, kind)
    outputs = {"json": output / "evaluation.json", "html": output / "evaluation.html"}
    told = ", ".join(f"{title}: {len(rows)} images" for title, rows in parts.items())
    console.note(f"{catalog}, split {split}; {told}; {', '.join(names)}")
    head: dict[str, Any] = {"catalog": catalog, "split": split, "kind": kind, "outputs": outputs}
    if common.dry_run:
        console.result(head | {"dry_run": True}, "\n".join(map(str, outputs.values())))
        return

    figures, sections, texts = {}, [], []
    for title, rows in parts.items():
        with console.phase(f"measuring ({title})"):
            found = evaluate(rows, detectors, console.teller("measuring", "images"))
        figures[title] = facts(found, common.seed)
        sections.append((title, figures[title], found.worst))
        texts.append(f"{title}, split {split}\n\n{markdown(figures[title])}\n")
    report = {"kumosan": __version__, "catalog": str(catalog), "split": split, "seed": common.seed}
    with console.phase("writing"), atomic_folder(output, common.overwrite) as folder:
        text = json.dumps(report | {"parts": figures}, indent=1)
        (folder / outputs["json"].name).write_text(text + "\n", "utf-8")
        whole = page(f"Cloud masks on {catalog}, split {split}", sections)
        (folder / outputs["html"].name).write_text(whole, "utf-8")
    console.result(
        head | {"parts": _brief(figures), "seconds": console.seconds},
        "\n".join([*texts, f"{console.seconds:.1f} s -> {output}/"]),
    )


def _brief(figures: dict[str, Any]) -> dict[str, Any]:
    """What one line can hold: balanced accuracy of each view."""
    return {
        title: {
            name: {view: of["boa"] for view, of in found["views"].items()}
            for name, found in part["detectors"].items()
        }
        for title, part in figures.items()
    }


app.command("masks")(expand(masks))
