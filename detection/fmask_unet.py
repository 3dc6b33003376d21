"""Fmask and the network together: cloud where both doubt that the ground is clear."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ..datasets.bands import BandSet
from ..datasets.tile import BoolArray, CloudMask, Tile
from .fmask import Fmask
from .pixels import TilePixels
from .runtimes import Choice
from .segmenter import Segmenter


@dataclass(frozen=True)
class FmaskUnet:
    """Fmask's clouds where the network, too, finds cloud or shadow, and the shadows of these.

    The two err differently: Fmask takes bright ground and haze for cloud where the network sees
    that they are clear; the network takes dim parts of an overcast sky, and lakes, for shadow. So
    the network has a veto and no other say: which of the two a pixel is, cloud or shadow, is
    Fmask's word. Nothing is fitted; a blend of both, fitted on other places, did not do better.

    Looks at the whole scene, as Fmask does. Gives no probabilities.

    Raises:
        FileError, WeightsError: see `weights.load_weights`.
    """

    bands: ClassVar[BandSet] = Fmask.bands

    weights: str | Path | None = None
    """See `Segmenter.weights`."""
    threshold: float = 0.5
    """Probability of cloud or shadow, in (0, 1), below which the network's veto counts."""
    runtime: Choice = "auto"
    """What runs the network, see `runtimes`."""
    network_m: float | None = None
    """See `Segmenter.network_m`."""

    def __post_init__(self) -> None:
        self._network()

    def mask(self, tile: Tile) -> CloudMask:
        """Classify every valid pixel into clear, thick, thin and shadow."""
        tile.bands.locate(self.bands)
        return Fmask().mask_where(tile, self._suspected(tile))

    def _suspected(self, tile: Tile) -> BoolArray:
        """(y, x) where the network finds cloud or shadow; of its probabilities a strip is held."""
        network = self._network()
        pixels = TilePixels(tile, network.model().bands)
        return np.concatenate([p[0] <= 1 - self.threshold for p in network.probabilities(pixels)])

    def _network(self) -> Segmenter:
        return Segmenter(
            self.weights, self.threshold, runtime=self.runtime, network_m=self.network_m
        )
