"""Traces that a fill leaves, told without knowing the truth: seams, blur, checkerboards.

Each is compared with the clear ground of the same scene, over the reflective bands. They say how
a fill looks, not whether it is right: a perfect forgery has none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..datasets.tile import OBSERVED, BoolArray, FilledTile, FloatArray

NEAR_PX = 15
"""Clear ground within this distance of a fill is what it is compared with."""
BLOCK_PX = 8
"""Side of the blocks whose spectrum is taken; they lie wholly inside, or wholly outside a fill."""
MAX_BLOCKS = 4096
_FEW = 4

_NAN = float("nan")


@dataclass(frozen=True)
class Artefacts:
    """Traces of one fill; NaN where there is too little of it, or of clear ground near it."""

    seam: float
    """Mean step of reflectance between neighbours across the border of the fill, as a multiple of
    that between clear neighbours: 1 is invisible, 2 a line to be seen."""
    texture: float
    """The same between neighbours inside the fill: below 1 it is smoother than the ground."""
    checkerboard: float
    """Share of the power of the fill at the Nyquist frequencies (patterns of two pixels), the
    trace of transposed convolutions (Odena, Dumoulin, Olah 2016, Distill)."""
    checkerboard_clear: float
    """The same of the clear ground; of white noise it would be about a quarter."""


def artefacts(done: FilledTile) -> Artefacts:
    """Look for seams, blur and checkerboards in what was filled."""
    tile, filled = done.tile, done.filled
    observed = done.provenance == OBSERVED
    if not filled.any():
        return Artefacts(_NAN, _NAN, _NAN, _NAN)
    near = observed & (ndimage.distance_transform_edt(~filled) <= NEAR_PX)
    planes = tile.data[[i for i, b in enumerate(tile.bands) if b.kind == "reflective"]]
    across, inside, clear = (
        _mean_step(planes, a, b) for a, b in ((filled, observed), (filled, filled), (near, near))
    )
    return Artefacts(
        across / clear if clear > 0 else _NAN,
        inside / clear if clear > 0 else _NAN,
        nyquist_share(planes, filled),
        nyquist_share(planes, near),
    )


def _mean_step(planes: FloatArray, one: BoolArray, other: BoolArray) -> float:
    """Mean absolute difference of 4-neighbours of which one lies in each mask, over all bands."""
    total, count = 0.0, 0
    for axis in (0, 1):
        n = one.shape[axis]
        low, high = ([slice(None)] * 2 for _ in range(2))
        low[axis], high[axis] = slice(0, n - 1), slice(1, n)
        a, b = tuple(low), tuple(high)
        pairs = (one[a] & other[b]) | (other[a] & one[b])
        for plane in planes:
            steps = np.abs(plane[b][pairs].astype(np.float64) - plane[a][pairs])
            total += float(steps.sum())
            count += steps.size
    return total / count if count else _NAN


def nyquist_share(planes: FloatArray, where: BoolArray) -> float:
    """Share of the power at the Nyquist frequencies in blocks of ``BLOCK_PX`` pixels.

    The blocks, half overlapping and less their mean, are weighed with a Hann window; the power of
    all of them is added up in each band, and the shares of the bands are averaged.

    Args:
        planes: (band, y, x) float32.
        where: (y, x) bool; a block counts if it lies wholly inside.

    Returns:
        0 to 1, or NaN with fewer than four blocks, or where nothing varies.
    """
    half = BLOCK_PX // 2
    if min(where.shape) < BLOCK_PX:
        return _NAN
    whole = _blocks(where)[::half, ::half].all((2, 3))
    chosen = np.argwhere(whole)
    chosen = chosen[:: -(-len(chosen) // MAX_BLOCKS)] if len(chosen) else chosen
    if len(chosen) < _FEW:
        return _NAN
    y, x = chosen.T
    window = np.outer(*(np.hanning(BLOCK_PX + 2)[1:-1],) * 2)
    shares = []
    for plane in planes:
        blocks = _blocks(plane)[::half, ::half][y, x].astype(np.float64)
        blocks -= blocks.mean((1, 2), keepdims=True)
        power = (np.abs(np.fft.fft2(blocks * window)) ** 2).sum(0)
        power[0, 0] = 0
        at_nyquist = power[half].sum() + power[:, half].sum() - power[half, half]
        if power.sum() > 0:
            shares.append(at_nyquist / power.sum())
    return float(np.mean(shares)) if shares else _NAN


def _blocks(plane: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.lib.stride_tricks.sliding_window_view(plane, (BLOCK_PX, BLOCK_PX))
