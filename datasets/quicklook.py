"""One picture to judge a result by: the scene, what was found, what was filled, how surely."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .atomic import AnyPath, atomic_file
from .legend import (
    CONFIDENCE_LEGEND,
    CONFIDENCE_STEPS,
    MASK_LEGEND,
    NODATA_GREY,
    PROVENANCE_LEGEND,
    Legend,
)
from .stretch import find_stretch, stretch_rgb
from .tile import NODATA, UNFILLABLE, ByteArray, CloudMask, FilledTile, Tile

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

MAX_WIDTH = 1200
"""Pixels of one panel; larger scenes are averaged down."""
MIN_WIDTH = 384
"""Smaller scenes are enlarged by whole pixels, so that the captions fit."""
_GAP, _HEAD, _LINE, _TEXT, _SPACE = 12, 34, 26, 17, 18
_OVERLAY = 0.5
_PAPER, _INK = (255, 255, 255), (30, 30, 30)


def mask_colours(mask: CloudMask) -> NDArray[np.uint8]:
    """(y, x, 4) uint8 red, green, blue, alpha of each pixel's class; clear is transparent."""
    return _colour_table(MASK_LEGEND)[mask.classes]


Rows = list[tuple[tuple[int, int, int] | None, str]]
"""Entries of a legend: the colour of the swatch, None for none, and the text."""


class Panel(NamedTuple):
    """One picture of a result."""

    image: NDArray[np.uint8]
    """(y, x, 3) red, green, blue."""
    title: str
    keys: Rows


def panels(
    tile: Tile, mask: CloudMask, filled: FilledTile | None, size: tuple[int, int]
) -> list[Panel]:
    """Scene, mask over the scene, and if there is one the filled scene, with one stretch, and its
    confidence.

    Pixels that nothing could fill are hatched. The keys tell the share of the valid pixels that
    each class has.

    Args:
        tile: the scene as it came.
        mask: on its grid.
        filled: on its grid.
        size: (width, height) of the pictures in pixels.

    Raises:
        GridError: ``mask`` or ``filled`` is not on the grid of ``tile``.
    """
    mask.check_grid(tile)
    stretch = find_stretch(tile, mask)
    scene = fit(stretch_rgb(tile, stretch), size)
    codes = fit_codes(mask.classes, size)
    found = _shares(mask.classes, MASK_LEGEND)
    pictures = [
        Panel(scene, f"Scene: {stretch.name}", []),
        Panel(overlay(scene, codes), "Clouds and shadows", found),
    ]
    if filled is not None:
        after = fit(stretch_rgb(filled.tile, stretch), size)
        unknown = fit_codes(filled.provenance, size) == UNFILLABLE
        told: Rows = [(None, text) for _, text in _shares(filled.provenance, PROVENANCE_LEGEND)]
        pictures.append(Panel(hatch(after, unknown), "Filled", told))
        steps = _steps(filled)
        sure = hatch(_colour_table(CONFIDENCE_LEGEND)[fit_codes(steps, size)][..., :3], unknown)
        pictures.append(Panel(sure, "Confidence", _shares(steps, CONFIDENCE_LEGEND, first=1)))
    return pictures


def _steps(filled: FilledTile) -> ByteArray:
    """(y, x) codes of CONFIDENCE_LEGEND; what is not filled counts as observed."""
    steps = np.digitize(np.nan_to_num(filled.confidence), CONFIDENCE_STEPS) + 1
    codes = np.where(filled.filled, steps, 0).astype(np.uint8)
    codes[filled.provenance == NODATA] = NODATA
    return codes


def panel(tile: Tile, mask: CloudMask, filled: FilledTile | None = None) -> Image.Image:
    """The pictures of `panels` side by side. Below stand the classes and the share of the valid
    pixels that each has.

    Raises:
        GridError: ``mask`` or ``filled`` is not on the grid of ``tile``.
    """
    from PIL import Image, ImageDraw, ImageFont

    pictures = panels(tile, mask, filled, _display_size(tile.shape))
    size = pictures[0].image.shape[1::-1]

    font = ImageFont.load_default(_TEXT)
    lines = max(len(_flow(p.keys, size[0], font)) for p in pictures)
    width = len(pictures) * (size[0] + _GAP) + _GAP
    sheet = Image.new("RGB", (width, _HEAD + size[1] + lines * _LINE + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for k, p in enumerate(pictures):
        left = _GAP + k * (size[0] + _GAP)
        draw.text((left, _HEAD / 2), _short(p.title, size[0], font), _INK, font, anchor="lm")
        sheet.paste(Image.fromarray(p.image), (left, _HEAD))
        _legend(draw, p.keys, (left, _HEAD + size[1]), size[0], font)
    return sheet


def write_quicklook(
    path: AnyPath,
    tile: Tile,
    mask: CloudMask,
    filled: FilledTile | None = None,
    overwrite: bool = False,
) -> None:
    """Write :func:`panel` as PNG.

    Raises:
        OutputError: the file exists already or cannot be written.
    """
    with atomic_file(path, overwrite) as place:
        panel(tile, mask, filled).save(place, format="PNG")


def _display_size(shape: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of a panel; neither side is averaged below one pixel."""
    height, width = shape
    if max(width, height) <= MAX_WIDTH:
        factor = max(1, -(-MIN_WIDTH // width)) if max(width, height) <= MIN_WIDTH else 1
        return max(width * factor, 1), height * factor
    scale = MAX_WIDTH / max(width, height)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def fit(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Average down by area, or enlarge by whole pixels."""
    from PIL import Image

    smaller = size[0] < picture.shape[1]
    how = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(picture).resize(size, how))


def fit_codes(codes: ByteArray, size: tuple[int, int]) -> ByteArray:
    from PIL import Image

    return np.asarray(Image.fromarray(codes).resize(size, Image.Resampling.NEAREST))


def _colour_table(legend: Legend) -> NDArray[np.uint8]:
    table = np.zeros((256, 4), np.uint8)
    table[NODATA] = (*NODATA_GREY, 0)
    for entry in legend:
        table[entry.code] = entry.rgba
    return table


def overlay(picture: NDArray[np.uint8], codes: ByteArray) -> NDArray[np.uint8]:
    """Tint each class in its colour and draw its outline in full."""
    colours = _colour_table(MASK_LEGEND)[codes]
    edge = np.zeros(codes.shape, bool)
    edge[:, 1:] |= codes[:, 1:] != codes[:, :-1]
    edge[1:] |= codes[1:] != codes[:-1]
    share = np.where(edge, 1.0, _OVERLAY) * (colours[..., 3] > 0)
    mixed = picture + share[..., None] * (colours[..., :3].astype(float) - picture)
    return np.rint(mixed).astype(np.uint8)


def hatch(picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Dark diagonal lines: the ground there is not known."""
    y, x = np.ogrid[: where.shape[0], : where.shape[1]]
    out = picture.copy()
    out[where & ((x + y) % 8 < 2)] = PROVENANCE_LEGEND[UNFILLABLE].rgb
    return out


def _shares(codes: ByteArray, legend: Legend, first: int = 0) -> Rows:
    """Colour, name and share of each class that occurs, from the class ``first`` on."""
    counts = np.bincount(codes.ravel(), minlength=256)
    valid = max(int(counts[:NODATA].sum()), 1)
    rows: Rows = [
        (e.rgb, f"{e.name.replace('_', ' ')} {_percent(counts[e.code] / valid)}")
        for e in legend[first:]
        if counts[e.code]
    ]
    return rows or [(NODATA_GREY, "nothing is filled" if first else "no valid pixel")]


def _percent(share: float) -> str:
    return "< 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"


def _wide(row: tuple[tuple[int, int, int] | None, str], font: Font) -> float:
    """Width of a legend entry in pixels, with the space after it."""
    return (_TEXT + 6 if row[0] else 0) + font.getlength(row[1]) + _SPACE


def _flow(rows: Rows, width: int, font: Font) -> list[Rows]:
    """Break legend entries into lines no wider than ``width``."""
    lines: list[Rows] = []
    used = float(width)
    for row in rows:
        if used + _wide(row, font) > width + _SPACE:
            lines.append([])
            used = 0.0
        lines[-1].append(row)
        used += _wide(row, font)
    return lines


def _legend(
    draw: ImageDraw.ImageDraw,
    rows: Rows,
    corner: tuple[int, int],
    width: int,
    font: Font,
) -> None:
    for k, line in enumerate(_flow(rows, width, font)):
        x, y = float(corner[0]), corner[1] + _LINE * (k + 0.5) + 4
        for row in line:
            colour, text = row
            if colour:
                box = (x, y - _TEXT / 2, x + _TEXT, y + _TEXT / 2)
                draw.rectangle(box, colour, outline=(120, 120, 120))
            draw.text((x + (_TEXT + 6 if colour else 0), y), text, _INK, font, anchor="lm")
            x += _wide(row, font)


def _short(text: str, width: int, font: Font) -> str:
    """``text``, cut with an ellipsis to fit ``width``."""
    while len(text) > 1 and font.getlength(text) > width:
        text = text.rstrip("…")[:-1] + "…"
    return text
