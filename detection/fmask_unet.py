"""Fmask and the network together, each with the weight that it has earned on other places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, inf, sqrt
from pathlib import Path
from typing import ClassVar

import numpy as np
from rasterio.windows import Window

from ..datasets.bands import BandSet
from ..datasets.coarse import averaged, averaged_tile
from ..datasets.errors import GridError, ValueRangeError
from ..datasets.scene import Scene
from ..datasets.tile import NODATA, SHADOW, THICK, THIN, ByteArray, CloudMask, FloatArray, Tile
from .fmask import Fmask
from .runtimes import Choice
from .segmenter import Segmenter


@dataclass(frozen=True)
class FmaskUnet:
    """The network's probabilities, moved by what Fmask says of the scene as a whole.

    The two err differently. Fmask takes bright ground and haze for cloud where the network sees
    that they are clear; the network, which has no histogram of the scene and does not know how far
    a shadow lies from its cloud, takes dim overcasts for clear ground and misses shadows. So the
    odds of cloud against clear are multiplied by ``odds`` where Fmask finds cloud, and divided by
    it elsewhere; those of shadow are multiplied by it where Fmask finds one.

    Fmask is shown a large scene averaged, and its word is repeated to the fine pixels: it moves
    odds, and the network draws the outlines. So scenes of any size are streamed.

    Raises:
        ValueRangeError: a setting out of its range; see also `Segmenter`.
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
    flip: bool = False
    """See `Segmenter.flip`."""
    odds: float = 2.2
    """How much Fmask's word counts, 1 or more; with 1 it counts nothing. Chosen by
    ``benchmarks/blend.py`` on training tiles that the network had not seen."""
    shown_px: int = 8_000_000
    """Most pixels that Fmask is shown. Of a quarter as many it finds as much cloud, but of shadow
    next to nothing that the network had not found (``benchmarks/blend.py --averaged 2``)."""

    def __post_init__(self) -> None:
        self.network()
        if not 1 <= self.odds < inf:
            raise ValueRangeError(f"odds times {self.odds:g}", "1 or more", "correct it")
        if self.shown_px < 1:
            raise ValueRangeError(f"shown_px = {self.shown_px}", "1 or more", "correct it")

    def mask(self, tile: Tile) -> CloudMask:
        """Classes and probabilities of every valid pixel.

        Raises:
            FileError, WeightsError, UnfitError: see `Segmenter.mask`.
        """
        chosen = self._chosen(tile.bands)
        factor = self._factor(tile.shape)
        self.network().model()  # before Fmask works
        return self._told(averaged_tile(tile, factor, chosen), factor).mask(tile)

    def informed(self, scene: Scene, tell: Callable[[int, int], None] | None = None) -> Segmenter:
        """The network that has heard what Fmask says of this scene, which is read for it.

        Args:
            scene: an open scene.
            tell: called with the rows that are read, and all of them.

        Raises:
            FileError, WeightsError, GridError: see `Segmenter`; before the scene is read.
        """
        self.network().runner(scene.shape, scene.gsd_m)
        factor, rows = self._factor(scene.shape), scene.shape[0]

        def seen(window: Window, _: Tile) -> None:
            if tell is not None:
                tell(window.row_off + window.height, rows)

        return self._told(averaged(scene, factor, self._chosen(scene.bands), seen), factor)

    def network(self) -> Segmenter:
        """The network by itself."""
        return Segmenter(
            self.weights, self.threshold, self.flip, runtime=self.runtime, network_m=self.network_m
        )

    def _chosen(self, bands: BandSet) -> list[int]:
        """What Fmask looks at."""
        more = (i for window in Fmask.optional if (i := bands.find(window)) is not None)
        return [*bands.locate(self.bands), *more]

    def _factor(self, shape: tuple[int, int]) -> int:
        return max(1, ceil(sqrt(shape[0] * shape[1] / self.shown_px)))

    def _told(self, coarse: Tile, factor: int) -> Segmenter:
        said = Fmask().mask(coarse).classes
        return replace(self.network(), prior=Said(said, factor, self.odds))


@dataclass(frozen=True, eq=False)
class Said:
    """What Fmask says of a scene, as a `segmenter.Prior`."""

    classes: ByteArray
    """(y, x) of the averaged scene."""
    factor: int
    """Fine pixels along the side of one of these."""
    odds: float

    def check(self, shape: tuple[int, int]) -> None:
        """Raise GridError unless the scene has ``shape``, as far as the averaged one tells."""
        height, width = (-(-n // self.factor) for n in shape)
        if (height, width) != self.classes.shape:
            raise GridError(
                f"an image of {shape[1]} x {shape[0]} pixels for what was said of another",
                f"{self.classes.shape[1]} x {self.classes.shape[0]} blocks of {self.factor} pixels",
                "let Fmask see this image",
            )

    def weigh(self, p: FloatArray, top: int) -> None:
        """Multiply the odds of probabilities (4, y, x) in place; see `segmenter.Prior`."""
        _, height, width = p.shape
        rows, columns = (
            np.minimum(np.arange(first, first + n) // self.factor, most - 1)
            for first, n, most in zip((top, 0), (height, width), self.classes.shape, strict=True)
        )
        said = self.classes[np.ix_(rows, columns)]
        cloud = np.full(256, 1 / self.odds, np.float32)
        cloud[[THICK, THIN]], cloud[NODATA] = self.odds, 1
        shadow = np.ones(256, np.float32)
        shadow[SHADOW] = self.odds
        p[THICK : THIN + 1] *= cloud[said]
        p[SHADOW] *= shadow[said]
        p /= p.sum(axis=0)
