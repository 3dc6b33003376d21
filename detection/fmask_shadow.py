"""Shadows matched to clouds: slide each cloud away from the sun until it covers dark ground."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from ..datasets.regrid import repeat
from ..datasets.tile import BoolArray, FloatArray, Tile
from .shadow_offset import estimate_offset
from .sun import shadow_per_metre

MIN_HEIGHT_M, MAX_HEIGHT_M = 200.0, 12_000.0
"""Range of cloud base heights (Zhu, Woodcock 2012)."""
DARKENING = 0.02
"""Near-infrared reflectance that a shadow lies below its filled surroundings."""
MIN_OBJECT_PX = 9
"""Smaller clouds cast no shadow that could be recognised."""
MAX_OBJECTS = 50_000
"""Only so many clouds, the largest, are matched."""
MAX_SAMPLES = 1_000_000
"""About so many cloud pixels are tried in all; of large clouds only a share is."""
POOLED_SAMPLES = 100_000
"""Of these, so many for the distance that most clouds share."""
MAX_STEPS = 600
"""Positions tried for each cloud, one pixel apart where that is enough."""
FILLED_PX = 1_000_000
"""Of larger images basins are filled on a coarser grid, of about so many pixels."""
MIN_SEEN = 0.05
"""Share of a cloud's projection that must fall on clear ground to judge it."""
REACH_PX = 6.0
"""Dark pixels so near a matched projection belong to the shadow: masks of clouds are often
too small (thin rims), and clouds have thickness."""

GOLDEN = (5**0.5 - 1) / 2

_Ints = NDArray[np.int32]
Path = NDArray[np.float64]
"""(step, 2) offsets in columns and rows from a cloud to where its shadow may lie."""


def cast_shadow(
    tile: Tile, nir: FloatArray, cloud: BoolArray, ground: BoolArray, min_overlap: float = 0.3
) -> BoolArray:
    """(y, x) ground in the shadow of a cloud.

    With the sun's angles and the pixel size known, clouds slide over the base heights 200 to
    12,000 m. Otherwise the offset common to all clouds is estimated from the image
    (``shadow_offset``), and clouds slide over half to twice that distance; where no offset
    stands out, there is no shadow.

    Args:
        tile: gives grid, pixel size and sun.
        nir: (y, x) near-infrared reflectance.
        cloud: (y, x) clouds.
        ground: (y, x) valid, clear land, where shadow may be seen; on water it is not sought.
        min_overlap: share of a projection's ground that must be dark.
    """
    import cv2

    nothing = np.zeros(cloud.shape, bool)
    if not cloud.any() or ground.sum() < MIN_OBJECT_PX:
        return nothing
    dark = potential_shadow(nir, ground)
    path = _path(tile, cloud, dark, ground, min_overlap)
    if path is None:
        return nothing
    found = match(cloud, dark, ground, path, min_overlap)
    if not found.any():
        return nothing
    away = cv2.distanceTransform((~found).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    out: BoolArray = (away <= REACH_PX) & dark
    return out


def potential_shadow(nir: FloatArray, ground: BoolArray) -> BoolArray:
    """Ground that is a dark basin in the near infrared (Zhu, Woodcock 2012, section 3.1.4).

    Basins are filled by morphological reconstruction from a border at the 17.5th percentile
    of the clear land, which also stands in for pixels without data. In images of more than
    FILLED_PX pixels, squares of k x k count as the darkest of their pixels there: a basin may run
    out through a gap that is closed in truth, but none is filled too high. As many shadows are
    found so (``benchmarks/basins.py``).
    """
    level = np.float32(np.percentile(nir[ground], 17.5))
    surface = np.where(np.isfinite(nir), nir, level)
    k = ceil(sqrt(nir.size / FILLED_PX))
    filled = _filled(_darkest(surface, k), level)
    filled = repeat(filled, k)[: nir.shape[0], : nir.shape[1]]
    out: BoolArray = ground & (filled - surface > DARKENING)
    return out


def _darkest(surface: FloatArray, k: int) -> FloatArray:
    """(ceil(y / k), ceil(x / k)) least numbers of squares of ``k`` x ``k``."""
    for axis, n in enumerate(surface.shape):
        surface = np.minimum.reduceat(surface, np.arange(0, n, k), axis=axis)
    return surface


def _filled(surface: FloatArray, level: np.float32) -> FloatArray:
    """The surface with its basins full, as far as they do not run out to a border at ``level``."""
    from skimage.morphology import reconstruction  # here: half a second that most rules do not need

    surface = np.pad(surface, 1, constant_values=level)
    seed = np.full_like(surface, surface.max())
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        seed[edge] = level
    filled = reconstruction(seed, surface, method="erosion")  # type: ignore[no-untyped-call]
    out: FloatArray = filled[1:-1, 1:-1].astype(np.float32, copy=False)
    return out


def _path(
    tile: Tile, cloud: BoolArray, dark: BoolArray, ground: BoolArray, min_overlap: float
) -> Path | None:
    vector = shadow_per_metre(tile)
    if vector is None:
        offset = estimate_offset(tile, cloud, dark, ground, min_overlap)
        return None if offset is None else along(offset, 0.5, 2.0)
    per_metre = float(np.hypot(*vector))
    diagonal = float(np.hypot(*cloud.shape))
    highest = min(MAX_HEIGHT_M, diagonal / max(per_metre, 1e-9))
    if highest <= MIN_HEIGHT_M:  # pixels of kilometres, or an image too small
        highest = MIN_HEIGHT_M
    return along(vector, MIN_HEIGHT_M, highest)


def along(vector: tuple[float, float], start: float, stop: float) -> Path:
    """Offsets ``s * vector`` for s from ``start`` to ``stop``, a pixel apart, at most 600."""
    length = float(np.hypot(*vector)) * (stop - start)
    n = int(min(np.ceil(length), MAX_STEPS - 1)) + 1
    return np.linspace(start, stop, n)[:, None] * np.asarray(vector, np.float64)


def match(
    cloud: BoolArray, dark: BoolArray, ground: BoolArray, path: Path, min_overlap: float
) -> BoolArray:
    """(y, x) ground under the best projection of every cloud that finds one.

    First all clouds slide as one, which gives the scene's usual distance. Then each cloud
    slides over half to twice that distance, and one that finds nothing there over the whole
    path: bases of neighbouring clouds are alike, and without this small clouds would too often
    find something dark that is not theirs.
    """
    from scipy import ndimage

    labels, _ = ndimage.label(cloud, np.ones((3, 3), bool))
    rows, cols, obj, size = _objects(labels)
    pick = _samples(obj, size)
    r, c, o = rows[pick], cols[pick], obj[pick]
    code = ground.astype(np.uint8) + (ground & dark)  # 0 unseen, 1 bright, 2 dark
    shifts = np.rint(path).astype(np.int32)
    few = slice(None, None, 1 + len(r) // POOLED_SAMPLES)
    usual = int(_best(r[few], c[few], np.zeros_like(o[few]), 1, code, shifts, min_overlap)[0])
    step = np.full(len(size), -1)
    if usual >= 0:
        distance = np.hypot(*path.T)
        near = distance >= 0.5 * distance[usual]
        near &= distance <= 2 * distance[usual]
        first = int(np.argmax(near))
        step = _best(r, c, o, len(size), code, shifts[near], min_overlap)
        step[step >= 0] += first
    lost = step < 0
    rest = lost[o]
    again = _best(r[rest], c[rest], o[rest], len(size), code, shifts, min_overlap)
    step[lost] = again[lost]
    return _project(rows, cols, step[obj], shifts, ground)


def _best(
    r: _Ints,
    c: _Ints,
    o: _Ints,
    n: int,
    code: NDArray[np.uint8],
    shifts: _Ints,
    min_overlap: float,
) -> NDArray[np.int64]:
    """Index of the best shift of each of ``n`` objects, -1 where none will do.

    Of the shifts that put more than ``min_overlap`` of the object's visible projection on
    dark ground, the one wins that has most dark pixels in excess of chance, in standard
    deviations. (The largest overlap alone would favour projections of which hardly anything
    can be seen.) All objects move together and are counted by their numbers, so the cost is
    that of pixels times shifts, whatever the number of objects.

    Args:
        r: rows of the objects' pixels; ``c`` their columns, ``o`` their object's number.
        code: (y, x) 0 unseen, 1 bright ground, 2 dark ground.
    """
    bright, dark = np.bincount(code.ravel(), minlength=3)[1:]
    chance = dark / max(bright + dark, 1)
    sampled = np.bincount(o, minlength=n)
    best, step = np.zeros(n), np.full(n, -1)
    across, down = np.abs(shifts).max(axis=0, initial=0)
    code = np.pad(code, ((down, down), (across, across)))  # what leaves the image is not seen
    at, bins = (r + down).astype(np.intp) * code.shape[1] + (c + across), 3 * o
    for k, (dcol, drow) in enumerate(shifts):
        seen_as = code.ravel().take(at + (drow * code.shape[1] + dcol))
        counts = np.bincount(bins + seen_as, minlength=3 * n).reshape(n, 3)
        hits, seen = counts[:, 2], counts[:, 1] + counts[:, 2]
        excess = (hits - chance * seen) / np.sqrt(np.maximum(seen, 1))
        better = (hits > min_overlap * seen) & (seen >= MIN_SEEN * sampled) & (excess > best)
        best[better], step[better] = excess[better], k
    return step


def _project(
    rows: _Ints, cols: _Ints, step: NDArray[np.int64], shifts: _Ints, ground: BoolArray
) -> BoolArray:
    """Ground under the pixels, each moved by its step; those of step -1 stay out."""
    h, w = ground.shape
    moved = step >= 0
    offset = shifts[step[moved]]
    r, c = rows[moved] + offset[:, 1], cols[moved] + offset[:, 0]
    inside = (r >= 0) & (r < h) & (c >= 0) & (c < w)
    out = np.zeros((h, w), bool)
    out[r[inside], c[inside]] = True
    return out & ground


def _objects(labels: _Ints) -> tuple[_Ints, _Ints, _Ints, NDArray[np.int64]]:
    """Rows, columns and object number of the pixels of all clouds to match, and their sizes."""
    size = np.bincount(labels.ravel())
    size[0] = 0
    kept = np.flatnonzero(size >= MIN_OBJECT_PX)
    kept = np.sort(kept[np.argsort(-size[kept], kind="stable")[:MAX_OBJECTS]])
    number = np.full(len(size), -1, np.int32)
    number[kept] = np.arange(len(kept), dtype=np.int32)
    rows, cols = (a.astype(np.int32) for a in np.nonzero(number[labels] >= 0))
    return rows, cols, number[labels[rows, cols]], size[kept]


def _samples(obj: _Ints, size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of the pixels to try: all of small clouds, an even spread of large ones.

    Multiples of the golden ratio choose them: every n-th pixel would line up in columns.
    """
    each = max(MAX_SAMPLES // max(len(size), 1), MIN_OBJECT_PX)
    order = np.argsort(obj, kind="stable")
    rank = np.arange(len(obj)) - np.repeat(np.cumsum(size) - size, size)
    share = np.minimum(each / np.maximum(size, 1), 1.0)
    out: NDArray[np.int64] = order[(rank * GOLDEN) % 1.0 < np.repeat(share, size)]
    return out
