"""The panels of a comparison: scene, masks, fills and their differences, of one size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets import CloudMask, FilledTile, Tile
from ..datasets.quicklook import fit, fit_codes, hatch, mask_colours, overlay
from ..datasets.stretch import Stretch, find_stretch, stretch_rgb, views
from ..datasets.tile import SHADOW, THIN, UNFILLABLE, ByteArray
from .comparison import Comparison
from .comparison_points import Point

Picture = NDArray[np.uint8]

DIFFERENCE_WHITE = 0.1
"""Mean difference of reflectance that is shown white."""
_PERIOD_PX = 6
_LEAST_PX = 256
"""Smaller scenes are enlarged by whole pixels."""


@dataclass(frozen=True)
class Panels:
    """Draws everything at one size, with the stretches of the scene."""

    found: Comparison
    size: tuple[int, int]
    """(width, height) of a picture."""
    stretches: tuple[Stretch, ...]
    """Natural colours, then other views."""

    @classmethod
    def of(cls, found: Comparison, side_px: int) -> Panels:
        """Pictures of at most ``side_px`` pixels a side."""
        height, width = found.tile.shape
        longer = max(height, width)
        scale = min(side_px / longer, max(1, _LEAST_PX // longer))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        shown = views(found.tile.bands)
        stretches = tuple(find_stretch(found.tile, found.hidden, one) for one in shown)
        return cls(found, size, stretches)

    def scene(self, tile: Tile, stretch: Stretch) -> Picture:
        """A tile in the bands of ``stretch``."""
        return fit(stretch_rgb(tile, stretch), self.size)

    def mask(self, mask: CloudMask) -> Picture:
        """A mask over the scene: thick cloud plain, thin cloud slanted, shadow level lines."""
        picture = self.scene(self.found.tile, self.stretches[0])
        codes = fit_codes(mask.classes, self.size)
        return _lined(overlay(picture, codes), codes)

    def filled(self, done: FilledTile, stretch: Stretch) -> Picture:
        """A filled tile; what could not be filled is hatched."""
        left = fit_codes(done.provenance, self.size) == UNFILLABLE
        return hatch(self.scene(done.tile, stretch), left)

    def difference(self, one: Tile, other: Tile) -> Picture:
        """Mean absolute difference over the reflective bands, from black to white."""
        grey = np.clip(difference(one, other) / DIFFERENCE_WHITE, 0, 1)
        picture = np.repeat(np.rint(255 * grey).astype(np.uint8)[..., None], 3, axis=2)
        return fit(picture, self.size)

    def places(self, shown: Iterable[Point]) -> Picture:
        """The scene with a numbered ring round each point."""
        from PIL import Image, ImageDraw, ImageFont

        image = Image.fromarray(self.scene(self.found.tile, self.stretches[0]))
        draw, font = ImageDraw.Draw(image), ImageFont.load_default(14)
        height, width = self.found.tile.shape
        for number, point in enumerate(shown, 1):
            x = (point.column + 0.5) * self.size[0] / width
            y = (point.row + 0.5) * self.size[1] / height
            for radius, colour in ((7, "black"), (5, "white")):
                draw.ellipse(
                    (x - radius, y - radius, x + radius, y + radius), outline=colour, width=2
                )
            right = x + 32 < self.size[0]
            place, anchor = (x + 12 if right else x - 12, y), "lm" if right else "rm"
            draw.text(
                place, str(number), "white", font, anchor, stroke_width=2, stroke_fill="black"
            )
        return np.asarray(image)


def difference(one: Tile, other: Tile) -> NDArray[np.float32]:
    """(y, x) mean absolute difference over the reflective bands; 0 where one has no data."""
    bands = [i for i, b in enumerate(one.bands) if b.kind == "reflective"]
    total = np.zeros(one.shape, np.float32)
    for i in bands:
        total += np.nan_to_num(np.abs(one.data[i] - other.data[i]))
    return total / np.float32(max(len(bands), 1))


def _lined(picture: Picture, codes: ByteArray) -> Picture:
    """Lines in the colour of thin cloud and of shadow, so that no class is told by colour alone."""
    y, x = np.ogrid[: codes.shape[0], : codes.shape[1]]
    lines = (codes == THIN) & ((x + y) % _PERIOD_PX < 1)
    lines |= (codes == SHADOW) & ((y + 0 * x) % _PERIOD_PX < 1)
    out = picture.copy()
    out[lines] = mask_colours(CloudMask(codes))[lines][:, :3]
    return out
