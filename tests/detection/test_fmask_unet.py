"""Fmask's word weighed with the network's: on scenes whose truth is known."""

from dataclasses import dataclass, replace
from math import hypot

import numpy as np
import pytest

from kumosan import detection
from kumosan.datasets.bands import BandSet
from kumosan.datasets.errors import UnfitError, ValueRangeError
from kumosan.datasets.samples import CANONICAL_BANDS
from kumosan.datasets.tile import CLEAR, NODATA, SHADOW
from kumosan.datasets.weights import ModelCard, WeightsError
from kumosan.detection.fmask import Fmask
from kumosan.detection.fmask_unet import FmaskUnet
from kumosan.detection.segmenter import Segmenter
from kumosan.detection.sun import shadow_per_metre

SUN = (40.0, 150.0)
HEIGHT_M = 1500.0


def clouds(shape=(200, 200)):
    """Two round clouds, left and right."""
    y, x = np.indices(shape)
    return [(y - 120) ** 2 + (x - centre) ** 2 <= 15**2 for centre in (70, 150)]


@pytest.fixture
def two(scene):
    """Two clouds at 1500 m under a known sun, and their shadows."""
    left, right = clouds()
    empty = scene(left, sun=SUN)
    dcol, drow = (round(HEIGHT_M * step) for step in shadow_per_metre(empty))
    assert hypot(dcol, drow) > 35  # no shadow hides under its cloud
    shadows = [np.roll(cloud, (drow, dcol), (0, 1)) for cloud in (left, right)]
    return scene(left | right, shadows[0] | shadows[1], sun=SUN), (left, right), shadows


def saying(monkeypatch, clear, thick, shadow):
    """Let the network say these probabilities (y, x), in two strips; the rest is thin cloud."""
    p = np.stack(np.broadcast_arrays(clear, thick, 1 - clear - thick - shadow, shadow))
    halves = np.array_split(p.astype(np.float32), 2, axis=1)
    monkeypatch.setattr(Segmenter, "probabilities", lambda *_, **__: (h.copy() for h in halves))
    card = ModelCard("segmenter", {}, ())
    monkeypatch.setattr(Segmenter, "model", lambda self: Model(card))


@dataclass(frozen=True)
class Model:
    card: ModelCard
    bands: BandSet = CANONICAL_BANDS


def test_what_the_network_doubts_fmask_decides(monkeypatch, two):
    tile, (left, _), (of_left, of_right) = two
    fmask = Fmask().cloud(tile)
    assert fmask[left].mean() > 0.8 and not fmask[of_left].any()
    saying(monkeypatch, clear=0.6, thick=np.where(left, 0.35, 0.1), shadow=0.01)
    found = FmaskUnet(cloud_odds=2, shadow_odds=100).mask(tile).classes
    assert ((found == 1) == (left & fmask)).all()  # .35 x 2 > .6, .1 x 2 is not
    assert (found[of_left] == SHADOW).mean() > 0.9
    assert not (found[of_right] == SHADOW).any()  # its cloud was not found
    alone = FmaskUnet(cloud_odds=1, shadow_odds=1).mask(tile).classes
    assert (alone == CLEAR).all()


def test_what_only_the_network_sees_must_be_likelier(monkeypatch, two):
    tile = two[0]
    strip = np.zeros(tile.shape, bool)
    strip[:40] = True  # Fmask sees nothing here
    assert not Fmask().cloud(tile)[strip].any()
    for thick, seen in ((0.6, False), (0.8, True)):
        saying(monkeypatch, clear=np.where(strip, 1 - thick, 1), thick=strip * thick, shadow=0)
        found = FmaskUnet(cloud_odds=2.5).mask(tile).classes
        assert (found[strip] == 1).all() == seen


def test_a_shadow_needs_the_network_to_find_it_possible(monkeypatch, two):
    tile, (left, right), (of_left, _) = two
    for shadow, seen in ((0.35, True), (0.1, False)):
        thick = np.where(left | right, 1 - shadow, 0)
        clear = np.where(left | right, 0, 1 - shadow)
        saying(monkeypatch, clear=clear, thick=thick, shadow=shadow)
        found = FmaskUnet(shadow_odds=2.7).mask(tile).classes
        assert ((found[of_left] == SHADOW).mean() > 0.9) == seen
        assert not (found[:40] == SHADOW).any()  # bright ground that no cloud shades


def test_the_network_that_ships_finds_clouds_and_keeps_clear_ground_clear(scene):
    left, right = clouds()
    cloud = left | right
    assert (FmaskUnet().mask(scene(cloud)).cloud[cloud]).mean() > 0.9
    assert (FmaskUnet().mask(scene(cloud & False)).classes == CLEAR).all()


def test_nodata_stays_nodata(scene):
    left, _ = clouds()
    tile = scene(left)
    data = tile.data.copy()
    data[:, :7] = np.nan
    found = FmaskUnet().mask(replace(tile, data=data)).classes
    assert ((found == NODATA) == ~np.isfinite(data).all(axis=0)).all()


def test_refusals(scene, tmp_path):
    with pytest.raises(UnfitError):
        FmaskUnet().mask(scene(clouds()[0], names=("blue", "green", "red", "nir")))
    with pytest.raises(ValueRangeError):
        FmaskUnet(threshold=1.5)
    with pytest.raises(ValueRangeError, match=r"odds times 0\.5"):
        FmaskUnet(shadow_odds=0.5)
    broken = tmp_path / "w.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(WeightsError):
        detection.get("fmask-unet", weights=broken).mask(scene(clouds()[0]))
