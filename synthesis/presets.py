"""Types of cloud as ranges to draw from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..datasets.errors import UsageError
from ..datasets.pair import CloudParams
from ..datasets.tile import Acquisition

Range = tuple[float, float]


@dataclass(frozen=True)
class CloudPreset:
    """A type of cloud: (low, high) of everything that is drawn, units as in CloudParams."""

    kind: Literal["cumulus", "stratus", "broken", "cirrus", "haze", "fog"]
    phase: Literal["water", "ice", "aerosol"]
    cover: Range
    tau_550: Range
    """Drawn evenly in its logarithm."""
    alpha: Range
    asymmetry: Range
    side_loss: Range
    base_m: Range
    scale_m: Range
    octaves: int
    persistence: Range
    edge: Range
    stretch: Range

    adjacency: Range = (0.0, 0.0)
    absorption: Range = (1.0, 1.0)
    parallax: bool = True
    """Whether bands of sensors that are known for it see the layer displaced."""

    def sample(self, rng: np.random.Generator, acquired: Acquisition | None = None) -> CloudParams:
        """Draw a layer.

        Args:
            rng: source of all randomness.
            acquired: the tile's; its sun is used where known, else one is drawn (zenith 20-65
                degrees, any azimuth).
        """
        zenith, azimuth = draw_sun(rng, acquired)
        return self.under(zenith, azimuth, rng)

    def under(
        self, sun_zenith_deg: float, sun_azimuth_deg: float, rng: np.random.Generator
    ) -> CloudParams:
        """Draw a layer under this sun."""

        def draw(limits: Range) -> float:
            return float(rng.uniform(*limits))

        low, high = (max(tau, 1e-9) for tau in self.tau_550)
        return CloudParams(
            kind=self.kind,
            seed=int(rng.integers(2**63)),
            cover=draw(self.cover),
            tau_550=float(np.exp(draw((np.log(low), np.log(high))))),
            alpha=draw(self.alpha),
            asymmetry=draw(self.asymmetry),
            phase=self.phase,
            side_loss=draw(self.side_loss),
            base_m=draw(self.base_m),
            scale_m=draw(self.scale_m),
            octaves=self.octaves,
            persistence=draw(self.persistence),
            edge=draw(self.edge),
            stretch=draw(self.stretch),
            heading_deg=draw((0, 180)),
            sun_zenith_deg=sun_zenith_deg,
            sun_azimuth_deg=sun_azimuth_deg,
            adjacency=draw(self.adjacency),
            absorption=draw(self.absorption),
            parallax=float(rng.choice((-1, 1))) if self.parallax else 0.0,
        )


def draw_sun(
    rng: np.random.Generator, acquired: Acquisition | None, zenith_deg: Range = (20.0, 65.0)
) -> tuple[float, float]:
    """(zenith, azimuth) in degrees: those of ``acquired`` where known, else drawn."""
    zenith, azimuth = float(rng.uniform(*zenith_deg)), float(rng.uniform(0, 360))
    if acquired is not None and acquired.sun_zenith_deg is not None:
        zenith = acquired.sun_zenith_deg
    if acquired is not None and acquired.sun_azimuth_deg is not None:
        azimuth = acquired.sun_azimuth_deg
    return zenith, azimuth


CUMULUS = CloudPreset(
    kind="cumulus", phase="water", cover=(0.08, 0.45), tau_550=(8, 60), alpha=(0.0, 0.1),
    asymmetry=(0.84, 0.87), side_loss=(0.1, 0.5), base_m=(600, 3000), scale_m=(1500, 5000),
    octaves=8, persistence=(0.56, 0.68), edge=(0.8, 1.3), stretch=(1.0, 1.4),
    adjacency=(0.0, 0.04),
    absorption=(0.6, 1.6),
)  # fmt: skip
"""Heaped water cloud: thick, thin at its rims, with dark shadows."""
HUMILIS = replace(
    CUMULUS, cover=(0.01, 0.15), tau_550=(4, 30), base_m=(500, 2000), scale_m=(300, 1200)
)
"""Fair-weather cumulus: many small heaps, each with its shadow close by."""
CIRRUS = CloudPreset(
    kind="cirrus", phase="ice", cover=(0.15, 0.7), tau_550=(0.2, 2.0), alpha=(0.0, 0.3),
    asymmetry=(0.76, 0.82), side_loss=(0.0, 0.1), base_m=(6500, 11000), scale_m=(3000, 8000),
    octaves=6, persistence=(0.55, 0.68), edge=(1.0, 1.6), stretch=(3.0, 7.0),
    absorption=(0.6, 1.5),
)  # fmt: skip
"""Streaks of ice: thin, high, bright at 1375 nm."""
HAZE = CloudPreset(
    kind="haze", phase="aerosol", cover=(0.5, 1.0), tau_550=(0.2, 1.2), alpha=(1.0, 1.6),
    asymmetry=(0.62, 0.72), side_loss=(0.0, 0.0), base_m=(200, 1500), scale_m=(5000, 20000),
    octaves=5, persistence=(0.45, 0.6), edge=(0.8, 1.4), stretch=(1.0, 2.0),
)  # fmt: skip
"""Fine particles: hides the blue, hardly the infrared."""

STRATUS = CloudPreset(
    kind="stratus", phase="water", cover=(0.5, 0.95), tau_550=(6, 60), alpha=(0.0, 0.1),
    asymmetry=(0.84, 0.87), side_loss=(0.0, 0.1), base_m=(300, 1500), scale_m=(6000, 15000),
    octaves=8, persistence=(0.58, 0.70), edge=(0.8, 1.4), stretch=(1.0, 2.0),
    adjacency=(0.0, 0.04),
    absorption=(0.6, 1.6),
)  # fmt: skip
"""A sheet of water cloud with few gaps."""
BROKEN = CloudPreset(
    kind="broken", phase="water", cover=(0.3, 0.8), tau_550=(5, 40), alpha=(0.0, 0.1),
    asymmetry=(0.84, 0.87), side_loss=(0.0, 0.3), base_m=(500, 2000), scale_m=(900, 2500),
    octaves=7, persistence=(0.55, 0.65), edge=(0.9, 1.4), stretch=(1.0, 1.8),
    adjacency=(0.0, 0.04),
    absorption=(0.6, 1.6),
)  # fmt: skip
"""Cells of stratocumulus with gaps along their borders."""
FOG = CloudPreset(
    kind="fog", phase="water", cover=(0.2, 0.9), tau_550=(1, 12), alpha=(0.0, 0.2),
    asymmetry=(0.82, 0.86), side_loss=(0.0, 0.0), base_m=(20, 200), scale_m=(5000, 15000),
    octaves=7, persistence=(0.50, 0.62), edge=(0.8, 1.5), stretch=(1.0, 2.5),
    absorption=(0.6, 1.6),
)  # fmt: skip
"""Droplets on the ground: grey, smooth, so low that its shadow hides under it."""

OVERCAST = replace(
    STRATUS,
    cover=(0.95, 1.0),
    tau_550=(15, 120),
    edge=(0.4, 1.0),
    base_m=(800, 6000),
    persistence=(0.64, 0.78),
)
"""A closed deck, bright and of low contrast: no ground in sight."""
FRONTAL = replace(
    OVERCAST, phase="ice", asymmetry=(0.76, 0.82), tau_550=(10, 100), base_m=(3000, 9000)
)
"""A closed deck of ice: as bright, dark beyond 1500 nm, bright at 1375 nm."""

PRESETS: Mapping[str, tuple[CloudPreset, ...]] = {
    "cumulus": (CUMULUS,),
    "stratus": (STRATUS,),
    "broken": (BROKEN,),
    "cirrus": (CIRRUS,),
    "haze": (HAZE,),
    "fog": (FOG,),
    "overcast": (OVERCAST,),
    "frontal": (FRONTAL,),
    "overcast-cirrus": (OVERCAST, CIRRUS),
    "mixed": (CUMULUS, CIRRUS),
    "broken-cirrus": (BROKEN, CIRRUS),
    "hazy-cumulus": (HAZE, CUMULUS),
    "humilis": (HUMILIS,),
}
"""Layers by name, each drawn on its own under one sun."""


def sample_clouds(
    preset: str, rng: np.random.Generator, acquired: Acquisition | None = None
) -> tuple[CloudParams, ...]:
    """Draw every layer of the preset called ``preset``; UsageError lists those there are."""
    if preset not in PRESETS:
        raise UsageError(
            f"no cloud preset called '{preset}'", f"one of {', '.join(PRESETS)}", "correct the name"
        )
    sun = draw_sun(rng, acquired)
    return tuple(layer.under(*sun, rng) for layer in PRESETS[preset])
