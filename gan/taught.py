"""Thin cloud and shadow of a scene without clear ground, corrected by what other scenes taught.

`teaching` fits the relations; they come with kumosan as a file of weights.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..datasets.bands import BandSet
from ..datasets.fingerprint import changed_ns
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.tile import SPECTRAL, CloudMask, FilledTile, Tile
from ..datasets.weights import ModelCard, load_weights, misfit, save_weights
from .common import Area, Limits, assemble
from .lifting import Lifting
from .painted import KINDS, scaled
from .regression import RandomFeatures
from .relation import Relation, confidence, corrections
from .spectrum import Spectrum
from .veil import VeilKind

if TYPE_CHECKING:
    from torch import Tensor

PACKAGED = Path(__file__).with_name("weights") / "relations.safetensors"
"""The relations that come with kumosan."""
KIND = "relations"
"""Of the card."""
SETS = (
    (0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4, 5), (0, 1, 2, 3), (1, 2, 3), (0, 1, 2)
)  # fmt: skip
"""Sets of canonical bands that a relation is fitted for: all, without cirrus, blue to NIR, without
blue, colour. A scene is read by the first that it has."""
CASES: tuple[tuple[tuple[int, ...], VeilKind], ...] = (
    *((bands, "thin") for bands in SETS), *((bands, "shadow") for bands in SETS[1:])
)  # fmt: skip
"""What relations are fitted for. The cirrus band sees no shadow: it only disturbs."""
DOUBT: dict[VeilKind, float] = {"thin": 0.7, "shadow": 1.5}
"""Factors of the expected error, chosen as those of `regression`. See docs/fills.md."""
LEAST_CONFIDENCE = 0.2
"""What is less sure is left unfillable, with its observed values: half of what a filler asks for
that others come after. Here none does."""
BRIGHTEST = 1.2
"""Reflectance that no filled value is above; none is below 0."""
_PARTS = tuple(field.name for field in fields(RandomFeatures))
_FACTS = ("gain", "sizes", "errors")

Relations = dict[tuple[tuple[int, ...], VeilKind], Relation]
"""By the set of bands and what is corrected. Band numbers in them are those of the set."""


@dataclass(frozen=True)
class Taught:
    """What other scenes taught, for any part of one scene.

    Reflective bands alone are corrected. Those that no relation knows are predicted from those
    that one does, by a regression fitted on the hidden pixels themselves; without it the pixel
    keeps its values in them.
    """

    bands: ClassVar[BandSet] = BandSet(())

    relations: dict[VeilKind, Relation]
    """Band numbers are those of the scene."""
    lifting: Lifting | None
    min_confidence: float = LEAST_CONFIDENCE

    @classmethod
    def of(cls, tile: Tile, mask: CloudMask, weights: Path = PACKAGED) -> Taught:
        """What is known of the bands of ``tile``, a scene or a sample of it.

        Raises:
            WeightsError, FileError: see `load`.
        """
        found = [tile.bands.find(window) for window in CANONICAL_BANDS]
        there = {k for k, i in enumerate(found) if i is not None}
        relations: dict[VeilKind, Relation] = {}
        hidden = tile.valid & mask.contaminated
        for code, kind in KINDS:
            chosen = next((s for s, k in CASES if k == kind and there.issuperset(s)), ())
            looked = [i for k in chosen if (i := found[k]) is not None]
            seen = tile.data[looked][:, tile.valid & (mask.classes == code)]
            if not seen.size:
                continue
            level = np.nan_to_num(np.nanmean(scaled(seen, kind), axis=1))
            one = load(weights)[1][chosen, kind]
            targets = [looked[k] for k in one.targets]
            relations[kind] = replace(one, looked=looked, targets=targets, level=level)
        known = sorted({i for r in relations.values() for i in r.targets})
        rest = [i for i, b in enumerate(tile.bands) if b.kind == "reflective" and i not in known]
        lift = Lifting.fit(tile, hidden, known, rest, np.random.default_rng(0)) if known else None
        return cls(relations, lift)

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Lift thin cloud and relight shadow; thick cloud stays unfillable."""
        area = Area.of(tile, mask)
        nothing = np.zeros(tile.shape, bool)
        codes = [code for code, kind in KINDS if kind in self.relations]
        wanted = area.todo & np.isin(mask.classes, codes)
        values, error = corrections(self.relations.get, tile, mask, wanted, nothing)
        if self.lifting is not None:
            self.lifting.apply(values, np.isfinite(error))
        sure = confidence(error)
        kept = np.isfinite(error) & (sure >= self.min_confidence)
        wanted[wanted] = kept
        limits: list[Limits] = [
            (0.0, BRIGHTEST) if band.kind == "reflective" else None for band in tile.bands
        ]
        return assemble(tile, area, wanted, values[:, kept], sure[kept], SPECTRAL, limits)


def save(path: Path, relations: Relations, card: ModelCard) -> ModelCard:
    """Write relations whose learners are `RandomFeatures`; see `save_weights`."""
    import torch

    state: dict[str, Tensor] = {}
    for (bands, kind), one in relations.items():
        parts = {name: getattr(one.learner, name) for name in _PARTS}
        parts |= {name: getattr(one, name) for name in _FACTS}
        parts |= {"known": np.stack(one.known), "limits": np.stack(one.limits)}
        for name, values in parts.items():
            tensor = torch.from_numpy(np.ascontiguousarray(values, np.float32))
            state[f"{_name(bands)}.{kind}.{name}"] = tensor
    return save_weights(path, state, card, overwrite=True)


def load(path: Path) -> tuple[ModelCard, Relations]:
    """The relations in a file; kept as long as the file does not change.

    Raises:
        FileError, WeightsError: see `weights.load_weights`.
        WeightsError: relations are missing in it.
    """
    return _loaded(path, changed_ns(path))


@lru_cache(maxsize=2)
def _loaded(path: Path, changed_ns: int) -> tuple[ModelCard, Relations]:
    card, state = load_weights(path, KIND)
    found: Relations = {}
    try:
        for bands, kind in CASES:
            parts: dict[str, Any] = {
                name: state[f"{_name(bands)}.{kind}.{name}"].numpy()
                for name in (*_PARTS, *_FACTS, "known", "limits")
            }
            learner = RandomFeatures(**{name: parts[name] for name in _PARTS})
            found[bands, kind] = relation(bands, kind, learner, parts)
    except (KeyError, TypeError) as error:
        raise misfit(path) from error
    return card, found


def relation(
    bands: tuple[int, ...], kind: VeilKind, learner: RandomFeatures, parts: dict[str, Any]
) -> Relation:
    """The relation of a set of canonical bands; its targets are those that see the ground."""
    targets = [k for k, n in enumerate(bands) if CANONICAL_BANDS[n].kind == "reflective"]
    known, limits = parts["known"], parts["limits"]
    return Relation(
        kind, list(range(len(bands))), targets, [True] * len(targets),
        np.zeros(len(bands), np.float32), Spectrum.none(), (known[0], known[1]), learner,
        (limits[0], limits[1]), DOUBT[kind], parts["gain"],
        parts["sizes"].astype(np.float64), parts["errors"].astype(np.float64),
    )  # fmt: skip


def _name(bands: tuple[int, ...]) -> str:
    return "-".join(CANONICAL_BANDS[n].name for n in bands)
