"""``kumosan filter``: the clear patches, or the cloudy ones, out of many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import Console
from .options import Common

_TOLD = 5
"""Patches that could not be scored, and are told one by one."""


def command(
    common: Common,
    patches: Annotated[
        list[Path],
        typer.Argument(help="Folders of patches, as kumosan tiles writes them, or files."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the patches that are kept.")
    ] = Path("filtered"),
    keep: Annotated[
        Literal["clear", "cloudy"], typer.Option(help="Which patches to keep.")
    ] = "clear",
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability, in (0, 1), from which on a patch is clear. Default: that of the "
            "weights, chosen on places that they were not trained on; what share of those called "
            "clear there was clear is told when it is used."
        ),
    ] = None,
    link: Annotated[
        Literal["hard", "symlink", "copy"],
        typer.Option(help="How a kept patch gets there: as another name of the same file, ..."),
    ] = "hard",
    weights: Annotated[
        Path | None, typer.Option(help="Of kumosan train classifier; default: the packaged ones.")
    ] = None,
) -> None:
    """Keep the clear patches: those of which at most 5 % is cloud, thin cloud or shadow.

    Writes the patches that are kept under their own names, manifest.jsonl and scores.csv with the
    probability of every patch, and borderline.png with those nearest to the threshold; with clear
    patches a catalog.json, which kumosan train reads. A patch that cannot be read does not stop the
    others: the manifest tells why, and the exit code is 4.
    """
    from ..detection.classifier import Classifier
    from ..detection.patch_filter import (
        CATALOG,
        LINES,
        SHEET,
        TABLE,
        check_output,
        patch_files,
        score,
        write,
    )

    console = Console(common.json, common.log_format, common.verbose)
    classifier = Classifier(weights, threshold)
    files = patch_files(patches)
    check_output(output, files, common.overwrite)
    limit = classifier.decision
    clear = keep == "clear" and link != "symlink"
    written = (LINES, TABLE, SHEET) + ((CATALOG,) if clear else ())
    facts = {
        "patches": len(files),
        "keep": keep,
        "threshold": limit,
        "held_out_precision": classifier.precision,
        "weights": classifier.path,
        "outputs": {name: output / name for name in written} | {"folder": output},
    }
    told = f"{len(files)} patches; clear from P = {limit:.3f} on; {classifier.path.name}"
    if (reached := classifier.precision) is not None:
        told += f"; {100 * reached:.0f} % of the held-out patches called clear were clear"
    console.note(told)
    if common.dry_run:
        console.result(facts | {"dry_run": True}, f"the {keep} ones would be put into {output}/")
        return
    with console.phase("scoring"):
        scores = score(files, classifier, keep, console.teller("scoring", "patches"))
    kept = sum(s.kept for s in scores)
    bad = [s for s in scores if s.problem]
    empty = sum(s.p_clear != s.p_clear for s in scores) - len(bad)
    for each in bad[:_TOLD]:
        console.warn(f"{each.path.name} was left out: {each.problem}")
    if len(bad) > _TOLD:
        console.warn(f"{len(bad) - _TOLD} more were left out; {LINES} tells why")
    if empty:
        console.warn(f"{empty} patches without a valid pixel were left out")
    if not kept:
        console.warn(f"no patch is {keep}")
    with console.phase("writing"):
        write(output, scores, limit, link, common.overwrite, clear)
    console.result(
        facts | {"kept": kept, "empty": empty, "failed": len(bad), "seconds": console.seconds},
        f"{kept} of {len(files)} patches are {keep}; {console.seconds:.1f} s -> {output}/",
    )
    if bad:
        raise typer.Exit(4)
