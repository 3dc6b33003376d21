"""One scene from file to mask: what ``kumosan mask``, ``batch`` and `mask_scenes` call."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets.ahead import ahead
from ..datasets.atomic import refuse_existing
from ..datasets.cog_rows import mask_rows, probability_rows
from ..datasets.errors import UnfitError
from ..datasets.opening import check_size
from ..datasets.protocols import Detector
from ..datasets.raster_file import bounded_cache
from ..datasets.scene import Scene
from ..datasets.tile import CLASS_NAMES, NODATA, ByteArray, Quality, Tile
from ..datasets.write import in_percent
from .fmask_unet import FmaskUnet
from .mask_settings import MaskResult, MaskSettings, asked, output_paths
from .pixels import ScenePixels
from .postprocess import cleaned_rows, sizes_px
from .segmenter import Segmenter
from .strips import ROWS, Strip, coarse_strips, coarsening_for, pixelwise_strips

Tell = Callable[[int, int], None]
STREAM_CACHE = 64 * 2**20
"""Bytes of GDAL's cache while the network streams: it holds the rows of its windows itself."""
_CODES = (*range(len(CLASS_NAMES)), NODATA)
"""All that a mask holds."""


def mask_scene(
    scene: Scene,
    out: str | Path,
    settings: MaskSettings | None = None,
    tell: Tell | None = None,
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
    min_px, radius = sizes_px(
        scene.gsd_m, min_area_m2=settings.min_area_m2, buffer_m=settings.buffer_m
    )
    sizes = (min_px, max(radius, settings.buffer_px))
    ran, factor = None, 1
    with ExitStack() as stack:
        if isinstance(detector, Segmenter | FmaskUnet):
            check_size(scene.path, scene.shape[1], scene.shape[0], 1, scene.max_pixels)
            stack.enter_context(bounded_cache(STREAM_CACHE))
            network = detector.network() if isinstance(detector, FmaskUnet) else detector
            ran = network.runner(scene.shape, scene.gsd_m).name
        else:
            stack.enter_context(bounded_cache())
        if isinstance(detector, FmaskUnet):
            read, tell = _in_turns(tell)
            strips = stack.enter_context(
                detector.strips(scene, outputs["mask"], settings.probability, read)
            )
        elif isinstance(detector, Segmenter):
            strips = _streamed(detector, scene, settings.probability)
        elif getattr(detector, "pixelwise", False) and not settings.probability:
            strips = pixelwise_strips(detector, scene)
        elif settings.whole_samples is not None and not settings.probability:
            factor = coarsening_for(scene, settings.whole_samples)
            strips = coarse_strips(detector, scene, factor)
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
        factor=factor,
    )


def _in_turns(tell: Tell | None) -> tuple[Tell | None, Tell | None]:
    """``tell`` for the network's turn over a scene, and for what follows, a sixth of the time."""
    if tell is None:
        return None, None
    return (lambda done, rows: tell(done * 5 // 6, rows)), (
        lambda done, rows: tell((5 * rows + done) // 6, rows)
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


def _streamed(detector: Segmenter, scene: Scene, probability: bool) -> Generator[Strip, None, None]:
    """By windows; the scene is read in one more thread."""
    pixels, top = ScenePixels(scene, detector.model().bands), 0
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
    tell: Tell | None,
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
            for code in _CODES:  # a quarter of the time of bincount
                counts[code] += np.count_nonzero(rows == code)
            done += len(rows)
            if tell is not None:
                tell(done, scene.shape[0])
    return counts


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
