"""Relations fitted over many scenes, for scenes that have no clear ground to learn from.

`taught` applies them. How far each can be trusted is judged on places that a fit has not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..datasets.errors import UnfitError
from ..datasets.fitting import revision
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.splits import Fold, fold_of
from ..datasets.weights import ModelCard
from ..synthesis.landscapes import Landscapes
from .clear_parts import ClearParts
from .lessons import SIDE_PX, Lesson, Numbers, lessons
from .painted import Painted
from .regression import RandomFeatures
from .relation import Relation, removed
from .taught import CASES, KIND, SETS, relation, save
from .veil import VeilKind

LEAST_CLEAR = 0.2
"""Images of which people called so large a share clear are learnt from."""
LANDSCAPES = 12
FOLDS = 4
"""Parts of the places; each is judged by a fit on the others."""
UNITS = 300
"""Random rectified features."""


def teach(
    data: Path,
    out: Path,
    seed: int = 0,
    fold: Fold | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> ModelCard:
    """Fit the relations on split ``train`` of a catalogue and on landscapes, and write them.

    Args:
        data: folder or file of the catalogue.
        out: the file of weights.
        seed: of all chance.
        fold: groups that are left out; None: none are.
        tell: called with (grounds painted, grounds of all).

    Raises:
        UsageError, FileError: see `rows_to_learn`.
        UnfitError: there is too little clear ground.
        OutputError: ``out`` cannot be written.
    """
    learnt = painted(data, seed, tell)
    kept = [one for one in learnt if not (fold and one.group and fold.holds(one.group))]
    relations, scores = {}, {}
    for bands, kind in CASES:
        name = f"{kind}: {' '.join(CANONICAL_BANDS[n].name for n in bands)}"
        relations[bands, kind], scores[name] = fitted(kept, bands, kind, seed)
    facts = {"seed": seed, "units": UNITS, "folds": FOLDS, "fold": fold and asdict(fold)}
    real = len({one.group for one in kept if one.group})
    card = ModelCard(
        KIND, {}, CANONICAL_BANDS.names, training=facts, scores=scores, revision=revision(),
        data=f"clouds and shadows painted on {real} places and {LANDSCAPES} landscapes",
    )  # fmt: skip
    return save(out, relations, card)


def painted(
    data: Path, seed: int, tell: Callable[[int, int], None] = lambda done, total: None
) -> list[Lesson]:
    """The lessons of split ``train`` of a catalogue and of landscapes.

    Raises:
        UsageError, FileError, UnfitError: see `ClearParts.of`.
    """
    parts = ClearParts.of(data, "train", LEAST_CLEAR)
    drawn = Landscapes(LANDSCAPES, SIDE_PX, seed)
    count = len(parts) + len(drawn)
    found: list[Lesson] = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        if number < len(parts):
            part = parts[number]
            found += lessons(part.group, part.tile, SETS, rng)
        else:
            found += lessons("", drawn[number - len(parts)], SETS, rng)
        tell(number + 1, count)
    return found


def fitted(
    learnt: Sequence[Lesson], bands: Numbers, kind: VeilKind, seed: int
) -> tuple[Relation, dict[str, float]]:
    """The relation of one set of bands, and its errors on places left out.

    Fitted on all lessons; its gains and expected errors are those of FOLDS fits, each on the
    lessons of the other places. Errors are RMSE of reflectance: before and after.
    """
    ours = [one for one in learnt if one.kind == kind and bands in one.painted]
    found, held = [], []
    for k in range(FOLDS):
        is_out = [bool(one.group) and fold_of(one.group, FOLDS) == k for one in ours]
        if not any(is_out) or all(is_out):
            continue
        kept = [one for one, out in zip(ours, is_out, strict=True) if not out]
        fit = _fit(kept, bands, kind, seed)
        both = zip(ours, is_out, strict=True)
        test = Painted.join([one.painted[bands] for one, out in both if out])
        found.append(fit.correction(test.x))
        held.append(test)
    if not held:
        names = ", ".join(CANONICAL_BANDS[n].name for n in bands)
        raise UnfitError(
            f"no clear image with the bands {names}", "images of several places with all of them",
            "add images",
        )  # fmt: skip
    test, corrections = Painted.join(held), np.concatenate(found)
    best = _fit(ours, bands, kind, seed).weighed(corrections, test)
    after = best.corrected(test.seen, corrections)  # `weighed` put the gains on
    errors = [float(np.sqrt(np.mean((x - test.truth) ** 2))) for x in (test.seen, after)]
    return best, {"left": round(errors[0], 4), "corrected": round(errors[1], 4)}


def _fit(some: Sequence[Lesson], bands: Numbers, kind: VeilKind, seed: int) -> Relation:
    painted = Painted.join([one.painted[bands] for one in some])
    learner = RandomFeatures.fit(painted, kind, UNITS, np.random.default_rng(seed))
    missing, none = removed(painted, kind), np.zeros(1)
    parts = {
        "known": (painted.x.min(axis=0), painted.x.max(axis=0)),
        "limits": (missing.min(axis=0), missing.max(axis=0)),
        "gain": np.ones(missing.shape[1], np.float32), "sizes": none, "errors": none,
    }  # fmt: skip
    return relation(bands, kind, learner, parts)
