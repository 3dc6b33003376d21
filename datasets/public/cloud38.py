"""38-Cloud and 95-Cloud (Mohajerani & Saeedi 2019): Landsat 8, 384 x 384, one TIFF a band."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..encoding import Encoding
from ..errors import FileError
from ..labelled import LabelledTile
from ..tile import CLEAR, NODATA, THICK, Acquisition, CloudMask, Tile
from .common import PublicSet, bands_of, read_plane, read_planes, recode, same_shape

_COLOURS = {"blue": "B2", "green": "B3", "red": "B4", "nir": "B5"}
_SCENE = re.compile(r"L[CO]08_\w+?_(\d{6})_\d{8}_\d{8}_\d\d_\w\w$")


class Cloud38(PublicSet):
    """Folders ``*_red``, ``*_green``, ``*_blue``, ``*_nir`` and ``*_gt`` of patches.

    Numbers are Landsat Collection 1 level 1: TOA reflectance is 2e-5 x number - 0.1, not
    divided by the cosine of the sun's angle, which the patches do not carry. Labels are 0 clear
    and 255 (in some copies 1) cloud, thin and thick together, without shadow.
    """

    form = "folders *_red, *_green, *_blue and *_nir of 38-Cloud or 95-Cloud"

    def _find(self) -> Iterable[str]:
        return sorted(
            p.name.removeprefix("red_")[: -len(p.suffix)]
            for folder in self._folders("red")
            for p in folder.iterdir()
            if p.name.startswith("red_") and p.suffix.upper() == ".TIF"
        )

    def _folders(self, what: str) -> list[Path]:
        """``train_red``, ``test_red``, ``train_red_additional_to38cloud``, ..."""
        pattern = re.compile(rf"(train|test)_{what}(_.*)?$")
        return sorted(p for p in self.root.iterdir() if p.is_dir() and pattern.match(p.name))

    def _file(self, what: str, name: str) -> Path:
        for folder in self._folders(what):
            for suffix in (".TIF", ".tif"):
                if (path := folder / f"{what}_{name}{suffix}").is_file():
                    return path
        raise FileError(
            f"{self.root} has no {what} of {name}", self.form, "unpack the data set again"
        )

    def _load(self, name: str) -> LabelledTile:
        stored, grid = read_planes([self._file(c, name) for c in _COLOURS])
        encoding = Encoding(stored.dtype.name, (2e-5,), (-0.1,), nodata=0)
        tile = Tile(
            encoding.decode(stored), bands_of("landsat-8", tuple(_COLOURS.values())),
            grid.transform, grid.crs, Acquisition("landsat-8", "TOA"), encoding, stored, path=name,
        )  # fmt: skip
        mask = None
        if self._folders("gt"):
            path = self._file("gt", name)
            codes, _ = read_plane(path)
            same_shape(codes, grid.shape, path)
            classes = recode(codes, {0: CLEAR, 1: THICK, 255: THICK}, path)
            mask = CloudMask(
                np.where(tile.valid, classes, NODATA).astype(np.uint8), grid.transform, grid.crs
            )
        found = _SCENE.search(name)
        return LabelledTile(
            name, tile, mask, labelled=frozenset((CLEAR, THICK)),
            group=found[1] if found else name,
        )  # fmt: skip
