"""What the readers of public data sets share: a lazy sequence, codes, bands and planes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window
from rasterio.windows import transform as window_transform

from ..bands import BandSet
from ..errors import BandError, FileError, GridError, ValueRangeError
from ..labelled import LabelledTile
from ..opening import open_raster
from ..regrid import Grid
from ..sensors import sensor
from ..tile import ByteArray


class PublicSet(Sequence[LabelledTile]):
    """The examples of a data set below one folder. Holds names only: picklable, forkable.

    Raises:
        FileError: the folder does not exist, or holds no example.
    """

    form: str
    """What the folder should hold, for messages."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise FileError(f"{self.root} is no folder", self.form, "correct the path")
        self.ids: tuple[str, ...] = tuple(self._find())
        if not self.ids:
            raise FileError(f"{self.root} holds no example", self.form, "name the right folder")

    @abstractmethod
    def _find(self) -> Iterable[str]:
        """Names of the examples, sorted."""

    @abstractmethod
    def _load(self, name: str) -> LabelledTile:
        """Read one."""

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, i: Any) -> Any:
        return (
            [self._load(n) for n in self.ids[i]]
            if isinstance(i, slice)
            else self._load(self.ids[i])
        )

    def __iter__(self) -> Iterator[LabelledTile]:
        return (self._load(n) for n in self.ids)


def recode(codes: NDArray[Any], table: Mapping[int, int], where: object) -> ByteArray:
    """Class codes by ``table`` (their code -> ours).

    Raises:
        ValueRangeError: a code that the table does not know.
    """
    out = np.zeros(codes.shape, np.uint8)
    known = np.zeros(codes.shape, bool)
    for theirs, ours in table.items():
        here = codes == theirs
        out[here] = ours
        known |= here
    if not known.all():
        lost = sorted({float(v) for v in np.unique(codes[~known])})[:5]
        raise ValueRangeError(
            f"{where} has the codes {', '.join(f'{v:g}' for v in lost)}",
            f"codes {', '.join(map(str, table))}",
            "check that it is a label of this data set",
        )
    return out


def bands_of(key: str, names: Sequence[str]) -> BandSet:
    """Bands of a sensor by their names, in that order."""
    table = {b.name: b for b in sensor(key).bands}
    return BandSet(tuple(table[n] for n in names))


def read_plane(path: Path, window: Window | None = None) -> tuple[NDArray[Any], Grid]:
    """The only band of a GeoTIFF, and the grid of what was read.

    Raises:
        FileError: missing or damaged.
        BandError: more than one band.
    """
    with open_raster(path) as ds:
        if ds.count != 1:
            raise BandError(f"{path} has {ds.count} bands", "one", "name the band's own file")
        plane = ds.read(1, window=window)
        transform = ds.transform if window is None else window_transform(window, ds.transform)
        return plane, Grid(plane.shape, transform, ds.crs)


def read_planes(paths: Sequence[Path], window: Window | None = None) -> tuple[NDArray[Any], Grid]:
    """(band, y, x) of files with one band each, all on the grid of the first.

    Raises:
        GridError: a file on another grid.
        FileError, BandError: as `read_plane`.
    """
    first, grid = read_plane(paths[0], window)
    planes = [first]
    for path in paths[1:]:
        plane, own = read_plane(path, window)
        grid.check(own, str(path))
        planes.append(plane)
    return np.stack(planes), grid


def same_shape(label: NDArray[Any], shape: tuple[int, int], path: Path) -> None:
    """Raise GridError unless the label has the shape of the image."""
    if label.shape != shape:
        raise GridError(
            f"{path} of {label.shape[1]} x {label.shape[0]} pixels",
            f"the image's {shape[1]} x {shape[0]}",
            "download it again",
        )
