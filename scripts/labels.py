"""``kumosan labels``: patches to a labelling tool, and what people drew there as masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .console import Console
from .options import Common, expand

if TYPE_CHECKING:
    from ..datasets.tile import ByteArray

app = typer.Typer(
    help="Send patches to Labelbox or CVAT, and bring the labels back.", no_args_is_help=True
)
Tool = Annotated[Literal["labelbox", "cvat"], typer.Argument(help="The labelling tool.")]


def push(
    tool: Tool,
    patches: Annotated[
        list[Path], typer.Argument(help="Folders of patches (kumosan tiles), or files.")
    ],
    common: Common,
    project: Annotated[str, typer.Option(help="Name of the project; made if there is none.")],
    offline: Annotated[
        Path | None, typer.Option(help="Write the files here for upload by hand; send nothing.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder of the files that are sent. Keep it for pull."),
    ] = None,
    detector: Annotated[
        str, typer.Option(help="What makes pre-labels to correct; `none` for none.")
    ] = "auto",
    weights: Annotated[
        Path | None, typer.Option(help="Weights of your own for the network.")
    ] = None,
) -> None:
    """Make chips with the classes to draw and pre-labels, and send them.

    Keys come from the environment: LABELBOX_API_KEY; CVAT_HOST with CVAT_ACCESS_TOKEN, or
    CVAT_USERNAME and CVAT_PASSWORD.
    """
    from .. import detection
    from ..datasets.atomic import refuse_existing
    from ..datasets.errors import UsageError
    from ..datasets.labels.task import write_task
    from ..datasets.tile import CloudMask, Tile
    from ..detection.patch_filter import patch_files

    console = Console(common.json, common.log_format, common.verbose)
    if offline is not None and output is not None:
        raise UsageError("--offline and --output", "one of them", "leave one out")
    service = None
    if offline is None:
        from .labels_live import connect

        service = connect(tool)
    folder = offline or output or Path(f"{_plain(project)}_{tool}")
    files = patch_files(patches)
    refuse_existing(folder, common.overwrite)
    facts = {"tool": tool, "project": project, "chips": len(files), "folder": folder}
    if common.dry_run:
        console.result(facts | {"dry_run": True}, f"{len(files)} chips would go to {folder}/")
        return

    settings = {} if weights is None else {"weights": weights}

    def detect(tile: Tile) -> CloudMask:
        return detection.detect(tile, detector, **settings)

    with console.phase("drawing chips"):
        chips = write_task(
            folder, tool, project, files, None if detector == "none" else detect, patch_answer,
            common.overwrite, console.teller("drawing", "chips"),
        )  # fmt: skip
    where = f"{folder}/"
    if service is not None:
        with console.phase("sending"):
            url = service.push(chips)
        facts["url"], where = url, f"{folder}/ and {url}"
    console.result(
        facts | {"seconds": console.seconds},
        f"{len(files)} chips, {console.seconds:.1f} s -> {where}",
    )


def pull(
    tool: Tool,
    common: Common,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the masks.")],
    export: Annotated[
        Path | None, typer.Argument(help="Export: a file, a ZIP archive or an unpacked folder.")
    ] = None,
    project: Annotated[
        str | None, typer.Option(help="Fetch the labels of this project in place of an export.")
    ] = None,
    task: Annotated[
        Path | None,
        typer.Option(help="Folder that `push` wrote. Default: that of the export, if it has one."),
    ] = None,
    on_conflict: Annotated[
        Literal["refuse", "choose", "vote"],
        typer.Option(
            help="Several labels of one chip: refuse; choose a reviewed one, else the latest; "
            "vote pixel by pixel (a tie is 255)."
        ),
    ] = "refuse",
    split: Annotated[str, typer.Option(help="Split of the catalogue's rows.")] = "train",
    classes_labelled: Annotated[
        str, typer.Option(help="The classes that people were asked to draw.")
    ] = "clear, thick cloud, thin cloud, cloud shadow",
) -> None:
    """Turn labels into masks on the patches' grid, a catalogue, and labels of patches.

    Writes <image stem>_mask.tif, catalog.json (with the patches beside, to train and to evaluate
    with) and patches.csv (image, label), each with annotator, time and project.
    """
    from ..datasets.atomic import refuse_existing
    from ..datasets.errors import UsageError
    from ..datasets.labelled import parse_classes
    from ..datasets.labels.chips import SIDECAR, read_sidecar
    from ..datasets.labels.exports import read_export
    from ..datasets.labels.pulled import settled, write_pulled
    from .labels_live import connect, mask_fetcher

    console = Console(common.json, common.log_format, common.verbose)
    if (export is None) == (project is None):
        got = "neither" if export is None else "both"
        raise UsageError(f"{got} of EXPORT and --project", "one of them", "give one")
    parse_classes(classes_labelled, "--classes-labelled")
    refuse_existing(output, common.overwrite)
    chips = None
    if task is None and export is not None:
        beside = export if export.is_dir() else export.parent
        task = beside if (beside / SIDECAR).is_file() else None
    if task is not None:
        chips = read_sidecar(task)
    with console.phase("reading"):
        if export is None:
            labels = connect(tool).pull(str(project))
        else:
            labels = read_export(tool, export, mask_fetcher(tool))
    if chips is None:
        console.warn(f"no {SIDECAR}: masks get no map grid and no catalogue; name it with --task")
    if common.dry_run:
        items, _ = settled(labels, chips, on_conflict)
        console.result(
            {"labels": len(labels), "chips": len(items), "dry_run": True},
            f"{len(labels)} labels of {len(items)} chips would be written to {output}/",
        )
        return
    with console.phase("writing"):
        found = write_pulled(
            output, labels, chips, judge=patch_answer, how=on_conflict, split=split,
            classes_labelled=classes_labelled, tool=tool, overwrite=common.overwrite,
        )  # fmt: skip
    for what, names in (("no chip of this task", found.unknown), ("patch missing", found.lost)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            console.warn(f"{what}: {', '.join(names[:3])}{more}")
    console.result(
        {
            "masks": found.masks, "patches": found.patches, "catalog_rows": found.rows,
            "unknown": found.unknown, "lost": found.lost, "folder": output,
            "seconds": console.seconds,
        },
        f"{found.masks} masks, {found.patches} patch labels, {found.rows} catalogue rows; "
        f"{console.seconds:.1f} s -> {output}/",
    )  # fmt: skip


def patch_answer(classes: ByteArray) -> Literal["clear", "cloudy"] | None:
    """What a mask says of the patch as a whole, by the rule that the classifier learns."""
    from ..detection.patch_truth import truth

    clear = truth(classes)
    return None if clear is None else "clear" if clear else "cloudy"


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name) or "project"


app.command("push")(expand(push))
app.command("pull")(expand(pull))
