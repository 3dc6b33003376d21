"""``kumosan mask`` and ``kumosan export`` with a network."""

import json

import numpy as np
import pytest

from kumosan.datasets import read, read_mask
from kumosan.datasets.write import write_tile
from kumosan.detection.fmask_unet import FmaskUnet
from kumosan.detection.postprocess import clean_up
from kumosan.synthesis.demo import demo_pair

from .running import run


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    place = tmp_path_factory.mktemp("scene") / "scene.tif"
    write_tile(place, demo_pair(shape=(96, 120)).cloudy)
    return place


def test_mask_streams_what_the_detector_finds_in_memory(path, weights, tmp_path):
    done = run("mask", path, "-o", tmp_path / "m.tif", "--weights", weights, "--probability",
               "--json", "-v")  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["detector"] == "fmask-unet" and told["runtime"] == "torch"
    assert "the network ran in torch" in done.stderr
    tile = read(path)
    expected = clean_up(FmaskUnet(weights).mask(tile))
    assert np.array_equal(read_mask(tmp_path / "m.tif", like=tile).classes, expected.classes)
    assert told["cover"]["clear"] == pytest.approx(100 * expected.cover()["clear"], abs=0.001)
    assert set(told["outputs"]) == {"mask", "probability"}


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--runtime", "abacus"), 2, "openvino"),
        (("--detector", "unet", "--network-m", "500"), 3, "10 to 60 m"),
        (("--detector", "fmask", "--network-m", "20"), 2, "network_m"),
        (("--detector", "fmask", "--probability"), 5, "leave --probability out"),
    ],
)
def test_what_cannot_be_done_leaves_nothing(path, tmp_path, options, code, words):
    done = run("mask", path, "-o", tmp_path / "m.tif", *options)
    assert done.exit_code == code, done.output
    assert words in done.stderr
    assert not list(tmp_path.glob("*.tif"))


def test_export_writes_a_checked_network(weights, tmp_path):
    pytest.importorskip("onnx", reason="comes with the extra 'onnx'")
    pytest.importorskip("onnxruntime", reason="comes with the extra 'onnx'")
    words = ("export", weights, "--onnx", tmp_path / "net.onnx", "--json")
    assert run(*words, "--dry-run").exit_code == 0
    assert list(tmp_path.iterdir()) == []
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["largest_difference"] < 1e-3
    assert (tmp_path / "net.onnx").stat().st_size > 100_000
    assert run(*words).exit_code == 2  # there already
