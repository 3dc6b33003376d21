"""The network as a detector: a tile of any optical sensor -> classes and their probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..datasets.bands import BandSet
from ..datasets.errors import ValueRangeError
from ..datasets.samples import CANONICAL_BANDS, sample_of
from ..datasets.tile import ByteArray, CloudMask, FloatArray, Tile
from .inputs import NEEDED, check_bands, coarsening, filled, resized
from .weights import PACKAGED, ModelCard, WeightsError, load_weights
from .windows import grid, ramp

if TYPE_CHECKING:
    from .network import SegmentationNet

DEFAULT_WEIGHTS = PACKAGED / "segmenter.safetensors"
_VARIED, _CONSTANT = 0.05, 1e-6
"""Reflectance that varies by more than the first never has probabilities that vary by less."""


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
    window_px: int = 512
    """Side of what the network sees at a time."""
    overlap_px: int = 64
    """Pixels that neighbouring windows share."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ValueRangeError(
                f"threshold {self.threshold}", "a probability between 0 and 1", "correct it"
            )

    def check(self, tile: Tile) -> None:
        """Raise UnfitError unless the tile has the bands that are needed."""
        check_bands(tile)

    def mask(self, tile: Tile) -> CloudMask:
        """Classes and calibrated probabilities of every valid pixel."""
        self.check(tile)
        path = Path(self.weights) if self.weights else DEFAULT_WEIGHTS
        net, card = _network(path, path.stat().st_mtime_ns if path.exists() else 0)
        sample = sample_of(tile, CANONICAL_BANDS)
        image = filled(sample.image, sample.valid)
        mirror = 180 < (tile.acquired.sun_azimuth_deg or 0) < 360
        factor = coarsening(tile.gsd_m)
        if factor > 1:
            size = tuple(max(1, round(n / factor)) for n in tile.shape)
            image = resized(image, (size[0], size[1]))
        if mirror:
            image = image[..., ::-1]
        p = self._probabilities(net, card, image, sample.present.astype(np.float32))
        if mirror:
            p = p[..., ::-1]
        if factor > 1:
            p = resized(p, tile.shape)
        _check_output(p, image, path)
        classes = decided(p, card, self.threshold)
        return CloudMask.like(tile, classes, np.ascontiguousarray(p))

    def _probabilities(
        self, net: SegmentationNet, card: ModelCard, image: FloatArray, present: FloatArray
    ) -> FloatArray:
        """(4, y, x) float32, blended over windows."""
        import torch

        size = -(-self.window_px // net.config.stride) * net.config.stride
        total = np.zeros((4, *image.shape[1:]), np.float32)
        there = torch.from_numpy(present)[None]
        with torch.inference_mode():
            for rows, columns in grid((image.shape[1], image.shape[2]), size, self.overlap_px):
                window = image[:, rows.start : rows.stop, columns.start : columns.stop]
                x = torch.from_numpy(_padded(window, net.config.stride))[None]
                p = (net(x, there) / card.temperature).softmax(1)
                if self.flip:
                    upside = net(x.flip(2), there).flip(2)
                    p = (p + (upside / card.temperature).softmax(1)) / 2
                part = p[0, :, : window.shape[1], : window.shape[2]].numpy()
                weight = ramp(rows)[:, None] * ramp(columns)
                total[:, rows.start : rows.stop, columns.start : columns.stop] += part * weight
        total /= total.sum(axis=0)
        return total


def decided(p: FloatArray, card: ModelCard, threshold: float = 0.5) -> ByteArray:
    """(y, x) uint8: the class of the largest weighed probability.

    Args:
        p: (4, y, x) probabilities.
        card: its ``decision`` weighs classes: ``clear``, ``thick``, ``thin``, ``shadow``; 1 else.
        threshold: see `Segmenter.threshold`.
    """
    names = ("clear", "thick", "thin", "shadow")
    weights = np.array([card.decision.get(name, 1.0) for name in names], np.float32)
    weights[0] *= threshold / (1 - threshold)
    return np.asarray((p * weights[:, None, None]).argmax(axis=0), np.uint8)


@lru_cache(maxsize=4)
def _network(path: Path, changed_ns: int) -> tuple[SegmentationNet, ModelCard]:
    """The network in a file, ready to run; kept as long as the file does not change."""
    import torch

    from .network import NetworkConfig, SegmentationNet

    card, state = load_weights(path, "segmenter")
    if card.bands != CANONICAL_BANDS.names:
        raise WeightsError(
            f"{path} reads bands {', '.join(card.bands)}",
            f"the canonical bands {', '.join(CANONICAL_BANDS.names)}",
            "pick weights of this version",
        )
    net = SegmentationNet(NetworkConfig.of({**card.network, "encoder_weights": None}))
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"{path}, whose tensors do not fit the network of its card",
            "a file as kumosan wrote it", "fetch or export it again",
        ) from error  # fmt: skip
    return net.eval().to(memory_format=torch.channels_last), card


def _padded(window: FloatArray, stride: int) -> FloatArray:
    """Mirrored at the bottom and the right to multiples of ``stride``."""
    _, height, width = window.shape
    pad = ((0, 0), (0, -height % stride), (0, -width % stride))
    return np.ascontiguousarray(np.pad(window, pad, mode="symmetric"))


def _check_output(p: FloatArray, image: FloatArray, path: Path) -> None:
    """Refuse what only broken weights make: NaN, or one answer for all pixels of any image."""
    if not np.isfinite(p).all():
        problem = "not a number"
    elif (
        min(p.shape[1:]) >= 8 and np.ptp(image) > 0.01 and np.ptp(p, axis=(1, 2)).max() < _CONSTANT
    ):
        problem = "the same for every pixel"
    else:
        return
    raise WeightsError(
        f"the probabilities from {path} are {problem}",
        "weights of a finished training", "fetch or train them again",
    )  # fmt: skip
