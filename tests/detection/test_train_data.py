"""The mixture: what may be learnt, from where, and what is held out."""

from dataclasses import replace

import numpy as np
import pytest

from kumosan.datasets.catalog import read_catalog
from kumosan.datasets.errors import UnfitError, UsageError
from kumosan.datasets.read import read
from kumosan.datasets.splits import Fold
from kumosan.datasets.tile import CLEAR, NODATA, SHADOW
from kumosan.datasets.torch_data import Draw
from kumosan.datasets.write import write_tile
from kumosan.detection.train_config import SegmenterConfig, Source, read_config
from kumosan.detection.train_data import MixtureBuilder, PaintedDataset
from kumosan.synthesis.landscape import landscape

from .small_set import BANDS, CONFIG, make


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> SegmenterConfig:
    path = tmp_path_factory.mktemp("config") / "c.toml"
    path.write_text(CONFIG)
    return read_config(SegmenterConfig, path, "segmenter")


def of_kind(config, kind, **more):
    sources = tuple(replace(s, **more) for s in config.sources if s.kind == kind)
    return replace(config, sources=sources)


def test_the_shares_of_the_sources(config, folder):
    mixture = MixtureBuilder(config, folder).build()
    assert len(mixture.weights) == len(mixture.dataset) == 6 + 2 + 2
    parts = np.split(np.array(mixture.weights), [6, 8])
    assert [p.sum() for p in parts] == pytest.approx([1, 1, 1])
    assert parts[0][0] == pytest.approx(2 * parts[0][1])  # its shadows are drawn
    assert "6 labelled tiles" in mixture.description


def test_every_sample_is_the_same_again(config, folder):
    one, other = (MixtureBuilder(config, folder, seed=3).build().dataset for _ in range(2))
    for number, item in enumerate((0, 3, 6, 8)):
        a, b = (d[Draw(1, number, item)] for d in (one, other))
        assert set(a) == {"image", "present", "valid", "gsd_m", "sun", "mask", "meanings"}
        assert all(np.array_equal(a[k], b[k], equal_nan=True) for k in a)


def test_a_fold_leaves_its_places_out_of_all_sources(config, folder):
    seen, held = [], []
    for k in range(3):
        mixture = MixtureBuilder(config, folder, fold=Fold(k, 3)).build()
        tiles = [t for part in mixture.dataset.parts[:2] for t in part.store.items]
        groups = {t.group for t in tiles}
        out = {row.group for row in mixture.held_out}
        assert not groups & out
        seen.append(groups | out)
        held += [row.id for row in mixture.held_out]
    assert sorted(held) == [f"t{i}.tif" for i in range(6)]


def test_split_test_is_refused(config, folder):
    for kind in ("labelled", "painted"):
        with pytest.raises(UsageError, match="test"):
            MixtureBuilder(of_kind(config, kind, split="test"), folder).build()


def test_a_source_that_finds_nothing_says_so(config, folder):
    with pytest.raises(UnfitError, match="without any image"):
        MixtureBuilder(of_kind(config, "labelled", mask_kinds=("automatic",)), folder).build()


def test_clear_ground_that_the_cirrus_band_sees_is_left_out(config, tmp_path):
    """Of two clear tiles one lies under very dry air; cloud in that band stays to be learnt."""
    folder = make(tmp_path)
    rows = read_catalog(folder)
    for row in (rows[-1], rows[0]):
        tile = read(row.image)
        tile.data[list(tile.bands.names).index("cirrus")] = 0.2
        write_tile(row.image, replace(tile, stored=None), overwrite=True)
    for kind, left in (("painted", 1), ("labelled", 6)):
        mixture = MixtureBuilder(of_kind(config, kind), folder).build()
        assert len(mixture.weights) == left


def test_codes_are_mapped(config, folder):
    mapped = of_kind(config, "labelled", mapping={"2": 1, "3": 255})
    plain, other = (
        MixtureBuilder(c, folder).build().dataset.parts[0].store.items[1].mask.classes
        for c in (of_kind(config, "labelled"), mapped)
    )
    assert (other[plain == 2] == 1).all() and (plain == 2).any()
    with_shadow = MixtureBuilder(mapped, folder).build().dataset.parts[0].store.items[0]
    assert NODATA in with_shadow.mask.classes and SHADOW not in with_shadow.mask.classes


def painted(seed=0, **source):
    clear = landscape((96, 96), BANDS, np.random.default_rng(2), 30.0)
    settings = {"kind": "painted", "presets": ("cumulus",), "clear_share": 0.0} | source
    return PaintedDataset([clear], Source(**settings), size=96, seed=seed)


def test_painted_shadows_lie_to_the_west():
    """The sun stands between 60 and 120 degrees: shadows are found left of their clouds."""
    data = painted(sun_azimuth_deg=(60.0, 120.0))
    west = east = 0
    for i in range(30):
        mask = data.sample(Draw(0, i, 0)).mask
        cloud, shadow = np.isin(mask, (1, 2)), mask == SHADOW
        for shift in range(1, 30):
            west += int((cloud[:, shift:] & shadow[:, :-shift]).sum())
            east += int((cloud[:, :-shift] & shadow[:, shift:]).sum())
    assert west > 1.3 * east > 0


def test_the_half_dark_and_the_faint_are_not_learnt():
    masks = [painted().sample(Draw(0, i, 0)).mask for i in range(10)]
    assert {0, 1, 2, 3, 255} == set(np.unique(masks))


def test_some_crops_stay_clear():
    samples = [painted(clear_share=1.0).sample(Draw(0, i, 0)) for i in range(4)]
    assert all((s.mask == CLEAR).all() for s in samples)
    assert len({s.image.tobytes() for s in samples}) > 1  # turned and flipped
