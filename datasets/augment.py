"""Changes of geometry and resolution of a sample; nothing here knows 8 bits or three bands.

Flips and quarter turns are NumPy views and one copy (0.6 ms for 7 x 256 x 256 float32 on one
core; Albumentations' D4 0.9 ms, kornia's flips and turn 10 ms). Free rotation, scale and shear
are Albumentations' Affine (2.5 ms; kornia 6.9 ms), which warps any number of channels at once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from math import exp, isfinite, log
from typing import Any

import cv2
import numpy as np

from .errors import MissingExtraError, ValueRangeError
from .samples import Sample
from .tile import NODATA, FloatArray, Tile


def check_share(name: str, value: float) -> None:
    """Raise ValueRangeError unless ``value`` lies in [0, 1]."""
    if not 0 <= value <= 1:
        raise ValueRangeError(f"{name} = {value}", "a share in [0, 1]", "correct it")


def check_range(name: str, value: tuple[float, float], low: float = -np.inf) -> None:
    """Raise ValueRangeError unless ``value`` is (smallest, largest), both at least ``low``."""
    if len(value) != 2 or not low <= value[0] <= value[1] < np.inf:
        raise ValueRangeError(
            f"{name} = {value}", f"(smallest, largest), finite, from {low:g} on", "correct it"
        )


@dataclass(frozen=True)
class FlipRotate:
    """One of the eight flips and quarter turns, each as likely; exact, and the sun turns along."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        turns, mirror = int(rng.integers(4)), bool(rng.integers(2))

        def change(a: Any) -> Any:
            a = np.rot90(a, turns, axes=(-2, -1))  # counter-clockwise as displayed
            return np.ascontiguousarray(a[..., ::-1] if mirror else a)

        azimuth = sample.sun_azimuth_deg - 90 * turns
        return _changed(sample, change, (-azimuth if mirror else azimuth) % 360)


@dataclass(frozen=True)
class FlipNorthSouth:
    """Upside down, in half of the samples: the other hemisphere. East stays east, so what the
    forenoon's sun does to shadows stays true."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        if rng.integers(2):
            return sample
        azimuth = (180 - sample.sun_azimuth_deg) % 360
        return _changed(sample, lambda a: np.ascontiguousarray(a[..., ::-1, :]), azimuth)


@dataclass(frozen=True)
class Affine:
    """A free rotation, change of scale and shear about the centre, in some of the samples.

    Ground from outside the crop is not invented: it becomes invalid, and 255 in the mask.

    Raises:
        ValueRangeError: a parameter out of range.
        MissingExtraError: Albumentations is not installed (on the first call).
    """

    share: float = 0.3
    """Share of the samples that are changed."""
    rotate_deg: tuple[float, float] = (-45.0, 45.0)
    """Counter-clockwise."""
    scale: tuple[float, float] = (0.8, 1.25)
    """Above 1 enlarges. Drawn evenly in the logarithm."""
    shear_deg: tuple[float, float] = (-5.0, 5.0)
    """Horizontal shear."""

    def __post_init__(self) -> None:
        check_share("share", self.share)
        check_range("rotate_deg", self.rotate_deg)
        check_range("scale", self.scale, 0.05)
        check_range("shear_deg", self.shear_deg, -60)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        chance, angle = float(rng.random()), float(rng.uniform(*self.rotate_deg))
        scale = exp(rng.uniform(log(self.scale[0]), log(self.scale[1])))
        shear = float(rng.uniform(*self.shear_deg))
        if chance >= self.share:
            return sample
        warp = _albumentations().Affine(
            rotate=(angle, angle), scale=(scale, scale), shear={"x": (shear, shear), "y": (0, 0)},
            interpolation=cv2.INTER_LINEAR, mask_interpolation=cv2.INTER_NEAREST,
            border_mode=cv2.BORDER_CONSTANT, fill=0, fill_mask=NODATA, p=1,
        )  # fmt: skip
        planes = [sample.image, sample.valid[None].astype(np.float32)]
        if sample.target is not None:
            planes.insert(1, sample.target)
        mask = sample.mask if sample.mask is not None else np.zeros(sample.valid.shape, np.uint8)
        channels = np.ascontiguousarray(np.concatenate(planes).transpose(1, 2, 0))
        out = warp(image=channels, mask=mask)
        warped = np.ascontiguousarray(out["image"].transpose(2, 0, 1))
        n = len(sample.image)
        return replace(
            sample,
            image=warped[:n],
            target=None if sample.target is None else warped[n : 2 * n],
            valid=warped[-1] > 0.999,  # a mixture with invalid pixels is none
            mask=None if sample.mask is None else np.asarray(out["mask"], np.uint8),
            gsd_m=sample.gsd_m / scale,
            sun_azimuth_deg=(sample.sun_azimuth_deg - angle) % 360,
        )


@dataclass(frozen=True)
class Coarsen:
    """Blur to the resolution of a coarser sensor, on the same pixels, in some of the samples.

    The image is averaged onto pixels of a drawn size and interpolated back, as a 60 m band on a
    20 m grid is. The mask keeps its detail. For a real change of pixel size see ``gsd_range_m``
    of the datasets.
    """

    share: float = 0.3
    """Share of the samples that are changed."""
    gsd_m: tuple[float, float] = (10.0, 60.0)
    """Pixel sizes to draw from, evenly in the logarithm; what is not coarser changes nothing."""
    bands_apart: bool = False
    """Each band by itself (sensors with 10, 20 and 60 m bands) instead of all alike."""

    def __post_init__(self) -> None:
        check_share("share", self.share)
        check_range("gsd_m", self.gsd_m, 1e-3)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        chance = float(rng.random())
        low, high = (log(g) for g in self.gsd_m)
        n = len(sample.image)
        sizes = np.exp(rng.uniform(low, high, n if self.bands_apart else 1))
        if chance >= self.share or not isfinite(sample.gsd_m):
            return sample
        factors = np.broadcast_to(sizes / sample.gsd_m, n)

        def blurred(planes: FloatArray) -> FloatArray:
            return np.stack([_coarse(p, float(f)) for p, f in zip(planes, factors, strict=True)])

        target = None if sample.target is None else blurred(sample.target)
        return replace(sample, image=blurred(sample.image), target=target)


def _coarse(plane: FloatArray, factor: float) -> FloatArray:
    if factor <= 1:
        return plane.copy()
    height, width = plane.shape
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def turned(tile: Tile, rng: np.random.Generator) -> Tile:
    """One of the eight flips and turns of clear ground; its pixels stay squares of their size."""
    turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
    data = np.rot90(tile.data, turns, axes=(1, 2))
    return replace(tile, data=np.ascontiguousarray(data[..., ::-1] if mirror else data))


def _changed(sample: Sample, change: Any, azimuth: float) -> Sample:
    """``change`` of every plane of the sample."""
    return replace(
        sample,
        image=change(sample.image),
        valid=change(sample.valid),
        mask=None if sample.mask is None else change(sample.mask),
        target=None if sample.target is None else change(sample.target),
        prior=None if sample.prior is None else change(sample.prior),
        sun_azimuth_deg=azimuth,
    )


def _albumentations() -> Any:
    """The module, kept from asking the network for a newer version of itself."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    try:
        import albumentations
    except ImportError as e:  # pragma: no cover - depends on the installation
        raise MissingExtraError("free rotation of samples", "train") from e
    return albumentations
