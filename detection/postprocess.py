"""Morphological post-processing that all detectors share: drop specks, add a buffer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import GridError, ValueRangeError
from ..datasets.tile import CLEAR, SHADOW, THIN, BoolArray, ByteArray, CloudMask

DEFAULT_MIN_PX = 4
"""Fewer pixels together are noise unless a size is asked for."""
BAND_ROWS = 512
"""Rows of a large image that are cleaned together, at least."""


def clean_up(
    mask: CloudMask,
    tile_gsd_m: float | None = None,
    *,
    min_area_m2: float | None = None,
    min_size_px: int | None = None,
    buffer_m: float | None = None,
) -> CloudMask:
    """A mask without specks, and with clouds and shadows grown by a buffer.

    Specks are 8-connected groups of cloud (thick and thin together) or of shadow that are
    smaller than the minimum; they become clear. A shadow speck that touches cloud stays
    shadow: together they are no speck. Then every clear pixel within ``buffer_m`` of a
    contaminated one gets that one's class; between two equally near, thick wins over thin
    over shadow. Contaminated pixels keep their class, nodata stays nodata.

    Args:
        mask: classes on any grid.
        tile_gsd_m: pixel size in metres; needed for sizes in metres.
        min_area_m2: minimum area of a group in square metres.
        min_size_px: minimum number of pixels of a group, instead; 4 if neither is given.
        buffer_m: radius in metres, 0 or None for no buffer.

    Returns:
        The cleaned mask; ``probability`` is kept as it was.

    Raises:
        GridError: a size in metres was asked for, and the pixel size is not known.
        ValueRangeError: a negative size, or both minimum sizes at once.
    """
    pixels, radius_px = sizes_px(
        tile_gsd_m, min_area_m2=min_area_m2, min_size_px=min_size_px, buffer_m=buffer_m
    )
    classes = buffer(drop_specks(mask.classes, pixels), radius_px)
    return CloudMask(classes, mask.transform, mask.crs, mask.probability)


def sizes_px(
    gsd_m: float | None,
    *,
    min_area_m2: float | None = None,
    min_size_px: int | None = None,
    buffer_m: float | None = None,
) -> tuple[int, float]:
    """Least number of pixels of a group, and radius of the buffer in pixels, for `clean_up`."""
    if min_area_m2 is not None and min_size_px is not None:
        raise ValueRangeError(
            "both min_area_m2 and min_size_px", "one minimum size", "leave one of them out"
        )
    pixels = DEFAULT_MIN_PX if min_size_px is None else min_size_px
    if min_area_m2 is not None:
        pixels = ceil(_size("min_area_m2", min_area_m2, gsd_m, 2) - 1e-6)
    if pixels < 0:
        raise ValueRangeError(f"min_size_px {pixels}", "0 or more", "correct it")
    return pixels, 0.0 if buffer_m is None else _size("buffer_m", buffer_m, gsd_m, 1)


def _size(name: str, value: float, gsd_m: float | None, power: int) -> float:
    """``value`` in pixels."""
    if not np.isfinite(value) or value < 0:
        raise ValueRangeError(f"{name} {value}", "0 or more", "correct it")
    if value == 0:
        return 0.0
    if not gsd_m:
        raise GridError(
            f"{name} {value:g} for a scene of unknown pixel size",
            "a coordinate system, or a sensor whose pixel size is known",
            f"name the sensor with --sensor, or leave {name} out",
        )
    return float(value / gsd_m**power)


def drop_specks(classes: ByteArray, min_px: int) -> ByteArray:
    """Set groups of fewer than ``min_px`` cloud or shadow pixels to clear."""
    out = classes.copy()
    if min_px <= 1:
        return out
    cloud = (out > CLEAR) & (out <= THIN)
    out[cloud & _small(cloud, min_px)] = CLEAR
    shadow = out == SHADOW
    contaminated = (out > CLEAR) & (out <= SHADOW)
    out[shadow & _small(contaminated, min_px)] = CLEAR
    return out


def _small(flag: BoolArray, min_px: int) -> BoolArray:
    """Set pixels that belong to 8-connected groups of fewer than ``min_px``."""
    import cv2

    _, labels, facts, _ = cv2.connectedComponentsWithStats(flag.view(np.uint8), connectivity=8)
    small: BoolArray = facts[:, cv2.CC_STAT_AREA] < min_px
    small[0] = False
    out: BoolArray = small[labels]
    return out


def buffer(classes: ByteArray, radius_px: float) -> ByteArray:
    """Give clear pixels within ``radius_px`` (between centres) the nearest contaminated class.

    One exact Euclidean distance transform a class, so the cost does not grow with the radius.
    """
    out = classes.copy()
    if radius_px <= 0:
        return out
    import cv2

    nearest: NDArray[Any] = np.full(classes.shape, np.inf, np.float32)
    for code in range(CLEAR + 1, SHADOW + 1):  # thick first: only a nearer class displaces it
        members = classes == code
        if not members.any():
            continue
        others = (~members).view(np.uint8)
        distance = np.asarray(cv2.distanceTransform(others, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
        closer = (distance < nearest) & (distance <= radius_px) & (classes == CLEAR)
        out[closer], nearest[closer] = code, distance[closer]
    return out


def cleaned_rows(strips: Iterable[ByteArray], min_px: int, radius_px: float) -> Iterator[ByteArray]:
    """`drop_specks`, then `buffer`, of an image that comes as strips of rows; exactly the same.

    A group that is judged wrongly because the band at hand cuts it reaches at least ``min_px``
    rows beyond what is handed on. Cloud is judged before shadow, so bands overlap by twice that,
    and by the radius of the buffer. Memory grows with the size of what counts as a speck.

    Args:
        strips: (rows, x) uint8 classes, from top to bottom.
        min_px: see `drop_specks`.
        radius_px: see `buffer`.

    Yields:
        (rows, x) uint8, as many rows in all.
    """
    halo = 2 * max(min_px, 0) + ceil(radius_px)
    band = max(BAND_ROWS, 2 * halo)
    held: list[ByteArray] = []  # from ``above`` rows before the first that was not handed on
    above, count = 0, 0

    def finish(rows: int) -> ByteArray:
        nonlocal held, above, count
        window = np.concatenate(held)
        done = buffer(drop_specks(window, min_px), radius_px)[above : above + rows]
        keep = min(above + rows, halo)
        held = [window[above + rows - keep :]]
        above, count = keep, len(held[0])
        return done

    for strip in strips:
        held.append(strip)
        count += len(strip)
        if count >= above + band + halo:
            yield finish(count - above - halo)
    if count > above:
        yield finish(count - above)
