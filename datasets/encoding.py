"""How reflectance is stored: value = scale * stored + offset, per band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ValueRangeError


@dataclass(frozen=True)
class Encoding:
    """dtype, scale, offset and nodata of a raster, one scale and offset a band.

    One scale (or offset) stands for all bands.
    """

    dtype: str = "float32"
    """NumPy dtype name of the stored numbers."""
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    nodata: float | None = None
    """Stored number that means "no data", in every band."""

    def __post_init__(self) -> None:
        values = np.asarray([*self.scale, *self.offset], float)
        if not np.isfinite(values).all() or 0.0 in self.scale:
            raise ValueRangeError(
                f"scale {self.scale} and offset {self.offset}",
                "finite numbers and a scale other than 0",
                "correct the file's scaling or pass --scale",
            )

    def _planes(self, values: tuple[float, ...], n: int) -> NDArray[np.float64]:
        v = np.asarray(values, np.float64)
        return np.broadcast_to(v, (n,))[:, None, None]

    def missing(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """Where ``stored`` is nodata, NaN or infinite."""
        lost = ~np.isfinite(stored) if stored.dtype.kind == "f" else np.zeros(stored.shape, bool)
        if self.nodata is not None and not np.isnan(self.nodata):
            lost |= stored == self.nodata
        return lost

    def decode(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """(band, y, x) stored numbers to float32 physical values, NaN where missing."""
        n = stored.shape[0]
        out = np.empty(stored.shape, np.float32)
        scale, offset = self._planes(self.scale, n), self._planes(self.offset, n)
        for i in range(n):  # band by band: no float64 copy of the whole scene
            plane = stored[i] * scale[i] + offset[i]
            plane[self.missing(stored[i])] = np.nan
            out[i] = plane
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
        for i in range(n):
            lost = np.isnan(data[i])
            value = (data[i].astype(np.float64) - offset[i]) / scale[i]
            if dtype.kind in "iu":
                info = np.iinfo(dtype)
                value = np.clip(np.rint(np.where(lost, 0, value)), info.min, info.max)
            coded = value.astype(dtype)
            if self.nodata is not None and not np.isnan(self.nodata):
                hit = (coded == self.nodata) & ~lost
                coded[hit] = _beside(self.nodata, dtype)
                coded[lost] = dtype.type(self.nodata)
            out[i] = coded
        return out


def _beside(nodata: float, dtype: np.dtype[Any]) -> Any:
    """The storable number next to ``nodata`` (above it, or below at the top of the range)."""
    if dtype.kind == "f":
        return np.nextafter(dtype.type(nodata), dtype.type(0 if nodata else 1))
    top = np.iinfo(dtype).max
    return dtype.type(nodata + 1 if nodata < top else nodata - 1)
