"""Draws the layers of a scene: which preset, how much cloud, under which sun."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..datasets.errors import UsageError, ValueRangeError
from ..datasets.pair import CloudParams
from ..datasets.tile import Acquisition
from .presets import PRESETS, Range, draw_sun


@dataclass(frozen=True)
class CloudSampler:
    """What to draw from; None leaves the ranges of the presets.

    Raises:
        UsageError: there is no such preset.
        ValueRangeError: weights that do not fit the presets, or a range upside down.
    """

    presets: tuple[str, ...] = ("mixed",)
    """Keys of ``PRESETS``, one of which is drawn for each scene."""
    weights: tuple[float, ...] = ()
    """How often each is drawn; evenly if empty."""
    cover: Range | None = None
    """(low, high) cover of every layer, instead of the presets'."""
    tau_550: Range | None = None
    """(low, high) optical thickness of every layer, instead of the presets'."""
    sun_zenith_deg: Range = (20.0, 65.0)
    """(low, high) for tiles whose sun is not known; the azimuth is then any."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.presets if name not in PRESETS]
        if unknown or not self.presets:
            raise UsageError(
                f"no cloud preset called '{', '.join(unknown)}'",
                f"one of {', '.join(PRESETS)}",
                "correct the name",
            )
        w = self.weights
        if w and (len(w) != len(self.presets) or min(w) < 0 or not sum(w) > 0):
            raise ValueRangeError(
                f"weights {w} for {len(self.presets)} presets",
                "one for each, 0 or more and not all 0",
                "correct the weights",
            )
        for name in ("cover", "tau_550", "sun_zenith_deg"):
            limits = getattr(self, name)
            if limits is not None and not 0 <= limits[0] <= limits[1]:
                raise ValueRangeError(
                    f"{name} from {limits[0]} to {limits[1]}", "low, high from 0", "correct it"
                )

    def sample(
        self, rng: np.random.Generator, acquired: Acquisition | None = None
    ) -> tuple[CloudParams, ...]:
        """Draw the layers of one scene.

        Args:
            rng: source of all randomness.
            acquired: the tile's; its sun is used where known, else one is drawn for all layers.
        """
        name = self.presets[0]
        if len(self.presets) > 1:
            ends = np.cumsum(self.weights or [1.0] * len(self.presets))
            at = np.searchsorted(ends, rng.random() * ends[-1], side="right")
            name = self.presets[min(int(at), len(self.presets) - 1)]
        sun = draw_sun(rng, acquired, self.sun_zenith_deg)
        layers = []
        for preset in PRESETS[name]:
            mine = preset if self.cover is None else replace(preset, cover=self.cover)
            mine = mine if self.tau_550 is None else replace(mine, tau_550=self.tau_550)
            layers.append(mine.under(*sun, rng))
        return tuple(layers)
