"""What a worker of a batch does: one scene, from its place to its folder of outputs."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import Any

from ..datasets import bucket
from ..datasets.errors import KumosanError, UsageError
from ..datasets.manifest import Record
from .batch_manifest import Item, output_facts
from .cleaning import Job, clean
from .console import Console
from .pipeline import stem, understood


class Silent(Console):
    """Hears everything and says nothing; keeps the warnings."""

    def __init__(self) -> None:
        super().__init__(as_json=False, log_format="plain")
        self.warnings: list[str] = []

    def note(self, text: str, **facts: Any) -> None:
        """Nothing: a worker has no reader."""

    def warn(self, text: str) -> None:
        """Keep it for the manifest."""
        self.warnings.append(text)


def clean_one(item: Item, job: Job, out: str) -> Record:
    """Clean one scene into ``<out>/<name>``; the line of the manifest that tells how it went.

    What is the scene's own fault comes back as a record; what another try may mend (a server that
    does not answer, no memory) is raised.

    Args:
        item: the scene.
        job: what is done to it.
        out: folder or s3:// address of the batch.
    """
    console = Silent()
    try:
        if job.identity() != item.settings:
            raise UsageError(
                f"another version of kumosan or its weights on the worker {socket.gethostname()}",
                "what the machine that started the batch has",
                "install the same there",
            )
        with tempfile.TemporaryDirectory(prefix="kumosan-", dir=_scratch()) as scratch:
            facts = _clean(item, job, out, Path(scratch), console)
    except KumosanError as error:
        return item.record("failed", kind=type(error).__name__, reason=str(error))
    return item.record(
        "done",
        **facts,
        warnings=console.warnings,
        seconds=round(console.seconds, 3),
        host=socket.gethostname(),
    )


def _clean(item: Item, job: Job, out: str, scratch: Path, console: Console) -> dict[str, Any]:
    path = Path(item.scene)
    if bucket.is_address(item.scene):
        (scratch / "in").mkdir()
        path = bucket.fetch(item.scene, scratch / "in")
    remote = bucket.is_address(out)
    folder = scratch / "out" if remote else Path(out, item.name)
    scene = understood(path, job.reading, console)
    # What is there is ours: the manifest had the scene queued before any worker began.
    facts, _, files = clean(scene, stem(path), folder, job, console, overwrite=True)
    if remote:
        bucket.send(folder, f"{out}/{item.name}")
    return facts | {"outputs": output_facts(out, item.name, folder, files)}


def _scratch() -> str | None:
    """The worker's own folder, which Dask removes after a worker that was killed, too."""
    from distributed import get_worker

    try:
        return str(get_worker().local_directory)
    except ValueError:  # not on a worker
        return None
