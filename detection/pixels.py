"""What a network reads its windows from: a tile in memory, or a scene that is read as it goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from ..datasets.bands import BandSet
from ..datasets.coarse import Averages
from ..datasets.errors import UnfitError
from ..datasets.samples import CANONICAL_BANDS, Sample, sample_of, temperature
from ..datasets.scene import Scene
from ..datasets.tile import Acquisition, BoolArray, FloatArray, Tile
from .scene_rows import SceneRows


class Pixels(Protocol):
    """Windows of reflectance in canonical bands."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        ...

    @property
    def gsd_m(self) -> float | None:
        """Pixel size in metres, None where it is not known."""
        ...

    @property
    def acquired(self) -> Acquisition:
        """Where the sun stood."""
        ...

    @property
    def present(self) -> FloatArray:
        """(band,) float32: 1 where the sensor has the band."""
        ...

    def read(self, rows: slice, columns: slice) -> tuple[FloatArray, BoolArray]:
        """(band, y, x) float32 reflectance (kelvin in a thermal band), 0 where it is not known, and
        (y, x) where it is."""
        ...


@dataclass(frozen=True)
class TilePixels:
    """Windows of a tile."""

    tile: Tile
    bands: BandSet = CANONICAL_BANDS
    """What the network reads."""

    @property
    def shape(self) -> tuple[int, int]:
        return self.tile.shape

    @property
    def gsd_m(self) -> float | None:
        return self.tile.gsd_m

    @property
    def acquired(self) -> Acquisition:
        return self.tile.acquired

    @property
    def present(self) -> FloatArray:
        return self._sample.present.astype(np.float32)

    def read(self, rows: slice, columns: slice) -> tuple[FloatArray, BoolArray]:
        return self._sample.image[:, rows, columns], self._sample.valid[rows, columns]

    @cached_property
    def _sample(self) -> Sample:
        return sample_of(self.tile, self.bands)


@dataclass(frozen=True)
class ScenePixels:
    """Windows of a scene that nobody holds in memory; reads no more bands than it must.

    It notes which of the pixels that it has read are valid, until `take_valid` asks. May be read
    in one thread and asked in another. Windows are read from top to bottom.
    """

    scene: Scene
    bands: BandSet = CANONICAL_BANDS
    """What the network reads."""
    averages: Averages | None = None
    """Gathered on the way, from windows that cover the scene; of a power of 2 up to 512 pixels."""

    @property
    def shape(self) -> tuple[int, int]:
        return self.scene.shape

    @property
    def gsd_m(self) -> float | None:
        return self.scene.gsd_m

    @property
    def acquired(self) -> Acquisition:
        return self.scene.acquired

    @property
    def present(self) -> FloatArray:
        return np.array([i is not None for i in self._found], np.float32)

    def read(self, rows: slice, columns: slice) -> tuple[FloatArray, BoolArray]:
        stored, known = self._rows.window(rows, columns)
        whole = len(self._used) == len(self._found)
        image = (np.empty if whole else np.zeros)((len(self._found), *known.shape), np.float32)
        for k, (slot, i) in enumerate(self._used.items()):
            encoding = self.scene.encoding.of([i])
            if self._is_warm(slot):
                image[slot] = temperature(encoding.decode(stored[k : k + 1])[0])
            else:  # what is lost is known already
                replace(encoding, nodata=None).decode(stored[k : k + 1], image[slot : slot + 1])
        if not known.all():
            image[:, np.logical_not(known)] = 0
        return image, known

    def take_valid(self, top: int, bottom: int) -> BoolArray:
        """(y, x) bool of rows whose windows have all been read; they are forgotten."""
        return self._rows.take_valid(top, bottom)

    @cached_property
    def _found(self) -> list[int | None]:
        found = [self.scene.bands.find(w) for w in self.bands]
        if not any(i is not None for i in found):
            raise UnfitError(
                f"{self.scene.path} with bands {', '.join(self.scene.bands.names)}",
                f"at least one of {', '.join(self.bands.names)}", "choose another detector",
            )  # fmt: skip
        return found

    @cached_property
    def _used(self) -> dict[int, int]:
        """Plane -> band of the scene."""
        return {slot: i for slot, i in enumerate(self._found) if i is not None}

    def _is_warm(self, slot: int) -> bool:
        return self.bands[slot].kind == "thermal"

    @cached_property
    def _rows(self) -> SceneRows:
        needed = [i for slot, i in self._used.items() if not self._is_warm(slot)]
        warm = {i for slot, i in self._used.items() if self._is_warm(slot)}
        beside = sorted({*self.scene.bands.optical} - warm - {*needed})
        return SceneRows(self.scene, list(self._used.values()), needed, beside, self.averages)


@dataclass(frozen=True)
class Mirrored:
    """The same pixels with left and right exchanged."""

    pixels: Pixels

    @property
    def shape(self) -> tuple[int, int]:
        return self.pixels.shape

    @property
    def gsd_m(self) -> float | None:
        return self.pixels.gsd_m

    @property
    def acquired(self) -> Acquisition:
        return self.pixels.acquired

    @property
    def present(self) -> FloatArray:
        return self.pixels.present

    def read(self, rows: slice, columns: slice) -> tuple[FloatArray, BoolArray]:
        width = self.shape[1]
        image, known = self.pixels.read(rows, slice(width - columns.stop, width - columns.start))
        return image[..., ::-1], known[..., ::-1]
