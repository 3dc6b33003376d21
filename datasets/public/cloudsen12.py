"""CloudSEN12 high quality (Aybar et al. 2022): Sentinel-2, 512 x 512, one array file a band."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ..encoding import Encoding
from ..errors import FileError, GridError, ValueRangeError
from ..labelled import LabelledTile
from ..tile import CLEAR, SHADOW, THICK, THIN, Acquisition, CloudMask, Tile
from .common import PublicSet, bands_of, recode

_NAMES = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
_LABELS = ("LABEL_manual_hq", "target")


class CloudSEN12(PublicSet):
    """One split (``train``, ``val`` or ``test``) of the data set.

    The folder holds ``L1C_B1`` ... ``L1C_B12`` (or ``L2A_``) and ``LABEL_manual_hq`` (or
    ``target``), each as ``.dat`` (plain numbers: int16, labels int8) or ``.npy``, of shape
    (n, side, side), and optionally ``metadata.csv`` with ``roi_id``. Labels: 0 clear, 1 thick,
    2 thin, 3 shadow. Pixels with 0 in all bands are padding (509 pixels in 512).

    Args:
        root: the folder.
        level: ``L1C`` (top of atmosphere) or ``L2A`` (surface).
        side: pixels along a side, needed for ``.dat``.
    """

    form = "CloudSEN12's L1C_B2.dat (or .npy), ... and LABEL_manual_hq.dat (or target.npy)"

    def __init__(
        self, root: str | Path, level: Literal["L1C", "L2A"] = "L1C", side: int = 512
    ) -> None:
        if level not in ("L1C", "L2A") or side < 1:
            raise ValueRangeError(
                f"level {level!r}, side {side}", "L1C or L2A, 1 or more", "fix it"
            )
        self.level, self.side = level, side
        super().__init__(root)

    def _find(self) -> Iterable[str]:
        label = self._array(_LABELS, np.int8)
        self.label = label
        self.planes: dict[str, Path] = {}
        for name in _NAMES:
            path = self._path((f"{self.level}_{name}", f"{self.level}_{name.replace('B0', 'B')}"))
            if path is not None:
                self.planes[name] = path
                if (shape := self._open(path, np.int16).shape) != self._open(label, np.int8).shape:
                    raise GridError(f"{path} of shape {shape}", "the labels' shape", "get it again")
        if not self.planes:
            raise FileError(f"{self.root} has no bands of {self.level}", self.form, "add them")
        return [f"{i:05d}" for i in range(len(self._open(label, np.int8)))]

    def _path(self, names: Iterable[str]) -> Path | None:
        files = (self.root / f"{n}{suffix}" for n in names for suffix in (".dat", ".npy"))
        return next((p for p in files if p.is_file()), None)

    def _array(self, names: tuple[str, ...], dtype: Any) -> Path:
        path = self._path(names)
        if path is None:
            raise FileError(f"{self.root} has no labels", self.form, "name the folder of a split")
        return path

    def _open(self, path: Path, dtype: Any) -> NDArray[Any]:
        """The array, mapped, not read."""
        array: NDArray[Any]
        try:
            if path.suffix == ".npy":
                array = np.load(path, mmap_mode="r", allow_pickle=False)
            else:
                array = np.memmap(path, dtype, "r").reshape(-1, self.side, self.side)
        except (ValueError, OSError, EOFError) as e:
            raise FileError(
                f"{path} is damaged ({e})", f"squares of {self.side} pixels", "get it again"
            ) from e
        if array.ndim != 3 or array.dtype.kind not in "iuf":
            raise FileError(f"{path} of shape {array.shape}", "(n, y, x) numbers", "get it again")
        return array

    @cached_property
    def _groups(self) -> list[str]:
        path = self.root / "metadata.csv"
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as f:
            return [row.get("roi_id") or "" for row in csv.DictReader(f)]

    def _load(self, name: str) -> LabelledTile:
        i = int(name)
        stored = np.stack([self._open(p, np.int16)[i] for p in self.planes.values()])
        encoding = Encoding(stored.dtype.name, (1e-4,))
        data = encoding.decode(stored)
        data[:, (stored == 0).all(axis=0)] = np.nan
        tile = Tile(
            data, bands_of("sentinel-2a", tuple(self.planes)), Affine.identity(), None,
            Acquisition("sentinel-2", "TOA" if self.level == "L1C" else "SR"), encoding, stored,
            path=name,
        )  # fmt: skip
        codes = self._open(self.label, np.int8)[i]
        table = {0: CLEAR, 1: THICK, 2: THIN, 3: SHADOW}
        classes = recode(codes, table, f"{self.label} [{i}]")
        group = self._groups[i] if i < len(self._groups) else ""
        return LabelledTile(name, tile, CloudMask.like(tile, classes), group=group or name)
