"""Thin cloud lifted and shadow relit by a relation fitted on the scene's own clear pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from ..datasets.bands import BandSet
from ..datasets.errors import ValueRangeError
from ..datasets.protocols import Filler
from ..datasets.tile import BoolArray, CloudMask, FilledTile, FloatArray, Tile
from .common import MIN_CLEAR, Area, fillable_bands, row_blocks, sample
from .features import HALO, feature_bands, features
from .learnt import Learnt
from .veil import VeilKind, draw_veil

WINDOW_PX = 384
"""Side of the windows of a large scene that are painted and learnt from."""
HELD_OUT = 0.25
"""Share of the veils that the fit does not see, to learn how far it can be trusted."""
HALF_TRUST = 0.05
"""Error of reflectance (RMSE over bands) at which the confidence is one half."""
MODEL_ERROR = 0.3
"""Error of a cloud's correction, as a share of it, that painted veils do not show: a real cloud
is not the veil that was painted. On the pair ``scg`` of the catalogue (split train) the error
is about 0.4 of the excess where the cloud is dense, less where it is thin."""
_FLOOR = 0.003


@dataclass(frozen=True)
class Regression:
    """Scene-adaptive inversion: learn veiled -> clear on clear pixels, apply it to veiled ones.

    Clear pixels are painted with thin clouds (or shadows) of widely random optics
    (:mod:`kumosan.gan.veil`); ridge regression on random rectified features of the painted
    spectra and their surroundings predicts what was taken away: the difference in
    reflectance for cloud, the logarithm of the ratio for shadow, where light is multiplied.
    Added to the observed value, it keeps the texture of the ground. No labels are needed.

    Thick cloud hides the ground in every band and is left unfillable, as is everything in a
    scene with fewer than MIN_CLEAR clear pixels.

    On veils held out from the fit, the correction of each band is scaled by its
    least-squares gain in [0, 1]: where it does not help, the pixel stays as it was. The
    confidence is c = e / (e + RMSE(m)) with e = HALF_TRUST and RMSE(m) the held-out error of
    corrections of size m, taken as rising with m, and beyond the largest one in proportion; for
    cloud, MODEL_ERROR times m is added. So dense cloud falls below ``min_confidence`` and is
    left to fillers that know the surroundings.

    Source: random features after Rahimi, Recht (2008), Random features for large-scale kernel
    machines; learning from the scene itself after Czerkawski et al. (2022), Remote Sens. 14,
    1342.
    """

    bands: ClassVar[BandSet] = BandSet(())

    seed: int = 0
    """Seed of veils, samples and random features."""
    veils: int = 24
    """Veils painted for each kind."""
    samples: int = 30_000
    """Painted pixels that are learnt from, at most."""
    units: int = 300
    """Random rectified features."""
    min_confidence: float = 0.3
    """Pixels below it are left unfillable, with their observed values."""

    def __post_init__(self) -> None:
        for name in ("veils", "samples", "units"):
            if getattr(self, name) < 4:
                raise ValueRangeError(
                    f"{name} = {getattr(self, name)}", "4 or more", f"give more {name}"
                )

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Lift thin cloud and relight shadow; thick cloud stays unfillable."""
        return self.learn(tile, mask).fill(tile, mask)

    def learn(self, tile: Tile, mask: CloudMask) -> Filler:
        """A filler for any part of the scene that ``tile`` is of, which learns from ``tile``."""
        return Learnt(self, tile, Area.of(tile, mask).clear)

    def fit(self, tile: Tile, clear: BoolArray, kind: VeilKind) -> Relation | None:
        """Paint, learn, and judge on the veils held out; None if too little could be painted."""
        rng = np.random.default_rng([self.seed, kind == "thin"])
        looked = feature_bands(tile.bands, cirrus=kind == "thin")
        known = [np.isfinite(tile.data[i]) for i in range(len(tile.bands))]
        # A band that lacks data in much of the clear ground cannot be learnt; one with gaps can.
        enough = 0.75 * clear.sum()
        targets = [i for i in fillable_bands(tile) if known[i][clear].sum() > enough]
        clear = np.logical_and.reduce([clear, *(known[i] for i in {*targets, *looked})])
        if np.count_nonzero(clear) < MIN_CLEAR:
            return None
        level = _scale(np.stack([tile.data[i][clear] for i in looked]), kind).mean(axis=1)
        toa = tile.acquired.level != "SR"
        learn: list[_Painted] = []
        for _ in range(self.veils):
            rows, cols = _window(clear, rng)
            open_ = clear[rows, cols]
            data = tile.data[:, rows, cols]
            veil = draw_veil(kind, open_.shape, tile.bands, rng, toa)
            veiled = open_ & (veil.strength > 0)
            chosen = np.zeros_like(veiled)
            chosen.ravel()[sample(veiled, max(self.samples // self.veils, 1), rng)] = True
            planes = data[looked]
            planes[:, veiled] = veil.over(planes[:, veiled], veil.strength[veiled], looked)
            x = features(_scale(planes, kind), veiled, open_ & ~veiled, chosen, level)
            truth = data[targets][:, chosen]
            seen = veil.over(truth, veil.strength[chosen], targets)
            learn.append(_Painted(x, seen.T, truth.T))
        held = max(1, round(HELD_OUT * self.veils))
        fit, test = _Painted.join(learn[:-held]), _Painted.join(learn[-held:])
        if min(len(fit.x), len(test.x)) < MIN_CLEAR // 4:
            return None
        relation = Relation.fit(kind, looked, targets, level, fit, self.units, rng)
        return relation.judged(test, [tile.bands[i].kind == "reflective" for i in targets])


@dataclass(frozen=True)
class _Painted:
    """Features (n, feature), veiled and clear values (n, band) of painted pixels."""

    x: FloatArray
    seen: FloatArray
    truth: FloatArray

    @classmethod
    def join(cls, parts: list[_Painted]) -> _Painted:
        return cls(
            np.concatenate([p.x for p in parts]),
            np.concatenate([p.seen for p in parts]),
            np.concatenate([p.truth for p in parts]),
        )


@dataclass(frozen=True)
class Relation:
    """What was learnt: from features to the correction of each target band."""

    kind: VeilKind
    looked: list[int]
    targets: list[int]
    level: FloatArray
    known: tuple[FloatArray, FloatArray]
    """(feature,) smallest and largest value learnt from; for cloud, others are moved there."""
    scaler: StandardScaler
    weights: FloatArray
    """(feature + 1, unit): random directions, and in the last row the thresholds."""
    ridge: Ridge
    limits: tuple[FloatArray, FloatArray]
    """(band,) smallest and largest correction that was learnt."""
    gain: FloatArray
    """(band,) in [0, 1]."""
    sizes: NDArray[np.float64]
    """Sizes of correction, ascending, and ``errors`` of reflectance at them."""
    errors: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        kind: VeilKind,
        looked: list[int],
        targets: list[int],
        level: FloatArray,
        painted: _Painted,
        units: int,
        rng: np.random.Generator,
    ) -> Relation:
        n, width = painted.x.shape
        known = (painted.x.min(axis=0), painted.x.max(axis=0))
        scaler = StandardScaler().fit(painted.x)
        weights = rng.standard_normal((width + 1, units)).astype(np.float32)
        weights[:-1] *= np.float32(1.5 / np.sqrt(width))
        missing = _scale(painted.truth, kind) - _scale(painted.seen, kind)
        # Logarithms of dark bands are noisy: a hundred times the penalty.
        ridge = Ridge(alpha=n * (1e-4 if kind == "thin" else 1e-2))
        ridge.fit(_expand(scaler, weights, painted.x).astype(np.float64), missing)
        limits = (missing.min(axis=0), missing.max(axis=0))
        gain = np.ones(len(targets), np.float32)
        none = np.zeros(1)
        return cls(
            kind, looked, targets, level, known, scaler, weights, ridge, limits, gain, none, none
        )

    def judged(self, test: _Painted, reflective: list[bool]) -> Relation:
        """The same relation with gains and expected errors from veils it has not seen."""
        missing = _scale(test.truth, self.kind) - _scale(test.seen, self.kind)
        found = self.correction(test.x)
        power = np.maximum((found**2).sum(axis=0), 1e-12)
        gain = np.clip((found * missing).sum(axis=0) / power, 0, 1).astype(np.float32)
        found *= gain
        error = (self.corrected(test.seen, found) - test.truth)[:, reflective]
        squared = np.mean(error.astype(np.float64) ** 2, axis=1)
        size = np.abs(found[:, reflective]).mean(axis=1)
        bins = np.array_split(np.argsort(size, kind="stable"), 8)
        sizes = np.array([size[b].mean() for b in bins])
        errors = np.maximum.accumulate([float(np.sqrt(squared[b].mean())) for b in bins])
        return replace(self, gain=gain, sizes=sizes, errors=errors)

    def correction(self, x: FloatArray) -> FloatArray:
        """(n, band) what to add to the scaled values, before the gain."""
        if self.kind == "thin":  # logarithms of darker shadows go on along the same line
            x = np.clip(x, *self.known)
        found = self.ridge.predict(_expand(self.scaler, self.weights, x)).reshape(len(x), -1)
        return np.asarray(np.clip(found, *self.limits), np.float32)

    def corrected(self, seen: FloatArray, correction: FloatArray) -> FloatArray:
        """(n, band) values with the correction applied."""
        if self.kind == "thin":
            return seen + correction
        return np.asarray(np.maximum(seen, _FLOOR) * np.exp(correction), np.float32)

    def confidence(self, correction: FloatArray) -> NDArray[np.float64]:
        """(n,) in [0, 1]; see :class:`Regression`."""
        size = np.abs(correction).mean(axis=1)
        beyond = np.maximum(size / max(float(self.sizes[-1]), 1e-6), 1)
        error = np.interp(size, self.sizes, self.errors) * beyond
        if self.kind == "thin":
            error += MODEL_ERROR * size
        return np.asarray(HALF_TRUST / (HALF_TRUST + error), np.float64)

    def apply(
        self, tile: Tile, here: BoolArray, clear: BoolArray, values: FloatArray, sure: FloatArray
    ) -> None:
        """Write values and confidence of the pixels of ``here`` in place, rows by rows."""
        reflective = [tile.bands[i].kind == "reflective" for i in self.targets]
        for rows in row_blocks(tile.shape):
            top, bottom = max(rows.start - HALO, 0), rows.stop + HALO
            where = np.zeros_like(here[top:bottom])
            inner = slice(rows.start - top, rows.stop - top)
            where[inner] = here[rows]
            if not where.any():
                continue
            planes = _scale(tile.data[self.looked, top:bottom], self.kind)
            x = features(planes, here[top:bottom], clear[top:bottom], where, self.level)
            found = self.correction(x) * self.gain
            seen = tile.data[self.targets, rows][:, here[rows]].T
            for i, new in zip(self.targets, self.corrected(seen, found).T, strict=True):
                values[i, rows][here[rows]] = new
            sure[rows][here[rows]] = self.confidence(found[:, reflective])


def _scale(values: FloatArray, kind: VeilKind) -> FloatArray:
    """Reflectance for cloud, which adds; its logarithm for shadow, which multiplies."""
    if kind == "thin":
        return values
    return np.asarray(np.log(np.maximum(values, _FLOOR)), np.float32)


def _expand(scaler: StandardScaler, weights: FloatArray, x: FloatArray) -> FloatArray:
    """Standardised features, and rectified random combinations of them."""
    z = np.clip(scaler.transform(x), -5, 5).astype(np.float32)
    return np.hstack([z, np.maximum(z @ weights[:-1] + weights[-1], 0)])


def _window(clear: BoolArray, rng: np.random.Generator) -> tuple[slice, slice]:
    """The clearest of a few random windows of at most WINDOW_PX a side."""
    sides = [min(n, WINDOW_PX) for n in clear.shape]
    tries = 1 if clear.shape == tuple(sides) else 4
    best: tuple[int, tuple[slice, slice]] | None = None
    for _ in range(tries):
        corner = [int(rng.integers(n - s + 1)) for n, s in zip(clear.shape, sides, strict=True)]
        window = (slice(corner[0], corner[0] + sides[0]), slice(corner[1], corner[1] + sides[1]))
        count = int(np.count_nonzero(clear[window]))
        if best is None or count > best[0]:
            best = (count, window)
    if best is None:
        raise AssertionError("no window was tried")
    return best[1]
