"""A contact sheet of pairs: clear, cloudy and mask side by side, with one stretch for each pair."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..datasets.atomic import AnyPath, atomic_file
from ..datasets.legend import MASK_LEGEND
from ..datasets.quicklook import mask_colours
from ..datasets.read import read, read_mask
from ..datasets.stretch import find_stretch, stretch_rgb
from ..datasets.tile import CloudMask, Tile
from .pair_folder import file_names

if TYPE_CHECKING:
    from PIL import Image

MOST = 16
"""Pairs on a sheet."""
_SIDE, _GAP, _HEAD = 180, 6, 22
_PAPER, _INK = (255, 255, 255), (30, 30, 30)

Views = tuple[str, Tile, Tile, CloudMask]
"""A caption; a pair's clear and cloudy tile; its mask."""


def contact_sheet(pairs: Iterable[Views], columns: int = 2) -> Image.Image:
    """One picture of ``pairs``, ``columns`` of them in a row."""
    from PIL import Image, ImageDraw, ImageFont

    shown = list(pairs)
    rows = -(-len(shown) // columns)
    wide, high = 3 * (_SIDE + _GAP) + _GAP, _HEAD + _SIDE + _GAP
    sheet = Image.new("RGB", (columns * wide, max(rows, 1) * high), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for k, (caption, clear, cloudy, mask) in enumerate(shown):
        left, top = (k % columns) * wide + _GAP, (k // columns) * high
        draw.text((left, top + _HEAD / 2), caption, _INK, font, anchor="lm")
        stretch = find_stretch(clear)
        codes = mask_colours(mask)[..., :3]
        for panel in (stretch_rgb(clear, stretch), stretch_rgb(cloudy, stretch), codes):
            picture = Image.fromarray(np.ascontiguousarray(panel))
            smaller = max(picture.size) > _SIDE
            how = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
            scale = _SIDE / max(picture.size)
            size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
            sheet.paste(picture.resize(size, how), (left, top + _HEAD))
            left += _SIDE + _GAP
    return sheet


def write_contact_sheet(
    path: AnyPath, folder: Path, numbers: Iterable[int], overwrite: bool = False
) -> None:
    """Read pairs back from their folder and write their contact sheet as PNG.

    Args:
        path: the output.
        folder: where the pairs are.
        numbers: of the pairs; the first `MOST` are shown.
        overwrite: replace an existing file.

    Raises:
        OutputError: the file exists already or cannot be written.
        FileError: a pair is missing or damaged.
    """
    views = []
    for number in list(numbers)[:MOST]:
        names = {kind: folder / name for kind, name in file_names(number).items()}
        clear = read(names["clear"])
        mask = read_mask(names["mask"], clear)
        told = ", ".join(
            f"{e.name.replace('_', ' ')} {100 * mask.cover()[e.name]:.0f} %"
            for e in MASK_LEGEND[1:]
        )
        views.append((f"{number:05d}: {told}", clear, read(names["cloudy"]), mask))
    with atomic_file(path, overwrite) as place:
        contact_sheet(views).save(place, format="PNG", optimize=True)
