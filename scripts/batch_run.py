"""A batch from its list of scenes to its last record: only this process writes the manifest."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets import bucket
from ..datasets.errors import OutputError, UnfinishedError
from ..datasets.manifest import Journal, Record
from ..datasets.scene_list import input_digest
from .batch_manifest import Item, named, proves_done, read_states
from .batch_task import clean_one
from .cleaning import Job

Tell = Callable[[Record, "Counter[str]"], None]


@dataclass(frozen=True)
class Plan:
    """What a batch will do."""

    todo: tuple[Item, ...]
    skipped: tuple[Item, ...]
    """Proved done by the manifest."""
    earlier: dict[str, Record]
    """Last record of every scene of the manifest."""


def plan(
    scenes: Sequence[str], job: Job, out: str, manifest: Path, resume: bool, overwrite: bool
) -> Plan:
    """Compare the scenes with the manifest; nothing is written.

    Raises:
        OutputError: there is a manifest and neither ``resume`` nor ``overwrite``, or a folder that
            the manifest does not know stands where outputs would go.
        FileError: the manifest is damaged.
    """
    earlier = read_states(manifest)
    if manifest.exists() and not (resume or overwrite):
        raise OutputError(
            f"{manifest} tells of an earlier batch",
            "a new output",
            "pass --resume to go on with it, --overwrite to do all again, or another -o",
        )
    names, settings = named(scenes, earlier), job.identity()

    def judge(scene: str) -> tuple[Item, bool]:
        item = Item(scene, names[scene], input_digest(scene, out), settings)
        record = earlier.get(scene)
        if record is None and not overwrite and _holds(out, item.name):
            raise OutputError(
                f"{out}/{item.name} holds files that are not of this batch",
                "a folder that is new or empty",
                "choose another -o, or pass --overwrite to replace them",
            )
        return item, not overwrite and proves_done(record, item, out)

    with ThreadPoolExecutor(16) as pool:  # file systems on a network answer slowly
        judged = list(pool.map(judge, scenes))
    todo = tuple(item for item, done in judged if not done)
    return Plan(todo, tuple(item for item, done in judged if done), earlier)


def run(
    plan: Plan, job: Job, out: str, manifest: Path, client: Any, retries: int, tell: Tell
) -> None:
    """Do what is planned, and record every scene as soon as it is done or has failed.

    Args:
        plan: see `plan`.
        job: what is done to each scene.
        out: folder or s3:// address of the outputs.
        manifest: file to append to.
        client: of a Dask cluster.
        retries: further tries of a scene that failed by no fault of its own.
        tell: hears every record and how many there are of each state.

    Raises:
        UnfinishedError: the scheduler went away.
        OutputError: the manifest cannot be written.
    """
    from distributed import as_completed

    counts: Counter[str] = Counter()
    with Journal(manifest) as journal:
        journal.append(*(item.record("queued") for item in plan.todo))
        futures = client.map(
            clean_one, plan.todo, job=job, out=out, retries=retries, pure=False, key="clean"
        )
        items = dict(zip(futures, plan.todo, strict=True))
        for future in as_completed(futures, loop=client.loop):
            if future.status not in ("finished", "error"):
                raise UnfinishedError(
                    f"the Dask scheduler went away after {counts.total()} of {len(items)} scenes",
                    "one that stays",
                    "start it again, and run this command with --resume",
                )
            item = items[future]
            record = future.result() if future.status == "finished" else _failed(item, future)
            journal.append(record)
            counts[record["state"]] += 1
            if record["state"] == "done":
                _remove_stale(plan.earlier.get(item.scene), record, out)
            future.release()
            tell(record, counts)


def sweep(out: str) -> None:
    """Remove what killed workers left half-written: the hidden folders of `datasets.atomic`."""
    if not bucket.is_address(out):
        for left in Path(out).glob(".kumosan-*-*"):
            shutil.rmtree(left, ignore_errors=True)


def _failed(item: Item, future: Any) -> Record:
    """The record of a scene whose last try ended with an exception."""
    from distributed import KilledWorker

    error = future.exception()
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, KilledWorker):
        reason = (
            "every worker that tried it died, of too little memory perhaps; expected one that "
            "lives; run again with --resume and fewer --workers, so that each has more memory."
        )
    elif isinstance(error, MemoryError):
        reason = (
            "out of memory; expected the scene to fit; "
            "choose a coarser --resolution, or fewer --workers."
        )
    return item.record("failed", kind=type(error).__name__, reason=reason)


def _remove_stale(earlier: Record | None, record: Record, out: str) -> None:
    """Remove the outputs of an earlier run of the same scene that this one did not write."""
    listed = (earlier or {}).get("outputs")
    stale = [str(n) for n in set(listed or ()) - set(record["outputs"]) if Path(n).name == n]
    if bucket.is_address(out):
        bucket.remove(f"{out}/{record['name']}", stale)
        return
    for name in stale:
        with suppress(OSError):
            Path(out, record["name"], name).unlink()


def _holds(out: str, name: str) -> bool:
    if bucket.is_address(out):
        return bool(bucket.facts(f"{out}/{name}"))
    folder = Path(out, name)
    return folder.is_dir() and any(folder.iterdir())
