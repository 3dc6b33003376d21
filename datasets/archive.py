"""Files inside ZIP and TAR archives, looked at where they are: nothing is extracted.

`Member` answers like a `pathlib.Path` as far as the readers of products need it, so that a
product is read by the same code from a folder and from the archive it was delivered in.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

from .errors import FileError

_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError)
"""What the libraries raise for damaged or encrypted (RuntimeError) archives."""


def is_archive(path: Path) -> bool:
    """Whether the name says ZIP or TAR and the file is there. Compressed TARs are not read."""
    return path.suffix.lower() in (".zip", ".tar") and path.is_file()


@dataclass(frozen=True, order=True)
class Member:
    """A file or folder inside an archive; ``inner`` is its POSIX name, "" the top."""

    archive: Path
    inner: str = ""

    def __str__(self) -> str:
        return f"{self.archive}/{self.inner}"

    def __truediv__(self, name: str) -> Member:
        return Member(self.archive, str(PurePosixPath(self.inner) / name))

    @property
    def name(self) -> str:
        return PurePosixPath(self.inner).name

    @property
    def stem(self) -> str:
        return PurePosixPath(self.inner).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.inner).suffix

    @property
    def parent(self) -> Member:
        above = str(PurePosixPath(self.inner).parent)
        return Member(self.archive, "" if above == "." else above)

    def is_file(self) -> bool:
        return self.inner in _index(self.archive)

    def glob(self, pattern: str) -> Iterator[Member]:
        """Files below this folder whose parts match those of ``pattern``, one for one."""
        wanted = pattern.split("/")
        for parts, found in self._below():
            if len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted)):
                yield found

    def rglob(self, pattern: str) -> Iterator[Member]:
        """Files anywhere below this folder whose name matches ``pattern``."""
        for parts, found in self._below():
            if fnmatchcase(parts[-1], pattern):
                yield found

    def _below(self) -> Iterator[tuple[tuple[str, ...], Member]]:
        top = PurePosixPath(self.inner).parts
        for name in _index(self.archive):
            parts = PurePosixPath(name).parts
            if parts[: len(top)] == top and len(parts) > len(top):
                yield parts[len(top) :], Member(self.archive, name)

    @property
    def size(self) -> int:
        """Bytes when unpacked, as the archive declares."""
        try:
            return _index(self.archive)[self.inner]
        except KeyError:
            raise FileNotFoundError(2, "No such file in the archive", str(self)) from None

    def read_bytes(self, limit: int) -> bytes:
        """The first ``limit`` bytes, whatever size the archive declares."""
        self.size  # noqa: B018 - raises where there is no such file
        with _opened(self.archive) as box, _stream(box, self.inner) as stream:
            return stream.read(limit)

    def gdal_name(self) -> str:
        """GDAL's virtual path. The braces keep it from looking for an archive elsewhere in it."""
        kind = "zip" if self.archive.suffix.lower() == ".zip" else "tar"
        return f"/vsi{kind}/{{{self.archive.absolute()}}}/{self.inner}"


File = Path | Member
"""A file on disk or in an archive."""


def head(file: File, limit: int) -> bytes:
    """The first ``limit`` bytes of a file.

    Raises:
        OSError: the file cannot be read.
        FileError: its archive is damaged or hostile.
    """
    if isinstance(file, Member):
        return file.read_bytes(limit)
    with file.open("rb") as f:
        return f.read(limit)


def _index(archive: Path) -> dict[str, int]:
    """Unpacked size of every plain file by its name."""
    stat = archive.stat()
    return _listed(archive, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=16)
def _listed(archive: Path, _modified: int, _size: int) -> dict[str, int]:
    with _opened(archive) as box:
        if isinstance(box, zipfile.ZipFile):
            sizes = {i.filename: i.file_size for i in box.infolist() if not i.is_dir()}
        else:
            sizes = {m.name: m.size for m in box.getmembers() if not m.isdir()}
            links = {m.name for m in box.getmembers() if not (m.isreg() or m.isdir())}
            sizes = {n: s for n, s in sizes.items() if n not in links}
    for name in sizes:
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise FileError(
                f"{archive} holds a file named '{name}'",
                "plain names below the archive's top",
                "do not use it, download the product from its supplier",
            )
    return {n.removeprefix("./"): s for n, s in sizes.items()}


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile | tarfile.TarFile]:
    box: zipfile.ZipFile | tarfile.TarFile
    try:
        if archive.suffix.lower() == ".zip":
            box = zipfile.ZipFile(archive)
        else:
            box = tarfile.open(archive, "r:")  # noqa: SIM115 - closed below
        with box:
            yield box
    except _DAMAGED as e:
        raise FileError(
            f"{archive} is damaged or encrypted ({e})",
            "a complete ZIP or uncompressed TAR archive",
            "download it again",
        ) from e


def _stream(box: zipfile.ZipFile | tarfile.TarFile, name: str) -> IO[bytes]:
    if isinstance(box, zipfile.ZipFile):
        return box.open(name)
    stream = next((box.extractfile(n) for n in (name, f"./{name}") if n in box.getnames()), None)
    if stream is None:
        raise FileNotFoundError(2, "No such file in the archive", name)
    return stream
