"""Dim cloud is thin, bright cloud is thick, what is no cloud is clear."""

import numpy as np
import pytest

from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, BandSet
from kumosan.datasets.tile import CLEAR, THICK, THIN, Tile
from kumosan.detection.thickness import MAX_THIN, thin_or_thick


def tile_of(bands, *values: float) -> Tile:
    return Tile(np.float32(values).reshape(-1, 1, 1), BandSet(bands))


@pytest.mark.parametrize(
    ("bands", "values", "expected"),
    [
        ((BLUE, GREEN, RED), (0.36, 0.36, 0.35), THIN),
        ((BLUE, GREEN, RED), (0.37, 0.37, 0.36), THICK),
        ((GREEN, RED, NIR), (0.30, 0.30, 0.90), THIN),
        ((NIR,), (0.1,), THICK),
    ],
)
def test_the_mean_of_the_visible_bands_decides(bands, values, expected):
    assert thin_or_thick(tile_of(bands, *values), np.ones((1, 1), bool)) == expected


def test_what_is_no_cloud_is_clear():
    tile = tile_of((BLUE,), MAX_THIN / 2)
    assert thin_or_thick(tile, np.zeros((1, 1), bool)) == CLEAR
