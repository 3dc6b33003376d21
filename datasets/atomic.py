"""Outputs are whole or absent: written beside their place, flushed, then moved in one step.

The work happens in a hidden folder ``.kumosan-<pid>-...`` next to the output, on the same
file system, so the last step is a rename. A process killed before it leaves nothing but
that hidden folder, which may be deleted. Two processes writing one output both write whole
files; the one that ends last wins.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import OutputError

AnyPath = str | os.PathLike[str]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""Error numbers that only a failed write has: no space, over quota, too large, read-only."""


def refuse_existing(path: AnyPath, overwrite: bool) -> None:
    """Refuse an output that exists already or has nowhere to go; call it before any work.

    An empty folder counts as absent.

    Raises:
        OutputError: ``path`` exists and ``overwrite`` is false, or its folder is missing or
            cannot be written to.
    """
    target = _absolute(path)
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(
            f"no folder {folder} for the output {target.name}",
            "an existing folder",
            "create it first, or choose another output",
        )
    if not os.access(folder, os.W_OK):
        raise OutputError(
            f"the folder {folder} cannot be written to",
            "permission to create files in it",
            "choose another output",
        )
    if not overwrite and os.path.lexists(target) and not _empty_folder(target):
        raise _exists(target)


@contextmanager
def atomic_file(path: AnyPath, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path; what was written there becomes ``path`` if the block succeeds.

    On any exception, Ctrl-C included, the temporary file is removed and ``path`` is left as
    it was.

    Raises:
        OutputError: ``path`` exists and ``overwrite`` is false, or it cannot be written.
    """
    target = _absolute(path)
    if target.is_dir():
        raise OutputError(f"{target} is a folder", "the name of a file", "choose another output")
    refuse_existing(target, overwrite)
    with _workplace(target) as place:
        yield place
        with _explained(target):
            _flush(place)
            place.replace(target)
            _flush_folder(target.parent)


@contextmanager
def atomic_folder(path: AnyPath, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder; its files appear in ``path`` if the block succeeds.

    A new (or empty) ``path`` appears in one rename, with all its files or not at all. With
    ``overwrite`` and a folder that holds files, each new file replaces its namesake, every
    one whole, and all other files there stay: nothing of the user's is ever deleted.

    Raises:
        OutputError: ``path`` holds files and ``overwrite`` is false, or it cannot be written.
    """
    target = _absolute(path)
    if os.path.lexists(target) and not target.is_dir():
        raise OutputError(f"{target} is a file", "the name of a folder", "choose another output")
    refuse_existing(target, overwrite)
    with _workplace(target) as place:
        with _explained(target):
            place.mkdir()
        yield place
        with _explained(target):
            files = sorted(p for p in place.rglob("*") if p.is_file())
            for file in files:
                _flush(file)
            if not target.is_dir() or _empty_folder(target):
                _move_folder(place, target)
            elif overwrite:
                _move_files(files, place, target)
            else:  # somebody filled it while we worked
                raise _exists(target)
            _flush_folder(target.parent)


@contextmanager
def scratch_file(path: AnyPath) -> Iterator[IO[bytes]]:
    """Yield a file without a name, on the disk where the output ``path`` will be.

    It is gone with the block, and with a process that is killed.

    Raises:
        OutputError: nothing may be written there, or the disk is full.
    """
    target = _absolute(path)
    with _full_explained(target), ExitStack() as stack:  # to close it is to write its last bytes
        with _explained(target):
            file = stack.enter_context(tempfile.TemporaryFile(dir=target.parent))
        yield file


def _absolute(path: AnyPath) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - unlike resolve(), keeps links as named


def _empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _exists(target: Path) -> OutputError:
    return OutputError(
        f"{target} exists already",
        "an output that does not",
        "choose another output, or pass --overwrite",
    )


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """A path named like ``target`` in a hidden folder beside it, removed in the end.

    A folder rather than a hidden name, since GDAL puts its own temporary files beside.
    """
    with _explained(target):
        hidden = Path(tempfile.mkdtemp(prefix=f".kumosan-{os.getpid()}-", dir=target.parent))
    try:
        with _full_explained(target):
            yield hidden / (target.name or "output")
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


@contextmanager
def _full_explained(target: Path) -> Iterator[None]:
    """Turn what only a failed write raises into an OutputError; other errors may be of reading."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _unwritable(target, error) from error
        raise


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Turn any OSError into an OutputError about ``target``."""
    try:
        yield
    except OSError as error:
        raise _unwritable(target, error) from error


def _unwritable(target: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{target} could not be written ({error.strerror or error})",
        "room and permission to write there",
        "free some space or choose another output",
    )


def _move_folder(place: Path, target: Path) -> None:
    if os.name == "nt" and target.is_dir():  # pragma: no cover - POSIX replaces an empty folder
        target.rmdir()
    place.rename(target)


def _move_files(files: list[Path], place: Path, target: Path) -> None:
    for file in files:
        home = target / file.relative_to(place)
        home.parent.mkdir(parents=True, exist_ok=True)
        file.replace(home)


def _flush(file: Path) -> None:
    """Bring the file's content to the disk before its name points to it.

    It may be another name of a file that may only be read.
    """
    try:
        handle = os.open(file, os.O_RDWR)
    except PermissionError:
        handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    """Bring a rename to the disk; some systems cannot, and then need not."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
