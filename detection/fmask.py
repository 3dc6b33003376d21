"""Fmask: probability of cloud from band tests, and object-matched shadows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..datasets.bands import BLUE, CIRRUS, GREEN, NIR, RED, SWIR1, SWIR2, THERMAL, Band, BandSet
from ..datasets.tile import (
    CLEAR,
    NODATA,
    SHADOW,
    THIN,
    BoolArray,
    ByteArray,
    CloudMask,
    FloatArray,
    Tile,
)
from .fmask_shadow import cast_shadow
from .thickness import thin_or_thick

KELVIN = 273.15


@dataclass(frozen=True)
class Fmask:
    """Band tests of Fmask, with its cirrus and thermal tests where the tile has those bands.

    Cloud known by the cirrus band alone is thin, other cloud is told apart by brightness
    (``thickness``). Snow and water are told apart from cloud but are clear in the mask. Shadows are
    matched to clouds by object (``fmask_shadow``). Fmask's own dilation of clouds and shadows
    is left to the post-processing that all detectors share.

    Made for top-of-atmosphere reflectance. Surface reflectance has less haze in blue, so
    thin clouds are missed there more often.

    Source: Zhu, Woodcock (2012), Object-based cloud and cloud shadow detection in Landsat
    imagery, Remote Sens. Environ. 118, 83-94 (equations 1-21); cirrus after Zhu, Wang,
    Woodcock (2015), Remote Sens. Environ. 159, 269-277; haze in place of temperature, for
    sensors without a thermal band, after Qiu, Zhu, He (2019), ibid. 231, 111205.
    """

    bands: ClassVar[BandSet] = BandSet((BLUE, GREEN, RED, NIR, SWIR1, SWIR2))
    optional: ClassVar[tuple[Band, ...]] = (CIRRUS, THERMAL)
    """Looked at where they are there."""

    threshold: float = 0.2
    """Added to the 82.5th percentile of clear land's cloud probability: cloud lies above."""
    water_probability: float = 0.5
    """Cloud probability above which a potential cloud over water is cloud."""
    max_whiteness: float = 0.7
    """Cloud is whiter than this: mean deviation of the visible bands over their mean."""
    min_hot: float = 0.08
    """Haze test: blue - red / 2 exceeds this reflectance."""
    min_cirrus: float = 0.01
    """Reflectance in the cirrus band that makes a potential cloud."""
    shadow: bool = True
    """Whether shadows are looked for."""
    min_overlap: float = 0.3
    """Share of a cloud's projection that is dark ground, from which on it is a shadow."""

    def mask(self, tile: Tile) -> CloudMask:
        """Classify every valid pixel into clear, thick, thin and shadow."""
        scene = _Scene.of(tile)
        spectral = self._spectral(scene)
        cirrus = self._cirrus(scene) & ~spectral
        potential = spectral | cirrus
        clear = scene.valid & ~potential
        cloud = potential & self._probable(scene, clear)
        cloud = majority(cloud, scene.valid)
        classes = thin_or_thick(tile, cloud)
        classes[cloud & cirrus] = THIN
        classes[~scene.valid] = NODATA
        if self.shadow:
            ground = scene.valid & ~cloud & ~scene.water
            shaded = cast_shadow(tile, scene.nir, cloud, ground, self.min_overlap)
            classes[shaded & (classes == CLEAR)] = SHADOW
        return CloudMask.like(tile, classes)

    def _spectral(self, s: _Scene) -> BoolArray:
        """Potential cloud by the reflective and thermal bands (equations 1-4)."""
        out = s.valid & (s.swir2 > np.float32(0.03)) & (s.ndsi < 0.8) & (s.ndvi < 0.8)
        out &= s.whiteness < self.max_whiteness
        out &= s.blue - np.float32(0.5) * s.red > self.min_hot
        out &= s.nir > np.float32(0.75) * s.swir1
        if s.kelvin is not None:
            out &= ~(s.kelvin >= 27 + KELVIN)  # NaN: no measurement speaks against cloud
        return out

    def _cirrus(self, s: _Scene) -> BoolArray:
        """Potential cloud by the cirrus band, over anything but snow.

        Under dry air, over ice sheets and high mountains, snow itself is seen at 1375 nm.
        """
        if s.cirrus is None:
            return np.zeros(s.valid.shape, bool)
        snow = (s.ndsi > 0.15) & (s.nir > 0.11) & (s.green > 0.1)
        if s.kelvin is not None:
            snow &= ~(s.kelvin >= 3.8 + KELVIN)
        out: BoolArray = s.valid & (s.cirrus > self.min_cirrus) & ~snow
        return out

    def _probable(self, s: _Scene, clear: BoolArray) -> BoolArray:
        """Where the cloud probability exceeds the scene's threshold (equations 7-18)."""
        worst = np.maximum(np.maximum(np.abs(s.ndvi), np.abs(s.ndsi)), s.whiteness)
        land: FloatArray = (1 - worst).astype(np.float32, copy=False)
        water: FloatArray = np.minimum(s.swir1 / np.float32(0.11), np.float32(1))
        clear_land, clear_water = clear & ~s.water, clear & s.water
        enough = clear_land.sum() >= 0.03 * max(int(s.valid.sum()), 1)
        if s.kelvin is not None:
            land *= _coldness_land(s.kelvin, clear_land if enough else clear)
            water *= _coldness_water(s.kelvin, clear_water & (s.swir2 < 0.03))
        else:
            land *= _haziness(s.blue - np.float32(0.5) * s.red, clear_land if enough else clear)
        if s.cirrus is not None:
            land += s.cirrus / np.float32(0.04)
            water += s.cirrus / np.float32(0.04)
        threshold = self.threshold + (_percentile(land[clear_land], 82.5) if enough else 0.0)
        out: BoolArray = np.where(s.water, water > self.water_probability, land > threshold)
        return out


@dataclass(frozen=True)
class _Scene:
    """The planes and indices that the tests share, each (y, x)."""

    blue: FloatArray
    green: FloatArray
    red: FloatArray
    nir: FloatArray
    swir1: FloatArray
    swir2: FloatArray
    cirrus: FloatArray | None
    kelvin: FloatArray | None
    """NaN where it was not measured, which files without a nodata value tell by 0."""
    valid: BoolArray
    ndvi: FloatArray
    ndsi: FloatArray
    whiteness: FloatArray
    water: BoolArray

    @classmethod
    def of(cls, tile: Tile) -> _Scene:
        blue, green, red, nir, swir1, swir2 = tile.pick(Fmask.bands)
        mean = (blue + green + red) / 3
        spread = np.abs(blue - mean) + np.abs(green - mean) + np.abs(red - mean)
        cirrus, kelvin = (tile.find(window) for window in Fmask.optional)
        ndvi = ratio(nir - red, nir + red)
        ndsi = ratio(green - swir1, green + swir1)
        water = ((ndvi < 0.01) & (nir < 0.11)) | ((ndvi < 0.1) & (nir < 0.05))
        return cls(
            blue,
            green,
            red,
            nir,
            swir1,
            swir2,
            cirrus,
            None if kelvin is None else np.where(kelvin > 0, kelvin, np.float32(np.nan)),
            tile.valid,
            ndvi,
            ndsi,
            ratio(spread, mean),
            water,
        )


def ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """``above / below``, 0 where ``below`` is 0."""
    out = np.zeros_like(above)
    with np.errstate(over="ignore"):
        return np.divide(above, below, out=out, where=below != 0)


def majority(flag: BoolArray, valid: BoolArray) -> BoolArray:
    """Whether more than half of the valid pixels of the 3 x 3 neighbourhood are set.

    Inside the image that is Fmask's five of nine; at edges and beside nodata fewer pixels vote.
    """
    import cv2

    def count(a: BoolArray) -> ByteArray:
        nine: Any = cv2.boxFilter(
            a.view(np.uint8), cv2.CV_8U, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        return np.asarray(nine)

    out: BoolArray = valid & (2 * count(flag & valid) > count(valid))
    return out


def _percentile(values: NDArray[Any], q: float) -> float:
    values = values[np.isfinite(values)]
    return float(np.percentile(values, q)) if values.size else 0.0


def _coldness_land(kelvin: FloatArray, clear: BoolArray) -> FloatArray | float:
    """Temperature probability over land (equations 13-14); 1 without clear land to compare."""
    seen = kelvin[clear & np.isfinite(kelvin)]
    if not seen.size:
        return 1.0
    low, high = np.percentile(seen, [17.5, 82.5])
    out = (np.float32(high + 4) - kelvin) / np.float32(high - low + 8)
    return np.where(np.isnan(out), np.float32(1), np.maximum(out, 0))


def _haziness(hot: FloatArray, clear: BoolArray) -> FloatArray | float:
    """Haze probability over land, where there is no temperature; 1 without clear land.

    The interior of a thick cloud is no whiter than soil, but far above all land in HOT.
    """
    seen = hot[clear & np.isfinite(hot)]
    if not seen.size:
        return 1.0
    low, high = np.percentile(seen, [17.5, 82.5])
    out: FloatArray = (hot - np.float32(low - 0.04)) / np.float32(high - low + 0.08)
    return np.maximum(out, np.float32(0), out=out)


def _coldness_water(kelvin: FloatArray, clear: BoolArray) -> FloatArray | float:
    """Temperature probability over water (equations 7-9); 1 without clear water to compare."""
    seen = kelvin[clear & np.isfinite(kelvin)]
    if not seen.size:
        return 1.0
    out = (np.float32(np.percentile(seen, 82.5)) - kelvin) / 4
    return np.where(np.isnan(out), np.float32(1), np.maximum(out, 0))
