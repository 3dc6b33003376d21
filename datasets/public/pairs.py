"""Pairs of a cloudy and a clear date: RICE and SEN12MS-CR. They have no masks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bands import BLUE, GREEN, RED, BandSet
from ..encoding import Encoding
from ..errors import BandError, FileError
from ..labelled import LabelledTile
from ..opening import check_size, open_raster
from ..regrid import Grid
from ..sensors import sensor
from ..tile import Acquisition, FloatArray, Tile
from .common import PublicSet

_MOST_PIXELS = 50_000_000


class RICE(PublicSet):
    """RICE1 or RICE2 (Lin et al. 2019): ``cloud/<n>.png`` and ``label/<n>.png``, 8-bit RGB.

    The pictures are stretched for display: numbers / 255 are no reflectance, and their bands
    stand for red, green and blue only. Use them to train appearance, not to measure.
    """

    form = "folders cloud and label with PNG pictures of the same names"

    def _find(self) -> Iterable[str]:
        names = {p.stem for p in (self.root / "cloud").glob("*.png")}
        return sorted(names, key=lambda n: (len(n), n))

    def _load(self, name: str) -> LabelledTile:
        cloudy, clear = (self._tile(self.root / d / f"{name}.png") for d in ("cloud", "label"))
        return LabelledTile(name, cloudy, clear=clear, group=name)

    def _tile(self, path: Path) -> Tile:
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(path, formats=("PNG",)) as picture:
                check_size(path, *picture.size, 3, _MOST_PIXELS)
                stored = np.ascontiguousarray(np.asarray(picture.convert("RGB")).transpose(2, 0, 1))
        except FileNotFoundError:
            raise FileError(f"{path} does not exist", self.form, "get the set again") from None
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as e:
            raise FileError(f"{path} is damaged ({e})", "a PNG picture", "get it again") from e
        encoding = Encoding("uint8", (1 / 255,))
        return Tile(
            encoding.decode(stored), BandSet((RED, GREEN, BLUE)), encoding=encoding,
            stored=stored, path=str(path),
        )  # fmt: skip


class SEN12MSCR(PublicSet):
    """SEN12MS-CR (Ebel et al. 2020): Sentinel-2 L1C cloudy and clear, and Sentinel-1.

    Folders ``ROIs<n>_<season>_s2/s2_<scene>/..._p<patch>.tif`` with siblings ``_s2_cloudy`` and
    ``_s1``, 13 bands of 1e-4 reflectance. A patch that is 0 in all bands is nodata there. The
    group is the scene: season and number.
    """

    form = "folders ROIs..._s2_cloudy and ROIs..._s2 of SEN12MS-CR"

    def _find(self) -> Iterable[str]:
        return sorted(
            p.relative_to(self.root).as_posix()
            for p in self.root.glob("ROIs*_s2_cloudy/s2_cloudy_*/*_s2_cloudy_*_p*.tif")
        )

    def _load(self, name: str) -> LabelledTile:
        cloudy = self._tile(self.root / name)
        clear = self._tile(self.root / name.replace("s2_cloudy", "s2"))
        found = re.match(r"(ROIs\d+_\w+?)_s2_cloudy/s2_cloudy_(\w+)/", name)
        group = f"{found[1]}_{found[2]}" if found else name
        return LabelledTile(name, cloudy, clear=clear, group=group)

    def radar(self, i: int) -> FloatArray:
        """(2, y, x) float32 Sentinel-1 backscatter VV, VH in dB of example ``i``."""
        path = self.root / self.ids[i].replace("s2_cloudy", "s1")
        return np.asarray(_read(path, 2)[0], np.float32)

    def _tile(self, path: Path) -> Tile:
        bands = sensor("sentinel-2a").bands
        stored, grid = _read(path, len(bands))
        encoding = Encoding(stored.dtype.name, (1e-4,))
        data = encoding.decode(stored)
        data[:, (stored == 0).all(axis=0)] = np.nan
        return Tile(
            data, bands, grid.transform, grid.crs, Acquisition("sentinel-2", "TOA"), encoding,
            stored, path=str(path),
        )  # fmt: skip


def _read(path: Path, count: int) -> tuple[NDArray[Any], Grid]:
    with open_raster(path) as ds:
        if ds.count != count:
            raise BandError(f"{path} has {ds.count} bands", f"{count}", "get the set again")
        return ds.read(), Grid.of(ds)
