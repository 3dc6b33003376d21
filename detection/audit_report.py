"""What an audit leaves: a contact sheet as one HTML page, a table, and decisions to edit."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from html import escape
from pathlib import Path

from ..datasets.html_page import figure, image_uri, img, key, page
from ..datasets.labels.decisions import KEEP, RELABEL, write_decisions
from ..datasets.legend import MASK_LEGEND
from .audit import Suspect
from .evaluation_pictures import classes_uri

SHEET, TABLE, DECISIONS = "audit.html", "suspects.csv", "decisions.csv"
MAX_SHOWN = 60
"""Tiles on the contact sheet."""
_COLUMNS = (
    "rank", "image", "score", "reason", "disagreement", "constant", "shift", "shift_rows",
    "shift_columns", "duplicate_of", "annotator", "decision",
)  # fmt: skip
_STYLE = """
section{border-top:1px solid #ddd;padding:.6rem 0}img{width:256px;image-rendering:pixelated}
figure{display:inline-block;margin:0 .5rem 0 0}
"""


def proposed(suspects: Sequence[Suspect], n: int) -> list[str]:
    """``relabel`` for the ``n`` most suspicious that have any sign against them, else ``keep``."""
    return [RELABEL if i < n and s.score > 0 else KEEP for i, s in enumerate(suspects)]


def write_audit(folder: Path, suspects: Sequence[Suspect], n: int) -> None:
    """Write `SHEET`, `TABLE` and `DECISIONS` into an existing folder.

    Args:
        folder: where to.
        suspects: the most suspicious first.
        n: how many are proposed for relabelling.
    """
    decisions = proposed(suspects, n)
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        for rank, (s, decision) in enumerate(zip(suspects, decisions, strict=True), 1):
            numbers = [f"{v:.4f}" for v in (s.disagreement, s.constant, s.shift)]
            who = s.row.more.get("annotator", "")
            table.writerow(
                [rank, s.row.id, f"{s.score:.4f}", s.reason, *numbers, *s.shift_px,
                 s.duplicate_of, who, decision]
            )  # fmt: skip
    write_decisions(
        folder / DECISIONS,
        [
            (s.row.id, d, s.reason if d != KEEP else "")
            for s, d in zip(suspects, decisions, strict=True)
        ],
    )
    (folder / SHEET).write_text(_page(suspects[: max(n, 1)][:MAX_SHOWN]), "utf-8")


def _page(shown: Sequence[Suspect]) -> str:
    """Image, label and prediction of each suspect. Texts are escaped: they may be anybody's."""
    names = [(entry.rgb, entry.name.replace("_", " ")) for entry in MASK_LEGEND]
    keys = "".join(f"<li>{key(rgb, name)}</li>" for rgb, name in names)
    parts = [
        f'<ul class="keys">{keys}</ul>',
        f"<p>Nothing was changed. Edit the column decision of {DECISIONS}: keep, drop or relabel; "
        "training leaves out what is not kept.</p>",
    ]
    for rank, s in enumerate(shown, 1):
        pictures = (
            ("image", image_uri(s.sight.image)),
            ("label", classes_uri(s.sight.truth)),
            ("prediction", classes_uri(s.sight.found["prediction"])),
        )
        figures = "".join(figure(img(uri, f"{s.row.id}: {name}"), name) for name, uri in pictures)
        told = f"{rank}. {escape(s.row.id)}: {escape(s.reason)} (score {s.score:.2f})"
        parts.append(f"<section><p>{told}</p>{figures}</section>")
    return page("Suspicious labels", parts, _STYLE)
