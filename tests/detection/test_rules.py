"""Braaten, HOT, LTK and Hollstein, a pixel for every branch, decided by hand."""

import numpy as np
import pytest

from kumosan.datasets.tile import CLEAR, SHADOW, THICK, THIN
from kumosan.detection.braaten import Braaten
from kumosan.detection.hollstein import Hollstein
from kumosan.detection.hot import Hot
from kumosan.detection.ltk import Ltk


def of(**reflectance):
    return reflectance


def code(detector, tile):
    return int(detector.mask(tile).classes[0, 0])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (of(green=0.18, red=0.17), THIN),  # bright enough, greener than red
        (of(green=0.17, red=0.16), CLEAR),  # too dark
        (of(green=0.18, red=0.18), CLEAR),  # not greener: soil
        (of(green=0.40, red=0.45), THICK),  # very bright, whatever its red
        (of(green=0.39, red=0.45), CLEAR),  # not above .39
        (of(green=0.50, red=0.45, swir1=0.09), CLEAR),  # snow is dark in SWIR1
        (of(green=0.50, red=0.45, swir1=0.11), THICK),
    ],
)
def test_braaten(pixel, values, expected):
    assert code(Braaten(), pixel(**values)) == expected


def test_braaten_settings(pixel):
    assert code(Braaten(threshold=0.2), pixel(green=0.19, red=0.1)) == CLEAR
    assert code(Braaten(min_swir1=0), pixel(green=0.5, red=0.4, swir1=0.01)) == THICK


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (of(blue=0.23, red=0.20), THIN),  # .23 - .10 = .13 > .12
        (of(blue=0.21, red=0.20), CLEAR),  # .11
        (of(blue=0.30, red=0.40), CLEAR),  # bright soil: .10
        (of(blue=0.60, red=0.60, swir1=0.05), CLEAR),  # snow
        (of(blue=0.60, red=0.60, swir1=0.20), THICK),
    ],
)
def test_hot(pixel, values, expected):
    assert code(Hot(), pixel(**values)) == expected


@pytest.mark.parametrize(
    ("blue", "red", "nir", "swir1", "expected", "why"),
    [
        (0.20, 0.25, 0.35, 0.40, CLEAR, "bare: B<R<N<1.07*S1 and S1<.65"),
        (0.20, 0.25, 0.36, 0.33, THIN, "not bare: N >= 1.07*S1=.353; cloud"),
        (0.40, 0.50, 0.68, 0.66, THICK, "S1 >= .65: no bare ground"),
        (0.19, 0.17, 0.22, 0.23, CLEAR, "bare, dim: .8B=.152<R<.8N=.176, N<S1, R<.22"),
        (0.22, 0.17, 0.22, 0.23, THIN, "not dim: .8B=.176 > R; cloud by B"),
        (0.50, 0.50, 0.45, 0.15, CLEAR, "snow: R>N, R>.24, S1<.16"),
        (0.50, 0.50, 0.45, 0.17, THICK, "S1 too high for snow: cloud"),
        (0.31, 0.22, 0.20, 0.13, CLEAR, "snow, dim: .18<R<.24, S1<R-.08=.14"),
        (0.31, 0.22, 0.20, 0.15, THIN, "not dim snow: S1>=R-.08; no water (B>=.30): cloud"),
        (0.25, 0.15, 0.14, 0.13, CLEAR, "turbid water: R>N, R>.67*S1, B<.30, R<.20"),
        (0.31, 0.15, 0.14, 0.13, THIN, "B>=.30: no water, cloud"),
        (0.16, 0.05, 0.06, 0.07, CLEAR, "dark water: R>.8N, R>.67*S1, R<.06"),
        (0.14, 0.17, 0.30, 0.20, CLEAR, "too dark for cloud: B<=.15 and R<=.18"),
        (0.14, 0.19, 0.30, 0.20, THIN, "cloud by its red"),
        (0.30, 0.28, 0.40, 0.12, CLEAR, "S1 not above .12"),
        (0.20, 0.20, 0.40, 0.31, CLEAR, "max(B,R)=.20 not above .67*S1=.208"),
    ],
)
def test_ltk(pixel, blue, red, nir, swir1, expected, why):
    assert code(Ltk(), pixel(blue=blue, red=red, nir=nir, swir1=swir1)) == expected, why


NAMES = (
    "coastal", "blue", "green", "red_edge_705", "red_edge_740", "red_edge_783", "nir_narrow",
    "vapour", "cirrus", "swir1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected", "why"),
    [
        # green < .319, 865 nm < .166, green - 783 nm < .027
        (of(green=0.1, nir_narrow=0.1, red_edge_783=0.1, vapour=0.1, swir1=0.2), CLEAR, "-.1"),
        (of(green=0.1, nir_narrow=0.1, red_edge_783=0.1, vapour=0.1, swir1=0.19), SHADOW, "-.09"),
        # ... green - 783 nm >= .027
        (of(green=0.1, nir_narrow=0.1, red_edge_783=0.05, vapour=0.02, swir1=0), CLEAR, "water"),
        (of(green=0.1, nir_narrow=0.1, red_edge_783=0.05, vapour=0.03, swir1=0), SHADOW, ".03"),
        # green < .319, 865 nm >= .166
        (of(green=0.1, nir_narrow=0.2, blue=0.1, cirrus=0.01, vapour=0.1), THIN, "10; 1"),
        (of(green=0.1, nir_narrow=0.2, blue=0.1, cirrus=0.01, vapour=0.2), CLEAR, "10; .5"),
        (of(green=0.1, nir_narrow=0.2, blue=0.1, cirrus=0.006, vapour=0.1), CLEAR, "16.7"),
        (of(green=0.1, nir_narrow=0.2, blue=0.1, cirrus=0.0, vapour=0.1), CLEAR, "infinite"),
        # green >= .319, 705 nm / swir1 < 4.33, swir1 - cirrus < .255
        (of(green=0.4, red_edge_705=0.4, swir1=0.2, cirrus=0.01, red_edge_740=0.40,
              red_edge_783=0.42), THICK, "-.02"),
        (of(green=0.4, red_edge_705=0.4, swir1=0.2, cirrus=0.01, red_edge_740=0.40,
              red_edge_783=0.41), THIN, "-.01"),
        # ... swir1 - cirrus >= .255
        (of(green=0.4, red_edge_705=0.4, swir1=0.3, cirrus=0.01, coastal=0.29), CLEAR, "sand"),
        (of(green=0.4, red_edge_705=0.4, swir1=0.3, cirrus=0.01, coastal=0.31), THICK, "cloud"),
        # green >= .319, 705 nm / swir1 >= 4.33
        (of(green=0.4, red_edge_705=0.5, swir1=0.1, coastal=0.55), CLEAR, "1.1"),
        (of(green=0.4, red_edge_705=0.5, swir1=0.1, coastal=0.65), SHADOW, "1.3"),
        (of(green=0.6, red_edge_705=0.5, swir1=0.1, coastal=0.65), CLEAR, "snow"),
        (of(green=0.6, red_edge_705=0.5, swir1=0.0, coastal=0.65), CLEAR, "snow, no division"),
    ],
)  # fmt: skip
def test_hollstein(pixel, changes, expected, why):
    values = {**dict.fromkeys(NAMES, 0.2), **changes}
    assert code(Hollstein(), pixel(**values)) == expected, why


def test_order_of_bands_does_not_matter(pixel):
    tile = pixel(red=0.17, swir1=0.3, green=0.18)
    assert code(Braaten(), tile) == THIN
    assert np.array_equal(tile.data.ravel(), np.float32([0.17, 0.3, 0.18]))
