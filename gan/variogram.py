"""How much clear pixels differ by their distance: the error of carrying values inwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.tile import BoolArray, FloatArray, Tile

LAGS_PX = (1, 2, 4, 8, 16, 32, 64)
"""Distances that are looked at along rows and columns, pixels."""
SAMPLES = 4_000
"""Pairs of a distance and a direction that are looked at, at most."""
FEWEST = 50
"""Pairs below which a distance tells nothing."""
UNKNOWN = 0.1
"""Error that is expected, in reflectance, where no distance tells anything."""


@dataclass(frozen=True)
class Variogram:
    """Root mean square difference of clear pixels by their distance, never falling.

    Source: the empirical variogram, Matheron (1963), Principles of geostatistics, Economic
    Geology 58; the root of twice the semivariance is the error of the nearest neighbour.
    """

    lags: NDArray[np.float64]
    """(n,) pixels, ascending."""
    errors: NDArray[np.float64]
    """(n,) reflectance, over all reflective bands."""

    @classmethod
    def of(cls, tile: Tile, clear: BoolArray) -> Variogram:
        """That of the reflective bands of the clear pixels; of no colour, UNKNOWN everywhere."""
        planes = [i for i, b in enumerate(tile.bands) if b.kind == "reflective"]
        lags, errors = [], []
        for lag in LAGS_PX:
            squares = [
                d for axis in (0, 1) for d in _differences(tile.data, planes, clear, lag, axis)
            ]
            if sum(d.size for d in squares) >= FEWEST * max(len(planes), 1):
                lags.append(float(lag))
                errors.append(float(np.sqrt(np.mean(np.concatenate(squares)))))
        if not lags:
            return cls(np.ones(1), np.full(1, UNKNOWN))
        return cls(np.array(lags), np.maximum.accumulate(errors))

    def error(self, distance_px: NDArray[np.floating]) -> FloatArray:
        """Error of reflectance to expect of values carried over distances."""
        # Beyond the last lag the error is taken to grow as for a random walk.
        beyond = np.sqrt(np.maximum(distance_px / self.lags[-1], 1))
        return np.asarray(np.interp(distance_px, self.lags, self.errors) * beyond, np.float32)


def _differences(
    data: FloatArray, planes: list[int], clear: BoolArray, lag: int, axis: int
) -> list[NDArray[np.float64]]:
    """Squared differences of clear pixels ``lag`` apart along an axis, one array a band."""
    down, across = (lag, 0) if axis == 0 else (0, lag)
    height, width = clear.shape
    if clear.shape[axis] <= lag:
        return []
    both = clear[: height - down, : width - across] & clear[down:, across:]
    at = np.flatnonzero(both)
    y, x = np.divmod(at[:: max(1, at.size // SAMPLES)], both.shape[1])
    return [(data[i][y, x].astype(np.float64) - data[i][y + down, x + across]) ** 2 for i in planes]
