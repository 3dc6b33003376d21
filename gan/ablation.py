"""An ablation: which bands, and which method, fill the same clouds on the same ground best.

An ablation is a TOML file; docs/ablation.md explains it. A cell of it is one filler on one set of
bands, under one kind of cloud over one piece of ground, with one seed. Whatever the set, the
clouds are those painted on all bands of the ground, and blue, green and red are what is judged.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from ..datasets.band_order import VISIBLE
from ..datasets.configuration import STRICT, as_json, placed, read_toml, validated
from ..datasets.errors import UsageError
from ..datasets.protocols import Filler
from . import DATED, get
from .train_config import GanConfig

PAGE = "docs/ablation.md"
TRAINED = "gan"
"""The method that is trained for each set of bands and each seed, as ``[gan]`` says."""


class Cell(NamedTuple):
    """What is measured once."""

    ground: str
    cloud: str
    seed: int
    bands: int
    method: str


@dataclass(frozen=True)
class Ground:
    """Clear ground that clouds are painted on."""

    __pydantic_config__ = STRICT

    kind: Literal["landscape", "catalog", "mosaic"]
    """``landscape``: procedural, in the bands of a spectrometer. ``catalog``: clear images of a
    catalogue. ``mosaic``: images of one scene laid beside each other."""
    count: int = 6
    """``landscape``: how many. ``catalog``: how many at most."""
    size: int = 96
    """Side in pixels: of landscapes; of the middle of an image."""
    seed: int = 1_000
    """``landscape``: of the ground; not that of any training."""
    split: str = "train"
    """Images must be of this split. ``test`` is for the last report, after every choice."""
    images: tuple[str, ...] = ()
    """``catalog``: images as the catalogue names them; none: all that it calls clear."""
    rows: tuple[tuple[str, ...], ...] = ()
    """``mosaic``: rows of images, all of one size."""


@dataclass(frozen=True)
class Ablation:
    """What an ablation's file may hold."""

    __pydantic_config__ = STRICT

    ground: tuple[Ground, ...]
    methods: tuple[str, ...] = ("identity", "telea", "idw", "regression")
    """Fillers. The first is what the others are compared with."""
    bands: tuple[int, ...] = (3, 4, 6, 13, 32, 224)
    """Sets by their number of bands, see `band_order`. The first is what the others are compared
    with; ground that has fewer bands than a set is left out of it."""
    clouds: tuple[str, ...] = ("haze", "cirrus", "cumulus")
    """Presets of `synthesis`."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of the clouds, and of methods that depend on chance."""
    cover: tuple[float, float] = (0.2, 0.4)
    """Least and largest share of the ground under each layer of cloud, so that clear ground is
    left to learn from."""
    change: float = 0.05
    """How much the ground of another date differs, see `another_date`."""
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of methods, by name: their fields."""
    gan: GanConfig | None = None
    """The training of the method ``gan``: the same for all sets of bands."""

    @property
    def facts(self) -> dict[str, Any]:
        """What every cell depends on, as JSON types: cells of other facts do not compare."""
        facts = as_json(self)
        for name in ("methods", "bands", "clouds", "seeds"):
            del facts[name]
        return facts


def read_ablation(path: str | Path) -> Ablation:
    """An ablation from its TOML file.

    Raises:
        FileError: the file cannot be read.
        UsageError: a field is unknown or of the wrong type, a list is empty or says something
            twice, there is no such method or preset, or ``gan`` without ``[gan]``.
    """
    path = Path(path)
    facts = read_toml(path)
    if isinstance(facts.get("gan"), dict):
        facts["gan"] = placed(facts["gan"], path.parent)
    found = validated(Ablation, facts, str(path), PAGE)
    _check(found, path)
    return found


def _check(asked: Ablation, path: Path) -> None:
    """Refuse what no type tells."""
    from ..synthesis.sampler import CloudSampler

    for name in ("ground", "methods", "bands", "clouds", "seeds"):
        values = getattr(asked, name)
        said = [str(asdict(v)) if name == "ground" else v for v in values]
        if not said or len(set(said)) < len(said):
            raise UsageError(
                f"{name} = {said} in {path}", "one or more, all different", f"correct {name}"
            )
    if min(asked.bands) < len(VISIBLE) or min(asked.seeds) < 0:
        raise UsageError(
            f"bands = {list(asked.bands)}, seeds = {list(asked.seeds)} in {path}",
            f"{len(VISIBLE)} bands or more, and seeds from 0", "correct them",
        )  # fmt: skip
    CloudSampler(asked.clouds, cover=asked.cover)
    if (TRAINED in asked.methods) != (asked.gan is not None):
        raise UsageError(
            f"method '{TRAINED}' without a table [gan], or the other way round, in {path}",
            "both, or neither", "add what is missing",
        )  # fmt: skip
    if asked.gan is not None:
        asked.gan.check()
    unused = sorted(set(asked.settings) - set(asked.methods))
    if unused:
        raise UsageError(
            f"settings of {', '.join(unused)} in {path}", "settings of methods that are compared",
            "leave them out",
        )  # fmt: skip
    for name in set(asked.methods) - {TRAINED, *DATED}:
        filler(asked, name)


def filler(asked: Ablation, name: str, seed: int = 0, **more: Any) -> Filler:
    """The method called ``name`` with its settings; its chance, where it has any, from ``seed``.

    Raises:
        UsageError: there is no such method, or it has no such setting.
    """
    settings = asked.settings.get(name, {})
    try:
        found: Any = get(name, **settings, **more)
    except TypeError as error:
        raise UsageError(
            f"the filler '{name}' with {settings} ({error})", "settings that it has",
            f"correct [settings.{name}]",
        ) from error  # fmt: skip
    return cast(Filler, replace(found, seed=seed) if hasattr(found, "seed") else found)
