"""What a cleaned scene came to, in figures: counted from the files that were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .opening import open_raster
from .tile import CLASS_NAMES, NODATA, OBSERVED, PROVENANCE_NAMES, UNFILLABLE

_ROWS = 512
_CLASSES, _SOURCES, _STEPS = len(CLASS_NAMES), len(PROVENANCE_NAMES), 101


@dataclass(frozen=True)
class Outcome:
    """How many pixels have which class, provenance and confidence."""

    counts: NDArray[np.int64]
    """(class, provenance, confidence in whole percent): number of pixels with data."""

    @property
    def valid(self) -> int:
        """Pixels with data."""
        return int(self.counts.sum())

    @property
    def cover(self) -> dict[str, float]:
        """Share of each class among the pixels with data (zeros where there is none)."""
        return _shares(CLASS_NAMES, self.counts.sum(axis=(1, 2)))

    @property
    def provenance(self) -> dict[str, float]:
        """Share of each provenance among the pixels with data."""
        return _shares(PROVENANCE_NAMES, self.counts.sum(axis=(0, 2)))

    @property
    def cloud_cover(self) -> float | None:
        """Share of cloud, thick and thin, among the pixels with data; None where there is none."""
        return self.cover["thick_cloud"] + self.cover["thin_cloud"] if self.valid else None

    @property
    def confidence(self) -> NDArray[np.int64]:
        """(101,) number of filled pixels of each confidence, 0 to 100 %."""
        out: NDArray[np.int64] = self.counts[:, OBSERVED + 1 : UNFILLABLE].sum(axis=(0, 1))
        return out

    def crossed(self) -> dict[str, dict[str, tuple[int, float]]]:
        """By class of the mask and provenance: pixels, and their mean confidence (0 to 1).

        Only what occurs.
        """
        out: dict[str, dict[str, tuple[int, float]]] = {}
        for c, name in enumerate(CLASS_NAMES):
            for p, source in enumerate(PROVENANCE_NAMES):
                n = self.counts[c, p]
                if n.any():
                    mean = float((n * np.arange(_STEPS)).sum() / n.sum() / 100)
                    out.setdefault(name, {})[source] = (int(n.sum()), mean)
        return out


def _shares(names: tuple[str, ...], counts: NDArray[np.int64]) -> dict[str, float]:
    total = max(int(counts.sum()), 1)
    return {name: int(n) / total for name, n in zip(names, counts, strict=True)}


def outcome(paths: Mapping[str, Path]) -> Outcome:
    """Count the pixels of a cleaned scene, some rows at a time.

    Args:
        paths: ``mask``, ``provenance`` and ``confidence``, as `clean` writes them, on one grid.

    Raises:
        FileError: a file cannot be read.
    """
    counts = np.zeros(_CLASSES * _SOURCES * _STEPS, np.int64)
    with (
        open_raster(paths["mask"]) as mask,
        open_raster(paths["provenance"]) as provenance,
        open_raster(paths["confidence"]) as confidence,
    ):
        for top in range(0, mask.height, _ROWS):
            rows = Window(0, top, mask.width, min(_ROWS, mask.height - top))
            c, p, q = (f.read(1, window=rows).ravel() for f in (mask, provenance, confidence))
            known = (c != NODATA) & (p != NODATA) & (q != NODATA)
            place = (c[known].astype(np.intp) * _SOURCES + p[known]) * _STEPS + q[known]
            counts += np.bincount(place, minlength=counts.size)
    return Outcome(counts.reshape(_CLASSES, _SOURCES, _STEPS))
