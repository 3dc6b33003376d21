"""Which pixels of a scene are valid, found by streaming over it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rasterio.windows import Window

from .scene import Scene
from .tile import BoolArray

ROWS = 512
"""Rows read together: a multiple of the usual heights of a raster's blocks."""
READ_BYTES = 128 * 2**20
"""Most bytes of stored numbers that one read holds, where the blocks allow it."""


def valid_rows(scene: Scene) -> Iterator[BoolArray]:
    """The validity of a scene from top to bottom, in blocks of at most 512 rows.

    A pixel is valid where every optical band has a number that is finite and not nodata, and
    the product does not declare it empty. Memory: READ_BYTES and a block of rows.

    Yields:
        (rows, width) bool.

    Raises:
        FileError: the scene is damaged.
    """
    height, width = scene.shape
    bands = scene.bands.optical
    a_column = min(ROWS, height) * max(len(bands), 1) * np.dtype(scene.encoding.dtype).itemsize
    across = max(READ_BYTES // a_column // ROWS, 1) * ROWS  # whole blocks
    void = [True] * -(-width // across)
    for top in range(0, height, ROWS):
        rows = min(ROWS, height - top)
        out = np.empty((rows, width), bool)
        for k, left in enumerate(range(0, width, across)):
            window = Window(left, top, min(across, width - left), rows)
            part = _valid(scene, window, bands, probe=void[k])
            out[:, left : left + across] = part
            void[k] = not part.any()
        yield out


def _valid(scene: Scene, window: Window, bands: Sequence[int], probe: bool) -> BoolArray:
    """(height, width) bool of one window.

    Args:
        scene: the scene.
        window: where.
        bands: those that decide.
        probe: look at one band first, and at the others only if it holds anything; worth while
            beside a void. Elsewhere one read of all bands spares files with interleaved bands
            a second decompression.
    """
    valid = np.ones((int(window.height), int(window.width)), bool)
    empty = scene.source.missing(window)
    if empty is not None:
        valid &= ~empty
    for group in (bands[:1], bands[1:]) if probe else (bands,):
        if not group or not valid.any():
            continue
        for plane in scene.source.stored(window, list(group)):
            valid &= ~scene.encoding.missing(plane)
    return valid
