"""Fmask and the network together, each with the weight that it has earned on other places."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf, log2
from pathlib import Path
from typing import ClassVar

from ..datasets.atomic import scratch_file
from ..datasets.bands import BandSet
from ..datasets.coarse import Averages, averaged_tile
from ..datasets.errors import ValueRangeError
from ..datasets.scene import Scene
from ..datasets.tile import ByteArray, CloudMask, Tile
from .answers import WORD, Kept, answered, finer, heard, moved
from .fmask import Fmask
from .pixels import ScenePixels
from .runtimes import Choice
from .segmenter import Segmenter
from .strips import Strip


@dataclass(frozen=True)
class FmaskUnet:
    """The network's probabilities, moved by what Fmask says of the scene as a whole.

    The two err differently. Fmask takes bright ground and haze for cloud where the network sees
    that they are clear; the network, which has no histogram of the scene and does not know how far
    a shadow lies from its cloud, takes dim overcasts for clear ground and misses shadows. So the
    odds of cloud against clear are multiplied by ``odds`` where Fmask finds cloud, and divided by
    it elsewhere; those of shadow are multiplied by it where Fmask finds one.

    Fmask is shown a large scene averaged, and its word is repeated to the fine pixels: it moves
    odds, and the network draws the outlines. So scenes of any size are streamed (see `answers`).

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
    """About so many pixels Fmask is shown, half to twice. Of a quarter as many it finds as much
    cloud, but of shadow next to nothing that the network had not found (``benchmarks/blend.py
    --averaged 2``)."""

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
        chosen, factor, network = self._chosen(tile.bands), self._factor(tile.shape), self.network()
        p = network.predicted(tile)
        said = Fmask().mask(averaged_tile(tile, factor, chosen)).classes
        words = finer(WORD[said], factor, 0, tile.shape)
        classes = heard(answered(p, network, self.odds), words)
        return CloudMask.like(tile, classes, moved(p, words, self.odds))

    @contextmanager
    def strips(
        self,
        scene: Scene,
        out: Path,
        probability: bool = False,
        tell: Callable[[int, int], None] | None = None,
    ) -> Iterator[Generator[Strip, None, None]]:
        """The mask of a scene of any size, which is read once: all of it before the first strip.

        Args:
            scene: an open scene.
            out: the output; beside it a byte a pixel is kept meanwhile (13 with probabilities).
            probability: hand on those, too.
            tell: called with the rows that are read, and all of them.

        Raises:
            FileError, WeightsError, UnfitError: see `Segmenter.mask`.
            OutputError: there is no room, or nothing may be written there.
        """
        with scratch_file(out) as file:
            kept = Kept(file, self.network(), self.odds, probability)
            factor = self._factor(scene.shape)
            said = self._streamed(scene, factor, kept, tell)
            yield kept.strips(said, factor)

    def _streamed(
        self, scene: Scene, factor: int, kept: Kept, tell: Callable[[int, int], None] | None
    ) -> ByteArray:
        """(y, x) classes of the averaged scene by Fmask; all answers of the network are kept."""
        averages = Averages(scene, factor, self._chosen(scene.bands))
        pixels, top = ScenePixels(scene, kept.network.model().bands, averages), 0
        for p in kept.network.probabilities(pixels, overlapping=True):
            kept.add(p, pixels.take_valid(top, top + p.shape[1]))
            top += p.shape[1]
            if tell is not None:
                tell(top, scene.shape[0])
        del pixels  # a few hundred megabytes that Fmask may have
        return Fmask().mask(averages.tile()).classes

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
        """A power of 2, so that blocks of a scene hold whole averages."""
        return 1 << max(0, round(log2(shape[0] * shape[1] / self.shown_px) / 2))
