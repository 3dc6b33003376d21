"""Speed of the detectors on one scene, side by side: medians of one run.

    python benchmarks/detectors.py [--size 1024] [--repeats 5] [--detectors unet fmask ...]

The scene is a procedural landscape with clouds, in thirteen bands; the network's time is for the
whole of `Segmenter.mask`. Another busy process changes all figures: compare rows of one run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

THREADS = "2"
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, THREADS)

import numpy as np

from kumosan import detection
from kumosan.datasets.sensors import sensor
from kumosan.synthesis.composite import cloudify
from kumosan.synthesis.landscape import landscape


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="side of the scene, pixels")
    parser.add_argument("--repeats", type=int, default=5, help="runs a figure is the median of")
    parser.add_argument(
        "--detectors", nargs="+", default=["unet", "fmask", "fmask-unet", "hot", "ltk"]
    )
    args = parser.parse_args()
    bands = sensor("sentinel-2a").bands
    clear = landscape((args.size, args.size), bands, np.random.default_rng(0))
    tile = cloudify(clear, np.random.default_rng(1), "mixed").cloudy
    print(f"{args.size} x {args.size} x {len(bands)}, {THREADS} threads\n")
    print("| detector | Mpix/s | s |\n| --- | --- | --- |")
    detectors = {name: detection.get(name) for name in args.detectors}
    times: dict[str, list[float]] = {name: [] for name in detectors}
    for run in range(args.repeats + 1):
        for name, detector in detectors.items():
            start = time.perf_counter()
            detector.mask(tile)
            if run:  # the first run warms up
                times[name].append(time.perf_counter() - start)
    for name, found in times.items():
        seconds = statistics.median(found)
        print(f"| {name} | {args.size**2 / 1e6 / seconds:.2f} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
