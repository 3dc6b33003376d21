"""``kumosan export``: the network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import Common


def command(
    weights: Annotated[Path, typer.Argument(help="Weights of a segmenter (.safetensors).")],
    common: Common,
    onnx: Annotated[Path, typer.Option(help="The ONNX file to write.")],
) -> None:
    """Write a network as ONNX: image and present bands in, calibrated probabilities out.

    The file takes its name only if ONNX Runtime answers what torch answers, to 0.001.
    """
    from ..datasets.atomic import refuse_existing
    from ..detection.export import ALLOWED, export_onnx
    from ..detection.model import load_model

    console = Console(common.json, common.log_format, common.verbose)
    refuse_existing(onnx, common.overwrite)
    model = load_model(weights)
    if common.dry_run:
        console.result({"weights": weights, "outputs": {"onnx": onnx}, "dry_run": True}, str(onnx))
        return
    with console.phase("exporting"):
        difference = export_onnx(model, onnx, overwrite=common.overwrite)
    console.result(
        {
            "weights": weights,
            "largest_difference": difference,
            "seconds": console.seconds,
            "outputs": {"onnx": onnx},
        },
        f"probabilities differ from torch's by {difference:.1e} at most (allowed {ALLOWED:g})\n"
        f"{console.seconds:.1f} s -> {onnx}",
    )
