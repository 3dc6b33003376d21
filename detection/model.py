"""A trained network with its card: loaded once, run by any runtime."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..datasets.bands import BandSet
from ..datasets.errors import MissingExtraError
from ..datasets.fingerprint import changed_ns
from ..datasets.samples import CANONICAL_BANDS, WITH_THERMAL
from ..datasets.weights import ModelCard, load_network

if TYPE_CHECKING:
    from .calibrated import Calibrated
    from .network import SegmentationNet

_OPSET = 17
"""Of ONNX (2022): the first with everything that exporters use, read by all runtimes since."""


@dataclass(frozen=True, eq=False)
class Model:
    """What the weights of a segmenter are, ready to run. Compared by identity."""

    path: Path
    card: ModelCard
    net: SegmentationNet

    @property
    def stride(self) -> int:
        """Sides of what the network sees must be multiples of it."""
        return self.net.config.stride

    @property
    def bands(self) -> BandSet:
        """What it reads."""
        return self.net.bands

    def module(self) -> Calibrated:
        """A torch module (image, present) -> calibrated probabilities, sharing the weights."""
        from .calibrated import Calibrated

        module = Calibrated(self.net, self.card.temperature)
        module.eval()
        return module

    def onnx(self) -> bytes:
        """The same as an ONNX graph of any batch, height and width; exported once.

        Raises:
            MissingExtraError: the package onnx is not installed.
        """
        return _exported(self)


@lru_cache(maxsize=2)
def _exported(model: Model) -> bytes:
    try:
        import onnx  # noqa: F401  torch's exporter needs it, and says so less kindly
    except ImportError as error:
        raise MissingExtraError("ONNX", "onnx") from error
    import torch

    side = 2 * model.stride
    example = (torch.rand(1, len(model.bands), side, side), torch.ones(1, len(model.bands)))
    axes = {0: "n", 2: "height", 3: "width"}
    out = io.BytesIO()
    with warnings.catch_warnings():  # the exporter by tracing is the one that needs no onnxscript
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.module(),
            example,
            out,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["image", "present"],
            output_names=["probability"],
            dynamic_axes={"image": axes, "present": {0: "n"}, "probability": axes},
        )
    return out.getvalue()


def load_model(path: str | Path) -> Model:
    """The network in a file; kept as long as the file does not change.

    Raises:
        FileError, WeightsError: see `weights.load_weights`.
        WeightsError: other bands, or tensors that do not fit the card.
    """
    path = Path(path)
    return _loaded(path, changed_ns(path))


@lru_cache(maxsize=4)
def _loaded(path: Path, changed_ns: int) -> Model:
    from .network import NetworkConfig, SegmentationNet

    net, card = load_network(
        path,
        "segmenter",
        lambda facts: SegmentationNet(NetworkConfig.of({**facts, "encoder_weights": None})),
        (CANONICAL_BANDS, WITH_THERMAL),
    )
    return Model(path, card, net)
