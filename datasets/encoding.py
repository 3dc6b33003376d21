"""How reflectance is stored: value = scale * stored + offset, per band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ValueRangeError

_STRIP = 32_768
"""Samples that are decoded at once: a few arrays of as many stay in the processor's cache."""


@dataclass(frozen=True)
class Encoding:
    """dtype, scale, offset and nodata of a raster, one scale and offset a band.

    One scale (or offset) stands for all bands.
    """

    dtype: str = "float32"
    """NumPy dtype name of the stored numbers: integer or real floating point."""
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    nodata: float | None = None
    """Stored number that means "no data", in every band (one outside the dtype never occurs)."""

    def __post_init__(self) -> None:
        values = np.asarray([*self.scale, *self.offset], float)
        if not np.isfinite(values).all() or 0.0 in self.scale:
            raise ValueRangeError(
                f"scale {self.scale} and offset {self.offset}",
                "finite numbers and a scale other than 0",
                "correct the file's scaling or pass --scale",
            )
        if np.dtype(self.dtype).kind not in "iuf":
            raise ValueRangeError(
                f"numbers of dtype {self.dtype}", "integers or real numbers", "convert the file"
            )

    def of(self, bands: Sequence[int]) -> Encoding:
        """The encoding of the bands at these indices; what stands for all bands still does."""
        scale, offset = (
            tuple(v[i] for i in bands) if len(v) > 1 else v for v in (self.scale, self.offset)
        )
        return replace(self, scale=scale, offset=offset)

    def _planes(self, values: tuple[float, ...], n: int) -> NDArray[np.float64]:
        v = np.asarray(values, np.float64)
        return np.broadcast_to(v, (n,))[:, None, None]

    def _sentinel(self, dtype: np.dtype[Any]) -> Any:
        """``nodata`` as a number of ``dtype``; None if there is none, or it is NaN or outside.

        A cast makes the comparison exact for 64-bit integers, which float64 cannot hold.
        """
        if self.nodata is None or np.isnan(self.nodata):
            return None
        if dtype.kind == "f":
            with np.errstate(over="ignore"):
                return dtype.type(self.nodata)
        info = np.iinfo(dtype)
        whole = np.isfinite(self.nodata) and self.nodata == int(self.nodata)
        if not whole or not info.min <= int(self.nodata) <= info.max:
            return None
        return dtype.type(int(self.nodata))

    def missing(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """Where ``stored`` is nodata, NaN or infinite."""
        return _missing(stored, self._sentinel(stored.dtype))

    def decode(
        self, stored: NDArray[Any], out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """(band, y, x) stored numbers to float32 physical values, NaN where missing.

        Integers of up to 16 bits are computed in float32, which is about three times as fast as
        float64 and differs by less than 2e-7 for reflectance up to 1 (a step is 2e-5 or more);
        all others in float64. Strips of rows pass through the processor's cache, so no copy of
        the whole array is made.

        Args:
            stored: the numbers.
            out: where the values go, (band, y, x); a new array if None.
        """
        n, height, width = stored.shape
        if out is None:
            out = np.empty(stored.shape, np.float32)
        scale, offset = (np.broadcast_to(v, n) for v in (self.scale, self.offset))
        narrow = stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2
        sentinel = self._sentinel(stored.dtype)
        compute = np.dtype(np.float32 if narrow else np.float64)
        rows = max(1, _STRIP // max(width, 1))
        for i in range(n):
            for top in range(0, height, rows):
                part, target = stored[i, top : top + rows], out[i, top : top + rows]
                with np.errstate(over="ignore", invalid="ignore"):  # e.g. nodata -1.8e308
                    value = target if narrow else np.empty(part.shape, compute)
                    value[...] = part
                    value *= compute.type(scale[i])
                    value += compute.type(offset[i])
                    lost = _missing(part, sentinel)
                    if lost.any():
                        np.copyto(value, np.nan, where=lost)
                    if value is not target:
                        target[...] = value
        return out

    def encode(self, data: NDArray[np.float32]) -> NDArray[Any]:
        """(band, y, x) physical values to stored numbers: rounded and clipped, never wrapped.

        NaN becomes nodata (0 where none is declared and the dtype is integer); a finite
        value that would round to nodata is moved to the neighbouring number instead.
        """
        dtype = np.dtype(self.dtype)
        n = data.shape[0]
        out = np.empty(data.shape, dtype)
        scale, offset = self._planes(self.scale, n), self._planes(self.offset, n)
        sentinel = self._sentinel(dtype)
        low, high = _limits(dtype)
        for i in range(n):
            lost = np.isnan(data[i])
            value = (data[i].astype(np.float64) - offset[i]) / scale[i]
            if dtype.kind in "iu":
                value = np.rint(np.where(lost, 0, value))
            infinite = np.isinf(value)
            clipped = np.clip(value, low, high)
            if dtype.kind == "f":
                clipped[infinite] = value[infinite]  # an infinite value stays one
            coded = clipped.astype(dtype)
            if sentinel is not None:
                coded[(coded == sentinel) & ~lost] = _beside(sentinel, dtype)
                coded[lost] = sentinel
            out[i] = coded
        return out


def _missing(stored: NDArray[Any], sentinel: Any) -> NDArray[np.bool_]:
    lost: NDArray[np.bool_]
    if stored.dtype.kind == "f":
        lost = ~np.isfinite(stored)
        return lost if sentinel is None else lost | (stored == sentinel)
    lost = np.zeros(stored.shape, bool) if sentinel is None else stored == sentinel
    return lost


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Smallest and largest float64 that a cast to ``dtype`` keeps without wrapping.

    float64 rounds the top of the 64-bit integers up to 2**63 (2**64), one beyond the range.
    """
    if dtype.kind == "f":
        f = np.finfo(dtype)
        return float(f.min), float(f.max)
    info = np.iinfo(dtype)
    high = float(info.max)
    return float(info.min), float(np.nextafter(high, 0)) if int(high) > info.max else high


def _beside(nodata: Any, dtype: np.dtype[Any]) -> Any:
    """The storable number next to ``nodata`` (above it, or below at the top of the range)."""
    if dtype.kind == "f":
        return np.nextafter(nodata, dtype.type(0 if nodata else 1))
    top = np.iinfo(dtype).max
    return dtype.type(int(nodata) + 1 if int(nodata) < top else int(nodata) - 1)
