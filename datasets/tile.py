"""The types that everything passes on: Tile, CloudMask, FilledTile.

All arrays are C-ordered NumPy arrays; a tile is (band, y, x), a mask (y, x).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from math import cos, hypot, radians, sqrt
from typing import Any, Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from .bands import Band, BandSet
from .encoding import Encoding
from .errors import GridError, UnfitError, ValueRangeError
from .regrid import Grid

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
ByteArray = NDArray[np.uint8]

CLEAR, THICK, THIN, SHADOW, NODATA = 0, 1, 2, 3, 255
"""Class codes of a cloud mask (those of CloudSEN12 and OmniCloudMask)."""
CLASS_NAMES = ("clear", "thick_cloud", "thin_cloud", "shadow")

OBSERVED, SPECTRAL, SPATIAL, TEMPORAL, UNFILLABLE = 0, 1, 2, 3, 4
"""Provenance codes of a filled pixel; 255 is nodata here too."""
PROVENANCE_NAMES = ("observed", "spectral", "spatial", "temporal", "unfillable")


LEVELS = {"TOA": "top-of-atmosphere reflectance", "SR": "surface reflectance"}
"""Processing levels in words."""


@dataclass(frozen=True)
class Acquisition:
    """When, by whom and under which sun the image was taken; None where it is not known."""

    sensor: str | None = None
    """Sensor key as in ``sensors.toml``, for example ``sentinel-2a``."""
    level: str | None = None
    """``TOA`` (top-of-atmosphere reflectance) or ``SR`` (surface reflectance)."""
    time: datetime | None = None
    """Acquisition time, UTC."""
    sun_zenith_deg: float | None = None
    """Angle of the sun from the vertical, scene mean, degrees."""
    sun_azimuth_deg: float | None = None
    """Direction of the sun, degrees clockwise from north, scene mean."""
    vapour_cm: float | None = None
    """Water vapour in the column of air above the ground, as a layer of water, cm."""


@dataclass(frozen=True)
class Quality:
    """The supplier's own classification, as delivered."""

    scheme: Literal["scl", "qa_pixel", "udm2"]
    """``scl``: Sen2Cor classes; ``qa_pixel``: Landsat Collection 2 bits; ``udm2``: Planet."""
    codes: NDArray[np.unsignedinteger[Any]]
    """(y, x) unsigned integers on the tile's grid."""


@dataclass(frozen=True)
class Tile:
    """An image in physical units, and all that is needed to write it back unchanged."""

    data: FloatArray
    """(band, y, x) float32: reflectance in [0, 1] (may lie a little outside), thermal bands in
    kelvin; NaN wherever a band has no data."""
    bands: BandSet
    """One Band for every plane of ``data``."""
    transform: Affine = field(default_factory=Affine.identity)
    """Pixel (column, row) to map coordinates."""
    crs: CRS | None = None
    """Coordinate reference system, None where the file has none."""
    acquired: Acquisition = field(default_factory=Acquisition)
    encoding: Encoding = field(default_factory=Encoding)
    """How ``data`` was, and will be, stored."""
    stored: NDArray[Any] | None = None
    """(band, y, x) the stored numbers ``data`` was decoded from; pixels that nobody fills are
    written from here, so they stay bit-identical whatever the dtype."""
    quality: Quality | None = None
    """The supplier's mask, where the product brings one."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Dataset-level tags of the source file, kept on writing."""
    band_tags: tuple[Mapping[str, str], ...] = ()
    """Tags of each band (one mapping a band, or empty), kept on writing."""
    path: str | None = None
    """Where it came from, for messages and names."""

    def __post_init__(self) -> None:
        if self.data.ndim != 3 or self.data.shape[0] != len(self.bands):
            raise GridError(
                f"a tile of shape {self.data.shape} with {len(self.bands)} bands",
                "data of shape (band, y, x) with one band each", "check the order of the axes",
            )  # fmt: skip
        if self.data.dtype != np.float32:
            raise ValueRangeError(
                f"tile data of dtype {self.data.dtype}",
                "float32 reflectance", "decode the stored numbers first (Encoding.decode)",
            )  # fmt: skip
        if self.stored is not None and self.stored.shape != self.data.shape:
            raise GridError(
                f"stored numbers of shape {self.stored.shape}",
                f"the shape of data, {self.data.shape}", "pass both from the same read",
            )  # fmt: skip
        if self.quality is not None and self.quality.codes.shape != self.shape:
            raise GridError(
                f"a supplier's mask of shape {self.quality.codes.shape}",
                f"the tile's {self.shape}", "resample it to the tile's grid",
            )  # fmt: skip

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.data.shape[1], self.data.shape[2]

    @property
    def grid(self) -> Grid:
        """Where its pixels lie."""
        return Grid(self.shape, self.transform, self.crs)

    @property
    def optical(self) -> tuple[int, ...]:
        """Indices of the bands that hold reflectance (kind reflective, cirrus or vapour)."""
        return self.bands.optical

    @cached_property
    def valid(self) -> BoolArray:
        """(y, x) bool: every optical band has a finite value here."""
        ok = np.ones(self.shape, bool)
        for i in self.optical:
            ok &= np.isfinite(self.data[i])
        return ok

    @property
    def gsd_m(self) -> float | None:
        """Pixel size in metres, from the grid, else from the sensor's bands, else None."""
        return pixel_size_m(self.transform, self.crs, self.shape, self.bands)

    def pick(self, needed: BandSet) -> FloatArray:
        """(len(needed), y, x) planes that fit the windows; UnfitError if one is lacking."""
        return self.data[list(self.bands.locate(needed))]

    def find(self, window: Band) -> FloatArray | None:
        """(y, x) plane that fits ``window``, or None."""
        i = self.bands.find(window)
        return None if i is None else self.data[i]

    def with_data(self, data: FloatArray) -> Tile:
        """The same tile with other values (``stored`` is kept for the pixels left alone)."""
        return replace(self, data=data)

    def to_xarray(self) -> Any:
        """An `xarray.DataArray`, see `xarray_bridge.to_xarray` (and `from_xarray`)."""
        from .xarray_bridge import to_xarray

        return to_xarray(self)


def pixel_size_m(
    transform: Affine, crs: CRS | None, shape: tuple[int, int], bands: BandSet
) -> float | None:
    """Side of a square pixel of the same area in metres; the bands' own where there is no CRS."""
    t = transform
    if crs is None:
        sizes = [b.gsd_m for b in bands if b.gsd_m]
        return min(sizes) if sizes else None
    if crs.is_geographic:
        lat = t.d * shape[1] / 2 + t.e * shape[0] / 2 + t.f
        dx = hypot(t.a * cos(radians(lat)), t.d)
        dy = hypot(t.b * cos(radians(lat)), t.e)
        return float(sqrt(dx * dy) * 111_195.0)
    metres = crs.linear_units_factor[1] if crs.is_projected else 1.0  # local: metres
    return float(sqrt(abs(t.determinant)) * metres)


@dataclass(frozen=True)
class CloudMask:
    """Which pixels are clear, cloudy or shadowed."""

    classes: ByteArray
    """(y, x) uint8: 0 clear, 1 thick cloud, 2 thin cloud, 3 cloud shadow, 255 nodata."""
    transform: Affine = field(default_factory=Affine.identity)
    crs: CRS | None = None
    probability: FloatArray | None = None
    """(4, y, x) float32 probability of each class, where the detector knows it."""

    def __post_init__(self) -> None:
        if self.classes.ndim != 2 or self.classes.dtype != np.uint8:
            raise ValueRangeError(
                f"mask of dtype {self.classes.dtype} and shape {self.classes.shape}",
                "uint8 classes of shape (y, x)", "convert it first",
            )  # fmt: skip
        unknown = (self.classes > SHADOW) & (self.classes != NODATA)
        if unknown.any():
            raise ValueRangeError(
                f"mask codes {np.unique(self.classes[unknown]).tolist()}",
                "0 clear, 1 thick, 2 thin, 3 shadow, 255 nodata",
                "translate the mask's codes first",
            )
        if self.probability is not None and self.probability.shape != (4, *self.classes.shape):
            raise GridError(
                f"probability of shape {self.probability.shape}",
                f"(4, {self.classes.shape[0]}, {self.classes.shape[1]})",
                "give one plane for each class",
            )

    @classmethod
    def like(
        cls, tile: Tile, classes: NDArray[Any], probability: FloatArray | None = None
    ) -> CloudMask:
        """A mask on the grid of ``tile``; its invalid pixels become nodata."""
        codes = np.where(tile.valid, classes, NODATA).astype(np.uint8)
        return cls(codes, tile.transform, tile.crs, probability)

    @property
    def valid(self) -> BoolArray:
        out: BoolArray = self.classes != NODATA
        return out

    @property
    def cloud(self) -> BoolArray:
        """Thick or thin cloud."""
        out: BoolArray = (self.classes == THICK) | (self.classes == THIN)
        return out

    @property
    def shadow(self) -> BoolArray:
        out: BoolArray = self.classes == SHADOW
        return out

    @property
    def contaminated(self) -> BoolArray:
        """Cloud or shadow: what a filler may touch."""
        out: BoolArray = self.cloud | self.shadow
        return out

    def cover(self) -> dict[str, float]:
        """Share of each class among the valid pixels (zeros where there is none)."""
        n = max(int(self.valid.sum()), 1)
        return {
            name: float((self.classes == code).sum()) / n for code, name in enumerate(CLASS_NAMES)
        }

    def check_grid(self, tile: Tile) -> None:
        """Raise GridError unless the mask lies on the grid of ``tile`` (to 1 % of a pixel)."""
        own = Grid((self.classes.shape[0], self.classes.shape[1]), self.transform, self.crs)
        tile.grid.check(own, "a mask", "the scene", "resample the mask to the scene's grid")


@dataclass(frozen=True)
class FilledTile:
    """A tile with its clouds filled, and the truth about every pixel."""

    tile: Tile
    provenance: ByteArray
    """(y, x) uint8: 0 observed, 1 spectral, 2 spatial, 3 temporal, 4 unfillable, 255 nodata."""
    confidence: FloatArray
    """(y, x) float32 in [0, 1]: 1 observed, 0 unfillable, NaN nodata."""

    def __post_init__(self) -> None:
        for name, a in (("provenance", self.provenance), ("confidence", self.confidence)):
            if a.shape != self.tile.shape:
                raise GridError(
                    f"{name} of shape {a.shape}", f"{self.tile.shape}", "use the tile's grid"
                )

    @property
    def filled(self) -> BoolArray:
        """(y, x) bool: pixels whose values were replaced."""
        p = self.provenance
        out: BoolArray = (p == SPECTRAL) | (p == SPATIAL) | (p == TEMPORAL)
        return out


def require_quality(tile: Tile, scheme: str) -> Quality:
    """The supplier's mask of ``tile`` if it follows ``scheme``, else UnfitError."""
    if tile.quality is None or tile.quality.scheme != scheme:
        found = "none" if tile.quality is None else tile.quality.scheme
        raise UnfitError(
            f"{tile.path or 'the tile'} brings the supplier's mask: {found}",
            f"one of scheme {scheme}",
            "give the product folder or a file with that band, or choose --detector auto",
        )
    return tile.quality
