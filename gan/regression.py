"""Thin cloud lifted and shadow relit by a relation fitted on the scene's own clear pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from scipy import linalg

from ..datasets.bands import BandSet
from ..datasets.errors import ValueRangeError
from ..datasets.protocols import Filler
from ..datasets.tile import BoolArray, CloudMask, FilledTile, FloatArray, Tile
from .common import MIN_CLEAR, beside
from .learnt import of_scene
from .painted import KINDS, Canvas, Painted, under_veils
from .relation import Relation, removed
from .veil import VeilKind

WINDOW_PX = 256
"""Side of the windows of a large scene that are painted and learnt from."""
HELD_OUT = 0.25
"""Share of the veils that the fit does not see, to learn how far it can be trusted."""

STANDARD_LIMIT = 5.0
"""Standard deviations from the mean at which features are cut off."""
AXES = 24
"""Principal components of the features that are combined at random: the others vary so little that
they tell nothing, and cost as much."""
_ROWS = 64
# Pixels predicted at once: their rectified features stay in the processor's cache, and are so few
# that OpenCV wakes no other threads for them.

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
        learner = RandomFeatures.fit(fit, kind, self.units, rng, draws=self.draws)
        return Relation.of(canvas, fit, learner, DOUBT[kind]).judged(test)

    def lift(self, tile: Tile, clear: BoolArray) -> None:
        """Nothing: all bands are modelled at once."""


@dataclass(frozen=True)
class RandomFeatures:
    """Ridge regression on the features and random rectified combinations of them.

    Several draws of combinations are fitted each by itself, and what they predict is averaged. With
    z = ``x / spread - middle``, clipped to STANDARD_LIMIT, the corrections are z ``straight`` +
    max(z ``axes`` ``weights`` + ``thresholds``, 0) ``bent`` + ``constant``: the draws side by side.
    """

    spread: FloatArray
    """(feature,) standard deviation of what was learnt from."""
    middle: FloatArray
    """(feature,) its mean over ``spread``."""
    axes: FloatArray
    """(feature, axis) directions of greatest variance."""
    weights: FloatArray
    """(axis, unit) random directions among them."""
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
        draws: int = 1,
    ) -> RandomFeatures:
        """Learn what the veils of ``painted`` removed; ``stiffness`` multiplies the penalty."""
        n, width = painted.x.shape
        mean, spread = painted.x.mean(axis=0), painted.x.std(axis=0)
        spread[spread == 0] = 1
        middle = mean / spread
        z, missing = _standard(painted.x, spread, middle), removed(painted, kind)
        axes = np.linalg.eigh(z.T @ z)[1][:, ::-1][:, :AXES].astype(np.float32)
        q = z @ axes
        weights = rng.standard_normal((draws, q.shape[1] + 1, units)).astype(np.float32)
        weights[:, :-1] *= np.float32(1.5 / np.sqrt(width))
        # Logarithms of dark bands are noisy: a hundred times the penalty.
        penalty = stiffness * n * (1e-4 if kind == "thin" else 1e-2)

        def fitted(own: FloatArray) -> tuple[FloatArray, FloatArray]:
            return _ridge(np.hstack([z, _rectified(q, own[:-1], own[-1])]), missing, penalty)

        fits = list(beside(fitted, weights))
        share = np.float32(1 / draws)
        return cls(
            spread,
            middle,
            axes,
            np.hstack(list(weights[:, :-1])),
            np.hstack(list(weights[:, -1])),
            np.sum([slopes[:width] for slopes, _ in fits], axis=0) * share,
            np.vstack([slopes[width:] for slopes, _ in fits]) * share,
            np.sum([constant for _, constant in fits], axis=0) * share,
        )

    def predict(self, x: FloatArray) -> FloatArray:
        """(n, band) corrections from (n, feature), as a view of (band, n)."""
        out = np.empty((self.constant.size, len(x)), np.float32)
        both = np.hstack([self.axes, self.straight])
        axes = self.axes.shape[1]
        weights = np.ascontiguousarray(np.vstack([self.weights, self.thresholds]).T)
        bent = np.ascontiguousarray(self.bent.T)
        z = _standard(x, self.spread, self.middle)
        for start in range(0, len(x), _ROWS):
            part = slice(start, start + _ROWS)
            found = both.T @ z[part].T
            seen = np.ones((axes + 1, found.shape[1]), np.float32)  # the last: for the thresholds
            seen[:-1] = found[:axes]
            np.matmul(bent, _positive(weights @ seen), out=out[:, part])
            out[:, part] += found[axes:]
            out[:, part] += self.constant[:, None]
        return out.T


def _ridge(x: FloatArray, y: FloatArray, penalty: float) -> tuple[FloatArray, FloatArray]:
    """Slopes (feature, band) and constants (band,) of a ridge regression with an intercept.

    The products are summed in single precision: their errors are far below the penalty.
    """
    middle, mean = x.mean(axis=0), y.mean(axis=0)
    x = x - middle
    normal = (x.T @ x).astype(np.float64)
    normal[np.diag_indices_from(normal)] += penalty
    right = (x.T @ (y - mean)).astype(np.float64)
    slopes = linalg.cho_solve(linalg.cho_factor(normal), right).astype(np.float32)
    return slopes, np.asarray(mean - middle @ slopes, np.float32)


def _standard(x: FloatArray, spread: FloatArray, middle: FloatArray) -> FloatArray:
    """Features in standard deviations from their mean, far ones moved in."""
    z = x / spread
    z -= middle
    return np.asarray(np.clip(z, -STANDARD_LIMIT, STANDARD_LIMIT, out=z), np.float32)


def _rectified(q: FloatArray, weights: FloatArray, thresholds: FloatArray) -> FloatArray:
    """(n, unit) random rectified combinations."""
    h = q @ weights
    h += thresholds
    return _positive(h)


def _positive(h: FloatArray) -> FloatArray:
    """``h`` with 0 for what is below, in place; OpenCV needs a seventh of the time of NumPy."""
    return np.asarray(cv2.threshold(h, 0, 0, cv2.THRESH_TOZERO, dst=h)[1], np.float32)
