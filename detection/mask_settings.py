"""What can be asked of a mask, and what is told of it afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.errors import UsageError
from .runtimes import Choice


@dataclass(frozen=True)
class MaskSettings:
    """How to mask a scene; the defaults are those of ``kumosan mask``. Picklable."""

    detector: str = "auto"
    """Name of a detector, or ``auto``: the best that fits the scene."""
    threshold: float | None = None
    """Threshold of the named detector, where it has one."""
    weights: str | Path | None = None
    """Weights of your own for the network; ``auto`` then takes the first of `NETWORKS` that fits,
    of which ``fmask-unet`` moves what the network says."""
    min_area_m2: float | None = None
    """Specks below this are dropped; None for 4 pixels."""
    buffer_m: float = 0.0
    """How far clouds and shadows are grown."""
    buffer_px: float = 0.0
    """The same in pixels; the larger of the two counts."""
    whole_samples: int | None = None
    """Most samples (pixels x bands) that a detector that looks at the whole scene is given: a
    larger scene is averaged for it (see `strips.coarse_strips`). None: all there are."""
    runtime: Choice = "auto"
    """What runs the network, see `runtimes`."""
    network_m: float | None = None
    """See `Segmenter.network_m`."""
    probability: bool = False
    """Also write ``<out stem>_probability.tif``."""
    overwrite: bool = False
    """Replace outputs that exist."""


@dataclass(frozen=True)
class MaskResult:
    """What was done with one scene."""

    scene: str
    """The scene's path."""
    detector: str
    """Name of the detector that ran."""
    outputs: Mapping[str, str]
    """``mask`` and, where asked for, ``probability``: paths."""
    cover: Mapping[str, float]
    """Share of each class among the valid pixels, 0 to 1."""
    pixels: int
    """Pixels of the scene."""
    valid_pixels: int
    seconds: float
    """From opening to the finished file."""
    runtime: str | None = None
    """What ran the network, None for other detectors."""
    factor: int = 1
    """How many pixels, along each side, were averaged for the detector."""


def output_paths(out: str | Path, settings: MaskSettings) -> dict[str, Path]:
    """What `mask_scene` will write, by kind."""
    out = Path(out)
    found = {"mask": out}
    if settings.probability:
        found["probability"] = out.with_name(f"{out.stem}_probability.tif")
    return found


def asked(settings: MaskSettings) -> tuple[str, dict[str, Any]]:
    """Name of the detector that is asked for, and what it is to be made with.

    Raises:
        UsageError: a threshold that is no number, or for nobody knows which detector.
    """
    name, t = settings.detector, settings.threshold
    nobodys = name == "auto" and settings.weights is None
    if t is not None and (nobodys or not np.isfinite(t)):
        raise UsageError(
            f"threshold {t} with detector {name}",
            "a finite number, and the detector whose unit it has",
            "name the detector, for example --detector fmask --threshold 0.2",
        )
    given = {
        "threshold": settings.threshold,
        "weights": settings.weights,
        "network_m": settings.network_m,
        "runtime": None if settings.runtime == "auto" else settings.runtime,
    }
    return name, {k: v for k, v in given.items() if v is not None}
