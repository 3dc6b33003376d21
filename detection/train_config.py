"""What a training is: read from TOML, every field checked, mistakes named.

A file sets only what differs from the defaults below. `docs/training.md` explains the whole.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..datasets.errors import FileError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from .network import NetworkConfig

CONFIGS = Path(__file__).with_name("configs")
"""Folder of the configurations that come with kumosan."""
_STRICT = {"extra": "forbid"}


@dataclass(frozen=True)
class Source:
    """One data set of the mixture."""

    __pydantic_config__ = _STRICT

    kind: Literal["labelled", "painted", "landscape"]
    """``labelled``: images with masks. ``painted``: clear images, on which clouds are painted.
    ``landscape``: procedural clear images, on which clouds are painted."""
    catalog: str = ""
    """Folder or file of the catalogue; empty for the one given on the command line. A relative
    path counts from the configuration file."""
    decisions: str = ""
    """Decision file of ``kumosan labels audit``: labels that it does not keep are left out. A
    relative path counts from the configuration file."""
    split: str = "train"
    """Rows of this split only. ``test`` is refused."""
    mask_kinds: tuple[str, ...] = ("human",)
    """``labelled``: rows whose masks were made so (the word before any remark in brackets)."""
    weight: float = 1.0
    """Share of the samples, among the weights of all sources."""
    shadow_boost: float = 1.0
    """``labelled``: how much more often tiles with drawn shadow come than others."""
    mapping: dict[str, int] = field(default_factory=dict)
    """``labelled``: other meanings of the codes in the masks, for example ``{"4" = 1}``; 255
    ignores."""
    presets: tuple[str, ...] = ("mixed",)
    """Kinds of cloud that are painted."""
    preset_weights: tuple[float, ...] = ()
    """How often each; evenly if empty."""
    clear_share: float = 0.1
    """Share of the samples that no cloud is painted on: ground that must not look like cloud."""
    sun_azimuth_deg: tuple[float, float] = (30.0, 180.0)
    """Where the painted sun stands, clockwise from the top. The default is the forenoon of either
    hemisphere, when nearly all satellites pass; the detector mirrors scenes of the afternoon."""
    count: int = 48
    """``landscape``: number of landscapes to draw."""
    size: int = 384
    """``landscape``: their side in pixels."""


@dataclass(frozen=True)
class Optimization:
    """How the weights move."""

    __pydantic_config__ = _STRICT

    optimizer: Literal["adamw", "adam", "sgd", "radam", "nadam"] = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    scheduler: Literal["one-cycle", "cosine", "poly", "constant"] = "one-cycle"
    """Changes the rate at each step, over the whole training."""
    clip_norm: float = 1.0
    """Largest norm of the gradient; 0 does not clip."""
    ema: float = 0.998
    """Decay of the exponential moving average of the weights, which is what is saved; 0: none."""
    frozen: Literal["none", "encoder"] = "none"
    """Which part does not move (with ``--init``)."""


@dataclass(frozen=True)
class Training:
    """How long, how much at a time, on what."""

    __pydantic_config__ = _STRICT

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


@dataclass(frozen=True)
class SegmenterConfig:
    """A training of the segmenter."""

    __pydantic_config__ = _STRICT

    sources: tuple[Source, ...]
    network: dict[str, Any] = field(default_factory=dict)
    """Fields of `network.NetworkConfig`."""
    loss: dict[str, float] = field(default_factory=lambda: {"ce": 1.0, "dice": 0.5})
    """Terms and their weights: ce, dice, focal, lovasz."""
    class_weights: tuple[float, float, float, float] = (1.0, 1.0, 1.5, 3.0)
    """Of clear, thick, thin and shadow in the cross-entropy."""
    augment: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Augmentations by name with their settings, applied in this order: see
    `train_data.AUGMENTATIONS`."""
    optimization: Optimization = field(default_factory=Optimization)
    training: Training = field(default_factory=Training)

    @property
    def network_config(self) -> NetworkConfig:
        """``network`` as an object."""
        from .network import NetworkConfig

        return validated(NetworkConfig, self.network, "[network]")


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


def read_config(kind: type[T], path: str | Path | None, default: str) -> T:
    """The configuration in a TOML file, or the packaged one called ``default``.

    Relative ``catalog`` and ``decisions`` paths are taken from the file's folder.

    Raises:
        FileError: there is no such file, or it is no TOML.
        UsageError: see `validated`.
    """
    path = CONFIGS / f"{default}.toml" if path is None else Path(path)
    return validated(kind, placed(read_toml(path), path.parent), str(path))


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


def as_json(config: Any) -> dict[str, Any]:
    """A configuration as plain JSON types, for cards and logs."""
    out: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return out
