"""Experiments: a configuration, variants of it, one budget for all, several seeds and folds.

An experiment is a TOML file; docs/experiments.md explains it. Nothing is tuned between the
variants: each differs from the base in what it names, and in nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..datasets.configuration import as_json, placed, read_toml, validated
from ..datasets.errors import UsageError
from ..datasets.splits import Fold
from .train_config import CONFIGS, SegmenterConfig, read_config

BASE = "base"
"""Name of the configuration that the variants are compared with."""
PAGE = "docs/experiments.md"


@dataclass(frozen=True)
class ExperimentFile:
    """What an experiment's file may hold."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    base: str | dict[str, Any] = "segmenter"
    """A packaged configuration by name, a TOML file (from this file's folder), or a table."""
    budget: dict[str, Any] = field(default_factory=dict)
    """Fields of ``[training]`` that hold for the base and every variant alike."""
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name: what differs from the base, see `merged`."""
    seeds: tuple[int, ...] = (0, 1)
    """Every variant is trained once with each, on each fold."""
    parts: int = 2
    """The groups are divided into so many parts."""
    folds: tuple[int, ...] = (0, 1)
    """Parts (from 0) that are left out in turn, and judged on."""
    rgb: bool = False
    """Judge a second time with blue, green and red alone."""


@dataclass(frozen=True)
class Trial:
    """One training of an experiment."""

    variant: str
    config: SegmenterConfig
    seed: int
    fold: Fold

    @property
    def folder(self) -> Path:
        """Where it lies, in the experiment's folder."""
        return Path(self.variant) / f"s{self.seed}_f{self.fold.number}"

    @property
    def facts(self) -> dict[str, Any]:
        """All that decides its weights, besides data and code, as JSON types."""
        facts: dict[str, Any] = json.loads(json.dumps(asdict(self.fold)))
        return {"config": as_json(self.config), "seed": self.seed, "fold": facts}

    def __str__(self) -> str:
        return f"{self.variant}, seed {self.seed}, fold {self.fold.number}/{self.fold.of}"


@dataclass(frozen=True)
class Experiment:
    """An experiment whose configurations are known to be sound."""

    configs: Mapping[str, SegmenterConfig]
    """By variant, the base first."""
    seeds: tuple[int, ...]
    folds: tuple[Fold, ...]
    rgb: bool

    def trials(self) -> Iterator[Trial]:
        """Every training; all variants of one seed and fold before the next, so that what a
        stopped experiment leaves can be compared."""
        for seed in self.seeds:
            for fold in self.folds:
                for variant, config in self.configs.items():
                    yield Trial(variant, config, seed, fold)


def read_experiment(path: str | Path) -> Experiment:
    """An experiment from its TOML file.

    Raises:
        FileError: the file, or the base that it names, cannot be read.
        UsageError: a field is unknown or of the wrong type, a variant changes the budget, a
            name cannot be a folder's, seeds or folds are missing, repeated or out of range.
    """
    path = Path(path)
    file = validated(ExperimentFile, read_toml(path), str(path), PAGE)
    _check(file, path)
    base = as_json(_base(file.base, path))
    base = merged(base, {"training": file.budget})
    configs = {BASE: validated(SegmenterConfig, base, f"[budget] of {path}")}
    for name, overrides in file.variants.items():
        whole = merged(base, placed(overrides, path.parent))
        configs[name] = validated(SegmenterConfig, whole, f"variant '{name}' of {path}")
    folds = tuple(Fold(number, file.parts) for number in file.folds)
    return Experiment(configs, file.seeds, folds, file.rgb)


def merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``overrides``: tables are merged, all else is replaced.

    ``false`` in place of a number, a text or a table of the base takes it away, as in
    ``loss = { dice = false }``.
    """
    out = dict(base)
    for key, value in overrides.items():
        old = out.get(key)
        if isinstance(value, Mapping):
            out[key] = merged(old if isinstance(old, Mapping) else {}, value)
        elif value is False and key in out and not isinstance(old, bool):
            del out[key]
        else:
            out[key] = value
    return out


def _base(base: str | dict[str, Any], path: Path) -> SegmenterConfig:
    if isinstance(base, dict):
        return validated(SegmenterConfig, placed(base, path.parent), f"[base] of {path}")
    packaged = (CONFIGS / f"{base}.toml").is_file()
    return read_config(SegmenterConfig, None if packaged else path.parent / base, base)


def _check(file: ExperimentFile, path: Path) -> None:
    """Refuse what no type tells."""
    for name, overrides in file.variants.items():
        if name == BASE or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
            raise UsageError(
                f"variant '{name}' of {path}",
                f"a name of letters, digits, ., _ and -, and not '{BASE}', which is always run",
                "call it otherwise",
            )
        changed = set(overrides.get("training", {})) & {"epochs", "samples", *file.budget}
        if changed:
            raise UsageError(
                f"variant '{name}' of {path} with its own {', '.join(sorted(changed))}",
                "the budget that all variants share",
                "set it in [budget]",
            )
    for key, values in (("seeds", file.seeds), ("folds", file.folds)):
        if not values or min(values) < 0 or len(set(values)) < len(values):
            raise UsageError(
                f"{key} = {list(values)} in {path}", "different numbers from 0", f"correct {key}"
            )
    if file.parts < 2 or max(file.folds) >= file.parts:
        raise UsageError(
            f"folds = {list(file.folds)} of parts = {file.parts} in {path}",
            "2 parts or more, and folds from 0 to parts - 1",
            "correct them",
        )
