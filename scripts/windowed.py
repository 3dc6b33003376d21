"""Scenes too large to hold: masked and filled window by window, and made small to be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio

from .. import gan
from ..datasets import CloudMask, FilledTile, Scene
from ..datasets.ahead import ahead
from ..datasets.coarse import Averages
from ..datasets.errors import UsageError
from ..datasets.opening import check_size
from ..datasets.protocols import Learner
from ..datasets.quicklook import MAX_WIDTH
from ..datasets.read import open_mask
from ..datasets.stretch import shown_bands
from ..datasets.tile import NODATA, UNFILLABLE, ByteArray
from ..datasets.typical import Preview
from ..datasets.write_parts import filled_parts
from ..detection import NETWORKS
from ..detection.engine import choose_for, mask_scene
from ..detection.mask_settings import MaskResult, MaskSettings
from ..detection.strips import coarsening_for
from .console import Console
from .pipeline import filler_settings, named_counts, warn_of_emptiness

if TYPE_CHECKING:
    from ..gan.windows import Part

MEMORY_GB = 3.0
"""Most that `clean` and `fill` take."""
WHOLE_SAMPLES = 100_000_000
"""Samples (pixels x bands) that a detector of whole scenes is given of a scene that is too large:
400 MB of float32; Fmask took 1.4 GB in all for so many in 13 bands."""
_BASE_GB = 0.4
_PLANE_BYTES = 60


def needed(scene: Scene, memory_gb: float) -> bool:
    """Whether the whole scene would take more than ``memory_gb``, by estimate.

    Held at once are the numbers as stored, and again as they will be; reflectance, what the
    filler found, and both together, float32 each; and about fifteen planes of masks and distances.
    """
    samples = len(scene.bands) * (12 + 2 * np.dtype(scene.encoding.dtype).itemsize)
    return _BASE_GB + scene.shape[0] * scene.shape[1] * (samples + _PLANE_BYTES) / 1e9 > memory_gb


def refuse_references(scene: Scene, references: Sequence[Path]) -> None:
    """Raise UsageError if there are any: other dates are held in memory with the scene."""
    if references:
        height, width = scene.shape
        raise UsageError(
            f"--reference with a scene of {width} x {height} pixels, which is filled by windows",
            "a scene that is held in memory with its references",
            "cut out a part, choose a coarser --resolution, or raise --memory-gb",
        )


def mask(scene: Scene, path: Path, settings: MaskSettings, console: Console) -> MaskResult:
    """Mask a scene into a file (see `engine.mask_scene`).

    A detector that looks at the whole scene sees it coarser; half a pixel of that is added to the
    buffer in pixels, as far as edges may be misplaced.
    """
    settings = replace(settings, whole_samples=WHOLE_SAMPLES)
    name, detector = choose_for(scene, settings)
    streams = name in NETWORKS or getattr(detector, "pixelwise", False)
    factor = 1 if streams else coarsening_for(scene, WHOLE_SAMPLES)
    if factor > 1:
        console.warn(
            f"{name} looks at the whole scene, which is too large: it sees {factor} x {factor} "
            "pixels as one; --detector unet masks every pixel, --memory-gb allows more memory"
        )
        if settings.buffer_px:
            settings = replace(settings, buffer_px=settings.buffer_px + factor / 2)
    with console.phase(f"masking ({name})", scene.shape[0] * scene.shape[1]):
        done = mask_scene(scene, path, settings, console.teller("masking", "rows"))
    warn_of_emptiness(done.valid_pixels > 0, done.cover["clear"], console)
    return done


def fill(
    scene: Scene,
    mask: Path,
    outputs: Mapping[str, Path],
    filler: str,
    seed: int,
    console: Console,
    overwrite: bool = False,
    weights: Path | None = None,
    keep_cloudy: bool = True,
    seen: Callable[[Part], None] | None = None,
) -> dict[str, int]:
    """Fill a scene window by window; the number of pixels by how they were come by.

    Args:
        scene: what is filled.
        mask: class raster on its grid.
        outputs: paths by kind: ``filled``, ``provenance``, ``confidence``.
        filler: name of the filler.
        seed: of what is random.
        console: hears how far it is.
        overwrite: replace existing outputs.
        weights: of the filler's network.
        keep_cloudy: pixels that nothing fills keep the values they came with; else they become
            nodata.
        seen: called with every part of the scene.

    Raises:
        OutputError: an output exists, or cannot be written.
        FileError: scene or mask are damaged.
        GridError: the mask is not on the scene's grid.
    """
    from ..gan.ground import clear_ground
    from ..gan.windows import Cut, fill_windows

    height, width = scene.shape
    check_size(scene.path, width, height, 1, scene.max_pixels)
    cut = Cut.fitting(len(scene.bands), scene.gsd_m)
    windows = ceil(height / cut.core_px) * ceil(width / cut.core_px)
    counts, computed = np.zeros(256, np.int64), 0
    found = gan.get(filler, **filler_settings(filler, seed, weights))
    with (
        console.phase(f"filling ({filler}) and writing", height * width),
        open_mask(mask, scene) as classes,
    ):
        if isinstance(found, Learner):
            found = found.learn(*clear_ground(scene.read, classes, scene.shape, len(scene.bands)))
        parts = fill_windows(scene.read, classes, scene.shape, found, cut)
        with (
            filled_parts(outputs, scene, overwrite) as put,
            console.counting("filling", windows, "windows") as tell,
            closing(ahead(parts, 1)) as made,  # filled while the one before is written
        ):
            for done, part in enumerate(made, 1):
                put(part.filled if keep_cloudy else _without_cloudy(part.filled), part.window)
                if seen is not None:
                    seen(part)
                counts += np.bincount(part.filled.provenance.ravel(), minlength=256)
                computed += part.computed
                tell(done, f"{computed} of them hold clouds")
    return named_counts(counts)


def _without_cloudy(filled: FilledTile) -> FilledTile:
    """No data where nothing could be filled."""
    tile, lost = filled.tile, filled.provenance == UNFILLABLE
    data = np.where(lost, np.float32(np.nan), tile.data)
    stored = tile.stored if tile.stored is None else tile.stored.copy()
    if stored is not None:
        stored[:, lost] = tile.encoding.encode(data)[:, lost]
    return replace(filled, tile=replace(tile, data=data, stored=stored))


class Overview:
    """A scene before and after at about the size that pictures of it are shown at, gathered while
    it is filled."""

    def __init__(self, scene: Scene) -> None:
        most = max(max(scene.shape) // MAX_WIDTH, 1)
        self.factor = 1 << most.bit_length() - 1  # windows hold whole averages of a power of 2
        self._bands = sorted(set(shown_bands(scene.bands)[0]))
        self._before, self._after = (Averages(scene, self.factor, self._bands) for _ in range(2))

    def add(self, part: Part) -> None:
        """One part of the scene."""
        for gathered, tile in ((self._before, part.before), (self._after, part.filled.tile)):
            gathered.add(part.window, (tile.data[i] for i in self._bands))

    def preview(self, paths: Mapping[str, Path]) -> Preview:
        """For pictures; ``mask``, ``provenance`` and ``confidence`` are read from ``paths``."""
        before, filled = self._before.tile(), self._after.tile()
        classes, provenance, percent = (
            _thinned(paths[kind], before.shape) for kind in ("mask", "provenance", "confidence")
        )
        confidence = np.where(percent == NODATA, 0, percent / np.float32(100)).astype(np.float32)
        return Preview(
            before,
            CloudMask(classes, before.transform, before.crs),
            FilledTile(filled, provenance, confidence),
            self.factor,
        )


def _thinned(path: Path, shape: tuple[int, int]) -> ByteArray:
    with rasterio.open(path) as file:
        codes: ByteArray = file.read(1, out_shape=shape)
    return codes
