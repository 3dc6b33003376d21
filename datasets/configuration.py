"""Configurations of trainings: read from TOML, every field checked, mistakes named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from .errors import FileError, MissingExtraError, UsageError

STRICT = {"extra": "forbid"}
"""``__pydantic_config__`` of every part: an unknown field is an error."""


@dataclass(frozen=True)
class Training:
    """How long, how much at a time, on what."""

    __pydantic_config__ = STRICT

    epochs: int = 40
    """An epoch is ``samples`` samples; a checkpoint is written after each."""
    samples: int = 1024
    """Samples in an epoch."""
    batch_size: int = 16
    crop: int = 192
    """Side of a sample in pixels, a multiple of the network's stride."""
    gsd_range_m: tuple[float, float] | None = (10.0, 60.0)
    """Pixel sizes that samples are resampled to; none leaves them."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """``bf16-mixed`` on GPUs; slow on processors without bf16 units."""
    workers: int = 1
    """Processes that make samples."""
    cache_mb: int = 1500
    """Memory for tiles in float16."""

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.crop) < 1 or self.samples < self.batch_size:
            raise UsageError(
                f"{self.epochs} epochs of {self.samples} samples of {self.crop} pixels in batches "
                f"of {self.batch_size}",
                "one or more of each, and samples for a whole batch (what is left over is not "
                "used)",
                "correct [training]",
            )

    def check_crop(self, stride: int) -> None:
        """Raise UsageError unless crops are of a multiple of ``stride`` pixels."""
        if self.crop % stride:
            raise UsageError(
                f"crops of {self.crop} pixels", f"a multiple of the network's stride, {stride}",
                "correct crop",
            )  # fmt: skip


T = TypeVar("T")


def validated(kind: type[T], value: Any, where: str, page: str = "docs/training.md") -> T:
    """``value`` as a ``kind``, every field checked by pydantic; ``page`` explains the fields.

    Raises:
        UsageError: a field is unknown, missing or of the wrong type; the first one is named.
        MissingExtraError: pydantic is not installed.
    """
    try:
        from pydantic import TypeAdapter, ValidationError
    except ImportError as error:  # pragma: no cover - depends on the installation
        raise MissingExtraError("training", "train") from error
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise UsageError(
            f"{where}: {place} = {first.get('input')!r}"[:200],
            first["msg"][:1].lower() + first["msg"][1:],
            f"correct {place}; the fields are explained in {page}",
        ) from error


def read_config(kind: type[T], path: str | Path, page: str = "docs/training.md") -> T:
    """The configuration in a TOML file.

    Relative ``catalog`` and ``decisions`` paths are taken from the file's folder; ``page`` explains
    the fields.

    Raises:
        FileError: there is no such file, or it is no TOML.
        UsageError: see `validated`.
    """
    path = Path(path)
    return validated(kind, placed(read_toml(path), path.parent), str(path), page)


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file holds.

    Raises:
        FileError: there is no such file, or it is no TOML.
    """
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        facts: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise FileError(f"{path} does not exist", "a TOML file", "correct the path") from None
    except (OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read ({error})", "a TOML file", "correct it") from error
    return facts


def placed(facts: dict[str, Any], folder: Path) -> dict[str, Any]:
    """``facts`` of a configuration, relative paths taken from ``folder``."""
    for source in facts.get("sources", ()):
        for key in ("catalog", "decisions"):
            if isinstance(source, dict) and source.get(key):
                source[key] = str((folder / source[key]).resolve())
    return facts


def with_tuples(facts: Mapping[str, Any]) -> dict[str, Any]:
    """``facts`` from JSON or TOML with tuples for lists, as frozen dataclasses hold them."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}


def as_json(config: Any) -> dict[str, Any]:
    """A configuration as plain JSON types, for cards and logs."""
    out: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return out
