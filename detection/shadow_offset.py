"""The sun's direction guessed from the image: which way must all clouds move to fall on dark?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..datasets.tile import BoolArray, Tile

MAX_SIDE = 1024
"""Pixels; larger images are thinned to this before the search."""
MIN_DISTANCE_PX = 5.0
"""A shorter offset cannot be told from the clouds' own dark rims."""
MAX_DISTANCE_M = 10_000.0
"""Shadow distance of a cloud at 6 km under a sun 60 degrees from the vertical."""
MIN_Z = 20.0
"""Standard deviations above chance that the match must reach (neighbours are correlated, so
this is far less certain than it sounds; right matches reached 21 to 130, wrong ones 8)."""
MIN_LIFT = 1.5
"""Times the share of dark ground everywhere that the overlap must reach."""
MIN_SEEN = 0.1
"""Share of the cloud pixels whose projection must fall on clear ground."""


def estimate_offset(
    tile: Tile, cloud: BoolArray, dark: BoolArray, ground: BoolArray, min_overlap: float
) -> tuple[float, float] | None:
    """The one offset (columns, rows) that best moves all clouds onto dark ground.

    Every offset is tried at once by cross-correlation (FFT). Only shadows that fall to the
    west are believed: satellites for land pass in the morning, when the sun is in the east,
    and this halves the ways to be wrong.

    Args:
        tile: gives grid and pixel size.
        cloud: (y, x) clouds.
        dark: (y, x) potential shadow.
        ground: (y, x) clear pixels that a shadow could be seen on.
        min_overlap: share of the moved clouds on ``ground`` that must be dark.

    Returns:
        None where nothing stands out: better no shadow than a wrong one.
    """
    dark = dark & ground
    chance = float(dark.sum()) / max(int(ground.sum()), 1)
    if not cloud.any() or not 0 < chance < 1:
        return None
    step = -(-max(cloud.shape) // MAX_SIDE)
    cloud, dark, ground = (a[::step, ::step] for a in (cloud, dark, ground))
    reach = min(cloud.shape) // 2
    if tile.gsd_m:
        reach = min(reach, int(MAX_DISTANCE_M / (tile.gsd_m * step)))
    if reach * step < MIN_DISTANCE_PX:
        return None
    drow, dcol = np.meshgrid(*[np.arange(-reach, reach + 1)] * 2, indexing="ij")
    hits, seen = _correlate(cloud, dark, reach), _correlate(cloud, ground, reach)
    overlap = hits / np.maximum(seen, 1)
    z = (hits - chance * seen) / np.sqrt(np.maximum(seen, 1) * chance * (1 - chance))
    good = (seen >= MIN_SEEN * cloud.sum()) & (overlap >= max(min_overlap, MIN_LIFT * chance))
    good &= np.hypot(drow, dcol) * step >= MIN_DISTANCE_PX
    good &= _eastward(tile, dcol, drow) <= 0
    z[~good] = -np.inf
    best = np.unravel_index(int(np.argmax(z)), z.shape)
    if z[best] < MIN_Z:
        return None
    return float(dcol[best] * step), float(drow[best] * step)


def _eastward(
    tile: Tile, dcol: NDArray[np.int64], drow: NDArray[np.int64]
) -> NDArray[np.float64] | NDArray[np.int64]:
    if tile.crs is None:
        return dcol
    return np.asarray(tile.transform.a * dcol + tile.transform.b * drow)


def _correlate(a: BoolArray, b: BoolArray, reach: int) -> NDArray[np.float32]:
    """out[reach + dr, reach + dc] = number of set pixels of ``a`` that fall, moved, on ``b``."""
    from scipy import fft

    shape = tuple(fft.next_fast_len(n + reach, real=True) for n in a.shape)
    product = np.conj(fft.rfft2(a.astype(np.float32), shape))
    product *= fft.rfft2(b.astype(np.float32), shape)
    full = fft.irfft2(product, shape)
    i = np.arange(-reach, reach + 1)  # negative offsets lie at the end
    out: NDArray[np.float32] = np.rint(full[np.ix_(i, i)]).astype(np.float32)
    return out
