"""Contact sheets: small pictures under captions, such as clear, cloudy and mask of each pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..datasets.atomic import AnyPath, atomic_file
from ..datasets.legend import MASK_LEGEND
from ..datasets.quicklook import mask_colours
from ..datasets.read import read, read_mask
from ..datasets.stretch import find_stretch, stretch_rgb
from ..datasets.tile import ByteArray, CloudMask, Tile
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
    shown = []
    for caption, clear, cloudy, mask in pairs:
        stretch = find_stretch(clear)
        pictures = [stretch_rgb(clear, stretch), stretch_rgb(cloudy, stretch)]
        shown.append((caption, [*pictures, mask_colours(mask)[..., :3]]))
    return sheet(shown, columns)


def sheet(rows: Iterable[tuple[str, Sequence[ByteArray]]], columns: int) -> Image.Image:
    """One picture of captions and the pictures (y, x, 3) uint8 side by side below each.

    Args:
        rows: each with the same number of pictures.
        columns: how many captions stand in a row.
    """
    from PIL import Image, ImageDraw, ImageFont

    shown = list(rows)
    across = max((len(pictures) for _, pictures in shown), default=1)
    lines = -(-len(shown) // columns)
    wide, high = across * (_SIDE + _GAP) + _GAP, _HEAD + _SIDE + _GAP
    out = Image.new("RGB", (columns * wide, max(lines, 1) * high), _PAPER)
    draw, font = ImageDraw.Draw(out), ImageFont.load_default(13)
    for k, (caption, pictures) in enumerate(shown):
        left, top = (k % columns) * wide + _GAP, (k // columns) * high
        draw.text((left, top + _HEAD / 2), caption, _INK, font, anchor="lm")
        for pixels in pictures:
            picture = Image.fromarray(np.ascontiguousarray(pixels))
            smaller = max(picture.size) > _SIDE
            how = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
            scale = _SIDE / max(picture.size)
            size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
            out.paste(picture.resize(size, how), (left, top + _HEAD))
            left += _SIDE + _GAP
    return out


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
        contact_sheet(views).save(place, format="PNG")
