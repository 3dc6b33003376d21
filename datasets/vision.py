"""torchvision beside a CPU-only torch.

PyPI's torchvision is built for CUDA. Beside a CPU-only torch its compiled library does not load,
and the import dies with ``operator torchvision::nms does not exist``; timm and
segmentation-models-pytorch die with it. Two missing operator schemas are all that is needed:
networks and transforms then work (nms, deform_conv2d and torchvision's own image readers do not;
kumosan uses none of them).
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_kept: list[Any] = []
"""The library of schemas: torch forgets them when the object is collected."""


def torchvision() -> ModuleType:
    """The torchvision module, cured if need be; call before importing timm or smp."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    import torch

    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define(
        "qnms(Tensor dets, Tensor scores, float iou_threshold, bool class_agnostic=False) -> Tensor"
    )
    _kept.append(library)
    return importlib.import_module("torchvision")
