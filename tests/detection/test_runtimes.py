"""The runtimes answer alike; memory that runs short halves the batch; auto measures once."""

import sys

import numpy as np
import pytest

from kumosan.datasets.errors import MissingExtraError, UsageError
from kumosan.datasets.weights import WeightsError
from kumosan.detection import export, runtimes
from kumosan.detection.export import ALLOWED, disagreement, export_onnx
from kumosan.detection.model import load_model
from kumosan.detection.prediction import Predictor
from kumosan.detection.runtimes import runtime
from kumosan.detection.segmenter import DEFAULT_WEIGHTS, Segmenter


@pytest.fixture(scope="module")
def model(weights):
    return load_model(weights)


@pytest.fixture
def onnx():
    pytest.importorskip("onnx", reason="comes with the extra 'onnx'")
    pytest.importorskip("onnxruntime", reason="comes with the extra 'onnx'")


def test_onnx_answers_what_torch_answers(model, onnx):
    assert disagreement(model, "onnx") <= ALLOWED


def test_openvino_answers_what_torch_answers(model, onnx):
    pytest.importorskip("openvino", reason="comes with the extra 'openvino'")
    assert disagreement(model, "openvino") <= ALLOWED


def test_bfloat16_gives_the_same_classes(model):
    """Emulated where the processor lacks it, which is slow but the same arithmetic."""
    images = np.random.default_rng(0).random((1, 7, 64, 64), np.float32)
    present = np.ones(7, np.float32)
    plain, short = (runtimes.TorchRuntime(model, b)(images, present) for b in (False, True))
    assert np.abs(plain - short).max() < 0.05
    sure = np.sort(plain, axis=1)[:, -1] - np.sort(plain, axis=1)[:, -2] > 0.05
    assert (plain.argmax(1) == short.argmax(1))[sure].mean() >= 0.999


@pytest.mark.parametrize("lacking", [[], [7], [5, 6]])
def test_the_rearranged_network_answers_the_same(lacking):
    import torch

    model = load_model(DEFAULT_WEIGHTS)
    images = np.random.default_rng(0).random((1, len(model.bands), 64, 96), np.float32)
    present = np.ones(len(model.bands), np.float32)
    present[lacking] = 0
    with torch.inference_mode():
        plain = model.module()(torch.from_numpy(images), torch.from_numpy(present)[None])
    assert runtimes.TorchRuntime(model)(images, present) == pytest.approx(plain.numpy(), abs=1e-5)


def test_an_export_is_what_other_programs_can_run(model, onnx, tmp_path):
    import onnxruntime

    assert export_onnx(model, tmp_path / "net.onnx") <= ALLOWED
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    assert [i.name for i in session.get_inputs()] == ["image", "present"]
    side = model.stride
    answer = session.run(
        None, {"image": np.zeros((2, 7, side, 3 * side), "f"), "present": np.ones((2, 7), "f")}
    )[0]
    assert answer.shape == (2, 4, side, 3 * side)
    assert answer.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_an_export_that_differs_is_not_written(model, onnx, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "disagreement", lambda model, name: 0.01)
    with pytest.raises(WeightsError, match=r"0\.01"):
        export_onnx(model, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_runtime_that_is_not_there_is_refused(model, monkeypatch):
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"kumosan\[openvino\]"):
        runtime(model, "openvino")
    with pytest.raises(UsageError, match="abacus"):
        runtime(model, "abacus")


def test_export_without_onnx_names_the_extra(model, monkeypatch):
    from kumosan.detection import model as module

    module._exported.cache_clear()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"kumosan\[onnx\]"):
        model.onnx()


def test_auto_takes_the_fastest_for_much_work_and_torch_for_little(weights, monkeypatch):
    model = load_model(weights)
    measured = []

    def speed(run, bands):
        measured.append(run.name)
        return {"torch": 1.0, "fake": 2.0}[run.name]

    class Fake:
        name, batch, workers = "fake", 2, 1

        def __init__(self, model):
            pass

    runtimes.measured.cache_clear()
    monkeypatch.setattr(runtimes, "speed", speed)
    monkeypatch.setattr(runtimes, "_NEEDS", {"fake": ("numpy",)})
    monkeypatch.setitem(runtimes._FACTORIES, "fake", Fake)
    monkeypatch.setattr(runtimes, "_bfloat16", lambda: False)
    monkeypatch.setattr(runtimes, "_gpu", lambda: False)
    for few in (1000, runtimes.MEASURED_PX):
        assert runtime(model, "auto", few).name == "torch"
    assert measured == []
    for _ in range(2):  # remembered
        assert runtime(model, "auto", runtimes.EXPORTED_PX).name == "fake"
    assert measured == ["torch", "fake"]
    runtimes.measured.cache_clear()
    runtimes._made.cache_clear()


def test_what_is_worth_measuring(monkeypatch):
    monkeypatch.setattr(runtimes, "_installed", lambda name: name != "openvino")
    monkeypatch.setattr(runtimes, "_gpu", lambda: False)
    monkeypatch.setattr(runtimes, "_bfloat16", lambda: True)
    both = ("torch", "torch-bf16")
    assert runtimes.candidates(runtimes.MEASURED_PX - 1) == ("torch",)
    assert runtimes.candidates(runtimes.MEASURED_PX) == both
    assert runtimes.candidates(runtimes.EXPORTED_PX) == (*both, "onnx")
    monkeypatch.setattr(runtimes, "_gpu", lambda: True)
    assert runtimes.candidates(1) == runtimes.candidates(runtimes.EXPORTED_PX) == both


def test_speed_is_measured(model):
    assert runtimes.speed(runtime(model, "torch"), len(model.bands), (64, 64)) > 0


def test_the_packaged_network_can_be_measured():
    """It reads more bands than the made one."""
    model = load_model(DEFAULT_WEIGHTS)
    assert len(model.bands) == len(model.card.bands) == 8
    assert runtimes.speed(runtime(model, "torch"), len(model.bands), (64, 64)) > 0


class Short:
    """Has room for so many windows."""

    name, batch, workers = "short", 8, 1

    def __init__(self, room, error):
        self.room, self.error, self.tried = room, error, []

    def __call__(self, images, present):
        self.tried.append(len(images))
        if len(images) > self.room:
            raise self.error
        return np.repeat(images[:, :1], 4, axis=1)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("onnxruntime: Failed to allocate memory for requested buffer of size 1"),
    ],
)
def test_a_batch_that_does_not_fit_is_halved_and_stays_so(error):
    images = np.arange(10, dtype=np.float32)[:, None, None, None] * np.ones((1, 7, 4, 4), "f")
    run = Short(3, error)
    predict = Predictor(run, np.ones(7, np.float32), 4)
    assert np.array_equal(predict(images)[:, 0], images[:, 0])
    assert run.tried == [8, 4, 2, 2, 2, 2, 2] and predict.batch == 2
    assert np.array_equal(predict(images)[:, 0], images[:, 0])
    assert max(run.tried[7:]) == 2


def test_one_window_too_many_is_a_full_memory_and_another_error_stays():
    images = np.zeros((2, 7, 4, 4), np.float32)
    with pytest.raises(MemoryError, match="one window"):
        Predictor(Short(0, MemoryError()), np.ones(7, "f"), 4)(images)
    with pytest.raises(RuntimeError, match="shape"):
        Predictor(Short(0, RuntimeError("wrong shape")), np.ones(7, "f"), 4)(images)


def test_a_segmenter_runs_in_any_runtime(scene, weights, onnx):
    cloud = np.hypot(*(np.mgrid[:64, :64] - 30)) < 14
    tile = scene(cloud, names=("blue", "green", "red", "nir"))
    one, other = (Segmenter(weights, runtime=r).mask(tile) for r in ("torch", "onnx"))
    assert np.abs(one.probability - other.probability).max() < ALLOWED
