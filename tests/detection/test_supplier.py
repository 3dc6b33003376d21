"""SCL, QA_PIXEL and UDM2, code by code."""

import numpy as np
import pytest

from kumosan.datasets.bands import GREEN, BandSet
from kumosan.datasets.errors import UnfitError
from kumosan.datasets.tile import CLEAR, NODATA, SHADOW, THICK, THIN, Quality, Tile
from kumosan.detection.supplier import QaPixel, Scl, Udm2


def tile(scheme, codes, dtype):
    codes = np.array([codes], dtype)
    data = np.full((1, *codes.shape), 0.1, np.float32)
    return Tile(data, BandSet((GREEN,)), quality=Quality(scheme, codes))


def test_scl():
    found = Scl().mask(tile("scl", range(12), np.uint8)).classes[0]
    expected = [CLEAR] * 12
    expected[0], expected[3], expected[10] = NODATA, SHADOW, THIN
    expected[8] = expected[9] = THICK
    assert found.tolist() == expected


def test_scl_codes_above_a_byte_are_clear():
    assert Scl().mask(tile("scl", [8, 300], np.uint16)).classes[0].tolist() == [THICK, CLEAR]


QA = {  # codes of the USGS product guide's table of values for Landsat 8, and made ones
    1: NODATA,  # fill
    21824: CLEAR,  # clear, low confidences
    21826: CLEAR,  # dilated cloud over land
    22280: THICK,  # high confidence cloud
    54596: THIN,  # cirrus, high confidence
    55052: THICK,  # cirrus and cloud
    23888: SHADOW,  # high confidence shadow
    30048: CLEAR,  # snow
    1 << 2: THIN,  # the cirrus flag alone
    3 << 14: THIN,  # high cirrus confidence alone
    2 << 14: CLEAR,  # medium is not enough
    (1 << 4) | (1 << 2): THIN,  # thin wins over shadow
    (1 << 4) | (1 << 3): THICK,  # thick wins over shadow
    1 | (1 << 3): NODATA,  # fill wins
}


def test_qa_pixel():
    found = QaPixel().mask(tile("qa_pixel", list(QA), np.uint16)).classes[0]
    assert dict(zip(QA, found.tolist(), strict=True)) == QA


def test_qa_pixel_with_the_suppliers_buffer():
    found = QaPixel(dilated=True).mask(tile("qa_pixel", [21826, 21824], np.uint16)).classes[0]
    assert found.tolist() == [THICK, CLEAR]


UDM2 = {
    0: CLEAR,  # no class
    1 << 0: CLEAR,
    1 << 1: CLEAR,  # snow
    1 << 2: SHADOW,
    1 << 3: THIN,  # light haze
    1 << 4: THIN,  # heavy haze
    1 << 5: THICK,
    (1 << 5) | (1 << 4): THICK,
    (1 << 3) | (1 << 2): THIN,
    1 << 7: NODATA,  # blackfill
    (1 << 7) | (1 << 5): NODATA,
}


def test_udm2():
    found = Udm2().mask(tile("udm2", list(UDM2), np.uint8)).classes[0]
    assert dict(zip(UDM2, found.tolist(), strict=True)) == UDM2


@pytest.mark.parametrize(
    ("detector", "other"), [(Scl(), "qa_pixel"), (QaPixel(), "scl"), (Udm2(), "scl")]
)
def test_the_wrong_scheme_or_none(detector, other):
    with pytest.raises(UnfitError, match=other):
        detector.mask(tile(other, [0], np.uint16))
    with pytest.raises(UnfitError, match="none"):
        detector.mask(Tile(np.zeros((1, 1, 1), np.float32), BandSet((GREEN,))))
