"""KappaZeta's KappaSet (Domnich et al. 2021): Sentinel-2 sub-tiles of 512 x 512 in netCDF-4."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from affine import Affine

from ..encoding import Encoding
from ..errors import BandError
from ..hdf5 import dataset, open_hdf5
from ..labelled import LabelledTile
from ..tile import CLEAR, NODATA, SHADOW, THICK, THIN, Acquisition, CloudMask, Tile
from .common import PublicSet, bands_of, recode, same_shape

_BAND = re.compile(r"B(0\d|8A|1[0-2])$")
_TABLE = {0: NODATA, 1: CLEAR, 2: SHADOW, 3: THIN, 4: THICK, 5: NODATA}


class KappaZeta(PublicSet):
    """``*.nc`` with variables ``B01`` ... ``B12`` and ``Label``, all resampled to 10 m.

    Labels: 0 and 5 missing, 1 clear, 2 shadow, 3 semi-transparent, 4 cloud. Reflectance is
    1e-4 x number where numbers are integers; floating point variables hold number / 65535, as
    the normalisation constants published with KappaMask show. Pixels with 0 in all bands are
    empty. The group is the product's tile (``T35VLF``) if the name holds one.
    """

    form = "netCDF files *.nc with B01 ... and Label"

    def _find(self) -> Iterable[str]:
        return sorted(p.relative_to(self.root).as_posix() for p in self.root.rglob("*.nc"))

    def _load(self, name: str) -> LabelledTile:
        path = self.root / name
        with open_hdf5(path) as f:
            names = sorted((n for n in f if _BAND.match(n)), key=lambda n: n.replace("8A", "08A"))
            if not names:
                raise BandError(
                    f"{path} has no variable B01 ... B12", self.form, "name such a file"
                )
            stored = np.stack([dataset(f, n, 2, path)[()] for n in names])
            codes = dataset(f, "Label", 2, path)[()]
        scale = 65535e-4 if stored.dtype.kind == "f" else 1e-4
        encoding = Encoding(stored.dtype.name, (scale,))
        data = encoding.decode(stored)
        data[:, (stored == 0).all(axis=0)] = np.nan
        level = "SR" if "L2A" in name else "TOA" if "L1C" in name else None
        tile = Tile(
            data, bands_of("sentinel-2a", names), Affine.identity(), None,
            Acquisition("sentinel-2", level), encoding, stored, path=str(path),
        )  # fmt: skip
        same_shape(codes, tile.shape, path)
        found = re.search(r"T\d\d[A-Z]{3}", name)
        mask = CloudMask.like(tile, recode(codes, _TABLE, path))
        return LabelledTile(name, tile, mask, group=found[0] if found else name)
