"""From the spectrum of a veiled pixel to what the veil took away, and how far to believe it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..datasets.tile import (
    SHADOW,
    BoolArray,
    ByteArray,
    CloudMask,
    FilledTile,
    FloatArray,
    Tile,
)
from .common import beside, blocks, one_thread
from .features import CELL_PX, Part, Surroundings
from .painted import FLOOR, KINDS, Canvas, Painted, scaled
from .spectrum import Spectrum
from .veil import VeilKind

HALF_TRUST = 0.05
"""Error of reflectance (RMSE over bands) at which the confidence is one half."""
MODEL_ERROR = 0.3
"""Error of a cloud's correction, as a share of it, that painted veils do not show: a real cloud
is not the veil that was painted. On the pair ``scg`` of the catalogue (split train) the error
is about 0.4 of the excess where the cloud is dense, less where it is thin."""

MOST_ERROR = 1.0
"""Stands for the error of what nobody knows."""


_ROWS = 256
BLOCK_PX = 128
"""Side of what is corrected at once: all that is computed for it stays in a processor's cache."""


class Learner(Protocol):
    """What predicts corrections, already fitted."""

    def predict(self, x: FloatArray) -> FloatArray:
        """(n, band) from (n, feature)."""
        ...


@dataclass(frozen=True)
class Relation:
    """What was learnt: from features to the correction of each target band.

    The correction is the difference in reflectance for cloud, the logarithm of the ratio for
    shadow. On veils held out from the fit (:meth:`judged`), that of each band is scaled by its
    least-squares gain in [0, 1]: where it does not help, the pixel stays as it was. The error
    expected of a correction of size m is the held-out RMSE of such, taken as rising with m, and
    beyond the largest one in proportion; for cloud, MODEL_ERROR times m is added; all this times
    ``doubt``.
    """

    kind: VeilKind
    looked: list[int]
    targets: list[int]
    reflective: list[bool]
    """Whether a target band is reflective, and so counts for the error."""
    level: FloatArray
    spectrum: Spectrum
    known: tuple[FloatArray, FloatArray]
    """(feature,) smallest and largest value learnt from; for cloud, others are moved there."""
    learner: Learner
    limits: tuple[FloatArray, FloatArray]
    """(band,) smallest and largest correction that was learnt."""
    doubt: float
    """Factor of the expected error: chosen so that intervals hold what they promise."""
    gain: FloatArray
    """(band,) in [0, 1]."""
    sizes: NDArray[np.float64]
    """Sizes of correction, ascending, and ``errors`` of reflectance at them."""
    errors: NDArray[np.float64]

    @classmethod
    def of(cls, canvas: Canvas, painted: Painted, learner: Learner, doubt: float = 1.0) -> Relation:
        """The relation that ``learner`` was fitted to ``painted`` for, not judged yet."""
        missing = removed(painted, canvas.kind)
        none = np.zeros(1)
        return cls(
            canvas.kind,
            canvas.looked,
            canvas.targets,
            canvas.reflective,
            canvas.level,
            canvas.spectrum,
            (painted.x.min(axis=0), painted.x.max(axis=0)),
            learner,
            (missing.min(axis=0), missing.max(axis=0)),
            doubt,
            np.ones(len(canvas.targets), np.float32),
            none,
            none,
        )

    def judged(self, test: Painted) -> Relation:
        """The same relation with gains and expected errors from veils it has not seen."""
        return self.weighed(self.correction(test.x), test)

    def weighed(self, found: FloatArray, test: Painted) -> Relation:
        """The same with gains and expected errors from corrections ``found`` (n, band) for
        ``test``; changes them."""
        missing = removed(test, self.kind)
        power = np.maximum((found**2).sum(axis=0), 1e-12)
        gain = np.clip((found * missing).sum(axis=0) / power, 0, 1).astype(np.float32)
        found *= gain
        error = (self.corrected(test.seen, found) - test.truth)[:, self.reflective]
        squared = np.mean(error.astype(np.float64) ** 2, axis=1)
        size = np.abs(found[:, self.reflective]).mean(axis=1)
        bins = np.array_split(np.argsort(size, kind="stable"), 8)
        sizes = np.array([size[b].mean() for b in bins])
        errors = np.maximum.accumulate([float(np.sqrt(squared[b].mean())) for b in bins])
        return replace(self, gain=gain, sizes=sizes, errors=errors)

    def correction(self, x: FloatArray) -> FloatArray:
        """(n, band) what to add to the scaled values, before the gain."""
        if self.kind == "thin":  # logarithms of darker shadows go on along the same line
            x = within(x, *self.known)
        found = self.learner.predict(x).reshape(len(x), -1)
        return np.asarray(np.clip(found, *self.limits), np.float32)

    def corrected(self, seen: FloatArray, correction: FloatArray) -> FloatArray:
        """(n, band) values with the correction applied."""
        if self.kind == "thin":
            return seen + correction
        return np.asarray(np.maximum(seen, FLOOR) * np.exp(correction), np.float32)

    def expected_error(self, correction: FloatArray) -> NDArray[np.float64]:
        """(n,) RMSE of reflectance to expect after corrections (n, band) with the gain."""
        size = np.abs(correction.T[self.reflective]).mean(axis=0)
        beyond = np.maximum(size / max(float(self.sizes[-1]), 1e-6), 1)
        error = np.interp(size, self.sizes, self.errors) * beyond
        if self.kind == "thin":
            error += MODEL_ERROR * size
        return np.asarray(self.doubt * error, np.float64)

    def apply(self, tile: Tile, here: BoolArray, clear: BoolArray) -> tuple[FloatArray, FloatArray]:
        """(target, n) values and (n,) expected errors of the n pixels of ``here``, in row-major
        order; worked out block by block."""
        planes = (scaled(tile.data[i], self.kind) for i in self.looked)
        around = Surroundings.of(planes, here, clear, self.level)
        width = here.shape[1]
        flat = tile.data.reshape(len(tile.bands), -1)
        number = np.empty(here.size, np.int32)  # of each pixel of here
        at = np.flatnonzero(here)
        number[at] = np.arange(at.size, dtype=np.int32)
        values = np.empty((len(self.targets), at.size), np.float32)
        error = np.empty(at.size, np.float32)

        def done(block: Part) -> None:
            rows, columns = around.reached(block)
            planes = scaled(tile.data[self.looked, rows, columns], self.kind)
            pixels = np.nonzero(here[block])
            x = around.features(planes, block, pixels)
            own = (pixels[0] + block[0].start) * width + pixels[1] + block[1].start
            x = self.spectrum.beside(x, scaled(flat[self.spectrum.bands][:, own], self.kind))
            found = self.correction(x) * self.gain
            seen = np.stack([flat[i].take(own) for i in self.targets]).T
            to = number[own]
            for row, new in zip(values, self.corrected(seen, found).T, strict=True):
                row[to] = new
            error[to] = self.expected_error(found)

        with one_thread():
            for _ in beside(
                done, filter(None, (_cut(here, b) for b in blocks(tile.shape, BLOCK_PX)))
            ):
                pass
        return values, error


def corrections(
    relations: Callable[[VeilKind], Relation | None],
    tile: Tile,
    mask: CloudMask,
    wanted: BoolArray,
    clear: BoolArray,
) -> tuple[FloatArray, FloatArray]:
    """(band, n) values and (n,) expected errors of the n pixels of ``wanted``, each by the relation
    for its class; NaN and infinite where there is none."""
    classes = mask.classes[wanted]
    values = np.full((len(tile.bands), classes.size), np.nan, np.float32)
    error = np.full(classes.size, np.inf, np.float32)
    for code, kind in KINDS:
        mine = classes == code
        relation = relations(kind) if mine.any() else None
        if relation is not None:
            found, error[mine] = relation.apply(tile, wanted & (mask.classes == code), clear)
            for i, new in zip(relation.targets, found, strict=True):
                values[i, mine] = new
    return values, error


def _cut(here: BoolArray, block: Part) -> Part | None:
    """The part of a block that holds pixels of ``here``, from where a cell begins; None without."""
    found = []
    for axis, whole in enumerate(block):
        at = np.flatnonzero(here[block].any(axis=1 - axis))
        if not at.size:
            return None
        first = whole.start + int(at[0]) // CELL_PX * CELL_PX
        found.append(slice(first, whole.start + int(at[-1]) + 1))
    return found[0], found[1]


def removed(painted: Painted, kind: VeilKind) -> FloatArray:
    """(n, band) what the veil took from the scaled values: the truth of a correction."""
    return scaled(painted.truth, kind) - scaled(painted.seen, kind)


def within(x: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """(n, feature) ``x`` moved between (feature,) limits; faster than `numpy.clip`, which goes row
    by row."""
    out = np.empty_like(x)
    low, high = (np.tile(limit, (_ROWS, 1)) for limit in (low, high))
    for start in range(0, len(x), _ROWS):
        part = out[start : start + _ROWS]
        np.maximum(x[start : start + _ROWS], low[: len(part)], out=part)
        np.minimum(part, high[: len(part)], out=part)
    return out


def confidence(error: FloatArray) -> FloatArray:
    """In [0, 1]: HALF_TRUST / (HALF_TRUST + error), for errors of reflectance."""
    return np.asarray(HALF_TRUST / (HALF_TRUST + error), np.float32)


def expected_error(confidence: FloatArray) -> FloatArray:
    """The error of reflectance that a confidence stands for: the inverse of `confidence`."""
    return np.asarray(HALF_TRUST / np.maximum(confidence, 1e-6) - HALF_TRUST, np.float32)


def doubts(done: FilledTile) -> FloatArray:
    """(y, x) the error of reflectance that a fill expects, at most MOST_ERROR: where nothing was
    filled; 0 where it was clear."""
    error = expected_error(np.nan_to_num(done.confidence))
    return np.asarray(np.minimum(error, MOST_ERROR), np.float32)


def least_confidence(classes: ByteArray, of_cloud: float) -> FloatArray:
    """For pixels of such mask classes, the confidence below which they are left: that of cloud,
    half of it for shadow.

    Dense cloud soon hides the ground, and its surroundings tell more; a relit shadow keeps its
    texture, and however much is doubted, leaving it dark is worse.
    """
    half = np.float32(of_cloud / 2)
    return np.where(classes == SHADOW, half, np.float32(of_cloud)).astype(np.float32)
