"""Which unlabelled tiles to label next: those the detector is unsure of, and unlike each other.

Uncertainty is the mean entropy of a tile's pixels, or with several networks what they disagree on
(mutual information of prediction and network, Houlsby et al. 2011). Diversity is that of a greedy
k-centre (Sener & Savarese 2018): each next tile has the largest product of its uncertainty and
its distance to the tiles chosen before, in features that describe what it shows. These are
statistics of the bands and of the predicted classes, not features of an encoder: they serve every
detector, rules too, and do not change from one training to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import UsageError
from ..datasets.protocols import Detector
from ..datasets.samples import CANONICAL_BANDS, sample_of
from ..datasets.tile import FloatArray, Tile
from .audit import probabilities

_EDGE = 1e-7
_QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Suggestion:
    """A tile to label, and why."""

    number: int
    """Of the tile among those that were given."""
    uncertainty: float
    """In nats: 0 to log 4."""
    distance: float
    """To the nearest tile that was suggested before it, in standard deviations; inf for the
    first."""


def uncertainty(found: Sequence[FloatArray]) -> float:
    """Of one tile, in nats.

    Args:
        found: (4, pixels) probabilities of one detector or more, NaN-free; of one its mean entropy
            counts, of several the entropy of their mean less the mean of their entropies. 0 where
            there is no pixel.
    """
    if not found[0].size:
        return 0.0
    mean = np.mean(found, axis=0)
    whole = float(_entropy(mean).mean())
    return whole if len(found) == 1 else whole - float(np.mean([_entropy(p).mean() for p in found]))


def _entropy(p: FloatArray) -> FloatArray:
    safe = np.clip(p, _EDGE, 1)
    return np.asarray(-(safe * np.log(safe)).sum(axis=0), np.float32)


def describe(tile: Tile, p: FloatArray) -> FloatArray:
    """What a tile shows: quantiles of its canonical bands, their roughness, its classes.

    ``p`` are (4, pixels) probabilities.
    """
    sample = sample_of(tile, CANONICAL_BANDS)
    parts: list[FloatArray] = []
    for plane in sample.image:
        seen = plane[sample.valid]
        seen = seen if seen.size else np.zeros(1, np.float32)
        rough = np.abs(np.diff(plane, axis=1)).mean() if plane.shape[1] > 1 else 0.0
        parts.append(np.sqrt(np.clip([*np.quantile(seen, _QUANTILES), rough], 0, None)))
    shares = p.mean(axis=1) if p.size else np.zeros(4, np.float32)
    return np.concatenate([*parts, shares]).astype(np.float32)


def choose(
    unsure: NDArray[np.floating[Any]],
    features: FloatArray,
    n: int,
    random: bool = False,
    seed: int = 0,
) -> list[Suggestion]:
    """Tiles to label, in order.

    Args:
        unsure: (tiles,) uncertainty.
        features: (tiles, k); each is brought to unit variance.
        n: how many; all where there are fewer.
        random: draw them by chance instead, to compare with.
        seed: for that.

    Raises:
        UsageError: nothing to choose from, or ``n`` is not positive.
    """
    if not len(unsure) or n < 1:
        raise UsageError(f"{n} of {len(unsure)} tiles", "one or more of each", "correct --n")
    scale = features.std(axis=0)
    x = (features - features.mean(axis=0)) / np.where(scale > 1e-9, scale, 1.0)
    x = x / np.sqrt(x.shape[1])
    order = np.random.default_rng(seed).permutation(len(unsure)) if random else None
    near = np.full(len(unsure), np.inf)
    taken: list[Suggestion] = []
    for k in range(min(n, len(unsure))):
        weight = np.asarray(unsure, float) if k == 0 else unsure * near
        weight = np.where(near < 0, -1.0, weight)
        best = int(weight.argmax()) if order is None else int(order[k])
        taken.append(Suggestion(best, float(unsure[best]), float(near[best])))
        near = np.where(near < 0, near, np.minimum(near, np.linalg.norm(x - x[best], axis=1)))
        near[best] = -1.0
    return taken


def suggest(
    tiles: Sequence[Tile],
    detectors: Sequence[Detector],
    n: int,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Suggestion]:
    """Choose tiles by what the detectors say of them."""
    unsure, features = [], []
    for count, tile in enumerate(tiles, 1):
        # Beside a strip there is nothing to label, whatever a network says there.
        found = [probabilities(detector.mask(tile))[:, tile.valid] for detector in detectors]
        unsure.append(uncertainty(found))
        features.append(describe(tile, np.mean(found, axis=0)))
        tell(count, len(tiles))
    if not features:
        raise UsageError("no tile", "one or more", "name a folder of patches")
    return choose(np.array(unsure), np.stack(features), n)
