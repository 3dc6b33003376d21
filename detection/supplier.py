"""The supplier's own mask as a detector: Sen2Cor SCL, Landsat QA_PIXEL and Planet UDM2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..datasets.bands import BandSet
from ..datasets.tile import CLEAR, NODATA, SHADOW, THICK, THIN, CloudMask, Tile, require_quality

SCL_CLASSES = {0: NODATA, 3: SHADOW, 8: THICK, 9: THICK, 10: THIN}
"""Sen2Cor classes that are not clear: 0 nodata, 3 cloud shadow, 8 and 9 cloud of medium and
high probability, 10 thin cirrus. Dark or topographic shadow (2), saturated (1), unclassified
(7), snow (11) and all surfaces are clear."""

_FILL, _DILATED, _CIRRUS, _CLOUD, _SHADOW = 0, 1, 2, 3, 4
_CIRRUS_CONFIDENCE = 14
_HIGH = 3

_UDM2_SHADOW, _UDM2_HAZE, _UDM2_CLOUD, _UDM2_BLACKFILL = 1 << 2, 1 << 3 | 1 << 4, 1 << 5, 1 << 7


def _check(self: Scl | QaPixel | Udm2, tile: Tile) -> None:
    """Raise UnfitError unless the tile brings the supplier's mask of this scheme."""
    require_quality(tile, self.scheme)


@dataclass(frozen=True)
class Scl:
    """Reads the scene classification layer of Sentinel-2 Level-2A.

    Source: ESA, Sentinel-2 Level-2A algorithm theoretical basis document (Sen2Cor).
    """

    bands: ClassVar[BandSet] = BandSet(())
    check = _check
    pixelwise: ClassVar[bool] = True
    scheme: ClassVar[str] = "scl"

    def mask(self, tile: Tile) -> CloudMask:
        """Translate the codes; UnfitError if the tile brings no SCL."""
        codes = require_quality(tile, self.scheme).codes
        table = np.full(256, CLEAR, np.uint8)
        for code, kumosan in SCL_CLASSES.items():
            table[code] = kumosan
        return CloudMask.like(tile, table[np.minimum(codes, 255)])


@dataclass(frozen=True)
class QaPixel:
    """Reads the QA_PIXEL bits of Landsat Collection 2.

    Cloud (bit 3) is thick, high-confidence cirrus (bit 2, or bits 14-15 = 3) thin, cloud
    shadow (bit 4) shadow; where several are set thick wins over thin over shadow. Fill (bit
    0) is nodata. The supplier's dilation of clouds (bit 1) is a buffer, not an observation:
    it counts as clear unless ``dilated`` is set, so that masks of all detectors can be
    buffered alike afterwards.

    Source: USGS, Landsat 8-9 Collection 2 Level 2 science product guide, LSDS-1619; the bits
    are made by CFMask (Foga et al. 2017, Remote Sens. Environ. 194, 379-390).
    """

    bands: ClassVar[BandSet] = BandSet(())
    check = _check
    pixelwise: ClassVar[bool] = True
    scheme: ClassVar[str] = "qa_pixel"

    dilated: bool = False
    """Whether the supplier's dilated cloud counts as thick cloud."""

    def mask(self, tile: Tile) -> CloudMask:
        """Translate the bits; UnfitError if the tile brings no QA_PIXEL."""
        codes = require_quality(tile, self.scheme).codes.astype(np.uint32)

        def bit(n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
            return (codes >> n & 1).astype(bool)

        cirrus = bit(_CIRRUS) | ((codes >> _CIRRUS_CONFIDENCE & 3) == _HIGH)
        cloud = bit(_CLOUD) | bit(_DILATED) if self.dilated else bit(_CLOUD)
        classes = np.select(
            [bit(_FILL), cloud, cirrus, bit(_SHADOW)], [NODATA, THICK, THIN, SHADOW], CLEAR
        )
        return CloudMask.like(tile, classes)


@dataclass(frozen=True)
class Udm2:
    """Reads Planet's usable data mask (UDM2), one bit a class as `datasets.planet` packs it.

    Cloud (band 6) is thick, heavy and light haze (bands 5 and 4) thin, shadow (band 3) shadow;
    where several are set thick wins over thin over shadow. Haze is what the ground is seen
    through, clouds are what it is not (UDM2.1, which leaves band 5 empty). Blackfill is nodata.
    Snow, clear and unclassified pixels are clear.

    Source: Planet, Usable Data Mask specification (UDM2.0 of 2018, UDM2.1 of 2023).
    """

    bands: ClassVar[BandSet] = BandSet(())
    check = _check
    pixelwise: ClassVar[bool] = True
    scheme: ClassVar[str] = "udm2"

    def mask(self, tile: Tile) -> CloudMask:
        """Translate the bits; UnfitError if the tile brings no UDM2."""
        codes = require_quality(tile, self.scheme).codes.astype(np.uint32)
        order = (_UDM2_BLACKFILL, _UDM2_CLOUD, _UDM2_HAZE, _UDM2_SHADOW)
        classes = np.select(
            [(codes & bits) != 0 for bits in order], [NODATA, THICK, THIN, SHADOW], CLEAR
        )
        return CloudMask.like(tile, classes)
