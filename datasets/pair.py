"""A cloudy tile whose truth is known: the pair that synthesis paints and training reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .errors import GridError, ValueRangeError
from .tile import CloudMask, FloatArray, Tile


@dataclass(frozen=True)
class CloudParams:
    """Everything that was drawn for one layer of synthetic cloud: the same numbers, the same bytes.

    Raises:
        ValueRangeError: a number that no cloud can have, or a sun below the horizon.
    """

    kind: Literal["cumulus", "stratus", "broken", "cirrus", "haze", "fog"]
    """Type of the cloud; decides the form of its noise field."""
    seed: int
    """Seed of the noise field."""
    cover: float
    """Share of the tile's valid pixels under this layer, in [0, 1]; met to a pixel (in the band
    that parallax is counted from, and without what adjacency brightens)."""
    tau_550: float
    """Optical thickness at 550 nm, mean over the pixels under the layer (before peaks are cut)."""
    alpha: float
    """Angstrom exponent: tau(lambda) = tau_550 * (lambda / 550 nm)^-alpha."""
    asymmetry: float
    """Mean cosine g of the scattering angle; about .85 water droplets, .65 fine haze."""
    phase: Literal["water", "ice", "aerosol"]
    """What it is made of; decides how dark it is in the short-wave infrared."""
    side_loss: float
    """Share of the scattered light below it that leaves through the sides of a heap and misses
    the shadow, in [0, 1]; 0 for sheets."""
    base_m: float
    """Height of the layer above ground, metres."""
    scale_m: float
    """Size of the largest structures (a cell of the first octave), metres."""
    octaves: int
    """Octaves of Perlin noise."""
    persistence: float
    """Weight of an octave against the one before: higher is more ragged."""
    edge: float
    """Exponent from noise height to optical thickness: below 1 steep edges, above 1 soft ones."""
    stretch: float
    """Length of the structures over their width; 1 is round."""
    heading_deg: float
    """Direction of the stretch, degrees clockwise from the top of the image."""
    sun_zenith_deg: float
    """Angle of the sun from the vertical, degrees."""
    sun_azimuth_deg: float
    """Direction of the sun, degrees clockwise from north."""
    adjacency: float = 0.0
    """Reflectance at 470 nm that a wide opaque cloud adds to the air beside it; 0 paints none."""
    absorption: float = 1.0
    """How much its particles absorb in the short-wave infrared, over those of usual size: about
    the root of the ratio of effective radii."""
    parallax: float = 0.0
    """Share of the sensor's parallax between bands that is painted, in [-1, 1]: 1 as it flies,
    -1 for detectors that look the other way, 0 for none."""

    def __post_init__(self) -> None:
        rules = (
            ("cover", 0 <= self.cover <= 1, "a share in [0, 1]"),
            ("tau_550", 0 <= self.tau_550 < 1000, "an optical thickness of 0 or more"),
            ("asymmetry", -1 < self.asymmetry < 1, "a mean cosine between -1 and 1"),
            ("side_loss", 0 <= self.side_loss <= 1, "a share in [0, 1]"),
            ("base_m", 0 <= self.base_m <= 20_000, "metres in [0, 20000]"),
            ("scale_m", self.scale_m > 0, "metres above 0"),
            ("octaves", self.octaves >= 1, "1 or more"),
            ("edge", self.edge > 0, "an exponent above 0"),
            ("stretch", self.stretch >= 1, "1 or more"),
            ("absorption", self.absorption >= 0, "0 or more"),
            ("adjacency", 0 <= self.adjacency <= 1, "a reflectance in [0, 1]"),
            ("parallax", -1 <= self.parallax <= 1, "a share in [-1, 1]"),
            ("sun_zenith_deg", 0 <= self.sun_zenith_deg < 85, "degrees in [0, 85)"),
        )
        for name, ok, expected in rules:
            if not ok:
                sun = name == "sun_zenith_deg"
                raise ValueRangeError(
                    f"cloud parameter {name} = {getattr(self, name)!r}",
                    expected,
                    "use a tile taken by day, or correct its sun" if sun else "correct it",
                )


@dataclass(frozen=True)
class CloudyPair:
    """A tile without and with clouds, and what was done to it.

    A pixel of ``cloudy`` differs from ``clear`` only where ``mask`` says so. Thin cloud includes
    pixels that only some bands see as cloud (parallax) and the brightened rim of thick cloud
    (adjacency), both with an optical thickness of 0.
    """

    cloudy: Tile
    """The tile with clouds and their shadows."""
    clear: Tile
    """The same tile without."""
    mask: CloudMask
    """Thick and thin cloud, shadow, clear; nodata where the tile is not valid."""
    optical_thickness: FloatArray
    """(y, x) float32 optical thickness at 550 nm of all layers together, 0 without cloud."""
    shadow_factor: FloatArray
    """(y, x) float32 in (0, 1]: light on the ground in the near infrared over that without
    clouds, also below clouds; 1 where no shadow was painted."""
    params: tuple[CloudParams, ...]
    """The layers, lowest first; empty where nothing was painted."""

    def __post_init__(self) -> None:
        self.mask.check_grid(self.clear)
        shapes = {
            "cloudy tile": self.cloudy.shape,
            "optical thickness": self.optical_thickness.shape,
            "shadow factor": self.shadow_factor.shape,
        }
        for name, shape in shapes.items():
            if shape != self.clear.shape:
                raise GridError(
                    f"a {name} of shape {shape}", f"the clear tile's {self.clear.shape}", "pass one"
                )
