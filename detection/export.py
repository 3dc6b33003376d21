"""A network as an ONNX file, and the proof that it answers as it did."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..datasets.atomic import atomic_file
from ..datasets.weights import WeightsError
from .model import Model
from .runtimes import runtime

ALLOWED = 1e-3
"""Largest difference of a probability between runtimes."""


def export_onnx(model: Model, path: str | Path, *, overwrite: bool = False) -> float:
    """Write ``model`` as ONNX; whole and proven, or not at all.

    The graph takes ``image`` (n, band, height, width) float32 reflectance without holes, with
    sides that are multiples of the network's stride, and ``present`` (n, band) float32; it gives
    ``probability`` (n, 4, height, width), calibrated.
    Returns:
        The largest difference from torch.

    Raises:
        MissingExtraError: onnx or onnxruntime is not installed.
        WeightsError: the difference is above `ALLOWED`.
        OutputError: the file exists, or cannot be written.
    """
    difference = disagreement(model, "onnx")
    if not difference <= ALLOWED:
        raise WeightsError(
            f"an ONNX graph of {model.path} whose probabilities differ by {difference:g}",
            f"at most {ALLOWED:g}", "report this with the weights",
        )  # fmt: skip
    with atomic_file(path, overwrite) as place:
        place.write_bytes(model.onnx())
    return difference


def disagreement(model: Model, name: str) -> float:
    """Largest difference of a probability between torch and the runtime called ``name``.

    On noise of several sizes, mostly dark, with all bands and with the visible ones alone.
    """
    rng = np.random.default_rng(0)
    torch_run, other = runtime(model, "torch"), runtime(model, name)
    worst = 0.0
    for n, down, across in ((1, 4, 4), (2, 1, 3), (3, 2, 1)):
        shape = (n, len(model.card.bands), down * model.stride, across * model.stride)
        images = rng.random(shape, np.float32) ** 3
        for bands in (shape[1], 3):
            present = (np.arange(shape[1]) < bands).astype(np.float32)
            difference = np.abs(torch_run(images, present) - other(images, present)).max()
            worst = max(worst, float(difference))
    return worst
