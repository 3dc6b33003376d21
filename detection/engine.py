"""One scene from file to mask: what ``kumosan mask``, ``batch`` and `mask_scenes` call."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..datasets.atomic import refuse_existing
from ..datasets.cog_rows import mask_rows, probability_rows
from ..datasets.errors import KumosanError, UnfitError, UsageError
from ..datasets.opening import check_size
from ..datasets.protocols import Detector
from ..datasets.read import open_scene
from ..datasets.scene import Scene
from ..datasets.tile import CLASS_NAMES, NODATA, ByteArray, Quality, Tile
from ..datasets.write import in_percent
from .ahead import ahead
from .pixels import ScenePixels
from .postprocess import cleaned_rows, sizes_px
from .runtimes import Choice
from .segmenter import Segmenter

ROWS = 512
"""Rows that a mask in memory is handed on with."""


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
    runtime: Choice = "auto"
    """What runs the network (unet), see `runtimes`."""
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


def mask_scene(
    scene: Scene,
    out: str | Path,
    settings: MaskSettings | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> MaskResult:
    """Mask one scene into ``out``, a class COG that is there whole or not at all.

    Args:
        scene: an open scene (`datasets.open_scene`).
        out: the GeoTIFF to write: 0 clear, 1 thick, 2 thin, 3 shadow, 255 nodata.
        settings: how; the defaults if None.
        tell: called now and then with the rows that are done, and all of them.

    Raises:
        UnfitError: the detector does not fit the scene, or knows no probabilities.
        UsageError: no such detector, or it has no such setting.
        OutputError: an output exists, or cannot be written.
        FileError: the scene is damaged.
    """
    began = time.perf_counter()
    settings = settings or MaskSettings()
    outputs = output_paths(out, settings)
    for path in outputs.values():
        refuse_existing(path, settings.overwrite)
    name, detector = choose_for(scene, settings)
    sizes = sizes_px(scene.gsd_m, min_area_m2=settings.min_area_m2, buffer_m=settings.buffer_m)
    ran = None
    if isinstance(detector, Segmenter):
        ran = detector.runner(scene.shape, scene.gsd_m).name
        strips = _streamed(detector, scene, settings.probability)
    else:
        strips = _whole(detector, name, scene, settings.probability)
    counts = _write(scene, strips, sizes, outputs, settings.overwrite, tell)
    valid = int(counts[: len(CLASS_NAMES)].sum())
    return MaskResult(
        scene=scene.path,
        detector=name,
        outputs={kind: str(path) for kind, path in outputs.items()},
        cover={c: float(counts[k]) / max(valid, 1) for k, c in enumerate(CLASS_NAMES)},
        pixels=int(counts.sum()),
        valid_pixels=valid,
        seconds=time.perf_counter() - began,
        runtime=ran,
    )


def choose_for(scene: Scene, settings: MaskSettings) -> tuple[str, Detector]:
    """Name and detector for a scene; none of its pixels is read.

    Raises:
        UnfitError: the named detector does not fit, or none does.
        UsageError: there is no such detector, or it has no such setting.
    """
    from . import choose  # the registry imports what this module serves

    name, given = asked(settings)
    return choose(_blank(scene), name, **given)


class Strip(NamedTuple):
    """Some rows of a mask before its clean-up."""

    classes: ByteArray
    """(y, x) uint8."""
    percent: ByteArray | None
    """(4, y, x) uint8 probabilities in percent, 255 nodata; None if the detector knows none."""


def _streamed(detector: Segmenter, scene: Scene, probability: bool) -> Generator[Strip, None, None]:
    """By windows; the scene is read in one more thread."""
    height, width = scene.shape
    check_size(scene.path, width, height, 1, scene.max_pixels)
    pixels, top = ScenePixels(scene), 0
    for p in detector.probabilities(pixels, overlapping=True):
        valid = pixels.take_valid(top, top + p.shape[1])
        top += p.shape[1]
        classes = np.where(valid, detector.classes(p), NODATA).astype(np.uint8)
        yield Strip(classes, in_percent(np.where(valid, p, np.nan)) if probability else None)


def _whole(
    detector: Detector, name: str, scene: Scene, probability: bool
) -> Generator[Strip, None, None]:
    """In memory: rules look at the whole scene (its histogram, where shadows fall)."""
    mask = detector.mask(scene.read())
    if probability and mask.probability is None:
        raise UnfitError(
            f"--probability with detector {name}", "a detector that knows probabilities",
            "leave --probability out",
        )  # fmt: skip
    known = mask.probability if probability else None
    for top in range(0, scene.shape[0], ROWS):
        rows = slice(top, top + ROWS)
        p = None if known is None else np.where(mask.valid[rows], known[:, rows], np.nan)
        yield Strip(mask.classes[rows], None if p is None else in_percent(p))


def _write(
    scene: Scene,
    strips: Generator[Strip, None, None],
    sizes: tuple[int, float],
    outputs: Mapping[str, Path],
    overwrite: bool,
    tell: Callable[[int, int], None] | None,
) -> NDArray[np.int64]:
    """Clean and write strips while the next are made; the number of pixels of each code.

    The mask takes its name last: where it is, everything is.
    """
    counts, done = np.zeros(256, np.int64), 0
    with ExitStack() as stack:
        put_mask = stack.enter_context(mask_rows(outputs["mask"], scene.grid, overwrite))
        put_p = None
        if "probability" in outputs:
            put_p = stack.enter_context(
                probability_rows(outputs["probability"], scene.grid, overwrite)
            )
        made = stack.enter_context(closing(ahead(strips)))

        def classes() -> Iterator[ByteArray]:
            for strip in made:
                if put_p is not None and strip.percent is not None:
                    put_p(strip.percent)
                yield strip.classes

        for rows in cleaned_rows(classes(), *sizes):
            put_mask(rows[None])
            counts += np.bincount(rows.ravel(), minlength=256)
            done += len(rows)
            if tell is not None:
                tell(done, scene.shape[0])
    return counts


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
    name = "unet" if settings.weights and settings.detector == "auto" else settings.detector
    if settings.threshold is not None and (name == "auto" or not np.isfinite(settings.threshold)):
        raise UsageError(
            f"threshold {settings.threshold} with detector {name}",
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


def mask_scenes(
    scenes: Iterable[str | Path | Scene],
    settings: MaskSettings | None = None,
    folder: str | Path = ".",
) -> list[MaskResult | KumosanError]:
    """Mask scenes one after the other into ``<folder>/<scene>_mask.tif``.

    The network is loaded once. A scene that cannot be masked has its error in its place, and the
    others go on; what is not a `KumosanError` (a bug, a full memory, Ctrl-C) ends the run.

    Args:
        scenes: paths as for `datasets.open_scene`, or scenes opened with it where a file needs
            its options.
        settings: how; the defaults if None.
        folder: an existing folder.

    Returns:
        One result or error for each scene, in order.

    Raises:
        UsageError: two scenes of one name, whose masks would be one file.
    """
    given = list(scenes)
    names = [Path(s.path if isinstance(s, Scene) else s).resolve().stem for s in given]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"several scenes called {', '.join(twice)}", "a name of its own for each mask",
            "mask them into different folders",
        )  # fmt: skip
    done: list[MaskResult | KumosanError] = []
    for scene, name in zip(given, names, strict=True):
        try:
            opened = scene if isinstance(scene, Scene) else open_scene(scene)
            done.append(mask_scene(opened, Path(folder) / f"{name}_mask.tif", settings))
        except KumosanError as error:
            done.append(error)
    return done
