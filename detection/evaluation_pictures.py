"""What the worst images of an evaluation look like: image, truth and masks, as data URIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.catalog import Row
from ..datasets.html_page import data_uri
from ..datasets.legend import MASK_LEGEND, NODATA_GREY
from ..datasets.stretch import Stretch, stretch_rgb
from ..datasets.tile import NODATA, ByteArray, CloudMask, Tile

SIDE_PX = 256
"""Larger images are shown reduced to this."""


@dataclass(frozen=True, eq=False)
class Sight:
    """An image that some detector misjudged, with everybody's masks, small enough to show."""

    row: Row
    image: NDArray[np.uint8]
    """(y, x, 3) picture of the image."""
    truth: ByteArray
    """(y, x) classes."""
    found: Mapping[str, ByteArray]
    """By detector: (y, x) classes."""
    wrong: Mapping[str, float]
    """By detector: share of the pixels whose contamination was misjudged."""


def take(
    row: Row,
    tile: Tile,
    truth: CloudMask,
    found: Mapping[str, ByteArray],
    wrong: Mapping[str, float],
    stretch: Stretch | None = None,
) -> Sight:
    """Reduce an image and its masks to at most ``SIDE_PX`` pixels a side.

    ``stretch`` is how the image is shown; found from its clear pixels if None.
    """
    from PIL import Image

    scale = min(1.0, SIDE_PX / max(tile.shape))
    size = (max(1, round(tile.shape[1] * scale)), max(1, round(tile.shape[0] * scale)))

    def codes(classes: ByteArray) -> ByteArray:
        small = Image.fromarray(classes).resize(size, Image.Resampling.NEAREST)
        return np.asarray(small)

    drawn = stretch_rgb(tile, stretch, truth)
    picture = Image.fromarray(drawn).resize(size, Image.Resampling.BOX)
    return Sight(
        row,
        np.asarray(picture),
        codes(truth.classes),
        {name: codes(classes) for name, classes in found.items()},
        wrong,
    )


def classes_uri(classes: ByteArray) -> str:
    """A (y, x) mask in the colours of the classes as PNG in a data URI; clear is light grey."""
    from PIL import Image

    table = np.zeros((256, 3), np.uint8)
    for entry in MASK_LEGEND:
        table[entry.code] = entry.rgb
    table[NODATA] = NODATA_GREY
    shown = Image.fromarray(classes)
    shown.putpalette(table.ravel().tolist())
    return data_uri(shown, "PNG")
