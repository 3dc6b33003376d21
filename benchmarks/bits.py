"""Whether the shipped segmenter in fewer bits is faster, and agrees with fp32.

    python benchmarks/bits.py DATA_FOLDER

bfloat16 in torch, where the processor multiplies it (else the arithmetic is emulated, and slow), on
256 x 256 pixels from the middle of each image of split ``train``; 8 bits in ONNX Runtime (QDQ, per
channel), calibrated on every second place and compared on the others. Times are processor seconds
of one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from kumosan.datasets import read
from kumosan.datasets.catalog import rows_to_learn
from kumosan.detection.pixels import TilePixels
from kumosan.detection.runtimes import TorchRuntime
from kumosan.detection.segmenter import Segmenter

SIDE, TIMED = 256, 704
Feed = dict[str, np.ndarray]


class Images(CalibrationDataReader):
    """Hands one image on at a time."""

    def __init__(self, feeds: list[Feed]) -> None:
        self.feeds: Iterator[Feed] = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self.feeds, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds catalog.json")
    data = parser.parse_args().data
    torch.set_num_threads(1)
    model = Segmenter().model()
    rows = rows_to_learn(data, "train")
    calibration = {*sorted({row.group for row in rows})[::2]}
    feeds: dict[bool, list[Feed]] = {True: [], False: []}
    for row in rows:
        pixels = TilePixels(read(row.image), model.bands)
        down, across = (slice(max(0, (n - SIDE) // 2), (n + SIDE) // 2) for n in pixels.shape)
        image = pixels.read(down, across)[0][None]
        feeds[row.group in calibration].append({"image": image, "present": pixels.present[None]})
    shape = (1, len(model.bands), TIMED, TIMED)
    timed = {"image": np.random.default_rng(0).random(shape, np.float32)}
    timed["present"] = np.ones(shape[:2], np.float32)
    with tempfile.TemporaryDirectory() as name:
        plain, short = Path(name) / "fp32.onnx", Path(name) / "int8.onnx"
        plain.write_bytes(model.onnx())
        fp32 = session(plain)
        quant_pre_process(plain, plain, skip_symbolic_shape=True)
        nodes = [node for node in onnx.load(plain).graph.node if "/unet/" in node.name]
        first, *_, last = (node.name for node in nodes if node.op_type == "Conv")
        run = TorchRuntime(model)
        print(f"torch {seconds(lambda: run(timed['image'], timed['present'][0])):.3f} s", end=", ")
        as_trained = model.module().to(memory_format=torch.channels_last)
        tensors = [torch.from_numpy(timed[name]) for name in ("image", "present")]
        with torch.inference_mode():
            print(f"not rearranged {seconds(lambda: as_trained(*tensors)):.3f} s")
        short16 = TorchRuntime(model, bfloat16=True)
        took = seconds(lambda: short16(timed["image"], timed["present"][0]))
        same = [agreement(run, short16, f) for f in feeds[True] + feeds[False]]
        print(f"torch bf16 {took:.3f} s, classes agree {100 * np.mean(same):.2f} %", end=", ")
        print(f"{100 * min(same):.2f} % in the worst image")
        print(f"ONNX Runtime fp32 {seconds(lambda: answer(fp32, timed)):.3f} s")
        for kind, kept in {"whole U-Net": (), "all but its ends": (first, last)}.items():
            quantize_static(
                plain, short, Images(feeds[True]), per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                nodes_to_quantize=[node.name for node in nodes if node.name not in kept],
            )  # fmt: skip
            int8 = session(short)
            same = [(answer(int8, f) == answer(fp32, f)).mean() for f in feeds[False]]
            took = seconds(lambda net=int8: answer(net, timed))
            print(f"int8, {kind}: {took:.3f} s, classes agree {100 * np.mean(same):.2f} %")


def session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answer(net: Any, feed: Feed) -> np.ndarray:
    """(n, y, x) classes."""
    return np.asarray(net.run(None, feed)[0].argmax(1))


def agreement(one: TorchRuntime, other: TorchRuntime, feed: Feed) -> float:
    """Share of the pixels to which both give the same class, as the weights' card weighs them."""
    pad = [(0, 0), (0, 0), *((0, -n % 64) for n in feed["image"].shape[2:])]
    image = np.pad(feed["image"], pad, "symmetric")
    p, q = (run(image, feed["present"][0])[0] for run in (one, other))
    return float((Segmenter().classes(p) == Segmenter().classes(q)).mean())


def seconds(work: Callable[[], Any]) -> float:
    """Least of five, after a first."""
    took = []
    for _ in range(6):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took[1:])


if __name__ == "__main__":
    main()
