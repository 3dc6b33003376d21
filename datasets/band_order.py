"""Bands in the order in which they are added to a set: three, four, six, 13, ... of any sensor.

The first n bands of the order are a set of n bands, so that a set of fewer is part of every set of
more: what differs between two sets is then the bands that one has beyond the other.
"""

from __future__ import annotations

import numpy as np

from .bands import (
    BLUE,
    CIRRUS,
    COASTAL,
    GREEN,
    NIR,
    NIR_NARROW,
    RED,
    RED_EDGE_1,
    RED_EDGE_2,
    RED_EDGE_3,
    SWIR1,
    SWIR2,
    VAPOUR,
    Band,
    BandSet,
    kind_of,
)
from .errors import UnfitError

VISIBLE = BandSet((BLUE, GREEN, RED))
"""The first three of every order."""
FIRST = (
    *VISIBLE, NIR, SWIR1, SWIR2, COASTAL, RED_EDGE_1, RED_EDGE_2, RED_EDGE_3, NIR_NARROW, VAPOUR,
    CIRRUS,
)  # fmt: skip
"""The windows of Sentinel-2's thirteen bands, those that most sensors have first."""


def band_order(bands: BandSet) -> list[int]:
    """Indices of the optical bands: those of FIRST, then ever the one farthest from all before.

    Raises:
        UnfitError: blue, green or red is missing.
    """
    bands.locate(VISIBLE)
    found = (bands.find(window) for window in FIRST)
    order = list(dict.fromkeys(i for i in found if i is not None))
    nm = np.array([band.center_nm for band in bands])
    left = [i for i in bands.optical if i not in order]
    gap = np.array([np.abs(nm[order] - nm[i]).min() for i in left])
    while left:
        k = int(gap.argmax())
        i = left.pop(k)
        order.append(i)
        gap = np.minimum(np.delete(gap, k), np.abs(nm[left] - nm[i]))
    return order


def some_bands(bands: BandSet, count: int) -> list[int]:
    """Indices, ascending, of a set of ``count`` bands; all there are if it is their number.

    Raises:
        UnfitError: there are fewer optical bands, or blue, green or red is missing.
    """
    order = list(range(len(bands))) if count == len(bands) else band_order(bands)
    if not len(VISIBLE) <= count <= len(order):
        raise UnfitError(
            f"{count} of {len(order)} optical bands",
            f"{len(VISIBLE)} or more, and no more than there are", "ask for another number",
        )  # fmt: skip
    return sorted(order[:count])


def spectrometer(count: int = 224, first_nm: float = 420, last_nm: float = 2450) -> BandSet:
    """An imaging spectrometer of evenly spaced bands, as many as EnMAP has by default.

    The widths are those of EnMAP's mean, 10 nm (Guanter et al. 2015, Remote Sens. 7, table 1);
    its spacing varies and its two cameras overlap, which is left out.
    """
    centers = [float(nm) for nm in np.linspace(first_nm, last_nm, count)]
    return BandSet(tuple(Band(f"{nm:.1f}", nm, 10, kind=kind_of(nm)) for nm in centers))


def band_windows(bands: BandSet, count: int) -> BandSet:
    """What a network reads that is made for a set of ``count`` of ``bands``, in their order.

    The windows of FIRST, so that other sensors fit them too, then the bands themselves.
    """
    order = band_order(bands)[:count]
    named = {bands.find(window): window for window in reversed(FIRST)}
    return BandSet(tuple(named.get(i, bands[i]) for i in order))
