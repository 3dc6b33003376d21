"""What an ablation's file may say, and the scenes that it asks for."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kumosan.datasets.band_order import VISIBLE, spectrometer
from kumosan.datasets.errors import GridError, UnfitError, UsageError
from kumosan.datasets.tile import CLEAR, Tile
from kumosan.gan.ablation import Ablation, Ground, filler, read_ablation
from kumosan.gan.ablation_scenes import another_date, pieces, scene

REPO = Path(__file__).parents[2]
LANDSCAPES = Ground("landscape", count=2, size=32)
ASKED = Ablation((LANDSCAPES,), methods=("identity",), bands=(3, 6), clouds=("haze",), seeds=(0,))

spec = importlib.util.spec_from_file_location(
    "small_set_of_ablation", REPO / "tests/gan/small_set.py"
)
small_set = importlib.util.module_from_spec(spec)
spec.loader.exec_module(small_set)


@pytest.fixture
def written(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "a.toml"
        path.write_text(text + '\n[[ground]]\nkind = "landscape"\n')
        return path

    return write


@pytest.mark.parametrize("path", sorted((REPO / "benchmarks" / "ablation").glob("*.toml")), ids=str)
def test_the_files_that_come_with_the_repository_can_be_read(path):
    asked = read_ablation(path)
    assert asked.bands[0] == min(asked.bands) and len(asked.seeds) >= 2  # a spread needs two


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bands = [3, 3]", "bands"),
        ("bands = [2]", "3 bands or more"),
        ("seeds = []", "seeds"),
        ('methods = ["telea", "magic"]', "magic"),
        ('clouds = ["pink"]', "pink"),
        ('methods = ["gan"]', r"\[gan\]"),
        ('methods = ["telea"]\nsettings = { idw = { max_distance_m = 9 } }', "settings of idw"),
        ('methods = ["idw"]\nsettings = { idw = { colour = 9 } }', "colour"),
        ("clouds = 3", "clouds"),
        ("covers = [0, 1]", "covers"),
    ],
)
def test_mistakes_are_named(written, text, message):
    with pytest.raises(UsageError, match=message):
        read_ablation(written(text))


def test_settings_and_seed_reach_a_method(written):
    text = 'methods = ["regression"]\nsettings = { regression = { min_confidence = 0.0 } }'
    made = filler(read_ablation(written(text)), "regression", seed=7)
    assert (made.min_confidence, made.seed) == (0, 7)


def test_a_scene_hangs_on_its_name_cloud_and_seed_only():
    ground = pieces(ASKED, None)
    assert list(ground) == ["landscape_1000_0", "landscape_1000_1"]
    tile = ground["landscape_1000_0"]()
    one = scene(ASKED, "a", tile, "haze", 0)
    more = replace(ASKED, clouds=("cirrus", "haze"), seeds=(1, 0), bands=(4,))
    again = scene(more, "a", tile, "haze", 0)
    np.testing.assert_array_equal(one.cloudy.data, again.cloudy.data)
    np.testing.assert_array_equal(one.other.data, again.other.data)
    for name, cloud, seed in (("b", "haze", 0), ("a", "cirrus", 0), ("a", "haze", 1)):
        assert (scene(ASKED, name, tile, cloud, seed).cloudy.data != one.cloudy.data).any()


def test_a_sky_that_hides_too_much_is_drawn_again():
    tile = pieces(replace(ASKED, ground=(replace(LANDSCAPES, size=40),)), None)[
        "landscape_1000_0"
    ]()
    shares = [
        (scene(ASKED, "landscape_1000_0", tile, "cumulus", seed).mask.classes == CLEAR).mean()
        for seed in range(3)
    ]
    assert min(shares) >= 0.2  # the first sky of seed 0 leaves nothing


def test_all_sets_of_bands_see_the_same_sky():
    tile = pieces(ASKED, None)["landscape_1000_0"]()
    whole = scene(ASKED, "a", tile, "haze", 0)
    assert 0 < whole.mask.contaminated.mean() < 1
    seen = [whole.with_bands(n) for n in (3, 6, 224)]
    for each in seen:
        np.testing.assert_array_equal(each.cloudy.pick(VISIBLE), seen[0].cloudy.data)
        np.testing.assert_array_equal(each.mask.classes, whole.mask.classes)
        clear = each.mask.classes == CLEAR
        np.testing.assert_array_equal(each.clear.data[:, clear], each.cloudy.data[:, clear])
    with pytest.raises(UnfitError):
        whole.with_bands(225)


def test_another_date_differs_as_much_as_is_asked():
    bands = spectrometer(24)
    tile = Tile(np.full((24, 64, 64), 0.2, np.float32), bands)
    means = []
    for change in (0.0, 0.05, 0.2):
        other = another_date(tile, change, np.random.default_rng(3))
        means.append(float(np.log(other.data / 0.2).std()))
    assert means[0] < 0.01  # noise alone
    # A band of slope s has the spread change * sqrt(1 + s^2).
    assert 0.05 <= means[1] < 0.05 * np.sqrt(2) + 0.01
    assert means[2] / means[1] == pytest.approx(4, rel=0.05)


def test_ground_of_a_catalogue(tmp_path):
    small_set.make(tmp_path)
    asked = replace(ASKED, ground=(Ground("catalog", count=2, size=32),))
    found = pieces(asked, tmp_path)
    assert list(found) == ["t0", "t1"]  # two of three, none of split test
    assert found["t1"]().shape == (32, 32)
    with pytest.raises(UsageError, match="without a catalogue"):
        pieces(asked, None)
    with pytest.raises(UnfitError, match="t3"):
        pieces(replace(asked, ground=(Ground("catalog", images=("t3.tif",)),)), tmp_path)
    with pytest.raises(UsageError, match="twice"):
        pieces(replace(asked, ground=asked.ground * 2), tmp_path)


def test_a_mosaic_lays_images_beside_each_other(tmp_path):
    small_set.make(tmp_path)
    rows = (("t0.tif", "t1.tif"), ("t2.tif", "t0.tif"))
    [tile] = [
        make()
        for make in pieces(replace(ASKED, ground=(Ground("mosaic", rows=rows),)), tmp_path).values()
    ]
    side = small_set.SIDE
    assert tile.shape == (2 * side, 2 * side)
    first, second = (small_set.clear_tile(i).data for i in (0, 1))
    np.testing.assert_allclose(tile.data[:, :side, :side], first, atol=1e-6)
    np.testing.assert_allclose(tile.data[:, :side, side:], second, atol=1e-6)


def test_a_mosaic_of_unlike_images(tmp_path):
    from kumosan.datasets.write import write_tile

    small_set.make(tmp_path)
    write_tile(tmp_path / "t1.tif", small_set.clear_tile(1, side=32), overwrite=True)
    ground = Ground("mosaic", rows=(("t0.tif", "t1.tif"),))
    [make] = pieces(replace(ASKED, ground=(ground,)), tmp_path).values()
    with pytest.raises(GridError, match="unlike"):
        make()
