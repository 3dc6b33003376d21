"""``kumosan labels audit`` and ``labels suggest``: labels that look wrong, tiles to label next."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .console import Console
from .options import Common

if TYPE_CHECKING:
    from ..datasets.tile import Tile


def audit(
    catalog: Annotated[
        Path, typer.Argument(help="Catalogue of labelled images, or the folder of catalog.json.")
    ],
    common: Common,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the findings.")] = Path(
        "audit"
    ),
    split: Annotated[str, typer.Option(help="Split of the catalogue.")] = "train",
    fold_weights: Annotated[
        list[Path] | None,
        typer.Option(help="Weights of a fold; give all: each image is judged by its own."),
    ] = None,
    detector: Annotated[
        str, typer.Option(help="Without --fold-weights: a detector that learnt from no label.")
    ] = "auto",
    n: Annotated[int, typer.Option(help="How many to propose for relabelling.", min=0)] = 20,
    mask_kind: Annotated[str, typer.Option(help="Labels to judge.")] = "human",
) -> None:
    """Rank labels by what speaks against them; nothing is changed or deleted.

    Writes audit.html (image, label, prediction), suspects.csv, and decisions.csv: edit it (keep,
    drop, relabel) and name it as `decisions` of a source of `kumosan train`.
    """
    from .. import detection
    from ..datasets.atomic import atomic_folder, refuse_existing
    from ..datasets.catalog import CatalogTiles, Row, read_catalog
    from ..datasets.errors import UnfitError
    from ..datasets.protocols import Detector
    from ..detection.audit import audit as judge
    from ..detection.audit_report import DECISIONS, SHEET, TABLE, write_audit
    from ..detection.decision import fold_detectors

    console = Console(common.json, common.log_format, common.verbose)
    refuse_existing(output, common.overwrite)
    everything = read_catalog(catalog)
    rows = [
        r for r in everything
        if r.split == split and r.mask is not None and r.mask_kind.startswith(mask_kind)
    ]  # fmt: skip
    if not rows:
        raise UnfitError(
            f"{catalog} without labels of kind '{mask_kind}' in split '{split}'",
            "labelled images", "correct --split or --mask-kind",
        )  # fmt: skip

    def rule_for(row: Row) -> Detector:
        tile = CatalogTiles((row,))[0].tile
        return detection.choose(tile, detector)[1]

    judge_for = fold_detectors(fold_weights) if fold_weights else rule_for
    if common.dry_run:
        console.result({"labels": len(rows), "dry_run": True}, f"{len(rows)} labels -> {output}/")
        return
    with console.phase("judging"):
        others = [r for r in everything if r.split != split]
        found = judge(rows, judge_for, others, console.teller("judging", "labels"))
    with console.phase("writing"), atomic_folder(output, common.overwrite) as folder:
        write_audit(folder, found, n)
    first = [f"{s.score:.2f}  {s.row.id}: {s.reason}" for s in found[:5]]
    console.result(
        {
            "labels": len(rows), "most_suspicious": [s.row.id for s in found[:n]],
            "outputs": {k: output / k for k in (SHEET, TABLE, DECISIONS)},
            "seconds": console.seconds,
        },
        "\n".join([*first, f"{len(rows)} labels, {console.seconds:.1f} s -> {output}/"]),
    )  # fmt: skip


def suggest(
    unlabelled: Annotated[
        list[Path], typer.Argument(help="Folders of patches (kumosan tiles), or files.")
    ],
    common: Common,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the labelling task.")
    ] = Path("suggested"),
    n: Annotated[int, typer.Option(help="How many to label.", min=1)] = 50,
    weights: Annotated[
        list[Path] | None,
        typer.Option(help="Weights of the network; several: what they disagree on counts."),
    ] = None,
    tool: Annotated[Literal["labelbox", "cvat"], typer.Option(help="For which tool.")] = "cvat",
    project: Annotated[str, typer.Option(help="Name of the project.")] = "suggested",
) -> None:
    """Choose the tiles whose labels would teach the network most, as a task with pre-labels.

    Writes what `kumosan labels push --offline` writes, and suggested.csv.
    """
    from ..datasets.atomic import refuse_existing
    from ..datasets.labels.task import write_task
    from ..datasets.read import read
    from ..datasets.tile import CloudMask
    from ..detection.patch_filter import patch_files
    from ..detection.segmenter import Segmenter
    from ..detection.suggest import suggest as pick
    from .labels import patch_answer

    console = Console(common.json, common.log_format, common.verbose)
    files = patch_files(unlabelled)
    refuse_existing(output, common.overwrite)
    detectors = [Segmenter(path) for path in weights] if weights else [Segmenter()]
    if common.dry_run:
        told = f"{min(n, len(files))} of {len(files)} tiles -> {output}/"
        console.result({"tiles": len(files), "n": n, "dry_run": True}, told)
        return
    with console.phase("choosing"):
        chosen = pick(_Tiles(files, read), detectors, n, console.teller("choosing", "tiles"))

    def prelabel(tile: Tile) -> CloudMask:
        return detectors[0].mask(tile)

    picked = [files[s.number] for s in chosen]
    with console.phase("drawing chips"):
        write_task(output, tool, project, picked, prelabel, patch_answer, common.overwrite)
    with (output / "suggested.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("rank", "image", "uncertainty_nats", "distance"))
        for rank, (s, path) in enumerate(zip(chosen, picked, strict=True), 1):
            table.writerow((rank, path.name, f"{s.uncertainty:.4f}", f"{s.distance:.3f}"))
    console.result(
        {"tiles": len(files), "chosen": picked, "folder": output, "seconds": console.seconds},
        f"{len(picked)} of {len(files)} tiles, {console.seconds:.1f} s -> {output}/",
    )


class _Tiles(Sequence[Any]):
    """Tiles of files, each read when it is asked for."""

    def __init__(self, files: Sequence[Path], reader: Any) -> None:
        self.files, self.reader = files, reader

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: Any) -> Any:
        return self.reader(self.files[i])
