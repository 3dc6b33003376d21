"""Thin cloud lifted and shadow relit by two learners taught on the scene itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from itertools import chain
from typing import ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from ..datasets.bands import BandSet
from ..datasets.errors import ValueRangeError
from ..datasets.protocols import Filler, learnt
from ..datasets.tile import BoolArray, CloudMask, FilledTile, FloatArray, Tile
from .common import MIN_CLEAR, fillable_bands
from .faded import Faded
from .features import MAX_BANDS, feature_bands
from .learnt import of_scene
from .lifting import Lifting
from .painted import KINDS, Canvas, Painted, under_clouds, under_veils
from .regression import RandomFeatures
from .relation import Learner, Relation, removed
from .veil import VeilKind
from .weighted import InverseDistance

WINDOW_PX = 192
"""Side of the windows of a large scene that are painted and learnt from."""
HELD_OUT = 4
"""One painted sky in so many is not learnt from, but tells how far the fit can be trusted."""
UNITS = 300
"""Random rectified features."""
STIFF = 100.0
"""Penalty of the stiff regression for shadow, over that of the supple one."""
MOST_NETWORK = 0.5
"""Largest share of the perceptron: held-out skies are of the models that were learnt, and there
it looks better than under other clouds."""
DOUBT: dict[VeilKind, float] = {"thin": 0.6, "shadow": 1.25}
"""Factors of the error that held-out skies show. See docs/fills.md for how they were chosen."""
HIDDEN = (64, 64)
EPOCHS = 25
BATCH = 512
STEP = 4e-3
WEIGHT_DECAY = 1e-3


@dataclass(frozen=True)
class Adaptive:
    """Scene-adaptive inversion from two cloud models, aware of how opaque a cloud is.

    As :class:`kumosan.gan.regression.Regression`, but what is painted on the clear pixels
    comes from two cloud models, the skies of ``synthesis`` with optics far wider than its
    presets and the plain veils of :mod:`kumosan.gan.veil`, so that neither is learnt by heart.
    For thin cloud two learners are mixed, random rectified features and a perceptron of two
    layers: their errors differ where a cloud is unlike both models. The perceptron's share is
    what skies held out ask for, at most MOST_NETWORK; over even ground that is next to nothing.
    For shadow, where the perceptron erred more than the random features, the mean of
    a supple and a stiff ridge regression on these is taken: one alone goes astray on ground
    unlike the clear one, by a chance of its random directions.

    The confidence falls with the size of the correction. Where it comes near
    ``min_confidence`` the ``spatial`` fill is mixed in, more and more, so that there is no step
    where another filler goes on; below it the pixel is left unfillable. Provenance names the
    larger part. Thick cloud is left. In a scene with fewer than MIN_CLEAR clear pixels, what other
    scenes taught takes its place (:mod:`kumosan.gan.taught`).

    Of a scene with more than MAX_BANDS fillable bands, MAX_BANDS are modelled, and the others
    predicted from them (:class:`kumosan.gan.lifting.Lifting`); the error of that counts in the
    confidence.

    Source: learning from the scene itself after Czerkawski et al. (2022), Remote Sens. 14, 1342.
    """

    bands: ClassVar[BandSet] = BandSet(())

    seed: int = 0
    """Seed of skies, samples and learners."""
    skies: int = 48
    """Skies painted for each kind, one third of them by ``synthesis``, the others plain veils."""
    samples: int = 20_000
    """Painted pixels that are learnt from, at most."""
    min_confidence: float = 0.4
    """Thin cloud below it is left unfillable, with its observed values; shadow below half of it."""
    spatial: Filler = field(default_factory=InverseDistance)
    """Mixed in where the spectral fill is hardly trusted."""

    def __post_init__(self) -> None:
        for name in ("skies", "samples"):
            if getattr(self, name) < 8:
                raise ValueRangeError(
                    f"{name} = {getattr(self, name)}", "8 or more", f"give more {name}"
                )

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Lift thin cloud and relight shadow; thick cloud stays unfillable.

        Raises:
            GridError: ``mask`` is not on the grid of ``tile``.
        """
        return self.learn(tile, mask).fill(tile, mask)

    def learn(self, tile: Tile, mask: CloudMask) -> Filler:
        """A filler for any part of the scene that ``tile`` is of, which learns from ``tile``."""
        spectral = of_scene(self, tile, mask)
        return Faded(spectral, learnt(self.spatial, tile, mask), self.min_confidence)

    def fit(self, tile: Tile, clear: BoolArray, kind: VeilKind) -> Relation | None:
        """Paint, learn, and judge on the skies held out; None if too little could be painted."""
        rng = np.random.default_rng([self.seed, KINDS[0][1] == kind])
        canvas = Canvas.of(tile, clear, kind, canonical(tile)[0])
        if canvas is None:
            return None
        third, each = self.skies // 3, max(self.samples // self.skies, 1)
        models = ((under_veils, self.skies - third), (under_clouds, third))
        skies = list(chain(*(paint(canvas, n, each, WINDOW_PX, rng) for paint, n in models)))
        fit = Painted.join([s for i, s in enumerate(skies) if i % HELD_OUT])
        test = Painted.join(skies[::HELD_OUT])
        if min(len(fit.x), len(test.x)) < MIN_CLEAR // 4:
            return None
        supple = RandomFeatures.fit(fit, kind, UNITS, rng)
        if kind == "thin":
            mixture = Mixture.of(supple, Network.fit(fit, kind, rng), test)
        else:
            mixture = Mixture(supple, RandomFeatures.fit(fit, kind, UNITS, rng, STIFF), 0.5)
        return Relation.of(canvas, fit, mixture, DOUBT[kind]).judged(test)

    def lift(self, tile: Tile, clear: BoolArray) -> Lifting | None:
        """What predicts the bands that are not modelled from those that are."""
        modelled, others = canonical(tile)
        rng = np.random.default_rng(self.seed)
        return Lifting.fit(tile, clear, modelled, others, rng) if others else None


@dataclass(frozen=True)
class Mixture:
    """Two learners, weighted."""

    first: Learner
    second: Learner
    share: float
    """Weight of the second, in [0, MOST_NETWORK]."""

    @classmethod
    def of(cls, first: Learner, second: Learner, test: Painted) -> Mixture:
        """The share of the second with the least squared error of thin cloud's ``test``."""
        a, b = (one.predict(test.x).reshape(len(test.x), -1) for one in (first, second))
        missing = removed(test, "thin")
        scale = np.maximum(missing.std(axis=0), 1e-6)
        apart, off = (b - a) / scale, (missing - a) / scale
        best = float((apart * off).sum() / max(float((apart**2).sum()), 1e-12))
        return cls(first, second, min(max(best, 0.0), MOST_NETWORK))

    def predict(self, x: FloatArray) -> FloatArray:
        """(n, band) corrections from (n, feature)."""
        a, b = (one.predict(x).reshape(len(x), -1) for one in (self.first, self.second))
        return np.asarray(a + np.float32(self.share) * (b - a), np.float32)


@dataclass(frozen=True)
class Network:
    """A perceptron from features to the corrections of all bands, each in units of its spread."""

    scaler: StandardScaler
    spread: FloatArray
    net: MLPRegressor

    @classmethod
    def fit(cls, painted: Painted, kind: VeilKind, rng: np.random.Generator) -> Network:
        """Learn what the skies of ``painted`` removed."""
        missing = removed(painted, kind)
        spread = np.maximum(missing.std(axis=0), 1e-6).astype(np.float32)
        scaler = StandardScaler().fit(painted.x)
        net = MLPRegressor(
            hidden_layer_sizes=HIDDEN,
            alpha=WEIGHT_DECAY,
            batch_size=min(BATCH, len(painted.x)),
            learning_rate_init=STEP,
            max_iter=EPOCHS,
            random_state=int(rng.integers(2**31)),
        )
        # Products this small are slower on two threads than on one, many times so if another
        # process is busy.
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped by the clock
            net.fit(_standard(scaler, painted.x), (missing / spread).astype(np.float32))
        return cls(scaler, spread, net)

    def predict(self, x: FloatArray) -> FloatArray:
        """(n, band) corrections from (n, feature)."""
        found = self.net.predict(_standard(self.scaler, x)).reshape(len(x), -1)
        return np.asarray(found * self.spread, np.float32)


def canonical(tile: Tile) -> tuple[list[int], list[int]]:
    """Bands that are modelled, at most MAX_BANDS, and the other fillable ones, to be lifted.

    Where there are more, those modelled are spread over the spectrum (``feature_bands``).
    """
    fillable = fillable_bands(tile)
    if len(fillable) <= MAX_BANDS:
        return fillable, []
    modelled = feature_bands(tile.bands, cirrus=False)
    return modelled, [i for i in fillable if i not in set(modelled)]


def _standard(scaler: StandardScaler, x: FloatArray) -> FloatArray:
    """Standardised features, far ones moved in."""
    return np.asarray(np.clip(scaler.transform(x), -5, 5), np.float32)
