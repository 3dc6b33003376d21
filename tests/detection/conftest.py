"""Tiles made by hand: one pixel, or a scene whose clouds and shadows are known."""

from collections.abc import Callable

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets.bands import (
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
    THERMAL,
    VAPOUR,
    BandSet,
)
from kumosan.datasets.tile import Acquisition, Quality, Tile
from kumosan.datasets.vision import torchvision

WINDOWS = {
    b.name: b
    for b in (
        COASTAL, BLUE, GREEN, RED, RED_EDGE_1, RED_EDGE_2, RED_EDGE_3, NIR, NIR_NARROW,
        VAPOUR, CIRRUS, SWIR1, SWIR2, THERMAL,
    )
}  # fmt: skip


def of(**values: float) -> dict[str, float]:
    """Reflectance of each band, kelvin of the thermal one."""
    return values


LAND = of(
    coastal=0.10, blue=0.08, green=0.09, red=0.08, red_edge_705=0.12, red_edge_740=0.22,
    red_edge_783=0.27, nir=0.30, nir_narrow=0.30, vapour=0.10, cirrus=0.001, swir1=0.20,
    swir2=0.12, thermal=295.0,
)  # fmt: skip
CLOUD = of(
    coastal=0.50, blue=0.50, green=0.50, red=0.50, red_edge_705=0.51, red_edge_740=0.52,
    red_edge_783=0.54, nir=0.55, nir_narrow=0.55, vapour=0.30, cirrus=0.005, swir1=0.40,
    swir2=0.30, thermal=265.0,
)  # fmt: skip
UTM = Affine(30, 0, 500_000, 0, -30, 5_000_000)


@pytest.fixture(scope="session")
def torchmetrics():
    """The library, imported so that the torchvision it needs is there."""
    torchvision()
    return pytest.importorskip("torchmetrics", reason="comes with lightning (extra 'train')")


@pytest.fixture(scope="session")
def pixel() -> Callable[..., Tile]:
    """``pixel(blue=.1, red=.2)``: a tile of one pixel with those bands."""

    def make(**values: float) -> Tile:
        data = np.array(list(values.values()), np.float32)[:, None, None]
        return Tile(data, BandSet(tuple(WINDOWS[n] for n in values)))

    return make


@pytest.fixture(scope="session")
def scene() -> Callable[..., Tile]:
    """``scene(cloud, shadow)``: land with white clouds; shadows keep a third of the light."""

    def make(
        cloud: np.ndarray,
        shadow: np.ndarray | None = None,
        *,
        names: tuple[str, ...] = tuple(WINDOWS),
        transform: Affine = UTM,
        crs: CRS | None = CRS.from_epsg(32633),  # noqa: B008
        sun: tuple[float | None, float | None] = (None, None),
        quality: Quality | None = None,
    ) -> Tile:
        rng = np.random.default_rng(1)
        planes = []
        for name in names:
            plane = np.full(cloud.shape, LAND[name])
            if shadow is not None and name != "thermal":
                plane[shadow] /= 3
            plane[cloud] = CLOUD[name]
            planes.append(plane * (1 + 0.004 * rng.standard_normal(cloud.shape)))
        return Tile(
            np.array(planes, np.float32),
            BandSet(tuple(WINDOWS[n] for n in names)),
            transform,
            crs,
            Acquisition(sun_zenith_deg=sun[0], sun_azimuth_deg=sun[1]),
            quality=quality,
        )

    return make
