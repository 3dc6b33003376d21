"""Whether an input and its settings are those of an earlier run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .atomic import AnyPath


def digest(facts: Mapping[str, Any]) -> str:
    """16 hexadecimal digits of the SHA-256 of ``facts``, whatever the order of their keys."""
    text = json.dumps(facts, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def changed_ns(path: Path) -> int:
    """Time of the last change of a file in ns, 0 where there is none: part of the key of what is
    kept as long as a file does not change."""
    return path.stat().st_mtime_ns if path.exists() else 0


def file_facts(path: AnyPath, leave_out: AnyPath | None = None) -> list[tuple[str, int, int]]:
    """(name, bytes, time of change in ns) of a file, or of every file in a folder.

    As `make` does it: reading a scene of many gigabytes to hash it would take as long as the
    work that it may save. Where the path is not on the disk (a scene in memory), nothing.

    Args:
        path: file or folder of a product.
        leave_out: a folder of outputs that may lie in the product's folder.
    """
    root = Path(path)
    out = Path(leave_out).resolve() if leave_out is not None else None
    files = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
    facts = []
    for file in files:
        if not file.is_file() or (out is not None and out in file.resolve().parents):
            continue
        stat = file.stat()
        name = file.relative_to(root).as_posix() if file != root else file.name
        facts.append((name, stat.st_size, stat.st_mtime_ns))
    return facts
