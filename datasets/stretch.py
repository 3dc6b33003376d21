"""Which bands a picture shows, and how bright: the same for a scene before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bands import BLUE, CIRRUS, GREEN, NIR, RED, SWIR1, SWIR2, THERMAL, BandSet
from .legend import NODATA_GREY
from .tile import BoolArray, CloudMask, FloatArray, Tile

_DARK, _MOST, _BRIGHT = 1.0, 90.0, 98.0
"""Percentiles that become black, that hold most of the ground, and that become bright."""
_HEADROOM = 2.0
"""The bright end is at most so many times as far from black as most of the ground: a tenth of
snow or sand must not leave the rest in the dark."""
_KNEE, _SHOULDER = 0.82, 2.0
"""Brightness of the upper percentile; what is brighter (cloud) shares the rest up to white, of
which it has 63 % after so many ranges."""
_GAMMA = 1 / 1.2
_SMALLEST_RANGE = 0.03
"""Reflectance: without it, calm water or snow would be stretched to noise."""
_SAMPLE = 1_000_000


@dataclass(frozen=True)
class Stretch:
    """Bands of a tile and the reflectance that becomes black and bright in each channel."""

    bands: tuple[int, int, int]
    """Indices for red, green and blue; three times the same for grey."""
    low: tuple[float, ...]
    high: tuple[float, ...]
    name: str
    """What is shown, for example ``RGB (B04, B03, B02)``."""


Shown = tuple[tuple[int, int, int], str]
"""Indices for red, green and blue, and what that is called."""


def find_stretch(tile: Tile, mask: CloudMask | None = None, shown: Shown | None = None) -> Stretch:
    """The range of the values of some bands from dark to bright ground.

    ``shown`` are the bands, `shown_bands` by default.

    Where ``mask`` tells clouds and shadows, clouds are left out of both ends, so they do not
    black out the ground, and shadows of the bright end. With fewer than 1 % such pixels all
    valid ones count.
    """
    bands, kind = shown or shown_bands(tile.bands)
    unique = list(dict.fromkeys(bands))
    name = f"{kind} ({', '.join(tile.bands[i].name for i in unique)})"
    step = max(1, int(np.sqrt(tile.data[0].size / _SAMPLE)))
    thin = np.s_[::step, ::step]
    valid = np.logical_and.reduce([np.isfinite(tile.data[i][thin]) for i in unique])
    ground = clear = valid
    if mask is not None:
        ground = _unless_few(valid & ~mask.cloud[thin], valid)
        clear = _unless_few(valid & ~mask.contaminated[thin], valid)
    ranges = {i: _range(tile.data[i][thin], ground, clear) for i in unique}
    part = max(needed for _, _, needed in ranges.values())  # one for all keeps the colours
    width = {i: part * (high - low) for i, (low, high, _) in ranges.items()}
    if kind == "RGB":  # one width for all: grey ground and cloud stay grey
        width = dict.fromkeys(width, max(width.values()))
    ends = {i: _widened(low, low + width[i]) for i, (low, _, _) in ranges.items()}
    low, high = zip(*(ends[i] for i in bands), strict=True)
    return Stretch(bands, low, high, name)


def stretch_rgb(
    tile: Tile, stretch: Stretch | None = None, mask: CloudMask | None = None
) -> NDArray[np.uint8]:
    """(y, x, 3) uint8 picture of ``tile``; pixels without data are neutral grey.

    Args:
        tile: the tile.
        stretch: that of another tile with the same bands; found from this one if None.
        mask: tells the clear pixels when the stretch is to be found.
    """
    stretch = stretch or find_stretch(tile, mask)
    out = np.empty((*tile.shape, 3), np.uint8)
    lost = np.zeros(tile.shape, bool)
    for c, i in enumerate(stretch.bands):
        out[..., c] = _tone(tile.data[i], stretch.low[c], stretch.high[c])
        lost |= ~np.isfinite(tile.data[i])
    out[lost] = NODATA_GREY
    return out


_VIEWS = (
    ("false colour", (NIR, RED, GREEN)),
    ("short-wave infrared", (SWIR2, NIR, RED)),
    ("short-wave infrared", (SWIR1, NIR, RED)),
    ("thermal", (THERMAL,) * 3),
    ("cirrus", (CIRRUS,) * 3),
)


def views(bands: BandSet) -> list[Shown]:
    """`shown_bands`, then what else the bands allow: false colours and the infrared."""
    seen = {"": shown_bands(bands)}
    for kind, windows in _VIEWS:
        found = [i for w in windows if (i := bands.find(w)) is not None]
        if len(found) == 3 and all(found != list(known) for known, _ in seen.values()):
            seen.setdefault(kind, ((found[0], found[1], found[2]), kind))
    return list(seen.values())


def shown_bands(bands: BandSet) -> Shown:
    """The bands of the picture of a scene.

    Natural colours, else near infrared, red and green, else the nearest three, else grey.
    """
    for kind, windows in (("RGB", (RED, GREEN, BLUE)), ("NIR, red, green", (NIR, RED, GREEN))):
        found = [i for w in windows if (i := bands.find(w)) is not None]
        if len(set(found)) == 3:
            return (found[0], found[1], found[2]), kind
    optical = [i for i in bands.optical if bands[i].kind == "reflective"] or [*bands.optical]
    if len(optical) >= 3:
        r, g, b = _nearest_three(bands, optical)
        return (r, g, b), "false colour"
    i = (optical or [0])[0]
    return (i, i, i), "grey"


def _nearest_three(bands: BandSet, optical: Sequence[int]) -> list[int]:
    """The three bands nearest to the middle of the visible, longest wavelength first."""

    def center(i: int) -> float:
        return bands[i].center_nm

    near = sorted(optical, key=lambda i: abs(center(i) - GREEN.center_nm))[:3]
    return sorted(near, key=center, reverse=True)


def _unless_few(chosen: BoolArray, valid: BoolArray) -> BoolArray:
    return chosen if chosen.sum() > 0.01 * valid.sum() else valid


def _range(plane: FloatArray, ground: BoolArray, clear: BoolArray) -> tuple[float, float, float]:
    """Dark and bright end (0 to 1 if nothing is valid), and the part between them to be used."""
    if not ground.any():
        return 0.0, 1.0, 1.0
    low = float(np.percentile(plane[ground], _DARK))
    most, high = (float(np.percentile(plane[clear], q)) for q in (_MOST, _BRIGHT))
    high = max(high, low)
    part = _HEADROOM * (most - low) / (high - low) if high > low else 1.0
    return low, high, min(max(part, 0.0), 1.0)


def _widened(low: float, high: float) -> tuple[float, float]:
    """The range, spread about its middle to ``_SMALLEST_RANGE`` if it is shorter."""
    lacking = max(_SMALLEST_RANGE - (high - low), 0.0) / 2
    return low - lacking, high + lacking


def _tone(plane: FloatArray, low: float, high: float) -> NDArray[np.uint8]:
    """Gamma up to the knee, then a slow approach to white, so that clouds keep their texture."""
    share = (np.nan_to_num(plane) - low) / (high - low)
    below = _KNEE * np.clip(share, 0, 1) ** _GAMMA
    above: BoolArray = share > 1
    below[above] += (1 - _KNEE) * (1 - np.exp((1 - share[above]) / _SHOULDER))
    tone: NDArray[np.uint8] = np.rint(255 * below).astype(np.uint8)
    return tone
