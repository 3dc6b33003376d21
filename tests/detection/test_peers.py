"""Other people's masks: how they are asked (with stubs, everywhere), and they themselves."""

import sys
import warnings
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from kumosan import detection
from kumosan.datasets.catalog import read_catalog
from kumosan.datasets.errors import FileError, MissingExtraError, UnfitError
from kumosan.datasets.protocols import Detector
from kumosan.datasets.vision import torchvision
from kumosan.detection import peers
from kumosan.detection.evaluation import evaluate, labelled_rows
from kumosan.detection.evaluation_facts import facts
from kumosan.detection.peers import OmniCloudMask, S2Cloudless, Ukis

PACKAGES = {"omnicloudmask": "omnicloudmask", "s2cloudless": "s2cloudless", "ukis": "ukis_csmask"}


def needs(module):
    there = find_spec(module) is not None
    return pytest.mark.skipif(not there, reason=f"{module} is not installed (extra 'peers')")


@pytest.mark.parametrize("name", sorted(peers.PEERS))
class TestEveryPeer:
    def test_is_named_but_never_preferred(self, name):
        assert name in detection.DETECTORS
        assert name not in detection.AUTO

    def test_without_its_package(self, name, monkeypatch):
        monkeypatch.delitem(sys.modules, PACKAGES[name], raising=False)
        monkeypatch.setattr(peers, "find_spec", lambda _: None)
        with pytest.raises(MissingExtraError, match=r"kumosan\[peers\]"):
            detection.get(name)

    def test_with_a_broken_package(self, name, monkeypatch, scene):
        """Installed, but one of its own requirements is not (ukis-csmask without a runtime)."""

        def broken(module):
            raise ImportError("no onnxruntime")

        monkeypatch.setattr(peers, "_require", lambda *_: None)
        monkeypatch.setattr(peers, "import_module", broken)
        detector = detection.get(name)
        assert isinstance(detector, Detector)
        assert detector == detection.get(name)
        with pytest.raises(MissingExtraError, match="peers"):
            detector.mask(scene(np.zeros((40, 40), bool)))

    def test_a_tile_without_its_bands(self, name, monkeypatch, pixel):
        monkeypatch.setattr(peers, "_require", lambda *_: None)
        with pytest.raises(UnfitError):
            detection.get(name).mask(pixel(green=0.1, red=0.1))


def stub(monkeypatch, **modules):
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name.replace("__", "."), module)


class FakeUkis:
    """Class 1 where blue is bright, class 2 where it is dark; remembers how it was asked."""

    asked: dict

    def __init__(self, img, band_order, **settings):
        assert img.dtype == np.float32 and np.isfinite(img).all()
        FakeUkis.asked = {"bands": band_order, **settings}
        blue = img[..., :1]
        self.csm = np.select([blue > 0.3, blue < 0.03], [1, 2], 0).astype(np.uint8)


def test_how_ukis_is_asked(monkeypatch, scene):
    module = SimpleNamespace(CSmask=FakeUkis)
    stub(monkeypatch, ukis_csmask=SimpleNamespace(mask=module), ukis_csmask__mask=module)
    cloud = np.zeros((20, 30), bool)
    cloud[5:10, 5:10] = True
    shadow = np.roll(cloud, 12, 1)
    tile = scene(cloud, shadow)
    tile.data[:, 0, 0] = np.nan
    found = Ukis(threads=2).mask(tile)
    assert np.array_equal(found.classes == 1, cloud)
    assert np.array_equal(found.classes == 3, shadow)
    assert found.classes[0, 0] == 255
    asked = FakeUkis.asked
    assert asked["bands"] == ["blue", "green", "red", "nir", "swir16", "swir22"]
    assert asked["intra_op_num_threads"] == 2
    assert asked["inter_op_num_threads"] == 1
    assert asked["product_level"] == "l1c"
    Ukis().mask(scene(cloud, names=("nir", "red", "green", "blue", "swir1")))
    assert FakeUkis.asked["bands"] == ["blue", "green", "red", "nir"]


def test_threads_follow_the_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert (peers._threads(None), peers._threads(1)) == (3, 1)
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert peers._threads(None) == 0


def fake_omni(monkeypatch, folder):
    """The package with two weights in its list; predicts thin cloud where NIR is bright."""
    index = folder / "model_download_links.csv"
    index.write_text("file_name,version\na.safetensors,4\nb.safetensors,4\nold.pth,1\n")
    asked = {}

    def predict(image, **settings):
        asked.update(settings, image=image)
        said = np.zeros((4, *image.shape[1:]), np.float32)
        bright = image[2] > 0.4
        said[2], said[0] = np.where(bright, 0.9, 0.1), np.where(bright, 0.1, 0.9)
        return said

    store = SimpleNamespace(model_index_path=index, get_model_data_dir=lambda: folder)
    package = SimpleNamespace(predict_from_array=predict, download_models=store)
    stub(monkeypatch, omnicloudmask=package, omnicloudmask__download_models=store)
    return asked


def test_omnicloudmask_never_downloads(monkeypatch, tmp_path, scene):
    asked = fake_omni(monkeypatch, tmp_path)
    cloud = np.zeros((40, 50), bool)
    cloud[5:10, 5:10] = True
    tile = scene(cloud)
    with pytest.raises(FileError, match=r"a\.safetensors, b\.safetensors.*get_models"):
        OmniCloudMask().mask(tile)
    (tmp_path / "a.safetensors").write_bytes(b"x" * (2**20 + 1))
    (tmp_path / "b.safetensors").write_bytes(b"x" * 2**20)  # it would fetch this one anew
    with pytest.raises(FileError, match=r"lacks the weights b\.safetensors;"):
        OmniCloudMask(tmp_path).mask(tile)
    assert not asked
    (tmp_path / "b.safetensors").write_bytes(b"x" * (2**20 + 1))
    found = OmniCloudMask(tmp_path).mask(tile)
    assert np.array_equal(found.classes == 2, cloud)
    assert found.probability.sum(0) == pytest.approx(1)
    assert asked["destination_model_dir"] == tmp_path
    assert asked["model_version"] == 4.0
    assert asked["patch_size"] == 40
    red, green, nir = asked["image"][:, 30, 30]
    assert (red, green, nir) == pytest.approx((0.08, 0.09, 0.30), rel=0.05)


def test_omnicloudmask_refuses_tiny_tiles(monkeypatch, tmp_path, scene):
    fake_omni(monkeypatch, tmp_path)
    with pytest.raises(UnfitError, match="at least 32"):
        OmniCloudMask(tmp_path).mask(scene(np.zeros((31, 60), bool)))


@needs("omnicloudmask")
def test_omnicloudmask_itself(tmp_path, scene):
    """With weights drawn at random, for its own are not at hand: shapes and codes only."""
    torchvision()
    import segmentation_models_pytorch as smp
    from omnicloudmask import download_models
    from safetensors.torch import save_file

    for name, encoder in (
        ("regnety_004.pycls", "tu-regnety_004"),
        ("edgenext", "tu-edgenext_small"),
    ):
        listed = download_models.model_index_path.read_text().split()
        file = next(w.split(",")[0] for w in listed if "_7.97_" in w and name.split(".")[0] in w)
        net = smp.Unet(encoder_name=encoder, encoder_weights=None, in_channels=3, classes=4)
        save_file(net.state_dict(), tmp_path / file)
    found = OmniCloudMask(tmp_path).mask(scene(np.zeros((64, 96), bool)))
    assert found.probability.shape == (4, 64, 96)
    assert found.probability.sum(0) == pytest.approx(1, abs=1e-3)


@needs("s2cloudless")
class TestS2Cloudless:
    def test_white_is_cloud_and_green_is_not(self, scene):
        cloud = np.zeros((30, 40), bool)
        cloud[5:20, 5:20] = True
        tile = scene(cloud)
        tile.data[:, 0, :] = np.nan
        found = S2Cloudless(threads=1).mask(tile)
        assert found.cloud[6:19, 6:19].all()
        assert not found.cloud[25:].any()
        assert (found.classes[0] == 255).all()
        assert np.isnan(found.probability[:, 0]).all()
        assert found.probability[:, 1:].sum(0) == pytest.approx(1)

    def test_landsat_does_not_fit(self, scene):
        with pytest.raises(UnfitError, match="vapour"):
            S2Cloudless().mask(scene(np.zeros((9, 9), bool), names=("blue", "red", "nir")))

    def test_it_agrees_with_the_masks_that_it_made(self, data):
        """The CLM masks of the eo-learn dates were made by it."""
        rows = [r for r in read_catalog(data) if "s2cloudless" in r.mask_kind]
        assert len(rows) > 3
        found = facts(evaluate(rows, {"s2": S2Cloudless(threads=1)}))["detectors"]["s2"]
        assert found["views"]["cloud"]["oa"] > 0.99


@needs("ukis_csmask")
@needs("onnxruntime")
class TestUkis:
    def test_a_small_tile_without_a_warning(self, scene):
        cloud = np.zeros((40, 60), bool)
        cloud[10:30, 20:40] = True
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            found = Ukis(threads=1).mask(scene(cloud))
        assert found.classes.shape == (40, 60)
        assert set(np.unique(found.classes)) <= {0, 1, 3}

    @pytest.mark.slow
    def test_it_does_as_well_as_was_measured_outside(self, data):
        """Balanced accuracy on the hand-labelled test tiles, by another program."""
        rows = labelled_rows(read_catalog(data), "test")["Accuracy against people's labels"]
        views = facts(evaluate(rows, {"ukis": Ukis(threads=1)}))["detectors"]["ukis"]["views"]
        boa = {name: of["boa"] for name, of in views.items()}
        expected = {"contaminated": 0.855, "cloud": 0.907, "shadow": 0.801}
        assert boa == pytest.approx(expected, abs=0.001)
