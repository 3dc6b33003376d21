"""JSON lines: what a long run has done so far, one record a line, safe to be cut off anywhere.

A line counts once it ends with a line feed. A process killed while it wrote leaves part of a
line at the end; reading leaves it out, and the next run takes it off before it goes on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from .atomic import AnyPath
from .errors import FileError, OutputError

Record = dict[str, Any]


def read_lines(path: AnyPath) -> list[Record]:
    """The records of a JSON-lines file in its order; none where there is no file.

    Raises:
        FileError: the file cannot be read, or a line (but for a torn last one) is no JSON object.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FileError(
            f"{path} cannot be read ({error.strerror or error})",
            "a readable file",
            "check its permissions",
        ) from error
    return _records(path, content[: _whole(content)])


class Journal:
    """A JSON-lines file to append to; every record is on the disk when `append` returns.

        with Journal("manifest.jsonl") as journal:
            journal.append({"file": "a.tif"})

    One record is one write at the end of the file, so that two processes do not mix lines.

    Args:
        path: the file; created where it does not exist, its folder must.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: AnyPath) -> None:
        self.path = Path(path)
        self._handle = -1

    def __enter__(self) -> Journal:
        try:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            self._take_off_torn_line()
        except OSError as error:
            self.__exit__(None, None, None)
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def append(self, *records: Mapping[str, Any]) -> None:
        """Write one or several records and bring them to the disk.

        Raises:
            OutputError: the disk is full, or the file cannot be written.
            ValueError: a record holds NaN or infinity, which JSON does not know.
        """
        dumped = (json.dumps(r, allow_nan=False, ensure_ascii=False) + "\n" for r in records)
        lines = "".join(dumped).encode()
        try:
            while lines:
                lines = lines[os.write(self._handle, lines) :]
            os.fsync(self._handle)
        except OSError as error:
            raise self._unwritable(error) from error

    def _take_off_torn_line(self) -> None:
        content = self.path.read_bytes()
        whole = _whole(content)
        if whole < len(content):
            os.ftruncate(self._handle, whole)

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path} could not be written ({error.strerror or error})",
            "room and permission to write there",
            "free some space or choose another output",
        )


def _whole(content: bytes) -> int:
    """Number of bytes up to and with the last line feed."""
    return content.rfind(b"\n") + 1


def _records(path: Path, content: bytes) -> list[Record]:
    out: list[Record] = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise FileError(
                f"line {number} of {path} is no JSON object",
                "one JSON object a line",
                "restore the file, or start again with --overwrite",
            )
        out.append(record)
    return out
