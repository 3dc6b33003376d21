"""Splits by place: images of one group stay together, and adding rows never moves others.

A group's side depends on the SHA-256 of its name and the seed only. A split that puts the
same ground on both sides measures memory, not skill; `check_leaks` refuses it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Protocol, TypeVar

from rasterio.crs import CRS

from .catalog import Row
from .errors import FileError, KumosanError, ValueRangeError
from .opening import open_raster


class Grouped(Protocol):
    """Anything that knows its place."""

    @property
    def group(self) -> str: ...


G = TypeVar("G", bound=Grouped)


class LeakError(KumosanError):
    """The same ground, or the same picture, lies on both sides of a split."""


def position(group: str, seed: int = 0) -> float:
    """Where the group falls in [0, 1): the first 8 bytes of SHA-256("seed:group")."""
    if not group:
        raise ValueRangeError("an image without a group", "a place or scene", "name its group")
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53  # 53 bits: exact, below 1


def fold_of(group: str, k: int, seed: int = 0) -> int:
    """Number of the group's fold, 0 to k - 1."""
    if k < 2:
        raise ValueRangeError(f"{k} folds", "2 or more", "correct k")
    return int(position(group, seed) * k)


@dataclass(frozen=True)
class Fold:
    """One part of the groups, to be left out: number ``number`` (from 0) of ``of``."""

    number: int
    of: int
    seed: int = 0

    def holds(self, group: str) -> bool:
        """Whether the images of this group are left out."""
        return fold_of(group, self.of, self.seed) == self.number


def folds(rows: Sequence[G], k: int, seed: int = 0) -> list[tuple[list[G], list[G]]]:
    """(training, validation) rows of each of k folds; a fold of few groups may be empty."""
    number = [fold_of(r.group, k, seed) for r in rows]
    return [
        (
            [r for r, n in zip(rows, number, strict=True) if n != fold],
            [r for r, n in zip(rows, number, strict=True) if n == fold],
        )
        for fold in range(k)
    ]


def split(rows: Iterable[G], shares: Mapping[str, float], seed: int = 0) -> dict[str, list[G]]:
    """Rows by side, each side with about its share of the groups.

    Args:
        rows: anything with a ``group``.
        shares: for example ``{"train": 0.7, "val": 0.15, "test": 0.15}``. A group falls to the
            first side whose cumulative share lies above its `position`.
        seed: another number, another split.

    Raises:
        ValueRangeError: the shares are negative or do not add up to 1, or a group is empty.
    """
    if not shares or min(shares.values()) < 0 or abs(sum(shares.values()) - 1) > 1e-9:
        raise ValueRangeError(
            f"shares {dict(shares)}", "shares of 0 or more that add up to 1", "correct them"
        )
    out: dict[str, list[G]] = {side: [] for side in shares}
    for row in rows:
        where, total = position(row.group, seed), 0.0
        last = [side for side in shares if shares[side] > 0][-1]
        for side, share in shares.items():
            total += share
            if where < total or side == last:
                out[side].append(row)
                break
    return out


@dataclass(frozen=True)
class Leak:
    """Two images on different sides that must not be apart."""

    why: str
    """``group``, ``same file``, ``same bytes`` or ``overlap``."""
    first: tuple[str, str]
    """(side, id)."""
    second: tuple[str, str]

    def __str__(self) -> str:
        (a, x), (b, y) = self.first, self.second
        return f"{x} ({a}) and {y} ({b}): {self.why}"


def check_leaks(splits: Mapping[str, Sequence[Row]]) -> None:
    """Raise LeakError, naming the pairs, unless the sides have nothing in common."""
    leaks = list(find_leaks(splits))
    if leaks:
        shown = "; ".join(str(leak) for leak in leaks[:5])
        more = f"; and {len(leaks) - 5} more" if len(leaks) > 5 else ""
        raise LeakError(
            f"{len(leaks)} pairs of images on both sides of the split: {shown}{more}",
            "every place on one side",
            "give them one group and split by group",
        )


def find_leaks(splits: Mapping[str, Sequence[Row]]) -> Iterator[Leak]:
    """Every pair across sides with the same group, file or bytes, or overlapping ground.

    Footprints are the boxes around the images, compared where both have the same CRS; images
    of a folder (products) or without georeference are compared by group and bytes only.

    Raises:
        FileError: an image cannot be read.
    """
    rows = [(side, row) for side, members in splits.items() for row in members]
    yield from _across(rows, [r.group for _, r in rows], "group")
    yield from _across(rows, [str(r.image.resolve()) for _, r in rows], "same file")
    yield from _across(rows, _digests([r.image for _, r in rows]), "same bytes")
    boxes = [_footprint(r.image) for _, r in rows]
    known = [(side, row, box) for (side, row), box in zip(rows, boxes, strict=True) if box]
    for (a, x, p), (b, y, q) in combinations(known, 2):
        if a != b and p.overlaps(q):
            yield Leak("overlap", (a, x.id), (b, y.id))


def _across(
    rows: Sequence[tuple[str, Row]], keys: Sequence[str | None], why: str
) -> Iterator[Leak]:
    """One leak for each pair of rows on different sides with the same key."""
    same: dict[str, list[tuple[str, Row]]] = defaultdict(list)
    for key, item in zip(keys, rows, strict=True):
        if key is not None:
            same[key].append(item)
    for members in same.values():
        for (a, x), (b, y) in combinations(members, 2):
            if a != b:
                yield Leak(why, (a, x.id), (b, y.id))


def _digests(paths: Sequence[Path]) -> list[str | None]:
    """SHA-256 of the files that share their size with another one (the rest are unique)."""
    sizes = [p.stat().st_size if p.is_file() else None for p in paths]
    out: list[str | None] = []
    for path, size in zip(paths, sizes, strict=True):
        if size is None or sizes.count(size) < 2:
            out.append(None)
            continue
        with path.open("rb") as f:
            digest = hashlib.sha256()
            while block := f.read(2**20):
                digest.update(block)
        out.append(digest.hexdigest())
    return out


@dataclass(frozen=True)
class _Box:
    crs: CRS
    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: _Box) -> bool:
        """Whether they share more than a border (1e-6 of the smaller width)."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        least = 1e-6 * min(self.right - self.left, other.right - other.left)
        return self.crs == other.crs and width > least and height > least


def _footprint(path: Path) -> _Box | None:
    """The box around a raster file; None without a CRS, or for kinds with their own readers."""
    if not path.is_file():
        return None
    try:
        with open_raster(path) as ds:
            if ds.crs is None:
                return None
            corners = [ds.transform @ (x, y) for x in (0, ds.width) for y in (0, ds.height)]
            xs, ys = zip(*corners, strict=True)
            return _Box(ds.crs, min(xs), min(ys), max(xs), max(ys))
    except FileError as e:
        raise FileError(
            f"the footprint of {path} is not known ({e.got})", e.expected, e.remedy
        ) from e
