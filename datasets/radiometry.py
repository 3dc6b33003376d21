"""Changes of the numbers of a sample: other calibrations, other air, noise, missing bands.

All work on float32 reflectance. Image and target change alike, except for noise, so that clear
pixels stay equal in both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .augment import check_range, check_share
from .bands import BLUE, GREEN, NIR, RED, BandSet
from .errors import ValueRangeError
from .samples import Sample
from .tile import BoolArray, FloatArray

KEPT = (BandSet((BLUE, GREEN, RED)), BandSet((GREEN, RED, NIR)))
"""The least that a detector must work with: band dropout always leaves one of these whole."""


@dataclass(frozen=True)
class ReflectanceJitter:
    """rho -> rho * gain * band_gain * (1 + slope * (lambda - 1 um) / 1 um) + offset + band_offset.

    The ranges are uniform. The defaults cover the differences between sensors and processors
    (calibration to 3-5 %, Gascon et al. 2017; path reflectance left over by aerosol correction)
    and some change of the sun's angle. Thermal bands get an offset of their own.
    """

    gain: tuple[float, float] = (0.85, 1.15)
    """Common to all bands: sun angle, terrain."""
    band_gain: tuple[float, float] = (0.95, 1.05)
    """Each band by itself: calibration, band shape."""
    offset: tuple[float, float] = (-0.01, 0.02)
    """Reflectance, common to all bands: haze, stray light."""
    band_offset: tuple[float, float] = (-0.005, 0.005)
    """Reflectance, each band by itself."""
    slope: tuple[float, float] = (-0.1, 0.1)
    """Change of the gain for each micrometre from 1 um: colour of light and aerosol."""
    kelvin: tuple[float, float] = (-8.0, 8.0)
    """Added to thermal bands: season, hour, moist air."""

    def __post_init__(self) -> None:
        check_range("gain", self.gain, 0.01)
        check_range("band_gain", self.band_gain, 0.01)
        check_range("offset", self.offset)
        check_range("band_offset", self.band_offset)
        check_range("slope", self.slope, -0.5)
        check_range("kelvin", self.kelvin)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        n = len(sample.bands)
        gain = rng.uniform(*self.gain) * rng.uniform(*self.band_gain, n)
        offset = rng.uniform(*self.offset) + rng.uniform(*self.band_offset, n)
        slope = rng.uniform(*self.slope)
        microns = np.array([b.center_nm for b in sample.bands]) / 1000
        thermal = _thermal(sample)
        kelvin = rng.uniform(*self.kelvin) if thermal.any() else 0.0
        gain = np.where(thermal, 1, gain * np.maximum(1 + slope * (microns - 1), 0.05))
        offset = np.where(sample.present, np.where(thermal, kelvin, offset), 0)
        scale, shift = (v.astype(np.float32)[:, None, None] for v in (gain, offset))

        def change(planes: FloatArray) -> FloatArray:
            out: FloatArray = planes * scale
            out += shift
            return out

        target = None if sample.target is None else change(sample.target)
        return replace(sample, image=change(sample.image), target=target)


@dataclass(frozen=True)
class SensorNoise:
    """Gaussian noise on the image (never on the target), standard deviation drawn for each band.

    Sentinel-2 and Landsat 8 have a signal-to-noise ratio above 100 at reflectance 0.1 (0.001).
    """

    sigma: tuple[float, float] = (0.0, 0.003)
    """Standard deviation in reflectance."""

    def __post_init__(self) -> None:
        check_range("sigma", self.sigma, 0)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        sigma = rng.uniform(*self.sigma, len(sample.bands)).astype(np.float32)
        sigma[_thermal(sample)] = 0
        noise = rng.standard_normal(sample.image.shape, dtype=np.float32)
        noise *= sigma[:, None, None]
        noise += sample.image
        return replace(sample, image=noise)


@dataclass(frozen=True)
class BandDropout:
    """Take bands away as if the sensor had none, in some of the samples.

    One of ``KEPT`` that the sample has stays whole; each other band goes with a probability
    that is drawn anew for each sample, so that both "all" and "three only" occur. A sample that
    has neither of ``KEPT`` is left alone.
    """

    share: float = 0.5
    """Share of the samples that lose bands."""

    def __post_init__(self) -> None:
        check_share("share", self.share)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        chance, loss, pick = rng.random(3)
        drops = rng.random(len(sample.bands)) < loss
        choices = [kept for kept in (_places(k, sample) for k in KEPT) if kept is not None]
        if chance >= self.share or not choices:
            return sample
        kept = choices[int(pick * len(choices))]
        present = sample.present & (~drops | kept)
        image = np.where(present[:, None, None], sample.image, np.float32(0))
        target = sample.target
        if target is not None:
            target = np.where(present[:, None, None], target, np.float32(0))
        return replace(sample, image=image, target=target, present=present)


@dataclass(frozen=True)
class LightingGradient:
    """Gain that changes across the crop along a random direction: terrain, haze, view angle."""

    strength: tuple[float, float] = (0.0, 0.1)
    """Gain at one border less that at the centre."""

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 0)
        if self.strength[1] >= 1:
            raise ValueRangeError(f"strength {self.strength}", "below 1", "correct it")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        height, width = sample.valid.shape
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(*self.strength)
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(np.sin(angle))
        x = np.linspace(-1, 1, width, dtype=np.float32)[None] * np.float32(np.cos(angle))
        gain = 1 + np.float32(strength / np.sqrt(2)) * (x + y)
        scale = np.where(_thermal(sample)[:, None, None], np.float32(1), gain)
        target = None if sample.target is None else sample.target * scale
        return replace(sample, image=sample.image * scale, target=target)


def _thermal(sample: Sample) -> BoolArray:
    return np.array([b.kind == "thermal" for b in sample.bands])


def _places(kept: BandSet, sample: Sample) -> BoolArray | None:
    """(band,) bool of the bands ``kept``; None if the sample lacks one of them."""
    found = [sample.bands.find(w) for w in kept]
    if any(i is None or not sample.present[i] for i in found):
        return None
    out = np.zeros(len(sample.bands), bool)
    out[[i for i in found if i is not None]] = True
    return out
