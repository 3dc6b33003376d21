"""What a network reads its windows from: a tile in memory, or a scene that is read as it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from rasterio.windows import Window

from ..datasets.bands import BandSet
from ..datasets.errors import UnfitError
from ..datasets.samples import CANONICAL_BANDS, Sample, sample_of, temperature
from ..datasets.scene import Scene
from ..datasets.tile import Acquisition, BoolArray, FloatArray, Tile


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
    in one thread and asked in another.
    """

    scene: Scene
    bands: BandSet = CANONICAL_BANDS
    """What the network reads."""
    _open: dict[int, BoolArray] = field(default_factory=dict, repr=False)
    """Validity of the rows that were read, at least in part: row -> (x,) bool."""

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
        scene, optical = self.scene, self._read
        window = Window(
            columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
        )
        stored = scene.source.stored(window, optical)
        encoding = scene.encoding.of(optical)
        lost = encoding.missing(stored)
        empty = scene.source.missing(window)
        if empty is not None:
            lost |= empty
        image = np.zeros((len(self._found), *stored.shape[1:]), np.float32)
        used = {slot: optical.index(i) for slot, i in enumerate(self._found) if i is not None}
        warm = [i for slot, i in used.items() if self.bands[slot].kind == "thermal"]
        known = np.logical_not(lost[[i for i in used.values() if i not in warm]].any(axis=0))
        for slot, i in used.items():
            plane = encoding.of([i]).decode(stored[i : i + 1])[0]
            plane = temperature(plane) if i in warm else plane
            np.copyto(image[slot], plane, where=known)
        lost[warm] = False
        self._note(rows, columns, np.logical_not(lost.any(axis=0)))
        return image, known

    def take_valid(self, top: int, bottom: int) -> BoolArray:
        """(y, x) bool of rows whose windows have all been read; they are forgotten."""
        return np.stack([self._open.pop(row) for row in range(top, bottom)])

    def _note(self, rows: slice, columns: slice, valid: BoolArray) -> None:
        for row, line in zip(range(rows.start, rows.stop), valid, strict=True):
            noted = self._open.setdefault(row, np.zeros(self.shape[1], bool))
            noted[columns] = line

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
    def _read(self) -> list[int]:
        """The bands that decide what is valid, and those that the network sees."""
        return sorted({*self.scene.bands.optical, *(i for i in self._found if i is not None)})


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
