"""The demo scene: a landscape with clouds over it, stored as a product would be; truth known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from ..datasets.bands import BandSet
from ..datasets.encoding import Encoding
from ..datasets.pair import CloudyPair
from ..datasets.sensors import sensor
from ..datasets.tile import Acquisition, Tile
from .composite import cloudify
from .landscape import landscape
from .presets import CIRRUS, CUMULUS

GSD_M = 20.0
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
    seed: int = 7, shape: tuple[int, int] = (512, 512), bands: BandSet | None = None
) -> CloudyPair:
    """Draw the demo scene, about a third of it cloud or shadow.

    Args:
        seed: the same seed gives the same bytes.
        shape: (height, width) in pixels of 20 m.
        bands: Sentinel-2A's thirteen (level 1C) if not given. Thermal bands do not fit the
            scene's uint16 encoding.

    Returns:
        Thick heaps with their shadows and thin streaks, over a clear tile that was quantised to
        uint16 (scale 1e-4, nodata 0) first: ``stored`` is set on both tiles.
    """
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
