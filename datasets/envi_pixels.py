"""Windows of an ENVI binary, read from where the header says they are.

GDAL reads whole lines (20,000 samples x 30 bands of which 256 x 30 are wanted), and a memory map
kills the process when the file is cut while it is read. So the parts of lines that a window
needs are read one by one; a read that comes back short is an error.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .errors import FileError

Interleave = Literal["bsq", "bil", "bip"]


@dataclass(frozen=True)
class EnviPixels:
    """PixelSource of an uncompressed binary; opened by every read."""

    path: Path
    shape: tuple[int, int, int]
    """(band, line, sample)."""
    dtype: str
    """NumPy dtype with its byte order, for example ``>i2``."""
    interleave: Interleave
    """Order of the axes: bsq (band, line, sample), bil (line, band, sample), bip (line, sample,
    band)."""
    offset: int = 0
    """Bytes before the first sample."""

    def stored(self, window: Window, bands: Sequence[int]) -> NDArray[Any]:
        """(len(bands), height, width) stored numbers in the machine's byte order.

        Raises:
            FileError: missing, unreadable, or shorter than its header says.
        """
        rows = range(int(window.row_off), int(window.row_off + window.height))
        left, width = int(window.col_off), int(window.width)
        out = np.empty((len(bands), len(rows), width), self.dtype)
        try:
            with self.path.open("rb", buffering=0) as file:
                if self.interleave == "bip":
                    line = np.empty((width, self.shape[0]), self.dtype)  # all bands, one line
                    for i, y in enumerate(rows):
                        self._fill(file.fileno(), line, [self._byte(0, y, left)])
                        out[:, i] = line.T[list(bands)]
                else:
                    starts = [self._byte(b, y, left) for b in bands for y in rows]
                    self._fill(file.fileno(), out, starts)
        except OSError as e:
            raise FileError(
                f"{self.path} cannot be read ({e.strerror})", "a readable file", "copy it again"
            ) from e
        native: NDArray[Any] = out.astype(out.dtype.newbyteorder("="), copy=False)
        return native

    def _byte(self, band: int, line: int, sample: int) -> int:
        """Place of a sample in the file."""
        bands, lines, samples = self.shape
        if self.interleave == "bsq":
            index = (band * lines + line) * samples + sample
        elif self.interleave == "bil":
            index = (line * bands + band) * samples + sample
        else:
            index = (line * samples + sample) * bands
        return self.offset + index * np.dtype(self.dtype).itemsize

    def _fill(self, file: int, out: NDArray[Any], starts: Sequence[int]) -> None:
        """Fill ``out`` with equal runs of bytes that begin at ``starts``."""
        raw = out.view(np.uint8).data.cast("B")
        size = len(raw) // max(len(starts), 1)
        for i, start in enumerate(starts):
            got = os.preadv(file, [raw[i * size : (i + 1) * size]], start)
            if got != size:
                raise FileError(
                    f"{self.path} is damaged (it ends at byte {start + got})",
                    f"{size} bytes from byte {start}, as its header says",
                    "copy it again",
                )

    def quality(self, window: Window) -> None:
        """No supplier's mask."""
        return None

    def missing(self, window: Window) -> None:
        """Nodata says it all."""
        return None
