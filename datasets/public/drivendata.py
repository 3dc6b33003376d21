"""DrivenData "On Cloud N" cloud cover: Sentinel-2 L2A chips of 512 x 512 in four bands."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from ..encoding import Encoding
from ..labelled import LabelledTile
from ..tile import CLEAR, NODATA, THICK, Acquisition, CloudMask, Tile
from .common import PublicSet, bands_of, read_plane, read_planes, recode

_BANDS = ("B02", "B03", "B04", "B08")


class DrivenData(PublicSet):
    """A folder of chips, each a folder with ``B02.tif B03.tif B04.tif B08.tif``.

    The label is ``label.tif`` in the chip's folder, or ``../train_labels/<chip>.tif`` as the
    data set is delivered (``train_features`` beside ``train_labels``). Labels: 0 no cloud,
    1 cloud, thin and thick together, without shadow; 255 is no label. Surface reflectance is
    1e-4 x number, 0 is nodata. ``train_metadata.csv`` beside the folder gives the location,
    which is the group.
    """

    form = "chip folders with B02.tif, B03.tif, B04.tif and B08.tif"

    def _find(self) -> Iterable[str]:
        return sorted(p.parent.name for p in self.root.glob("*/B02.tif"))

    @cached_property
    def _places(self) -> dict[str, str]:
        path = self.root.parent / "train_metadata.csv"
        if not path.is_file():
            return {}
        with path.open(encoding="utf-8", newline="") as f:
            return {r.get("chip_id") or "": r.get("location") or "" for r in csv.DictReader(f)}

    def _label(self, name: str) -> Path | None:
        places = (self.root / name / "label.tif", self.root.parent / "train_labels" / f"{name}.tif")
        return next((p for p in places if p.is_file()), None)

    def _load(self, name: str) -> LabelledTile:
        stored, grid = read_planes([self.root / name / f"{b}.tif" for b in _BANDS])
        encoding = Encoding(stored.dtype.name, (1e-4,), nodata=0)
        tile = Tile(
            encoding.decode(stored), bands_of("sentinel-2a", _BANDS), grid.transform, grid.crs,
            Acquisition("sentinel-2", "SR"), encoding, stored, path=name,
        )  # fmt: skip
        mask, path = None, self._label(name)
        if path is not None:
            codes, own = read_plane(path)
            grid.check(own, str(path))
            classes = recode(codes, {0: CLEAR, 1: THICK, 255: NODATA}, path)
            mask = CloudMask.like(tile, classes)
        return LabelledTile(
            name, tile, mask, labelled=frozenset((CLEAR, THICK)),
            group=self._places.get(name) or name,
        )  # fmt: skip
