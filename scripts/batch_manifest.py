"""The manifest of a batch: what was queued, done and failed; the last line on a scene counts.

{"state": "queued", "scene": ..., "name": ..., "inputs": hash, "settings": hash, "time": ...}
{"state": "done", ..., "outputs": {file: {"bytes", "stamp", "sha256"}}, "cover": ..., ...}
{"state": "failed", ..., "kind": "FileError", "reason": ...}
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any

from ..datasets import bucket
from ..datasets.errors import FileError
from ..datasets.manifest import Record, read_lines

LINES = "manifest.jsonl"
STATES = ("queued", "done", "failed")


@dataclass(frozen=True)
class Item:
    """One scene of a batch."""

    scene: str
    """Absolute path or s3:// address."""
    name: str
    """Of its folder of outputs; no other scene of the manifest has it."""
    inputs: str
    """Hash of its files, see `scene_list.input_digest`."""
    settings: str
    """Hash of the settings, see `Job.identity`."""

    def record(self, state: str, **facts: Any) -> Record:
        """A line of the manifest."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return {"state": state, **self.__dict__, "time": now, **facts}


def read_states(path: Path) -> dict[str, Record]:
    """The last record of every scene, in the order in which they were first queued.

    Raises:
        FileError: the manifest is damaged, or is not one of a batch.
    """
    found: dict[str, Record] = {}
    for record in read_lines(path):
        text = all(isinstance(record.get(key), str) for key in ("scene", "name"))
        if not text or record.get("state") not in STATES:
            raise FileError(
                f"{path} has a line that is not of a batch",
                "the manifest of an earlier kumosan batch",
                "choose another output or --manifest",
            )
        found[record["scene"]] = record
    return found


def named(scenes: Iterable[str], earlier: Mapping[str, Record]) -> dict[str, str]:
    """A name for every scene: its stem, with a hash of its path where another scene took that."""
    names = {scene: str(record["name"]) for scene, record in earlier.items()}
    taken = {name.lower() for name in names.values()}  # file systems may not tell a from A
    for scene in scenes:
        if scene in names:
            continue
        name = PurePosixPath(scene).stem or "scene"
        if name.lower() in taken:
            name = f"{name}-{hashlib.sha256(scene.encode()).hexdigest()[:8]}"
        names[scene] = name
        taken.add(name.lower())
    return names


def proves_done(record: Record | None, item: Item, out: str) -> bool:
    """Whether ``record`` tells that ``item`` was done as it is now, and its outputs are whole.

    A file counts as whole if its size and time of change (on S3: its ETag) are those recorded; on
    the disk, another time is forgiven where the content has the recorded SHA-256.
    """
    if record is None or record["state"] != "done":
        return False
    if (record.get("inputs"), record.get("settings")) != (item.inputs, item.settings):
        return False
    outputs = record.get("outputs")
    if not isinstance(outputs, dict) or not outputs:
        return False
    there = {name: (size, stamp) for name, size, stamp in _listed(out, item.name)}
    for name, facts in outputs.items():
        size, stamp = there.get(name, (-1, ""))
        if size != facts.get("bytes"):
            return False
        if stamp != facts.get("stamp") and (
            bucket.is_address(out) or sha256(Path(out, item.name, name)) != facts.get("sha256")
        ):
            return False
    return True


def output_facts(
    out: str, name: str, folder: Path, files: Collection[str]
) -> dict[str, dict[str, Any]]:
    """What is recorded of the ``files`` of the scene ``name``, which lie in ``folder`` too."""
    return {
        file: {"bytes": size, "stamp": stamp, "sha256": sha256(folder / file)}
        for file, size, stamp in _listed(out, name)
        if file in files  # and nothing that a person put there
    }


def sha256(path: Path) -> str:
    """Hexadecimal digits of the hash of a file's content."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def _listed(out: str, name: str) -> list[bucket.Fact]:
    """(name, bytes, stamp) of every file in the folder of outputs called ``name``."""
    if bucket.is_address(out):
        return bucket.facts(f"{out}/{name}")
    folder = Path(out, name)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    stats = [(p.relative_to(folder).as_posix(), p.stat()) for p in files]
    return [(file, stat.st_size, str(stat.st_mtime_ns)) for file, stat in stats]
