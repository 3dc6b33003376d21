"""The network as a detector: a tile of any optical sensor -> classes and their probabilities."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import ClassVar

import numpy as np

from ..datasets.ahead import ahead
from ..datasets.bands import BandSet
from ..datasets.errors import GridError, ValueRangeError
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.side_by_side import side_by_side
from ..datasets.tile import ByteArray, CloudMask, FloatArray, Tile
from ..datasets.weights import ModelCard, WeightsError
from ..datasets.windows import best_size
from .blending import Batch, batches, blended
from .inputs import NEEDED, check_bands, coarsening
from .model import Model, load_model
from .pixels import Mirrored, Pixels, TilePixels
from .prediction import Predictor
from .runtimes import Choice, Runtime, runtime, sharing, windows_at_a_time
from .weights import PACKAGED

DEFAULT_WEIGHTS = PACKAGED / "segmenter.safetensors"
_SHORTEST, _HIGHEST, _WIDEST = 512, 1280, 1536
"""Sides of windows to choose from, pixels: the fewer borders there are, the fewer pixels are seen
twice."""
_WINDOW_PX, _ROW_PX = 2_000_000, 13_500_000
"""Most pixels of a window, and of a row of windows, as far as sides allow: they are held in memory,
so the windows of wide scenes are lower."""
_MANY = 2
"""Windows for each of those that run side by side, below which they run one after another."""
_CONSTANT = 1e-6
"""Probabilities of an image that varies never vary by less."""


@dataclass(frozen=True)
class Segmenter:
    """U-Net on canonical bands; needs blue, green and red, or green, red and near infrared.

    One set of weights reads any sensor: bands are found by wavelength, and what a sensor lacks is
    told to the network. Scenes taken in the afternoon are mirrored, because the network knows
    the sun in the east. Top-of-atmosphere or surface reflectance.

    Raises:
        FileError, WeightsError: see `weights.load_weights`.
    """

    bands: ClassVar[BandSet] = NEEDED

    weights: str | Path | None = None
    """A ``.safetensors`` file; None takes the weights that come with kumosan."""
    threshold: float = 0.5
    """Probability of cloud or shadow, in (0, 1), from which on a pixel is not clear (once the
    classes are weighed as the weights' card says)."""
    flip: bool = False
    """Average with the image upside down: twice the time."""
    window_px: int | None = None
    """Side of what the network sees at a time; None takes what covers the scene with the fewest
    pixels in all, 512 to 1280 high and to 1536 wide."""
    overlap_px: int = 192
    """Pixels that neighbouring windows share, rounded up to multiples of the network's stride."""
    runtime: Choice = "auto"
    """What runs the network, see `runtimes`."""
    network_m: float | None = None
    """Pixel size in metres that the network works at, where the image's is finer: a quarter of the
    time at twice the size. Its answer is brought back along the edges of the image."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ValueRangeError(
                f"threshold {self.threshold}", "a probability between 0 and 1", "correct it"
            )
        if self.network_m is not None and not 10 <= self.network_m <= 60:
            raise ValueRangeError(
                f"a network at {self.network_m} m", "10 to 60 m, which it was trained on",
                "correct it",
            )  # fmt: skip

    def check(self, tile: Tile) -> None:
        """Raise UnfitError unless the tile has the bands that are needed."""
        check_bands(tile)

    def mask(self, tile: Tile) -> CloudMask:
        """Classes and probabilities (see `probabilities`) of every valid pixel."""
        p = self.predicted(tile)
        return CloudMask.like(tile, self.classes(p), p)

    def predicted(self, tile: Tile) -> FloatArray:
        """(4, y, x) probabilities of a tile (see `probabilities`)."""
        self.check(tile)
        rows = self.probabilities(TilePixels(tile, self.model().bands))
        return np.concatenate(list(rows), axis=1)

    def model(self) -> Model:
        """The network, loaded."""
        return load_model(self.weights or DEFAULT_WEIGHTS)

    def runner(self, shape: tuple[int, int], gsd_m: float | None) -> Runtime:
        """What runs the network on an image of that size."""
        pixels = round(shape[0] * shape[1] / self._factor(gsd_m) ** 2)
        return runtime(self.model(), self.runtime, pixels)

    def window(self, shape: tuple[int, int], gsd_m: float | None) -> tuple[int, int]:
        """(height, width) in pixels of the network of the windows over an image of that size."""
        stride = self.model().stride
        if self.window_px is not None:
            return (-(-self.window_px // stride) * stride,) * 2
        factor = self._factor(gsd_m)
        height, width = (max(1, round(n / factor)) for n in shape)
        high = best_size(height, self.overlap_px, stride, _sides(min(_HIGHEST, _ROW_PX // width)))
        wide = _sides(min(_WIDEST, _WINDOW_PX // min(high, height)))
        return high, best_size(width, self.overlap_px, stride, wide)

    def classes(self, p: FloatArray, odds: Sequence[float] = (1, 1, 1, 1)) -> ByteArray:
        """(y, x) uint8 of probabilities (4, y, x), whose odds are multiplied by these first."""
        return decided(p, self.model().card, self.threshold, odds)

    def probabilities(
        self, pixels: Pixels, overlapping: bool = False
    ) -> Generator[FloatArray, None, None]:
        """Calibrated probabilities (4, rows, width) float32, some rows at a time from the top.

        Args:
            pixels: the image; only the windows of one row are read at a time.
            overlapping: read in a thread of its own, while the network works.

        Raises:
            WeightsError: the weights are broken: not a number, or one answer for all pixels.
        """
        model, factor = self.model(), self._factor(pixels.gsd_m)
        height, width = pixels.shape
        mirror = (pixels.acquired.sun_azimuth_deg or 0) % 360 > 180  # west may be told below 0
        if mirror:
            pixels = Mirrored(pixels)
        run = self.runner(pixels.shape, pixels.gsd_m)
        predict = Predictor(
            run, pixels.present, model.stride, self.flip, factor, self.network_m is not None
        )
        sane = _Sanity(model.path)
        window = self.window(pixels.shape, pixels.gsd_m)
        size = (window[0] * factor, window[1] * factor)
        windows = batches(
            pixels, size, self.overlap_px * factor, windows_at_a_time(run, window),
            model.stride * factor,
        )  # fmt: skip

        def work(batch: Batch) -> FloatArray:
            if not batch.columns:
                return np.empty((0, 4, 0, 0), np.float32)
            found = sane.passed(batch.images, predict(batch.images))
            batch.images = batch.images[:0].copy()  # they need not wait for their turn
            return found

        many = height * width > _MANY * run.workers * size[0] * size[1]
        workers = run.workers if many else 1
        # Closed whatever happens: a failure here must stop the other threads at once.
        with (
            closing(ahead(windows, 2) if overlapping else windows) as read,
            sharing(workers) as begin,
            closing(side_by_side(work, read, workers, begin)) as found,
        ):
            for rows in blended(found, (height, width)):
                yield np.ascontiguousarray(rows[..., ::-1]) if mirror else rows
        sane.finish()

    def _factor(self, gsd_m: float | None) -> float:
        """How many pixels of the image, along each side, make one of the network's."""
        if self.network_m is not None:
            if gsd_m is None:
                raise GridError(
                    f"a network at {self.network_m:g} m for a scene of unknown pixel size",
                    "a coordinate system, or a sensor whose pixel size is known",
                    "name the sensor with --sensor, or leave the option out",
                )
            return max(self.network_m / gsd_m, 1.0)
        return coarsening(gsd_m)


def _sides(longest: int) -> range:
    """Sides of windows up to ``longest``, and the shortest."""
    return range(_SHORTEST, max(_SHORTEST, longest) + 1, 64)


def decided(
    p: FloatArray,
    card: ModelCard,
    threshold: float = 0.5,
    odds: Sequence[float] = (1, 1, 1, 1),
) -> ByteArray:
    """(y, x) uint8: the class of the largest weighed probability.

    Args:
        p: (4, y, x) probabilities.
        card: its ``decision`` weighs classes: ``clear``, ``thick``, ``thin``, ``shadow``; 1 else.
        threshold: see `Segmenter.threshold`.
        odds: of each class, multiplied before.
    """
    names = ("clear", "thick", "thin", "shadow")
    weights = np.array([card.decision.get(name, 1.0) for name in names], np.float32)
    weights *= np.asarray(odds, np.float32)
    weights[0] *= threshold / (1 - threshold)
    best, classes = p[0] * weights[0], np.zeros(p.shape[1:], np.uint8)
    for code in range(1, len(names)):  # four passes, a quarter of what argmax takes across planes
        weighed = p[code] * weights[code]
        np.copyto(classes, np.uint8(code), where=weighed > best)
        np.maximum(best, weighed, out=best)
    return classes


class _Sanity:
    """Notices what only broken weights answer: NaN, or the same for all pixels of any image.

    Of thick and thin cloud the pixels count on which they are possible (see `plausible`).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = [np.inf, -np.inf]  # reflectance
        self._low, self._high = np.full(3, np.inf), np.full(3, -np.inf)  # thick, thin, shadow
        self._large = self._varies = False
        self._lock = Lock()

    def passed(self, images: FloatArray, p: FloatArray) -> FloatArray:
        """``p``, once it is found to be numbers. Several threads may ask."""
        p_high = p.max(axis=(0, 2, 3))  # NaN, if there is one
        if not np.isfinite(p_high).all():
            raise self._broken("not a number")
        if self._varies:  # nothing more to learn
            return p
        told = p[:, 1:].min(axis=(0, 2, 3), where=p[:, 1:] > 0, initial=np.inf)
        seen = images[:, : len(CANONICAL_BANDS)]
        low, high = seen.min(), seen.max()
        with self._lock:
            self._low = np.minimum(self._low, told)
            self._high = np.maximum(self._high, p_high[1:])
            self._seen = [min(self._seen[0], low), max(self._seen[1], high)]
            self._large |= min(p.shape[2:]) >= 8
            self._varies = bool((self._high - self._low).max() >= _CONSTANT)
        return p

    def finish(self) -> None:
        """Raise if all images of some size, which varied, got one answer."""
        varied = self._seen[1] - self._seen[0] > 0.01
        known = (self._high > 0).all()  # not so where no pixel may be cloud
        if self._large and varied and known and not self._varies:
            raise self._broken("the same for every pixel")

    def _broken(self, problem: str) -> WeightsError:
        return WeightsError(
            f"the probabilities from {self._path} are {problem}",
            "weights of a finished training", "fetch or train them again",
        )  # fmt: skip
