"""A folder of pairs: the same bytes whatever the number of workers, and a killed run goes on.

It holds ``<id>_clear.tif``, ``<id>_cloudy.tif`` and ``<id>_mask.tif`` for each pair, and
``manifest.jsonl``: one line a pair, in the order of their numbers, appended once all three files
lie whole in their places.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..datasets.atomic import refuse_existing
from ..datasets.errors import FileError, OutputError
from ..datasets.fingerprint import digest, file_facts
from ..datasets.manifest import Journal, Record, read_lines
from ..datasets.patch_folder import holds_files
from ..datasets.write import write_mask, write_tile
from .pairs import PairSource

LINES = "manifest.jsonl"
KINDS = ("clear", "cloudy", "mask")
_FORMAT = 1


def file_names(number: int) -> dict[str, str]:
    """Names of the three files of pair ``number``, by kind."""
    return {kind: f"{number:05d}_{kind}.tif" for kind in KINDS}


@dataclass(frozen=True)
class PairRun:
    """Pairs 0 to n - 1 of a source, to be written into a folder."""

    source: PairSource
    folder: Path
    n: int
    identity: str
    """Hash of source and settings but for ``n``: a run with a larger one goes on."""

    @classmethod
    def of(cls, source: PairSource, folder: Path, n: int) -> PairRun:
        """Prepare a run; nothing is drawn or written yet."""
        facts = {
            "format": _FORMAT,
            "scenes": [(s.path, file_facts(s.path, leave_out=folder)) for s in source.scenes],
            "bands": [[asdict(b) for b in s.bands] for s in source.scenes],
            "encodings": [asdict(s.encoding) for s in source.scenes],
            "sampler": asdict(source.sampler),
            "settings": (source.seed, source.size, source.sensor),
        }
        return cls(source, folder, n, digest(facts))

    def done(self, overwrite: bool) -> set[int]:
        """Numbers of the pairs that an earlier run of the same settings left whole.

        Raises:
            OutputError: the folder holds something else and ``overwrite`` is false, or it
                cannot be written.
            FileError: its manifest is damaged.
        """
        refuse_existing(self.folder, overwrite=True)  # only whether it can be written
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(
                f"{self.folder} is a file", "the name of a folder", "choose another output"
            )
        if overwrite or not holds_files(self.folder):
            return set()
        records = read_lines(self.folder / LINES)
        begun = (self.folder / LINES).is_file()  # empty if it was killed in the first pair
        if not begun or any(r.get("identity") != self.identity for r in records):
            raise OutputError(
                f"{self.folder} holds files that are not of a run with these settings",
                "a new or empty folder, or the same clear tiles, preset, seed and size",
                "choose another output, or pass --overwrite to replace its pairs",
            )
        return {int(r["number"]) for r in records if _whole(self.folder, r)}

    def write(
        self,
        done: set[int],
        workers: int = 1,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Write the pairs that are not ``done``; returns their number.

        Args:
            done: from `done`.
            workers: processes; 1 works in this one.
            overwrite: remove the pairs of an earlier run first, as its manifest lists them.
            progress: called with (pairs there, pairs in all) after every pair.

        Raises:
            FileError: a scene is damaged.
            OutputError: a pair cannot be written, or a worker died.
        """
        self.folder.mkdir(exist_ok=True)
        if overwrite:
            _remove_pairs(self.folder)
        listed = {r.get("number") for r in read_lines(self.folder / LINES)}
        todo = [i for i in range(self.n) if i not in done]
        with Journal(self.folder / LINES) as journal, closing(self._records(todo, workers)) as new:
            for count, record in enumerate(new, 1):
                if record["number"] not in listed:
                    journal.append(record)
                if progress is not None:
                    progress(self.n - len(todo) + count, self.n)
        return len(todo)

    def _records(self, todo: list[int], workers: int) -> Generator[Record, None, None]:
        """Write each pair of ``todo`` and yield its line, in their order."""
        if workers == 1 or len(todo) < 2:
            yield from map(self.write_one, todo)
            return
        pool = ProcessPoolExecutor(
            min(workers, len(todo)), multiprocessing.get_context("spawn"), _start, (self,)
        )
        try:
            yield from pool.map(_work, todo)
        except BrokenProcessPool as error:
            raise OutputError(
                "a worker process that ended before its work (out of memory?)",
                "all of them to stay",
                "run again with fewer --workers: it goes on where it was",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)

    def write_one(self, number: int) -> Record:
        """Draw and write pair ``number``; returns its line of the manifest."""
        pair, origin = self.source.draw(number)
        names = file_names(number)
        places = {kind: self.folder / name for kind, name in names.items()}
        write_tile(places["clear"], pair.clear, overwrite=True)
        write_tile(places["cloudy"], pair.cloudy, overwrite=True)
        write_mask(places["mask"], pair.mask, overwrite=True)
        height, width = pair.clear.shape
        return {
            "id": f"{number:05d}",
            "number": number,
            "seed": self.source.seed,
            **names,
            "sha256": {kind: _sha256(place) for kind, place in places.items()},
            **origin,
            "height": height,
            "width": width,
            "bands": list(pair.clear.bands.names),
            "sensor": pair.clear.acquired.sensor,
            "gsd_m": pair.clear.gsd_m,
            "cover": {name: round(share, 6) for name, share in pair.mask.cover().items()},
            "presets": list(self.source.sampler.presets),
            "layers": [asdict(layer) for layer in pair.params],
            "identity": self.identity,
        }


_run: PairRun | None = None
"""The run of a worker process, sent once at its start."""


def _start(run: PairRun) -> None:
    """Prepare a worker: one thread each, since there is a process a core already."""
    import cv2

    global _run
    _run = run
    cv2.setNumThreads(1)
    os.environ.setdefault("GDAL_NUM_THREADS", "1")


def _work(number: int) -> Record:
    if _run is None:  # pragma: no cover - the initializer has run
        raise RuntimeError("a worker without its run")
    return _run.write_one(number)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _whole(folder: Path, record: Record) -> bool:
    """Whether the three files of ``record`` have the bytes that were written."""
    with suppress(OSError, KeyError, TypeError):
        sums = {kind: _sha256(folder / str(record[kind])) for kind in KINDS}
        return bool(sums == record["sha256"])
    return False


def _remove_pairs(folder: Path) -> None:
    """Remove the files that the manifest in ``folder`` lists, and then the manifest."""
    with suppress(FileError):
        for record in read_lines(folder / LINES):
            for kind in KINDS:
                name = str(record.get(kind, ""))
                if name.endswith(f"_{kind}.tif") and Path(name).name == name:  # never outside
                    (folder / name).unlink(missing_ok=True)
                    (folder / name).with_suffix(".qml").unlink(missing_ok=True)
    (folder / LINES).unlink(missing_ok=True)
