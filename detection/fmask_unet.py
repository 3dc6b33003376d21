"""Fmask and the network together, each with the weight that it has earned on other places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ..datasets.bands import NIR, BandSet
from ..datasets.errors import ValueRangeError
from ..datasets.tile import CLEAR, SHADOW, THICK, THIN, BoolArray, ByteArray, CloudMask, Tile
from .fmask import Fmask, water
from .fmask_shadow import cast_shadow
from .pixels import TilePixels
from .runtimes import Choice
from .segmenter import Segmenter, decided


@dataclass(frozen=True)
class FmaskUnet:
    """The network's probabilities, moved by what Fmask says of clouds and where shadows must lie.

    The two err differently: Fmask takes bright ground and haze for cloud where the network sees
    that they are clear; the network takes dim parts of an overcast sky for clear. So the odds of
    cloud are multiplied by ``cloud_odds`` where Fmask finds cloud, and divided by it elsewhere.
    A network does not know how far a shadow lies from its cloud; Fmask's matching does, if the
    clouds are right. So the odds of shadow are multiplied by ``shadow_odds`` where the clouds so
    found, moved away from the sun, fall on dark ground.

    Looks at the whole scene, as Fmask does. Gives no probabilities.

    Raises:
        FileError, WeightsError: see `weights.load_weights`.
    """

    bands: ClassVar[BandSet] = Fmask.bands

    weights: str | Path | None = None
    """See `Segmenter.weights`."""
    threshold: float = 0.5
    """See `Segmenter.threshold`."""
    runtime: Choice = "auto"
    """What runs the network, see `runtimes`."""
    network_m: float | None = None
    """See `Segmenter.network_m`."""
    cloud_odds: float = 2.7
    """Factor of the odds of cloud by Fmask's word, 1 or more; 1 does not ask it."""
    shadow_odds: float = 2.7
    """Factor of the odds of shadow where a cloud's shadow must lie, 1 or more."""

    def __post_init__(self) -> None:
        self._network()
        if min(self.cloud_odds, self.shadow_odds) < 1:
            raise ValueRangeError(
                f"odds times {min(self.cloud_odds, self.shadow_odds):g}", "1 or more", "correct it"
            )

    def mask(self, tile: Tile) -> CloudMask:
        """Classify every valid pixel into clear, thick, thin and shadow."""
        tile.bands.locate(self.bands)
        classes, dim = self._weighed(tile, Fmask().cloud(tile))
        cloud = (classes == THICK) | (classes == THIN)
        ground = tile.valid & ~cloud & ~water(tile)
        matched = cast_shadow(tile, tile.pick(BandSet((NIR,)))[0], cloud, ground)
        classes[matched & dim & (classes == CLEAR)] = SHADOW
        return CloudMask.like(tile, classes)

    def _weighed(self, tile: Tile, said: BoolArray) -> tuple[ByteArray, BoolArray]:
        """Classes, and where it would be shadow if one were expected; a strip is held at a time.

        Args:
            tile: the scene.
            said: (y, x) Fmask's cloud.
        """
        network = self._network()
        model = network.model()
        classes, dim = np.empty(tile.shape, np.uint8), np.empty(tile.shape, bool)
        top = 0
        for p in network.probabilities(TilePixels(tile, model.bands)):
            rows = slice(top, top := top + p.shape[1])
            odds = np.where(said[rows], self.cloud_odds, 1 / self.cloud_odds)
            p[THICK : THIN + 1] *= odds.astype(np.float32)
            classes[rows] = decided(p, model.card, self.threshold)
            p[SHADOW] *= self.shadow_odds
            dim[rows] = decided(p, model.card, self.threshold) == SHADOW
        return classes, dim

    def _network(self) -> Segmenter:
        return Segmenter(
            self.weights, self.threshold, runtime=self.runtime, network_m=self.network_m
        )
