"""Thin cloud lifted and shadow relit by a relation fitted on the scene's own clear pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from ..datasets.bands import BandSet
from ..datasets.errors import ValueRangeError
from ..datasets.protocols import Filler
from ..datasets.tile import BoolArray, CloudMask, FilledTile, FloatArray, Tile
from .common import MIN_CLEAR
from .learnt import of_scene
from .painted import KINDS, Canvas, Painted, under_veils
from .relation import Learner, Relation, removed
from .veil import VeilKind

WINDOW_PX = 256
"""Side of the windows of a large scene that are painted and learnt from."""
HELD_OUT = 0.25
"""Share of the veils that the fit does not see, to learn how far it can be trusted."""

STANDARD_LIMIT = 5.0
"""Standard deviations from the mean at which features are cut off."""
_ROWS = 4096
# Pixels predicted at once: their rectified features stay in the processor's cache.

DOUBT: dict[VeilKind, float] = {"thin": 0.6, "shadow": 1.9}
"""Factors of the error that held-out veils show. See docs/fills.md for how they were chosen."""


@dataclass(frozen=True)
class Regression:
    """Scene-adaptive inversion: learn veiled -> clear on clear pixels, apply it to veiled ones.

    Clear pixels are painted with thin clouds (or shadows) of widely random optics
    (:mod:`kumosan.gan.veil`); ridge regression on random rectified features of the painted
    spectra and their surroundings predicts what was taken away
    (:class:`kumosan.gan.relation.Relation`), the mean of several draws of these features. Added to
    the observed value, it keeps the texture of the ground. No labels are needed.

    Thick cloud hides the ground in every band and is left unfillable. In a scene with fewer than
    MIN_CLEAR clear pixels, what other scenes taught takes its place (:mod:`kumosan.gan.taught`).

    The confidence is c = e / (e + RMSE) with e = HALF_TRUST and the error to expect of the
    correction. So dense cloud falls below ``min_confidence`` and is left to fillers that know
    the surroundings.

    Source: random features after Rahimi, Recht (2008), Random features for large-scale kernel
    machines; learning from the scene itself after Czerkawski et al. (2022), Remote Sens. 14,
    1342.
    """

    bands: ClassVar[BandSet] = BandSet(())

    seed: int = 0
    """Seed of veils, samples and random features."""
    veils: int = 48
    """Veils painted for thin cloud; twice as many for shadow, which goes astray under few."""
    samples: int = 30_000
    """Painted pixels that are learnt from, at most."""
    units: int = 300
    """Random rectified features of each draw."""
    draws: int = 3
    """Draws of random features whose predictions are averaged."""
    components: int = 0
    """Principal components of all bands by which a scene with more than 13 is looked at, beside 13
    of its bands. 24 take a third more time and gained nothing sure, see docs/ablation.md."""
    min_confidence: float = 0.4
    """Thin cloud below it is left unfillable, with its observed values; shadow below half of it."""

    def __post_init__(self) -> None:
        for name in ("veils", "samples", "units"):
            if getattr(self, name) < 4:
                raise ValueRangeError(
                    f"{name} = {getattr(self, name)}", "4 or more", f"give more {name}"
                )
        if self.draws < 1:
            raise ValueRangeError(f"draws = {self.draws}", "1 or more", "give more draws")
        if self.components < 0:
            raise ValueRangeError(f"components = {self.components}", "0 or more", "give 0 for none")

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Lift thin cloud and relight shadow; thick cloud stays unfillable."""
        return self.learn(tile, mask).fill(tile, mask)

    def learn(self, tile: Tile, mask: CloudMask) -> Filler:
        """A filler for any part of the scene that ``tile`` is of, which learns from ``tile``."""
        return of_scene(self, tile, mask)

    def fit(self, tile: Tile, clear: BoolArray, kind: VeilKind) -> Relation | None:
        """Paint, learn, and judge on the veils held out; None if too little could be painted."""
        rng = np.random.default_rng([self.seed, KINDS[0][1] == kind])
        canvas = Canvas.of(tile, clear, kind, components=self.components)
        if canvas is None:
            return None
        count = self.veils if kind == "thin" else 2 * self.veils
        learn = list(under_veils(canvas, count, max(self.samples // count, 1), WINDOW_PX, rng))
        held = max(1, round(HELD_OUT * count))
        fit, test = Painted.join(learn[:-held]), Painted.join(learn[-held:])
        if min(len(fit.x), len(test.x)) < MIN_CLEAR // 4:
            return None
        draws = [RandomFeatures.fit(fit, kind, self.units, rng) for _ in range(self.draws)]
        return Relation.of(canvas, fit, Mean(draws), DOUBT[kind]).judged(test)

    def lift(self, tile: Tile, clear: BoolArray) -> None:
        """Nothing: all bands are modelled at once."""


@dataclass(frozen=True)
class Mean:
    """The mean of what learners predict."""

    learners: Sequence[Learner]
    """One or more."""

    def predict(self, x: FloatArray) -> FloatArray:
        """(n, band) corrections from (n, feature)."""
        first, *others = self.learners
        total = first.predict(x)
        for learner in others:
            total += learner.predict(x)
        total /= np.float32(len(self.learners))
        return total


@dataclass(frozen=True)
class RandomFeatures:
    """Ridge regression on the features and random rectified combinations of them.

    Fitted in double precision, predicted in single: with z = ``x / spread - middle``, clipped to
    STANDARD_LIMIT, the corrections are z ``straight`` + max(z ``weights`` + ``thresholds``, 0)
    ``bent`` + ``constant``.
    """

    spread: FloatArray
    """(feature,) standard deviation of what was learnt from."""
    middle: FloatArray
    """(feature,) its mean over ``spread``."""
    weights: FloatArray
    """(feature, unit) random directions."""
    thresholds: FloatArray
    """(unit,)"""
    straight: FloatArray
    """(feature, band)"""
    bent: FloatArray
    """(unit, band)"""
    constant: FloatArray
    """(band,)"""

    @classmethod
    def fit(
        cls,
        painted: Painted,
        kind: VeilKind,
        units: int,
        rng: np.random.Generator,
        stiffness: float = 1.0,
    ) -> RandomFeatures:
        """Learn what the veils of ``painted`` removed; ``stiffness`` multiplies the penalty."""
        n, width = painted.x.shape
        scaler = StandardScaler().fit(painted.x)
        weights = rng.standard_normal((width + 1, units)).astype(np.float32)
        weights[:-1] *= np.float32(1.5 / np.sqrt(width))
        # Logarithms of dark bands are noisy: a hundred times the penalty.
        ridge = Ridge(alpha=stiffness * n * (1e-4 if kind == "thin" else 1e-2))
        spread = scaler.scale_.astype(np.float32)
        middle = (scaler.mean_ / scaler.scale_).astype(np.float32)
        z = _standard(painted.x, spread, middle)
        both = np.hstack([z, _rectified(z, weights[:-1], weights[-1])]).astype(np.float64)
        ridge.fit(both, removed(painted, kind))
        coefficients = np.atleast_2d(ridge.coef_).T.astype(np.float32)
        return cls(
            spread,
            middle,
            weights[:-1],
            weights[-1],
            coefficients[:width],
            coefficients[width:],
            np.atleast_1d(ridge.intercept_).astype(np.float32),
        )

    def predict(self, x: FloatArray) -> FloatArray:
        """(n, band) corrections from (n, feature)."""
        out = np.empty((len(x), self.constant.size), np.float32)
        for start in range(0, len(x), _ROWS):
            z = _standard(x[start : start + _ROWS], self.spread, self.middle)
            part = z @ self.straight
            part += _rectified(z, self.weights, self.thresholds) @ self.bent
            np.add(part, self.constant, out=out[start : start + _ROWS])
        return out


def _standard(x: FloatArray, spread: FloatArray, middle: FloatArray) -> FloatArray:
    """Features in standard deviations from their mean, far ones moved in."""
    z = x / spread
    z -= middle
    return np.asarray(np.clip(z, -STANDARD_LIMIT, STANDARD_LIMIT, out=z), np.float32)


def _rectified(z: FloatArray, weights: FloatArray, thresholds: FloatArray) -> FloatArray:
    """(n, unit) random rectified combinations."""
    h = z @ weights
    h += thresholds
    return np.asarray(np.maximum(h, 0, out=h), np.float32)
