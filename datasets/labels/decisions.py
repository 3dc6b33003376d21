"""What somebody decided about labels: a CSV file that a person edits and training obeys."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import FileError, ValueRangeError

KEEP, DROP, RELABEL = "keep", "drop", "relabel"
_COLUMNS = ("image", "decision", "reason")


def write_decisions(path: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    """Write (image, decision, reason) rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([_COLUMNS, *rows])


def read_decisions(path: str | Path) -> Mapping[str, str]:
    """Decision by image, as the catalogue names it.

    Raises:
        FileError: no such file, or no CSV with the columns image and decision.
        ValueRangeError: another decision than keep, drop, relabel, or an image twice.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise FileError(f"{path} does not exist", "a decision file", "correct the path") from None
    except (OSError, ValueError, csv.Error) as error:
        raise FileError(f"{path} cannot be read ({error})", "a CSV file", "correct it") from error
    out: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        image, decision = (row.get(key) or "" for key in _COLUMNS[:2])
        image, decision = image.strip(), decision.strip().lower()
        if not image or decision not in (KEEP, DROP, RELABEL):
            raise ValueRangeError(
                f"line {number} of {path} with image '{image}' and decision '{decision}'",
                "keep, drop or relabel", "correct the line",
            )  # fmt: skip
        if image in out:
            raise ValueRangeError(
                f"line {number} of {path} names {image} again", "each image once", "remove one"
            )
        out[image] = decision
    return out


def trusted(ids: Iterable[str], path: str | Path) -> set[str]:
    """Those of ``ids`` whose labels are to be learnt from: images not named, or kept.

    Raises:
        ValueRangeError: the file names an image that is not among ``ids``: it is of another
            catalogue.
        FileError: see `read_decisions`.
    """
    known, decided = set(ids), read_decisions(path)
    strange = sorted(set(decided) - known)
    if strange:
        raise ValueRangeError(
            f"{path} decides about {strange[0]}", "images of this catalogue", "use its own file"
        )
    return {one for one in known if decided.get(one, KEEP) == KEEP}
