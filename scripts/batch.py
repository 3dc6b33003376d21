"""``kumosan batch``: `clean` for many scenes, on this machine or on a Dask cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Console
from .options import Common, Reading

if TYPE_CHECKING:
    from .batch_run import Plan
    from .cleaning import Job


def command(
    reading: Reading,
    common: Common,
    scenes: Annotated[
        list[str] | None,
        typer.Argument(
            help="Scenes, folders of scenes, patterns in quotes, @list.txt, s3://bucket/..."
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", help="Folder, or s3://bucket/folder.")
    ] = "batch",
    scheduler: Annotated[
        str | None, typer.Option(help="Join this Dask scheduler (tcp://host:8786).")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes on this machine; default: one a core and 3 GiB of memory.", min=1
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on: skip what the manifest proves done.")
    ] = False,
    retries: Annotated[
        int, typer.Option(help="Further tries where a worker died or a server failed.", min=0)
    ] = 2,
    mask_only: Annotated[
        bool, typer.Option("--mask-only", help="Write the mask of each scene and nothing else.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Tell what the manifest says; run nothing.")
    ] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(help="Default: manifest.jsonl in the folder; for s3:// name one on the disk."),
    ] = None,
    detector: Annotated[str, typer.Option(help="What finds the clouds.")] = "auto",
    weights: Annotated[
        Path | None, typer.Option(help="Weights of your own for the network.")
    ] = None,
    filler: Annotated[str, typer.Option(help="What fills them.")] = "auto",
    fill_weights: Annotated[
        Path | None, typer.Option(help="Weights of the network (gan), by kumosan train gan.")
    ] = None,
    buffer_m: Annotated[
        float | None,
        typer.Option(help="Grow the mask by so many metres; default: 2 pixels.", min=0),
    ] = None,
    min_area_m2: Annotated[
        float | None, typer.Option(help="Drop specks smaller than this; default: 4 pixels.", min=0)
    ] = None,
) -> None:
    """Clean many scenes: each gets a folder of what `kumosan clean` writes.

    A scene that cannot be read costs only itself (exit code 4 and a table in the end). Whatever
    stops the batch, --resume goes on with it. The manifest tells of every scene what it gave.
    """
    if scenes and scheduler is None and not (report or common.dry_run):
        from .batch_cluster import hurry

        hurry()  # before this process begins to import the same
    from ..datasets import bucket
    from ..datasets.errors import UsageError
    from .batch_manifest import LINES, read_states

    console = Console(common.json, common.log_format, common.verbose)
    out = bucket.address(output) if bucket.is_address(output) else str(Path(output).absolute())
    if manifest is None and bucket.is_address(out):
        raise UsageError(
            f"the output {output} without --manifest",
            "a file on the disk for the manifest: lines cannot be added to an object",
            "pass --manifest NAME.jsonl",
        )
    lines = manifest or Path(out, LINES)
    if report:
        known = read_states(lines).values()
        console.result(_facts(known) | {"manifest": lines}, _table(known, f"{lines}: "))
        return
    if not scenes or (scheduler is not None and workers is not None):
        raise UsageError(
            "no scenes" if not scenes else "--workers with --scheduler",
            "scenes to clean, on processes of this machine or on the workers of a scheduler",
            "name scenes, or pass --report" if not scenes else "leave one of them out",
        )
    from ..datasets.scene_list import find_scenes
    from .batch_run import plan
    from .cleaning import Job

    job = Job(
        detector,
        weights.absolute() if weights else None,
        filler=filler,
        buffer_m=buffer_m,
        min_area_m2=min_area_m2,
        mask_only=mask_only,
        fill_weights=fill_weights.absolute() if fill_weights else None,
        seed=common.seed,
        reading=reading,
    )
    job.check()
    found = find_scenes(scenes, out)
    if common.dry_run:
        planned = plan(found, job, out, lines, resume, common.overwrite)
        text = "\n".join(f"{item.scene} -> {out}/{item.name}/" for item in planned.todo)
        told = {"todo": [item.__dict__ for item in planned.todo], "dry_run": True}
        console.result(told, text or f"{len(planned.skipped)} scenes are done already")
        return
    with _alone(out, lines):
        planned = plan(found, job, out, lines, resume, common.overwrite)
        _run(planned, job, out, lines, scheduler, workers, retries, console)
    states = read_states(lines)
    mine = [states[item.scene] for item in (*planned.skipped, *planned.todo)]
    facts = _facts(mine) | {"skipped": len(planned.skipped), "seconds": console.seconds}
    closing = f"{console.seconds:.1f} s, {len(planned.skipped)} were done before -> {out}/\n"
    console.result(facts | {"outputs": out, "manifest": lines}, _table(mine, closing))
    if facts["failed"]:
        raise typer.Exit(4)


def _alone(out: str, manifest: Path) -> Any:
    """Lock the manifest; the folders of outputs and manifest are made where they are missing.

    Raises:
        OutputError: another batch has it, or a folder cannot be made.
    """
    from ..datasets import bucket
    from ..datasets.errors import MissingExtraError, OutputError

    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError as error:
        raise MissingExtraError("kumosan batch", "cluster") from error
    try:
        if not bucket.is_address(out):
            Path(out).mkdir(exist_ok=True)
        return FileLock(manifest.with_name(f".{manifest.name}.lock")).acquire(blocking=False)
    except Timeout as error:
        raise OutputError(
            f"another batch is writing {manifest}", "one at a time", "wait for it, or stop it"
        ) from error
    except OSError as error:
        raise OutputError(
            f"{manifest} cannot be written ({error.strerror or error})",
            "an existing folder with permission to write, or a new one in such a folder",
            "choose another -o",
        ) from error


def _run(
    planned: Plan,
    job: Job,
    out: str,
    manifest: Path,
    scheduler: str | None,
    workers: int | None,
    retries: int,
    console: Console,
) -> None:
    """Run what is planned, if anything is, and tell how far it is."""
    from .batch_cluster import cluster
    from .batch_run import run, sweep

    total = len(planned.todo)
    console.note(f"{total} scenes to do, {len(planned.skipped)} done before")
    console.explain(f"settings: {job}")
    if not total:
        return
    if workers is None and scheduler is None and total == 1:
        workers = 1
    counts: Counter[str] = Counter()
    sweep(out)
    try:
        with (
            cluster(scheduler, workers, retries) as client,
            console.counting("batch", total, "scenes") as count,
        ):
            threads = sum(client.nthreads().values())
            console.note(f"{threads} workers" if threads else "no worker yet: the scenes wait")

            def tell(record: Mapping[str, Any], now: Counter[str]) -> None:
                counts.update(now - counts)
                if record["state"] == "failed":
                    console.warn(f"{record['scene']} failed: {record['reason']}")
                count(now.total(), f"{now['failed']} failed")

            run(planned, job, out, manifest, client, retries, tell)
    except KeyboardInterrupt:
        console.note(f"{counts.total()} of {total} scenes are recorded; --resume does the others")
        raise
    finally:
        sweep(out)


def _facts(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """How many scenes are in which state, and why those failed that did."""
    records = list(records)
    states = Counter(record["state"] for record in records)
    failures = [
        {key: r.get(key) for key in ("scene", "kind", "reason")}
        for r in records
        if r["state"] == "failed"
    ]
    return {
        "scenes": len(records),
        **{state: states[state] for state in ("done", "failed", "queued")},
        "failures": failures,
    }


def _table(records: Iterable[Mapping[str, Any]], closing: str) -> str:
    facts = _facts(records)
    counts = ", ".join(f"{facts[s]} {s}" for s in ("done", "failed", "queued"))
    told = [f"{closing}{counts} of {facts['scenes']} scenes"]
    width = max((len(f["scene"]) for f in facts["failures"]), default=0)
    told += [f"  {f['scene']:<{width}}  {f['reason']}" for f in facts["failures"]]
    return "\n".join(told)
