"""What runs the network: torch, ONNX Runtime or OpenVINO, behind one small interface.

``auto`` measures on a window or two which of them is fastest, and remembers. That costs seconds,
most where a network has to be exported first; so small images are left to torch, and only for very
large ones ONNX Runtime and OpenVINO are tried, which were slower wherever we measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import numpy as np

from ..datasets.errors import MissingExtraError, UsageError
from ..datasets.side_by_side import side_by_side
from ..datasets.tile import FloatArray

if TYPE_CHECKING:
    from .model import Model

Choice = Literal["auto", "torch", "onnx", "openvino"]
MEASURED_PX = 10_000_000
"""Images of fewer pixels are not worth the second or two that it takes to measure torch."""
EXPORTED_PX = 400_000_000
"""The same of runtimes that the network is exported for, which takes some ten seconds."""
BATCH_PX = 512 * 512


class Runtime(Protocol):
    """Runs a network on windows."""

    @property
    def name(self) -> str: ...

    @property
    def batch(self) -> int:
        """How many windows of BATCH_PX it takes at once."""
        ...

    @property
    def workers(self) -> int:
        """How many calls from different threads at the same time are faster than one by one."""
        ...

    def __call__(self, images: FloatArray, present: FloatArray) -> FloatArray:
        """(n, 4, y, x) float32 calibrated probabilities.

        Args:
            images: (n, band, y, x) float32 reflectance without holes.
            present: (band,) float32, 1 where the sensor has the band.
        """
        ...


class TorchRuntime:
    """torch on the GPU if there is one, else on the processor."""

    def __init__(self, model: Model, bfloat16: bool = False) -> None:
        import torch

        self.name = "torch-bf16" if bfloat16 else "torch"
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self.batch = 16 if self._device == "cuda" else 2
        self._net = lru_cache(maxsize=4)(partial(_rearranged, model, self._device, bfloat16))

    @property
    def workers(self) -> int:
        """Two on a processor: what runs on one thread only fills the pauses of the other call.
        More would cost memory."""
        import torch

        return 2 if self._device == "cpu" and torch.get_num_threads() > 1 else 1

    def __call__(self, images: FloatArray, present: FloatArray) -> FloatArray:
        import torch

        x, there = torch.from_numpy(images), torch.from_numpy(present).expand(len(images), -1)
        net = self._net(tuple(present.tolist()))
        with torch.inference_mode():
            p = net(x.to(self._device), there.to(self._device))
        found: FloatArray = p.cpu().numpy()
        return found


def _rearranged(model: Model, device: str, bfloat16: bool, present: tuple[float, ...]) -> Any:
    """The network for images of these bands, on the device."""
    import torch

    from .rearranged import rearranged

    net = rearranged(model.module(), torch.tensor(present), device == "cpu", bfloat16)
    return net.to(device, memory_format=torch.channels_last)


@contextmanager
def sharing(workers: int) -> Iterator[Callable[[], None]]:
    """What lets torch use a fair share of this thread's threads in the thread that calls it.

    torch takes the last number that any thread asked for as what later threads begin with: it is
    put right in the end.
    """
    import torch

    threads = torch.get_num_threads()
    try:
        yield partial(torch.set_num_threads, max(1, threads // workers))
    finally:
        torch.set_num_threads(threads)


class OnnxRuntime:
    """ONNX Runtime on the processor."""

    name, batch, workers = "onnx", 2, 1

    def __init__(self, model: Model) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors alone
        self._session = onnxruntime.InferenceSession(
            model.onnx(), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, images: FloatArray, present: FloatArray) -> FloatArray:
        there = np.repeat(present[None], len(images), axis=0)
        found: FloatArray = self._session.run(None, {"image": images, "present": there})[0]
        return found


class OpenVinoRuntime:
    """OpenVINO on the processor."""

    name, batch, workers = "openvino", 2, 1

    def __init__(self, model: Model) -> None:
        import openvino

        core = openvino.Core()
        # fp32: the default precision of a processor with bf16 would change classes
        self._compiled = core.compile_model(
            core.read_model(model.onnx()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )

    def __call__(self, images: FloatArray, present: FloatArray) -> FloatArray:
        there = np.repeat(present[None], len(images), axis=0)
        request = self._compiled.create_infer_request()  # several threads may call
        found: FloatArray = request.infer({"image": images, "present": there})[0].copy()
        return found


_FACTORIES: dict[str, Callable[[Model], Runtime]] = {
    "torch": TorchRuntime,
    "torch-bf16": lambda model: TorchRuntime(model, bfloat16=True),
    "onnx": OnnxRuntime,
    "openvino": OpenVinoRuntime,
}
_NEEDS = {"onnx": ("onnx", "onnxruntime"), "openvino": ("onnx", "openvino")}
"""Packages of the extra of the same name."""


def runtime(model: Model, choice: str = "auto", pixels: int = 0) -> Runtime:
    """The runtime of that name, ready to run.

    Args:
        model: the network.
        choice: a name, or ``auto``: the fastest of the `candidates`.
        pixels: how many will have to be masked.

    Raises:
        UsageError: no such runtime.
        MissingExtraError: it is not installed.
    """
    if choice not in get_args(Choice):
        raise UsageError(
            f"runtime '{choice}'", f"one of {', '.join(get_args(Choice))}", "correct it"
        )
    if choice == "auto":
        names = candidates(pixels)
        speeds = measured(model, names) if len(names) > 1 else {}
        choice = max(names, key=lambda name: speeds.get(name, 0))
    if not _installed(choice):
        raise MissingExtraError(f"the runtime {choice}", choice)
    return _made(model, choice)


def candidates(pixels: int) -> tuple[str, ...]:
    """What suits the machine and is worth measuring for an image of so many pixels."""
    names = ["torch"]
    names += ["torch-bf16"] if (pixels >= MEASURED_PX or _gpu()) and _bfloat16() else []
    # A GPU leaves every processor behind: nothing to measure there.
    exported = pixels >= EXPORTED_PX and not _gpu()
    return (*names, *(name for name in _NEEDS if exported and _installed(name)))


@lru_cache(maxsize=4)
def measured(model: Model, names: tuple[str, ...]) -> dict[str, float]:
    """Megapixels a second of each runtime, measured once in a process."""
    # Made for this alone: a runtime that lost would keep its threads and its memory.
    return {name: speed(_FACTORIES[name](model), len(model.bands)) for name in names}


def speed(run: Runtime, bands: int, window: tuple[int, int] = (512, 512), rounds: int = 1) -> float:
    """Megapixels a second on full batches of random windows, so many side by side as `run` takes;
    the median of ``rounds``."""
    many = windows_at_a_time(run, window)
    images = np.random.default_rng(0).random((many, bands, *window), np.float32)
    work = partial(run, present=np.ones(bands, np.float32))
    work(images)  # the first pass compiles and allocates
    batches, took = [images] * 2 * run.workers, []
    for _ in range(rounds):
        began = time.perf_counter()
        with sharing(run.workers) as begin:
            for _ in side_by_side(work, batches, run.workers, begin):
                pass
        took.append(time.perf_counter() - began)
    return float(len(batches) * images[:, 0].size / 1e6 / np.median(took))


def windows_at_a_time(run: Runtime, window: tuple[int, int]) -> int:
    """Most windows of (height, width) in a batch: about as many pixels as ``run`` asks for."""
    return max(1, run.batch * BATCH_PX // (window[0] * window[1]))


@lru_cache(maxsize=4)
def _made(model: Model, name: str) -> Runtime:
    return _FACTORIES[name](model)


def _installed(name: str) -> bool:
    return all(find_spec(package) is not None for package in _NEEDS.get(name, ()))


def _gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def _bfloat16() -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulated it is ten times slower."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.get_device_capability()[0] >= 8)
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    found: list[Any] = [getattr(torch.cpu, name, None) for name in checks]
    return any(check() for check in found if check is not None)
