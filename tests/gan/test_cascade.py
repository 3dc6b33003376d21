"""The order of the cascade, and what each step may see."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest

from kumosan import gan
from kumosan.datasets.bands import BLUE, NIR, BandSet
from kumosan.datasets.tile import (
    CLEAR,
    NODATA,
    OBSERVED,
    SHADOW,
    SPATIAL,
    SPECTRAL,
    TEMPORAL,
    THICK,
    THIN,
    UNFILLABLE,
    CloudMask,
    Tile,
)
from kumosan.gan import cascade
from kumosan.gan.cascade import Cascade
from kumosan.gan.common import Area, assemble

BANDS = BandSet((BLUE, NIR))


@dataclass(frozen=True)
class Spy:
    """Fills the given class with a number, and keeps the masks and tiles that it saw."""

    code: int
    provenance: int
    value: float
    sure: float = 0.5
    seen: list = field(default_factory=list)
    bands: ClassVar[BandSet] = BandSet(())

    def fill(self, tile, mask):
        self.seen.append((tile.data.copy(), mask.classes.copy()))
        area = Area.of(tile, mask)
        where = area.todo & (mask.classes == self.code)
        n = np.count_nonzero(where)
        values = np.full((len(tile.bands), n), self.value, np.float32)
        return assemble(tile, area, where, values, np.full(n, self.sure), self.provenance)


def scene():
    classes = np.zeros((6, 8), np.uint8)
    classes[1] = THIN
    classes[2] = THICK
    classes[3] = SHADOW
    rng = np.random.default_rng(0)
    tile = Tile(rng.random((2, 6, 8), np.float32), BANDS)
    return tile, CloudMask.like(tile, classes)


def test_thin_cloud_beside_thick_cloud_is_not_lifted():
    tile, mask = scene()
    spectral = Spy(THIN, SPECTRAL, 0.5)
    Cascade(spectral=spectral, spatial=Spy(THICK, SPATIAL, 0.6)).fill(tile, mask)
    assert (spectral.seen[0][1][1] == THICK).all()
    far = replace(mask, classes=np.where(mask.classes == THICK, CLEAR, mask.classes))
    Cascade(spectral=spectral, spatial=Spy(THICK, SPATIAL, 0.6)).fill(tile, far)
    assert (spectral.seen[1][1][1] == THIN).all()


def test_each_step_sees_only_what_is_left(monkeypatch):
    monkeypatch.setattr(cascade, "RIM_PX", 0.5)
    tile, mask = scene()
    spectral, spatial = Spy(THIN, SPECTRAL, 0.5), Spy(THICK, SPATIAL, 0.6, sure=0.8)
    result = Cascade(spectral=spectral, spatial=spatial).fill(tile, mask)
    (_, first), (data, second) = spectral.seen[0], spatial.seen[0]
    assert np.array_equal(first, mask.classes)
    assert (second[1] == NODATA).all(), "a fill is no ground to learn from"
    assert (data[:, 1] == 0.5).all()
    assert np.array_equal(second[2:], mask.classes[2:])
    rows = result.provenance[:, 0]
    assert list(rows) == [OBSERVED, SPECTRAL, SPATIAL, UNFILLABLE, OBSERVED, OBSERVED]
    assert (result.tile.data[:, 1] == 0.5).all()
    assert result.tile.data[:, 2] == pytest.approx(0.6)
    assert np.array_equal(result.tile.data[:, 3:], tile.data[:, 3:])


def test_other_dates_come_first_and_are_no_source_for_fits():
    rng = np.random.default_rng(1)
    other = Tile(rng.uniform(0.1, 0.4, (2, 40, 40)).astype(np.float32), BANDS)
    tile = other.with_data(other.data * np.float32(0.9))
    classes = np.zeros((40, 40), np.uint8)
    classes[10:20, 10:20] = THIN
    cloudy_there = np.zeros((40, 40), np.uint8)
    cloudy_there[:15] = THICK
    spectral = Spy(THIN, SPECTRAL, 0.2)
    result = Cascade(
        references=(other,),
        reference_masks=(CloudMask.like(other, cloudy_there),),
        spectral=spectral,
    ).fill(tile, CloudMask.like(tile, classes))
    assert (result.provenance[15:20, 10:20] == TEMPORAL).all()
    assert (result.provenance[10:15, 10:20] == SPECTRAL).all()
    seen = spectral.seen[0][1]
    assert (seen[15:20, 10:20] == NODATA).all()
    assert (seen[10:15, 10:20] == THIN).all()


def test_real_steps_end_to_end(data):
    """A hand-labelled tile: thin cloud and shadow by spectrum, thick cloud from around."""
    from kumosan.datasets import read, read_mask

    tile = read(data / "train" / "l8biome_Forest_05_0415.tif")
    mask = read_mask(data / "train" / "l8biome_Forest_05_0415_mask.tif")
    result = Cascade().fill(tile, mask)
    by_class = [np.bincount(result.provenance[mask.classes == c], minlength=5) for c in range(4)]
    assert by_class[CLEAR][OBSERVED] == by_class[CLEAR].sum()
    assert by_class[THIN][SPECTRAL] > 0.7 * by_class[THIN].sum(), "rims apart"
    both = by_class[SHADOW][[SPECTRAL, SPATIAL]]  # the level of some is of the surroundings
    assert both.sum() > 0.9 * by_class[SHADOW].sum()
    assert by_class[THICK][SPECTRAL] == 0
    nir = tile.find(NIR)
    lit = result.tile.find(NIR)
    shadow = mask.classes == SHADOW
    ground = np.median(nir[mask.classes == CLEAR])
    assert np.median(lit[shadow]) > np.median(nir[shadow]) + 0.3 * (ground - np.median(nir[shadow]))


def test_auto_far_fills_what_auto_leaves_and_trusts_it_less_the_further_in():
    data = np.random.default_rng(0).random((2, 80, 80), np.float32) * 0.1 + 0.2
    tile = Tile(data, BANDS)
    classes = np.full(tile.shape, CLEAR, np.uint8)
    classes[10:70, 10:70] = THICK
    mask = CloudMask.like(tile, classes)
    near, far = (gan.get(name).fill(tile, mask) for name in ("auto", "auto-far"))
    assert not near.filled[40, 40] and far.filled[classes == THICK].all()
    assert np.array_equal(near.tile.data[:, near.filled], far.tile.data[:, near.filled])
    assert far.confidence[40, 40] <= far.confidence[40, 12]
