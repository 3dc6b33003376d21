"""The demo scene: a landscape with clouds over it, stored as a product would be; truth known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from ..datasets.bands import Band, BandSet
from ..datasets.encoding import Encoding
from ..datasets.pair import CloudyPair
from ..datasets.sensors import sensor
from ..datasets.tile import Acquisition, BoolArray, Tile
from .composite import cloudify
from .landscape import landscape
from .presets import CIRRUS, CUMULUS

GSD_M = 20.0
_STRIP_NM = (*range(430, 1340, 30), *range(1450, 1790, 30), *range(1960, 2400, 30))
STRIP_BANDS = BandSet(tuple(Band(f"HC_{nm}", nm, 30.0, GSD_M) for nm in _STRIP_NM))
"""Of an imaging spectrometer: 30 nm wide, side by side, but where water vapour lets nothing by."""
_TURN_DEG, _WIDTH = 20.0, 0.7
"""Of the strip against the grid, and its width over that of the raster."""
_ENCODING = Encoding("uint16", (1e-4,), (0.0,), 0.0)
_ACQUIRED = Acquisition(
    sensor="sentinel-2a",
    level="TOA",
    time=datetime(2024, 6, 21, 10, 0, tzinfo=timezone.utc),
    sun_zenith_deg=38.0,
    sun_azimuth_deg=150.0,
)
_HEAPS = replace(
    CUMULUS, cover=(0.12, 0.15), tau_550=(18, 26), base_m=(1100, 1500), scale_m=(2200, 3000),
    persistence=(0.48, 0.58), edge=(0.6, 1.0), side_loss=(0.3, 0.7),
)  # fmt: skip
_STREAKS = replace(
    CIRRUS, cover=(0.09, 0.11), tau_550=(0.65, 0.8), edge=(0.6, 0.8), scale_m=(2500, 3500),
    persistence=(0.45, 0.6),
)  # fmt: skip


def demo_pair(
    seed: int = 7,
    shape: tuple[int, int] = (512, 512),
    bands: BandSet | None = None,
    strip: bool = False,
) -> CloudyPair:
    """Draw the demo scene, about a third of it cloud or shadow.

    Args:
        seed: the same seed gives the same bytes.
        shape: (height, width) in pixels of 20 m.
        bands: Sentinel-2A's thirteen (level 1C) if not given. Thermal bands do not fit the
            scene's uint16 encoding.
        strip: draw what an imaging spectrometer sees: `STRIP_BANDS` (if ``bands`` are not given)
            in a strip that lies turned on the grid, without data beside it.

    Returns:
        Thick heaps with their shadows and thin streaks, over a clear tile that was quantised to
        uint16 (scale 1e-4, nodata 0) first: ``stored`` is set on both tiles.
    """
    bands = STRIP_BANDS if strip and bands is None else bands
    ground_seed, cloud_seed = np.random.SeedSequence(seed).spawn(2)
    drawn = landscape(
        shape,
        sensor("sentinel-2a").bands if bands is None else bands,
        np.random.default_rng(ground_seed),
        GSD_M,
        sun_zenith_deg=38.0,
        sun_azimuth_deg=150.0,
    )
    stored = _ENCODING.encode(drawn.data)
    if strip:
        stored[:, ~_turned(shape)] = 0  # nodata
    acquired = _ACQUIRED if bands is None else replace(_ACQUIRED, sensor=None)
    clear = Tile(
        _ENCODING.decode(stored),
        drawn.bands,
        Affine(GSD_M, 0, 499_980, 0, -GSD_M, 5_100_000),
        CRS.from_epsg(32633),
        acquired,
        _ENCODING,
        stored,
    )
    rng = np.random.default_rng(cloud_seed)
    return cloudify(clear, [preset.sample(rng, acquired) for preset in (_HEAPS, _STREAKS)])


def _turned(shape: tuple[int, int]) -> BoolArray:
    """(y, x) bool: a strip down the middle of the raster, turned clockwise."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    turn = np.deg2rad(_TURN_DEG)
    across = x * np.cos(turn) + y[:, None] * np.sin(turn)
    return np.asarray(abs(across) < _WIDTH * shape[1] / 2)
