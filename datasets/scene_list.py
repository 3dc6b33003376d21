"""Which scenes a person means: files, folders, patterns, lists in a text file, addresses."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import bucket
from .errors import FileError
from .fingerprint import digest, file_facts
from .read import READERS

_SCENES = (
    ".tif", ".tiff", ".jp2", ".j2k", ".bsq", ".bil", ".bip", ".he5", ".nc", ".zip", ".tar", ".safe",
)  # fmt: skip
"""Endings of what is taken for a scene in a folder."""


def find_scenes(words: Sequence[str], leave_out: str | None = None) -> tuple[str, ...]:
    """Absolute paths and s3:// addresses of the scenes that ``words`` name, each once.

    A word is a scene; a folder (a product, or the scenes directly in it); a pattern with ``*``,
    ``?``, ``[...]`` or ``**``; ``@list.txt``, a text with one word a line, ``#`` for comments;
    or ``s3://bucket/...`` for any of the first three. A scene that is named and is not there is
    kept: reading it tells so.

    Args:
        words: what was asked for.
        leave_out: a folder of outputs; what lies in it is no scene.

    Raises:
        FileError: a list cannot be read; a pattern or a folder holds no scene.
    """
    home = Path(leave_out).absolute() if leave_out and not bucket.is_address(leave_out) else None
    found = dict.fromkeys(scene for word in _lines(words) for scene in _expand(word, home))
    return tuple(found)


def input_digest(scene: str, leave_out: str | None = None) -> str:
    """Hash of names, sizes and times (on S3: ETags) of a scene's files; the same until it changes.

    ENVI headers and other files named ``<stem>.*`` beside a file belong to it.
    """
    if bucket.is_address(scene):
        return digest({"files": bucket.facts(scene)})
    path = Path(scene)
    beside = [] if path.is_dir() else sorted(path.parent.glob(f"{glob.escape(path.stem)}.*"))
    files = [path, *(p for p in beside if p.is_file() and p != path)]
    return digest({"files": [file_facts(p, leave_out) for p in files]})


def _lines(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if not word.startswith("@"):
            yield word
            continue
        try:
            lines = Path(word[1:]).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(
                f"the list {word[1:]} cannot be read ({error})",
                "a text with one scene a line",
                "correct its path",
            ) from error
        yield from (line.strip() for line in lines if line.strip() and line.strip()[0] != "#")


def _expand(word: str, home: Path | None) -> list[str]:
    if bucket.is_address(word):
        url = bucket.address(word)
        found = bucket.entries(url)
        if found != [url] and not glob.has_magic(url):
            found = [one for one in found if _named_so(one)]
    else:
        found = [str(path.absolute()) for path in _on_disk(Path(word), home)]
    if not found:
        raise FileError(
            f"no scene in {word}",
            f"products, or files ending in {', '.join(_SCENES)}",
            "correct the folder or the pattern",
        )
    return found


def _on_disk(path: Path, home: Path | None) -> list[Path]:
    if path.is_dir() and not is_product(path):
        inside = sorted(path.iterdir())
        found = [p for p in inside if is_product(p) or (_named_so(p.name) and p.is_file())]
    elif path.exists() or not glob.has_magic(str(path)):
        return [path]
    else:
        matching = sorted(Path(p) for p in glob.glob(str(path), recursive=True))  # noqa: PTH207
        found = [p for p in matching if p.is_file() or is_product(p)]
    return [p for p in found if home is None or home not in p.absolute().parents]


def is_product(path: Path) -> bool:
    """Whether ``path`` is a folder that one of the readers knows."""
    return path.is_dir() and any(reader.matches(path) for reader in READERS[:-1])


def _named_so(name: str) -> bool:
    return name.lower().endswith(_SCENES)
