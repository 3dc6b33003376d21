"""One scene from file to mask: what ``kumosan mask``, ``batch`` and `mask_scenes` call."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..datasets.atomic import refuse_existing
from ..datasets.errors import UnfitError, UsageError
from ..datasets.scene import Scene
from ..datasets.tile import Quality, Tile
from ..datasets.write import write_mask, write_probability
from .postprocess import clean_up


@dataclass(frozen=True)
class MaskSettings:
    """How to mask a scene; the defaults are those of ``kumosan mask``. Picklable."""

    detector: str = "auto"
    """Name of a detector, or ``auto``: the best that fits the scene."""
    threshold: float | None = None
    """Threshold of the named detector, where it has one."""
    weights: str | Path | None = None
    """Weights of your own for the network; ``auto`` then means ``unet``."""
    min_area_m2: float | None = None
    """Specks below this are dropped; None for 4 pixels."""
    buffer_m: float = 0.0
    """How far clouds and shadows are grown."""
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


def mask_scene(scene: Scene, out: str | Path, settings: MaskSettings | None = None) -> MaskResult:
    """Mask one scene into ``out``, a class COG that is there whole or not at all.

    Args:
        scene: an open scene (`datasets.open_scene`).
        out: the GeoTIFF to write: 0 clear, 1 thick, 2 thin, 3 shadow, 255 nodata.
        settings: how; the defaults if None.

    Raises:
        UnfitError: the detector does not fit the scene, or knows no probabilities.
        UsageError: no such detector, or it has no such setting.
        OutputError: an output exists, or cannot be written.
        FileError: the scene is damaged.
    """
    from . import choose  # the registry imports what this module serves

    began = time.perf_counter()
    settings = settings or MaskSettings()
    outputs = output_paths(out, settings)
    for path in outputs.values():
        refuse_existing(path, settings.overwrite)
    name, given = _asked(settings)
    name, detector = choose(_blank(scene), name, **given)
    mask = clean_up(
        detector.mask(scene.read()),
        scene.gsd_m,
        min_area_m2=settings.min_area_m2,
        buffer_m=settings.buffer_m,
    )
    if settings.probability:
        if mask.probability is None:
            raise UnfitError(
                f"probabilities asked of detector {name}", "a detector that knows them",
                "leave --probability out",
            )  # fmt: skip
        write_probability(outputs["probability"], mask, settings.overwrite)
    write_mask(outputs["mask"], mask, settings.overwrite)
    return MaskResult(
        scene=scene.path,
        detector=name,
        outputs={kind: str(path) for kind, path in outputs.items()},
        cover=mask.cover(),
        pixels=mask.classes.size,
        valid_pixels=int(mask.valid.sum()),
        seconds=time.perf_counter() - began,
    )


def output_paths(out: str | Path, settings: MaskSettings) -> dict[str, Path]:
    """What `mask_scene` will write, by kind."""
    out = Path(out)
    found = {"mask": out}
    if settings.probability:
        found["probability"] = out.with_name(f"{out.stem}_probability.tif")
    return found


def _asked(settings: MaskSettings) -> tuple[str, dict[str, object]]:
    """Name and settings of the detector that is asked for."""
    name = "unet" if settings.weights and settings.detector == "auto" else settings.detector
    if settings.threshold is not None and (name == "auto" or not np.isfinite(settings.threshold)):
        raise UsageError(
            f"threshold {settings.threshold} with detector {name}",
            "a finite number, and the detector whose unit it has",
            "name the detector, for example --detector fmask --threshold 0.2",
        )
    given = {"threshold": settings.threshold, "weights": settings.weights}
    return name, {k: v for k, v in given.items() if v is not None}


def _blank(scene: Scene) -> Tile:
    """One empty pixel with all that a detector asks before it looks at pixels."""
    quality = None
    if scene.scheme is not None:
        quality = Quality(scene.scheme, np.zeros((1, 1), np.uint16))
    return Tile(
        data=np.full((len(scene.bands), 1, 1), np.nan, np.float32),
        bands=scene.bands,
        transform=scene.grid.transform,
        crs=scene.grid.crs,
        acquired=scene.acquired,
        quality=quality,
        tags=scene.tags,
        path=scene.path,
    )
