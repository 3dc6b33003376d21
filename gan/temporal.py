"""Fill from other dates: the same ground, seen clear before or after.

Each reference is brought to the radiometry of the scene by a linear relation per band, learnt
where both are clear; every pixel takes one reference that sees it; the seams are blended.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.tile import TEMPORAL, CloudMask, FilledTile, FloatArray, Tile
from .blend import Seam
from .common import Area, assemble, untouched
from .dates import Dated, Guide

_EQUAL = 0.05
"""Steps of the relative residual within which references are equally good, and time decides."""


@dataclass(frozen=True)
class Temporal(Dated):
    """Fill from the reference that fits best.

    The best one per pixel is that with the lowest residual; among equals the nearest in time.
    """

    def order(self, guide: Guide) -> tuple[float, float]:
        """Key by which references are preferred, the lowest first."""
        return round(guide.error / _EQUAL), guide.gap_s

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill every cloudy pixel that a usable reference sees clear.

        Raises:
            GridError: a reference or mask is not on the grid of ``tile``.
            BandError: a reference lacks a band of ``tile``.
        """
        area = Area.of(tile, mask)
        guides = sorted(self.guides(tile, area), key=self.order)
        source = np.full(tile.shape, -1, np.int32)
        for k, guide in enumerate(guides):
            source[(source < 0) & area.todo & guide.usable] = k
        filled = source >= 0
        if not filled.any():
            return untouched(tile, area)
        values = np.full((len(tile.bands), int(filled.sum())), np.nan, np.float32)
        seam = Seam(source, area.clear, [g.usable for g in guides])
        for i in guides[0].relations:
            planes = [g.band(i) for g in guides]
            data = np.isfinite(tile.data[i])
            if data[area.valid].all():
                values[i] = paste(source, planes, tile.data[i], seam)
                continue
            # A thermal band may lack data where the optical ones have it: walls of its own.
            part = np.where(data, source, -1)
            own = Seam(part, area.clear & data, [g.usable & data for g in guides])
            values[i, data[filled]] = paste(part, planes, tile.data[i], own)
        error = np.array([g.error for g in guides])
        return assemble(tile, area, filled, values, 1 / (1 + error[source[filled]]), TEMPORAL)


@dataclass(frozen=True)
class LeastCloudy(Temporal):
    """Fill from the reference with most clear pixels: few dates in one fill, few seams."""

    def order(self, guide: Guide) -> tuple[float, float]:
        """By clear pixels; among equals by residual."""
        return -int(np.count_nonzero(guide.usable)), guide.error


@dataclass(frozen=True)
class Median(Dated):
    """Fill with the median of all references that see a pixel, band by band.

    One date with a missed cloud is outvoted from three on. Seams are blended. The bands of a
    pixel may be of different dates; Flood (2013), Remote Sens. 5, 6481-6500, tells what follows.
    """

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill every cloudy pixel that a usable reference sees clear.

        Raises:
            GridError: a reference or mask is not on the grid of ``tile``.
            BandError: a reference lacks a band of ``tile``.
        """
        area = Area.of(tile, mask)
        guides = list(self.guides(tile, area))
        seen = np.logical_or.reduce([g.usable for g in guides]) if guides else area.clear
        filled = area.todo & seen
        if not guides or not filled.any():
            return untouched(tile, area)
        values = np.full((len(tile.bands), np.count_nonzero(filled)), np.nan, np.float32)
        for i in guides[0].relations:
            # Thermal bands may lack data where the optical ones have it.
            layers = np.stack([np.where(g.usable, g.band(i), np.nan) for g in guides])
            plane = np.full(tile.shape, np.nan)
            some = seen & np.isfinite(layers).any(axis=0)
            plane[some] = np.nanmedian(layers[:, some], axis=0)
            data = np.isfinite(tile.data[i])
            part = np.where(filled & some & data, 0, -1)
            seam = Seam(part, area.clear & data, [some])
            values[i, (part >= 0)[filled]] = paste(part, [plane], tile.data[i], seam)
        errors = np.stack([np.where(g.usable, g.error, np.nan)[filled] for g in guides])
        return assemble(tile, area, filled, values, 1 / (1 + np.nanmean(errors, axis=0)), TEMPORAL)


def paste(
    source: NDArray[np.integer],
    planes: list[NDArray[np.float64]],
    target: FloatArray,
    seam: Seam,
) -> NDArray[np.float64]:
    """(n,) blended values at the n pixels of ``source >= 0``."""
    chosen = source[source >= 0]
    pasted = np.zeros(chosen.size)
    for k, plane in enumerate(planes):
        pasted[chosen == k] = plane[source == k]
    out: NDArray[np.float64] = pasted + seam.correct(target, planes)
    return out
