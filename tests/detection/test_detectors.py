"""What holds for every detector, and how one is chosen."""

from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from kumosan import detection
from kumosan.datasets.bands import BandSet
from kumosan.datasets.errors import UnfitError, UsageError
from kumosan.datasets.protocols import Detector
from kumosan.datasets.tile import CLEAR, NODATA, THICK, Quality, Tile
from kumosan.detection.peers import PEERS

C2L2 = ("coastal", "blue", "green", "red", "nir", "swir1", "swir2", "thermal")
SCHEMES = {"qa": "qa_pixel", "scl": "scl", "udm2": "udm2"}
CODES = {"qa": (1 << 6, 1 << 3, 1), "scl": (4, 9, 0), "udm2": (1, 1 << 5, 1 << 7)}
"""Clear, cloud and nodata."""


def disc(shape):
    y, x = np.indices(shape)
    return (y - shape[0] / 2) ** 2 + (x - shape[1] / 2) ** 2 <= (min(shape) / 4) ** 2


@pytest.fixture
def make(scene):
    """A scene for a detector: with the supplier's mask where it reads one."""

    def build(name, cloud, **settings):
        quality = None
        if name in SCHEMES:
            clear, cloudy, _ = CODES[name]
            codes = np.where(cloud, cloudy, clear).astype(np.uint16)
            quality = Quality(SCHEMES[name], codes)
        return scene(cloud, quality=quality, **settings)

    return build


@pytest.mark.parametrize("name", sorted(set(detection.DETECTORS) - set(PEERS)))
class TestEveryDetector:
    def test_meets_the_protocol(self, name):
        detector = detection.get(name)
        assert isinstance(detector, Detector)
        assert isinstance(detector.bands, BandSet)
        assert detector == detection.get(name)
        with pytest.raises(FrozenInstanceError):
            detector.anything = 1

    def test_every_setting_has_a_default_that_can_be_named(self, name):
        settings = {
            f.name: getattr(detection.get(name), f.name) for f in fields(detection.get(name))
        }
        assert detection.get(name, **settings) == detection.get(name)

    @pytest.mark.parametrize("shape", [(40, 40), (41, 67), (7, 5), (2, 1), (1, 1)])
    def test_shape_dtype_codes_grid(self, name, make, shape):
        tile = make(name, disc(shape))
        mask = detection.get(name).mask(tile)
        assert mask.classes.shape == shape
        assert mask.classes.dtype == np.uint8
        assert set(np.unique(mask.classes)) <= {0, 1, 2, 3}
        mask.check_grid(tile)
        assert mask.transform == tile.transform

    @pytest.mark.filterwarnings("error::RuntimeWarning")
    def test_nothing_but_nodata(self, name, make):
        tile = make(name, disc((9, 9)))
        tile = tile.with_data(np.full_like(tile.data, np.nan))
        assert (detection.get(name).mask(tile).classes == NODATA).all()

    @pytest.mark.filterwarnings("error::RuntimeWarning")
    def test_odd_values(self, name, make):
        tile = make(name, disc((40, 40)))
        for value in (0.0, -0.01, 1.6):
            data = tile.data.copy()
            data[:, 10:20] = value
            assert detection.get(name).mask(tile.with_data(data)).valid.all()

    def test_deterministic_and_input_untouched(self, name, make):
        tile = make(name, disc((40, 40)), sun=(40.0, 150.0))
        before = tile.data.copy()
        first, second = (detection.get(name).mask(tile).classes for _ in range(2))
        assert np.array_equal(first, second)
        assert np.array_equal(tile.data, before)

    def test_bands_in_another_order(self, name, make):
        tile = make(name, disc((40, 40)))
        turned = list(range(len(tile.bands)))[::-1]
        other = replace(tile, data=tile.data[turned], bands=tile.bands.select(turned))
        one, two = detection.get(name).mask(tile), detection.get(name).mask(other)
        assert np.array_equal(one.classes, two.classes)

    def test_a_tile_without_its_bands(self, name, pixel):
        with pytest.raises(UnfitError):
            detection.get(name).mask(pixel(thermal=290.0))


@pytest.mark.parametrize(
    "name", sorted(set(detection.DETECTORS) - set(PEERS) - set(detection.NETWORKS))
)
class TestEveryRule:
    """What a rule does to the pixel; a network looks at the surroundings too."""

    def test_finds_the_cloud(self, name, make):
        cloud = disc((40, 40))
        found = detection.get(name).mask(make(name, cloud)).cloud
        assert (found ^ cloud).sum() <= 0.05 * cloud.sum()

    def test_all_cloud_and_no_cloud(self, name, make):
        every = np.ones((20, 30), bool)
        assert (detection.get(name).mask(make(name, every)).classes == THICK).all()
        assert (detection.get(name).mask(make(name, ~every)).classes == CLEAR).all()

    @pytest.mark.filterwarnings("error::RuntimeWarning")
    def test_nodata_stays_where_it_is(self, name, make):
        tile = make(name, disc((40, 40)), sun=(40.0, 150.0))
        whole = detection.get(name).mask(tile).classes
        data = tile.data.copy()
        lost = np.zeros(tile.shape, bool)
        lost[:3] = lost[5, 7] = lost[20, 20] = True
        data[:, lost] = np.nan
        found = detection.get(name).mask(replace(tile, data=data)).classes
        assert (found[lost] == NODATA).all()
        assert np.array_equal(found[~lost], whole[~lost])

    def test_landsat_surface_reflectance(self, name, make):
        cloud = disc((40, 40))
        tile = make(name, cloud, names=C2L2)
        if name == "hollstein":
            with pytest.raises(UnfitError, match="cirrus"):
                detection.get(name).mask(tile)
        else:
            found = detection.get(name).mask(tile).cloud
            assert (found ^ cloud).sum() <= 0.05 * cloud.sum()


def test_rgb_only_names_what_fits(pixel):
    tile = pixel(blue=0.1, green=0.1, red=0.1)
    assert detection.fitting(tile) == ["unet", "hot", "braaten"]
    for name in ("fmask", "ltk", "hollstein", "scl", "qa", "udm2"):
        with pytest.raises(UnfitError, match="unet, hot, braaten") as caught:
            detection.choose(tile, name)
        assert name in str(caught.value)
    assert detection.choose(tile, "braaten")[0] == "braaten"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("green", "red"), "braaten"),
        (("blue", "red"), "hot"),
        (("blue", "green", "red"), "unet"),
        (("green", "red", "nir"), "unet"),
        (C2L2, "fmask-unet"),
        (("blue", "green", "red", "nir", "swir1", "swir2"), "fmask-unet"),
    ],
)
def test_auto(pixel, names, expected):
    tile = pixel(**dict.fromkeys(names, 0.1))
    assert detection.auto(tile) == expected
    name, detector = detection.choose(tile)
    assert name == expected
    assert detector == detection.get(expected)
    assert np.array_equal(detection.detect(tile).classes, detector.mask(tile).classes)


def test_auto_prefers_the_network_to_suppliers_masks_and_these_to_rules(make):
    cloud = disc((8, 8))
    for scheme in ("qa", "scl"):
        assert detection.auto(make(scheme, cloud)) in detection.NETWORKS
    assert detection.auto(make("scl", cloud, names=("blue", "red"))) == "scl"
    assert detection.auto(make("udm2", cloud, names=("blue", "red"))) == "udm2"
    order = detection.AUTO
    assert order.index("qa") < order.index("fmask") < order.index("scl") < order.index("hot")


def test_nothing_fits():
    tile = Tile(np.zeros((0, 2, 2), np.float32), BandSet(()))
    assert detection.fitting(tile) == []
    with pytest.raises(UnfitError, match="braaten: green, red") as caught:
        detection.auto(tile)
    assert "qa: the supplier's mask" in str(caught.value)
    with pytest.raises(UnfitError, match="use another file"):
        detection.choose(tile, "hot")


def test_settings_reach_the_detector_or_are_refused(pixel):
    tile = pixel(green=0.19, red=0.1)
    assert detection.detect(tile, "braaten").cloud.all()
    assert not detection.detect(tile, "braaten", threshold=0.2).cloud.any()
    with pytest.raises(UsageError, match="threshold"):
        detection.choose(tile, "scl", threshold=0.2)
    with pytest.raises(UsageError, match="one of"):
        detection.get("cloudy")


def test_every_detector_has_a_place_in_the_order():
    assert sorted([*detection.AUTO, *PEERS]) == sorted(detection.DETECTORS)
