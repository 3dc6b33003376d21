"""Filling by windows is filling the whole: whatever the cut, no pixel twice, no border to see."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.windows import Window
from scipy import ndimage

from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, BandSet
from kumosan.datasets.encoding import Encoding
from kumosan.datasets.errors import ValueRangeError
from kumosan.datasets.protocols import Learner
from kumosan.datasets.tile import (
    CLEAR,
    NODATA,
    SHADOW,
    SPATIAL,
    SPECTRAL,
    THICK,
    THIN,
    UNFILLABLE,
    CloudMask,
    Tile,
)
from kumosan.gan import ground
from kumosan.gan.adaptive import Adaptive
from kumosan.gan.cascade import Cascade
from kumosan.gan.common import Area, assemble
from kumosan.gan.features import CELL_PX
from kumosan.gan.ground import clear_ground
from kumosan.gan.identity import Identity
from kumosan.gan.regression import Regression
from kumosan.gan.weighted import InverseDistance
from kumosan.gan.windows import Cut, fill_windows

BANDS = BandSet((BLUE, GREEN, RED, NIR))
ENCODING = Encoding("uint16", (1e-4,), (0.0,), 0.0)
UTM = CRS.from_epsg(32633)
REACH_PX = 3


def landscape(shape, seed=0, smooth_px=8.0):
    """Smooth ground under soft thin cloud, thick cloud and shadow, with a nodata corner."""
    rng = np.random.default_rng(seed)

    def field_(sigma):
        noise = ndimage.gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
        return noise / max(noise.std(), 1e-9)

    base = field_(smooth_px)
    data = np.stack(
        [0.1 + 0.02 * (k + 1) * (1 + base) + 0.005 * field_(smooth_px) for k in range(4)]
    )
    height = field_(10)
    classes = np.zeros(shape, np.uint8)
    classes[height > 1.0], classes[height > 1.6], classes[height < -1.5] = THIN, THICK, SHADOW
    tau = np.clip(height - 1.0, 0, None)
    data = data * np.exp(-tau) + 0.7 * (1 - np.exp(-tau))
    data[:, classes == SHADOW] *= 0.5
    data[:, :4, :5] = np.nan
    stored = ENCODING.encode(data.astype(np.float32))
    tile = Tile(
        ENCODING.decode(stored), BANDS, Affine(10, 0, 5e5, 0, -10, 5e6), UTM,
        encoding=ENCODING, stored=stored,
    )  # fmt: skip
    return tile, CloudMask.like(tile, classes)


def readers(tile, mask):
    """What reads windows of a tile and of its mask as those of files are read."""

    def pixels(window: Window) -> Tile:
        y, x = window.toslices()
        place = tile.grid.at(top=window.row_off, left=window.col_off)
        return replace(
            tile, data=tile.data[:, y, x].copy(), stored=tile.stored[:, y, x], transform=place
        )

    def classes(window: Window) -> CloudMask:
        place = tile.grid.at(top=window.row_off, left=window.col_off)
        return CloudMask(mask.classes[window.toslices()], place, tile.crs)

    return pixels, classes


def joined(tile, mask, filler, cut):
    """Data, provenance, confidence of all parts; how often each pixel came; windows computed."""
    data = np.full_like(tile.data, -1)
    provenance = np.full(tile.shape, 77, np.uint8)
    confidence, times = np.full(tile.shape, -1, np.float32), np.zeros(tile.shape, int)
    computed = 0
    for part in fill_windows(*readers(tile, mask), tile.shape, filler, cut):
        y, x = part.window.toslices()
        data[:, y, x] = part.filled.tile.data
        assert np.array_equal(part.filled.tile.stored, tile.stored[:, y, x])
        assert np.array_equal(part.before.data, tile.data[:, y, x], equal_nan=True)
        assert part.filled.tile.grid == replace(tile.grid, shape=part.filled.tile.shape,
            transform=tile.grid.at(top=y.start, left=x.start))  # fmt: skip
        provenance[y, x], confidence[y, x] = part.filled.provenance, part.filled.confidence
        times[y, x] += 1
        computed += part.computed
    return data, provenance, confidence, times, computed


@dataclass(frozen=True)
class Near:
    """Fills by the mean of a box: spectral for thin cloud, spatial for the rest; no shadow."""

    bands: ClassVar[BandSet] = BandSet(())

    def fill(self, tile, mask):
        area = Area.of(tile, mask)
        known = np.nan_to_num(tile.data)
        size = 2 * REACH_PX + 1
        near = np.stack([ndimage.uniform_filter(p, size, mode="constant") for p in known])
        where = area.todo & (mask.classes != SHADOW)
        limits = [(0.0, 2.0)] * len(BANDS)
        done = assemble(
            tile, area, where, near[:, where], np.full(where.sum(), 0.5), SPATIAL, limits
        )
        done.provenance[where & (mask.classes == THIN)] = SPECTRAL
        return done


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 90), width=st.integers(1, 90), core=st.integers(8, 40),
    ramp=st.integers(1, 8), seed=st.integers(0, 99),
)  # fmt: skip
def test_windows_of_any_size_give_what_the_whole_gives(height, width, core, ramp, seed):
    tile, mask = landscape((height, width), seed)
    whole = Near().fill(tile, mask)
    cut = Cut(core, ramp + REACH_PX, ramp)
    data, provenance, confidence, times, _ = joined(tile, mask, Near(), cut)
    assert (times == 1).all()
    assert np.array_equal(provenance, whole.provenance)
    np.testing.assert_allclose(data, whole.tile.data, atol=1e-6)
    np.testing.assert_allclose(confidence, whole.confidence, atol=1e-6)
    kept = ~whole.filled
    assert data[:, kept].tobytes() == tile.data[:, kept].tobytes()


@dataclass(frozen=True)
class Restless:
    """Every window another value, from 0.3 to 0.5: the worst neighbour that there can be."""

    bands: ClassVar[BandSet] = BandSet(())
    calls: list = field(default_factory=list)

    def fill(self, tile, mask):
        self.calls.append(tile.shape)
        value = 0.3 if len(self.calls) % 2 else 0.5
        area = Area.of(tile, mask)
        values = np.full((len(tile.bands), area.todo.sum()), value, np.float32)
        sure = np.full(area.todo.sum(), value)
        return assemble(tile, area, area.todo, values, sure, SPATIAL, [(0, 1)] * len(tile.bands))


def test_what_windows_disagree_on_passes_over_the_ramp():
    tile, mask = landscape((96, 100))
    mask = CloudMask.like(tile, np.full(tile.shape, THICK, np.uint8))
    data, provenance, confidence, _, _ = joined(tile, mask, Restless(), Cut(32, 20, 16))
    inner = data[:, 5:, 5:]
    steps = max(np.abs(np.diff(inner, axis=a)).max() for a in (1, 2))
    assert 0.2 / 16 <= steps < 1.05 * 0.2 / 16
    assert inner.min() == pytest.approx(0.3) and inner.max() == pytest.approx(0.5)
    assert set(np.unique(provenance)) == {SPATIAL, NODATA}
    np.testing.assert_allclose(confidence[5:, 5:], inner[0], atol=1e-6)


def test_windows_without_cloud_are_copied_and_never_computed():
    tile, _ = landscape((96, 96))
    classes = np.zeros(tile.shape, np.uint8)
    classes[50, 50] = THICK  # in the middle of nine cores, further than the ramp from others
    mask, filler = CloudMask.like(tile, classes), Restless()
    data, provenance, _, _, computed = joined(tile, mask, filler, Cut(32, 16, 8))
    assert computed == 1 and filler.calls == [(64, 64)]
    assert (provenance == SPATIAL).sum() == 1
    assert data[:, classes == 0].tobytes() == tile.data[:, classes == 0].tobytes()


def test_what_most_windows_leave_is_left():
    """A pixel that only the window of less weight fills stays as it was."""
    tile, _ = landscape((40, 64))
    classes = np.zeros(tile.shape, np.uint8)
    classes[10, 32:48] = THICK  # the ramp from the first core to the second
    mask = CloudMask.like(tile, classes)

    class First(Restless):
        def fill(self, tile, mask):
            first = not self.calls
            done = super().fill(tile, mask)
            return done if first else Near().fill(tile, replace(mask, classes=mask.classes * 0))

    data, provenance, _, _, _ = joined(tile, mask, First(), Cut(32, 20, 16))
    assert (provenance[10, 32:40] == SPATIAL).all() and (provenance[10, 40:48] == UNFILLABLE).all()
    np.testing.assert_allclose(data[:, 10, 32:40], 0.3, atol=1e-6)
    assert np.array_equal(data[:, 10, 40:48], tile.data[:, 10, 40:48])


def small_cascade():
    return Cascade(spectral=Regression(veils=4, samples=2000, units=20, min_confidence=0.0))


@pytest.fixture(scope="module")
def filled():
    tile, mask = landscape((260, 300), seed=3)
    learnt = small_cascade().learn(tile, mask)
    return tile, mask, learnt, small_cascade().fill(tile, mask)


def test_the_cascade_by_windows_is_the_cascade(filled):
    tile, mask, learnt, whole = filled
    data, provenance, confidence, _, computed = joined(tile, mask, learnt, Cut(96, 112, 16))
    assert computed > 4
    assert (provenance == whole.provenance).mean() >= 0.999
    same = (provenance == whole.provenance) & mask.contaminated
    error = np.abs(data - whole.tile.data).max(axis=0)
    spectral = same & (provenance == SPECTRAL)
    thin = spectral & (mask.classes == THIN)
    assert error[thin].max() < 1e-4  # one relation for all windows
    assert error[spectral & ~thin].max() < 1e-3  # shadow: its level is of sources, as below
    assert error[same & (provenance == SPATIAL)].mean() < 1e-3  # other sources are left out
    assert np.nanmax(np.abs(confidence - whole.confidence)[same]) < 0.01
    clear = mask.classes == CLEAR
    assert data[:, clear].tobytes() == tile.data[:, clear].tobytes()


def test_the_adaptive_fill_learns_once_for_all_windows(monkeypatch):
    tile, mask = landscape((128, 150), seed=4)
    adaptive = Adaptive(skies=12, samples=2000, min_confidence=0.0)
    whole, fit, fits = adaptive.fill(tile, mask), Adaptive.fit, []
    monkeypatch.setattr(Adaptive, "fit", lambda *args: fits.append(args[-1]) or fit(*args))
    learnt = adaptive.learn(tile, mask)
    data, provenance, _, _, computed = joined(tile, mask, learnt, Cut(48, 112, 16))
    assert computed > 4 and sorted(fits) == ["shadow", "thin"]
    assert (provenance == whole.provenance).mean() >= 0.999
    same = whole.provenance == SPECTRAL
    assert np.median(np.abs(data - whole.tile.data).max(axis=0)[same]) < 1e-4


def test_no_line_at_the_borders_of_windows(filled):
    """Mean gradient of filled pixels across the borders of cores over that elsewhere."""
    tile, mask, learnt, whole = filled
    data, provenance, _, _, _ = joined(tile, mask, learnt, Cut(64, 112, 16))
    done = (provenance == SPECTRAL) | (provenance == SPATIAL)
    for axis in (0, 1):
        steps = np.abs(np.diff(data, axis=axis + 1)).mean(axis=0)
        own = np.abs(np.diff(whole.tile.data, axis=axis + 1)).mean(axis=0)
        inside = np.logical_and(*(np.delete(done, at, axis) for at in (0, -1)))
        place = np.arange(1, done.shape[axis])
        border = np.zeros_like(inside)
        np.moveaxis(border, axis, 0)[place % 64 == 0] = True
        assert (inside & border).sum() > 100
        seam = steps[inside & border].mean() / own[inside & border].mean()
        assert seam <= 1.02 * steps[inside & ~border].mean() / own[inside & ~border].mean()


def test_whoever_reaches_no_further_than_the_margin_has_no_border():
    tile, mask = landscape((200, 180), seed=5)
    whole = InverseDistance(max_distance_m=100).fill(tile, mask)
    data, provenance, *_ = joined(tile, mask, InverseDistance(max_distance_m=100), Cut(64, 60, 16))
    assert np.array_equal(provenance, whole.provenance)
    error = np.abs(data - whole.tile.data)[:, whole.filled]
    assert error.mean() < 1e-3  # windows thin their sources out otherwise


def test_the_cut_leaves_room_for_what_fillers_look_at():
    assert Cut.fitting(13, 10.0) == Cut(1024, 128, 32)
    fine = Cut.fitting(4, 0.5)
    assert fine.margin_px - fine.ramp_px >= 512 and fine.core_px % 256 == 0
    assert Cut.fitting(224, 30.0).core_px == 256
    assert Cut.fitting(3, None).core_px == 1024
    assert Cut.fitting(4, 4.77).margin_px % CELL_PX == 0
    with pytest.raises(ValueRangeError, match="ramps"):
        Cut(64, 8, 16)


def test_ground_is_the_clearest_of_every_part_with_nodata_between(monkeypatch):
    monkeypatch.setattr(ground, "SIDE_PX", 20)
    monkeypatch.setattr(ground, "GAP_PX", 5)
    monkeypatch.setattr(ground, "MAX_CELLS", 2)
    tile, mask = landscape((120, 140), seed=1)
    asked = []
    pixels, classes = readers(tile, mask)

    def spy(window):
        asked.append(window)
        return pixels(window)

    sample, codes = clear_ground(spy, classes, tile.shape, 4)
    assert sample.shape == codes.classes.shape == (4 * 20 + 3 * 5, 20)
    assert {(w.row_off // 50, w.col_off // 60) for w in asked} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    gaps = np.delete(np.arange(95), [25 * k + i for k in range(4) for i in range(20)])
    assert np.isnan(sample.data[:, gaps]).all() and (codes.classes[gaps] == NODATA).all()
    assert (codes.classes[:20] == CLEAR).mean() > 0.9
    y, x = asked[0].toslices()
    assert np.array_equal(sample.data[:, :20], tile.data[:, y, x], equal_nan=True)


def test_a_small_scene_is_its_own_sample():
    tile, mask = landscape((60, 50))
    sample, codes = clear_ground(*readers(tile, mask), tile.shape, 4)
    assert np.array_equal(sample.data, tile.data, equal_nan=True)
    assert np.array_equal(codes.classes, mask.classes)


def test_who_learns_says_so():
    for filler in (Regression(), Cascade(), Adaptive(), InverseDistance()):
        assert isinstance(filler, Learner)
    assert not isinstance(Identity(), Learner)
