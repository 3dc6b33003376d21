"""Scenes and outputs in an S3 bucket: listed, fetched to the disk and sent from it, through fsspec.

Products are read from the disk after they were fetched: a product is often a folder of files, a
reader looks at first bytes before it lets GDAL open anything, and an address needs one set-up of
credentials (those of AWS's own tools: environment, profiles, roles) where GDAL's would be another.
``/vsis3/bucket/key``, as GDAL spells it, means the same as ``s3://bucket/key``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import FileError, MissingExtraError, OutputError, UsageError

_SPELLINGS = ("s3://", "/vsis3/")
_PRODUCTS = (
    "mtd_msil*.xml",
    "*_mtl.*",
    "*_analyticms*.tif*",
    "enmap*-metadata.xml",
    "desis-hsi-*-metadata.xml",
    "hypercube_*",
)
"""Names in lower case, one of which lies in the folder of every product that is a folder."""
Fact = tuple[str, int, str]
"""Name below the address, bytes, and a stamp that changes with the content (S3's ETag)."""


def is_address(text: str) -> bool:
    """Whether ``text`` names something in a bucket rather than on the disk."""
    return text.startswith(_SPELLINGS)


def address(text: str) -> str:
    """``s3://bucket/key`` for any spelling of it, without a slash at the end.

    Raises:
        UsageError: there is no bucket, or no key.
    """
    key = next(text.removeprefix(s) for s in _SPELLINGS if text.startswith(s)).strip("/")
    if "/" not in key or ".." in key.split("/"):
        raise UsageError(f"the address {text}", "s3://bucket/key", "correct it")
    return f"s3://{key}"


def store() -> Any:
    """The fsspec file system; every process makes one and keeps it. Lists anew every time.

    Raises:
        MissingExtraError: s3fs is not installed.
    """
    try:
        import s3fs
    except ModuleNotFoundError as error:
        raise MissingExtraError("an s3:// address", "s3") from error
    return s3fs.S3FileSystem(use_listings_cache=False)


def facts(url: str) -> list[Fact]:
    """Every object at or below an address, in the order of their names; none: an empty list."""
    key = _key(url)
    with explained(url):
        found = store().find(key, detail=True)
    return sorted(
        (name.removeprefix(key).strip("/") or PurePosixPath(name).name, *_stamped(info))
        for name, info in found.items()
        if f"{name}/".startswith(f"{key}/") and not name.endswith("/")  # no sibling, no folder
    )


def entries(url: str) -> list[str]:
    """Addresses that match a pattern, or lie directly in a folder; a product folder is one.

    An address without a pattern at which there is an object, or nothing, stands for itself.
    """
    s3, key = store(), _key(url)
    with explained(url):
        if any(c in key for c in "*?["):
            return [f"s3://{name}" for name in sorted(s3.glob(key))]
        if s3.isfile(key) or not s3.isdir(key):
            return [url]
        inside = sorted(name.rstrip("/") for name in s3.ls(key, detail=False))
    names = [PurePosixPath(name).name.lower() for name in inside]
    is_product = any(fnmatchcase(name, pattern) for name in names for pattern in _PRODUCTS)
    if key.upper().endswith(".SAFE") or is_product:
        return [url]
    return [f"s3://{name}" for name in inside if name.strip("/") != key]


def fetch(url: str, folder: Path) -> Path:
    """Bring a product (an object with those named ``<stem>.*``, or a folder) into ``folder``.

    Returns:
        Where it lies now, under its own name.

    Raises:
        FileError: there is nothing at the address, or a file came in part.
        OSError: the store did not answer; worth another try.
    """
    s3, key = store(), _key(url)
    target = folder / PurePosixPath(key).name
    found = facts(url)
    with explained(url):
        if not found:
            raise FileError(f"there is nothing at {url}", "an object or a folder", "correct it")
        if s3.isfile(key):
            beside = s3.glob(f"{PurePosixPath(key).with_suffix('')}.*")
            pairs = [(name, folder / PurePosixPath(name).name) for name in {key, *beside}]
        else:
            pairs = [(f"{key}/{name}", target / name) for name, _, _ in found]
        for source, place in pairs:
            if s3.isfile(source):
                place.parent.mkdir(parents=True, exist_ok=True)
                s3.get_file(source, str(place))
    for name, size, _ in found:
        place = target / name if target.is_dir() else target
        if place.stat().st_size != size:
            raise OSError(f"{url} came in part: {place.stat().st_size} of {size} bytes of {name}")
    return target


def send(folder: Path, url: str) -> None:
    """Store every file of ``folder`` below an address; each appears whole or not at all."""
    s3 = store()
    with explained(url):
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            s3.put_file(str(file), f"{_key(url)}/{file.relative_to(folder).as_posix()}")


def remove(url: str, names: list[str]) -> None:
    """Remove objects below an address."""
    with explained(url):
        if names:
            store().rm([f"{_key(url)}/{name}" for name in names])


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what no second try will mend (no such bucket, no permission) into errors that teach."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileError(
            f"nothing is found at {url} ({error})", "an existing bucket and key", "correct it"
        ) from error
    except PermissionError as error:
        raise OutputError(
            f"{url} is closed to these credentials ({error})",
            "AWS credentials that may list, read and write there",
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ) from error


def _key(url: str) -> str:
    return url.removeprefix("s3://")


def _stamped(info: dict[str, Any]) -> tuple[int, str]:
    return int(info["size"]), str(info.get("ETag", "")).strip('"')
