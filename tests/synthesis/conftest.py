"""Band sets of every size, and small clear tiles to paint on."""

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets.bands import Band, BandSet, kind_of
from kumosan.datasets.pair import CloudParams
from kumosan.datasets.sensors import sensor
from kumosan.datasets.tile import Acquisition, Tile
from kumosan.synthesis.spectra import spectra

RGB = BandSet((Band("r", 660, 60), Band("g", 560, 60), Band("b", 480, 60)))
S2 = sensor("sentinel-2a").bands
HSI_32 = BandSet(tuple(Band(f"h{i}", 460 + 12 * i, 14) for i in range(32)))
HSI_224 = BandSet(
    tuple(Band(f"e{i}", nm, 8, 30, kind_of(nm)) for i, nm in enumerate(np.linspace(418, 2445, 224)))
)
BAND_SETS = {"rgb": RGB, "s2": S2, "hsi32": HSI_32, "hsi224": HSI_224}


@pytest.fixture(params=BAND_SETS, scope="session")
def bands(request) -> BandSet:
    return BAND_SETS[request.param]


def flat(bands: BandSet, size: int = 96, surface: str = "grass", level: str = "SR") -> Tile:
    """A tile of one pure surface, 20 m pixels, sun at 45 degrees in the south-east."""
    plane = spectra((surface,), bands)[:, 0]
    data = np.broadcast_to(plane[:, None, None], (len(bands), size, size)).copy()
    grid = Affine(20, 0, 5e5, 0, -20, 5e6)
    acquired = Acquisition(level=level, sun_zenith_deg=45.0, sun_azimuth_deg=135.0)
    return Tile(data, bands, grid, CRS.from_epsg(32633), acquired)


def layer(**changes) -> CloudParams:
    """A heap cloud of about half a kilometre, with ``changes``."""
    settings = {
        "kind": "cumulus", "seed": 5, "cover": 0.2, "tau_550": 12.0, "alpha": 0.0,
        "asymmetry": 0.85, "phase": "water", "side_loss": 0.5, "base_m": 400.0,
        "scale_m": 700.0, "octaves": 5, "persistence": 0.5, "edge": 0.8, "stretch": 1.0,
        "heading_deg": 0.0, "sun_zenith_deg": 45.0, "sun_azimuth_deg": 135.0,
    }  # fmt: skip
    return CloudParams(**{**settings, **changes})
