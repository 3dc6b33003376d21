"""Which pair is number i: its clear tile, its window, its clouds; nothing of it depends on others.

Clear tiles come from scenes (a random window of each, in turn), or are drawn by the procedural
landscape when there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median_low
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from ..datasets.bands import BandSet
from ..datasets.encoding import Encoding
from ..datasets.errors import FileError, UnfitError, ValueRangeError
from ..datasets.pair import CloudyPair
from ..datasets.read import READERS
from ..datasets.scene import Scene
from ..datasets.sensors import sensor
from ..datasets.tile import Tile
from .composite import cloudify
from .landscape import landscape
from .sampler import CloudSampler

MIN_VALID = 0.95
"""Share of valid pixels at which a window is taken at once."""
TRIES = 16
"""Windows that are looked at before the one with the most valid pixels is taken."""
COAST = 0.25
"""Share of the landscapes that lie by the sea."""
_RASTERS = (".tif", ".tiff", ".jp2")
_NO_SCENES = ("_mask", "_cloudy")


def clear_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The scenes that ``paths`` name: a folder that is no product stands for the rasters in it.

    Files ending in ``_mask`` or ``_cloudy`` are left out, so that a folder of pairs may be given.

    Raises:
        FileError: a folder holds no raster.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir() or any(reader.matches(path) for reader in READERS[:-1]):
            found.append(path)  # a file or a product; `open_scene` says if it is neither
            continue
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in _RASTERS)
        inside = [p for p in inside if not p.stem.endswith(_NO_SCENES)]
        if not inside:
            raise FileError(
                f"the folder {path} holds no clear tile",
                f"files ending in {', '.join(_RASTERS)}",
                "name a folder of clear tiles, or none to draw landscapes",
            )
        found += inside
    return tuple(found)


@dataclass(frozen=True)
class PairSource:
    """Everything that decides what pair number i is. Picklable."""

    scenes: tuple[Scene, ...]
    """Clear scenes, taken in turn; none for procedural landscapes."""
    sampler: CloudSampler
    seed: int
    size: int = 256
    """Side of a pair in pixels; scenes that are smaller are taken whole."""
    sensor: str | None = None
    """Key in ``sensors.toml``: the bands of the landscape, or those picked from the scenes by
    wavelength. None takes all spectral bands of the scenes; landscapes need it."""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueRangeError(f"pairs of {self.size} pixels", "1 or more", "correct --size")
        if self.sensor is not None:
            sensor(self.sensor)  # UsageError for one that is not known, before any work
            for scene in self.scenes:
                chosen_bands(scene, self.sensor)
        elif not self.scenes:
            raise ValueRangeError(
                "neither clear scenes nor a sensor", "one of them", "pass --bands-from"
            )

    def draw(self, number: int) -> tuple[CloudyPair, dict[str, Any]]:
        """Pair ``number``, and where its clear tile is from.

        Three generators, for ground, window and clouds, are spawned of
        ``SeedSequence([seed, number])``: the clouds do not change with the ground.

        Raises:
            FileError: the scene is damaged.
            ValueRangeError: the scene has no valid pixel.
        """
        ground, place, clouds = (
            np.random.default_rng(s) for s in np.random.SeedSequence([self.seed, number]).spawn(3)
        )
        if self.scenes:
            tile, origin = self._window(self.scenes[number % len(self.scenes)], place)
        else:
            tile, origin = self._landscape(ground), {"source": "landscape", "row": 0, "col": 0}
        return cloudify(tile, self.sampler, rng=clouds), origin

    def _window(self, scene: Scene, rng: np.random.Generator) -> tuple[Tile, dict[str, Any]]:
        """A random window of ``scene``: the first that is nearly all valid, else the fullest."""
        bands = chosen_bands(scene, self.sensor)
        height, width = (min(self.size, n) for n in scene.shape)
        best: tuple[float, Tile, Window] | None = None
        for _ in range(1 if (height, width) == scene.shape else TRIES):
            top = int(rng.integers(scene.shape[0] - height + 1))
            left = int(rng.integers(scene.shape[1] - width + 1))
            window = Window(left, top, width, height)
            tile = scene.read(window, bands)
            share = float(tile.valid.mean())
            if best is None or share > best[0]:
                best = share, tile, window
            if share >= MIN_VALID:
                break
        if best is None or best[0] == 0:
            raise ValueRangeError(
                f"{scene.path} without a valid pixel in {TRIES} windows of {height} x {width}",
                "a clear tile with data",
                "leave the scene out",
            )
        _, tile, window = best
        return tile, {"source": scene.path, "row": window.row_off, "col": window.col_off}

    def _landscape(self, rng: np.random.Generator) -> Tile:
        """A landscape under a sun of its own, quantised as a product would be."""
        bands = sensor(str(self.sensor)).bands
        gsd_m = float(median_low([b.gsd_m or 20.0 for b in bands]))
        drawn = landscape(
            (self.size, self.size),
            bands,
            rng,
            gsd_m,
            sun_zenith_deg=round(float(rng.uniform(20, 65)), 2),
            sun_azimuth_deg=round(float(rng.uniform(90, 270)), 2),
            coast=bool(rng.random() < COAST),
        )
        steps = tuple(0.01 if b.kind == "thermal" else 1e-4 for b in bands)  # kelvin, reflectance
        encoding = Encoding("uint16", steps, (0.0,) * len(bands), 0.0)
        stored = encoding.encode(drawn.data)
        return Tile(
            encoding.decode(stored),
            bands,
            Affine(gsd_m, 0, 499_980, 0, -gsd_m, 5_100_000),
            CRS.from_epsg(32633),
            replace(drawn.acquired, sensor=self.sensor),
            encoding,
            stored,
        )


def chosen_bands(scene: Scene, key: str | None) -> tuple[int, ...]:
    """Indices of the spectral bands of ``scene``, or of those nearest to a sensor's.

    Raises:
        UsageError: no sensor called ``key``.
        UnfitError: the scene lacks a band of that sensor, or has one for two of them.
    """
    if key is None:
        return tuple(i for i, b in enumerate(scene.bands) if b.kind != "other")
    needed: BandSet = sensor(key).bands
    found = [scene.bands.find(window) for window in needed]
    lost = [str(b) for b, i in zip(needed, found, strict=True) if i is None]
    lost += [str(b) for b, i in zip(needed, found, strict=True) if i and found.count(i) > 1]
    if lost:
        raise UnfitError(
            f"{scene.path} has no band of its own for {', '.join(lost)} of {key}",
            "each of that sensor's bands by wavelength",
            "choose another --bands-from, or leave it out to keep the scene's bands",
        )
    return tuple(i for i in found if i is not None)
