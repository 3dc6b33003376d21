"""Which part of a large scene is compared: where clear and cloudy ground are most mixed."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np
from rasterio.windows import Window
from scipy import ndimage

from .. import detection
from ..datasets import Scene
from ..datasets.coarse import averaged
from ..datasets.errors import UnfitError, UsageError
from .console import Console

MAX_SAMPLES = 20_000_000
"""Most pixels x bands that are compared: 80 MB in float32, held once for every filler."""
_COARSE_PX = 512
_WANTED = 0.4
"""Share of cloud and shadow that tells most of both detectors and fillers."""

Pixel = tuple[int, int]
"""(column, row) in pixels of the scene."""


def part_of(
    scene: Scene, size_px: int, at: Pixel | None, points: Sequence[Pixel], console: Console
) -> Window:
    """The whole scene, or a square of it that holds all points.

    Args:
        scene: not read yet.
        size_px: side of the square; less where there are very many bands.
        at: its middle; None: between the points, else where a quick look at the coarse scene
            finds about two fifths of it cloudy or shadowed.
        points: pixels that must lie in it.
        console: hears what was chosen.

    Raises:
        UsageError: a point, or the middle, lies outside.
    """
    height, width = scene.shape
    for column, row in [*points, *([at] if at else [])]:
        if column >= width or row >= height:
            raise UsageError(
                f"the pixel {column},{row}", f"a column below {width} and a row below {height}",
                "correct --point or --at",
            )  # fmt: skip
    side = min(size_px, isqrt(MAX_SAMPLES // len(scene.bands)))
    shape = min(side, height), min(side, width)
    if shape == scene.shape:
        return Window(0, 0, width, height)
    if at is None and points:
        at = (sum(p[0] for p in points) // len(points), sum(p[1] for p in points) // len(points))
    if at is None:
        with console.phase("looking for where it is most mixed"):
            at = _mixed(scene, shape)
    left = min(max(at[0] - shape[1] // 2, 0), width - shape[1])
    top = min(max(at[1] - shape[0] // 2, 0), height - shape[0])
    for column, row in points:
        if not (left <= column < left + shape[1] and top <= row < top + shape[0]):
            raise UsageError(
                f"--point {column},{row}, which lies outside the part that is compared (columns "
                f"{left} to {left + shape[1] - 1}, rows {top} to {top + shape[0] - 1})",
                "points that lie together",
                "leave it out, or move the part with --at or a larger --size",
            )
    console.note(
        f"compared: {shape[1]} x {shape[0]} px from column {left} and row {top} "
        "(--size, --at for another part)"
    )
    return Window(left, top, shape[1], shape[0])


def _mixed(scene: Scene, shape: tuple[int, int]) -> Pixel:
    """Middle of the window of that shape whose cover is nearest to ``_WANTED``."""
    factor = -(-max(scene.shape) // _COARSE_PX)
    coarse = averaged(scene, factor)
    middle = scene.shape[1] // 2, scene.shape[0] // 2
    try:
        mask = detection.detect(coarse)
    except UnfitError:
        return middle
    size = [max(1, n // factor) for n in shape]

    def mean(of: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> np.ndarray:  # type: ignore[type-arg]
        return np.asarray(ndimage.uniform_filter(of.astype(float), size, mode="constant"))

    valid, cloudy = mean(mask.valid), mean(mask.cloud)
    badness = np.abs(cloudy - _WANTED * valid) + 2 * (1 - valid)
    row, column = np.unravel_index(int(badness.argmin()), badness.shape)
    return int(column) * factor + factor // 2, int(row) * factor + factor // 2
