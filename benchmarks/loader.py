"""Does the loader keep a training step fed? Painted pairs against a stand-in U-Net on 2 cores.

    python benchmarks/loader.py [--steps 12] [--batch 8] [--workers 1] [--json-out FILE]

Crops of 256 x 256 in 7 bands come from tiles kept in memory, get clouds from
``synthesis.cloudify`` and the whole augmentation. The network works at half resolution inside
(pixel-unshuffle, then 32-56-96-160 channels), as the segmenter does, on two threads. Printed
are the wait for data as a share of the whole step, against the aim of at most 10 %, the time of
the same step without loading, and the parts of one sample.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # NumPy and OpenCV; torch's own threads are set below

import cv2
import numpy as np
import torch
from torch import nn

from kumosan.datasets.augment import Affine, FlipRotate
from kumosan.datasets.bands import BandSet
from kumosan.datasets.loading import DrawSampler, make_loader
from kumosan.datasets.radiometry import BandDropout, ReflectanceJitter, SensorNoise
from kumosan.datasets.samples import CANONICAL_BANDS
from kumosan.datasets.tile import Tile
from kumosan.datasets.torch_data import PairedDataset, with_presence
from kumosan.synthesis import cloudify
from kumosan.synthesis.landscape import landscape

AUGMENT = (FlipRotate(), Affine(), ReflectanceJitter(), SensorNoise(), BandDropout())
THREADS = 2
WARM_UP = 2


class HalfResolutionUNet(nn.Module):
    """Four levels below a pixel-unshuffle of 2; 4 classes."""

    def __init__(self, bands: int, widths: tuple[int, ...] = (32, 56, 96, 160)) -> None:
        super().__init__()
        inputs = (4 * bands, *widths[:-1])
        self.down = nn.ModuleList(_block(a, b) for a, b in zip(inputs, widths, strict=True))
        pairs = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        self.up = nn.ModuleList(_block(deep + skip, skip) for deep, skip in pairs)
        self.head = nn.Conv2d(widths[0], 16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.pixel_unshuffle(x, 2)
        skips: list[torch.Tensor] = []
        for i, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if i else x)
            skips.append(x)
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            x = block(torch.cat([nn.functional.interpolate(x, scale_factor=2), skip], 1))
        return nn.functional.pixel_shuffle(self.head(x), 2)


def _block(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a in (inputs, outputs):
        layers += [nn.Conv2d(a, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)]
        layers += [nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def main() -> int:
    args = parser().parse_args()
    torch.set_num_threads(THREADS)
    cv2.setNumThreads(1)
    dataset = PairedDataset(tiles(), cloudify, augment=AUGMENT, cache_bytes=500_000_000)
    dataset.store.warm_up()
    report: dict[str, Any] = {"parts_ms": parts(dataset)}
    torch.manual_seed(0)
    train = Training()
    batch = next(iter(make_loader(dataset, args.batch)))
    report["step_without_loading_ms"] = 1e3 * float(
        np.median([seconds(lambda: train(batch)) for _ in range(max(args.steps // 2, 3))])
    )
    report |= fed(dataset, train, args)
    print(json.dumps(report, indent=1))
    share = report["wait_share"]
    print(f"wait for data: {share:.1%} of the step (aim: at most 10 %): ", end="")
    print("met" if share <= 0.10 else "MISSED")
    if args.json_out:
        args.json_out.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if share <= 0.10 else 1


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    out.add_argument("--steps", type=int, default=12)
    out.add_argument("--batch", type=int, default=8)
    out.add_argument("--workers", type=int, default=1)
    out.add_argument("--json-out", type=Path)
    return out


def tiles() -> list[Tile]:
    """Four procedural landscapes of 512 x 512 pixels in the canonical bands."""
    rng = np.random.default_rng(0)
    bands = BandSet(tuple(replace(b, gsd_m=20.0) for b in CANONICAL_BANDS))
    return [landscape((512, 512), bands, rng) for _ in range(4)]


def parts(dataset: PairedDataset) -> dict[str, float]:
    """Median milliseconds of each part of one sample, in this process, on one thread."""
    out: dict[str, list[float]] = {}
    for i in range(10):
        rng = np.random.default_rng(i)
        crop, sec = timed(lambda: dataset._crop(i % 4, rng))  # noqa: B023
        out.setdefault("crop", []).append(sec)
        sample, sec = timed(lambda: dataset._sample(crop, rng))  # noqa: B023
        out.setdefault("cloudify", []).append(sec)
        for change in AUGMENT:
            sample, sec = timed(lambda: change(sample, rng))  # noqa: B023
            out.setdefault(type(change).__name__, []).append(sec)
    medians = {name: 1e3 * float(np.median(v)) for name, v in out.items()}
    return medians | {"sum": sum(medians.values())}


class Training:
    """One optimizer step on a batch."""

    def __init__(self) -> None:
        self.net = HalfResolutionUNet(2 * len(CANONICAL_BANDS))
        self.net = self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(self.net.parameters(), 1e-3)
        self.loss = nn.CrossEntropyLoss(ignore_index=255)

    def __call__(self, batch: dict[str, torch.Tensor]) -> None:
        x = with_presence(batch["image"], batch["present"])
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.net(x.contiguous(memory_format=torch.channels_last))
        self.loss(logits, batch["mask"]).backward()
        self.optimizer.step()


def fed(dataset: PairedDataset, train: Training, args: argparse.Namespace) -> dict[str, Any]:
    """Waits and steps while the loader works beside the training."""
    sampler = DrawSampler(len(dataset), args.batch * (args.steps + WARM_UP))
    batches = iter(make_loader(dataset, args.batch, sampler=sampler, workers=args.workers))
    waits, steps = [], []
    for _ in range(args.steps + WARM_UP):
        batch, wait = timed(lambda: next(batches))
        waits.append(wait)
        steps.append(seconds(lambda: train(batch)))  # noqa: B023
    waits, steps = waits[WARM_UP:], steps[WARM_UP:]
    return {
        "batch": args.batch,
        "workers": args.workers,
        "wait_ms": 1e3 * float(np.mean(waits)),
        "step_ms": 1e3 * float(np.mean(steps)),
        "wait_share": sum(waits) / (sum(waits) + sum(steps)),
        "samples_per_s": args.batch * args.steps / (sum(waits) + sum(steps)),
    }


def timed(call: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    out = call()
    return out, time.perf_counter() - start


def seconds(call: Any) -> float:
    return float(timed(call)[1])


if __name__ == "__main__":
    raise SystemExit(main())
