"""Types of cloud as ranges to draw from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..datasets.errors import UsageError
from ..datasets.pair import CloudParams
from ..datasets.tile import Acquisition

Range = tuple[float, float]


@dataclass(frozen=True)
class CloudPreset:
    """A type of cloud: (low, high) of everything that is drawn, units as in CloudParams."""

    kind: Literal["cumulus", "cirrus", "haze"]
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

    def sample(self, rng: np.random.Generator, acquired: Acquisition | None = None) -> CloudParams:
        """Draw a layer.

        Args:
            rng: source of all randomness.
            acquired: the tile's; its sun is used where known, else one is drawn (zenith 20-65
                degrees, any azimuth).
        """

        def draw(limits: Range) -> float:
            return float(rng.uniform(*limits))

        sun_zenith, sun_azimuth = draw((20, 65)), draw((0, 360))
        if acquired is not None and acquired.sun_zenith_deg is not None:
            sun_zenith = acquired.sun_zenith_deg
        if acquired is not None and acquired.sun_azimuth_deg is not None:
            sun_azimuth = acquired.sun_azimuth_deg
        return CloudParams(
            kind=self.kind,
            seed=int(rng.integers(2**63)),
            cover=draw(self.cover),
            tau_550=float(np.exp(draw((np.log(self.tau_550[0]), np.log(self.tau_550[1]))))),
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
            sun_zenith_deg=sun_zenith,
            sun_azimuth_deg=sun_azimuth,
        )


CUMULUS = CloudPreset(
    kind="cumulus", phase="water", cover=(0.08, 0.45), tau_550=(8, 30), alpha=(0.0, 0.1),
    asymmetry=(0.84, 0.87), side_loss=(0.3, 0.7), base_m=(600, 2500), scale_m=(1500, 5000),
    octaves=8, persistence=(0.48, 0.58), edge=(0.6, 1.0), stretch=(1.0, 1.4),
)  # fmt: skip
"""Heaped water cloud: thick, thin at its rims, with dark shadows."""
CIRRUS = CloudPreset(
    kind="cirrus", phase="ice", cover=(0.15, 0.7), tau_550=(0.2, 2.0), alpha=(0.0, 0.3),
    asymmetry=(0.76, 0.82), side_loss=(0.0, 0.1), base_m=(6500, 11000), scale_m=(3000, 8000),
    octaves=7, persistence=(0.45, 0.6), edge=(1.0, 1.6), stretch=(3.0, 7.0),
)  # fmt: skip
"""Streaks of ice: thin, high, bright at 1375 nm."""
HAZE = CloudPreset(
    kind="haze", phase="aerosol", cover=(0.5, 1.0), tau_550=(0.2, 1.2), alpha=(1.0, 1.6),
    asymmetry=(0.62, 0.72), side_loss=(0.0, 0.0), base_m=(200, 1500), scale_m=(5000, 20000),
    octaves=5, persistence=(0.35, 0.5), edge=(0.8, 1.4), stretch=(1.0, 2.0),
)  # fmt: skip
"""Fine particles: hides the blue, hardly the infrared."""

PRESETS: Mapping[str, tuple[CloudPreset, ...]] = {
    "cumulus": (CUMULUS,),
    "cirrus": (CIRRUS,),
    "haze": (HAZE,),
    "mixed": (CUMULUS, CIRRUS),
}
"""Layers by name, each drawn on its own."""


def sample_clouds(
    preset: str, rng: np.random.Generator, acquired: Acquisition | None = None
) -> tuple[CloudParams, ...]:
    """Draw every layer of the preset called ``preset``; UsageError lists those there are."""
    if preset not in PRESETS:
        raise UsageError(
            f"no cloud preset called '{preset}'", f"one of {', '.join(PRESETS)}", "correct the name"
        )
    return tuple(layer.sample(rng, acquired) for layer in PRESETS[preset])
