"""Time and memory of painting clouds: medians of one run, side by side.

    python benchmarks/synthesis.py [--repeats 9] [--threads 2]

Prints milliseconds for a 512 x 512 x 13 pair and a 128 x 128 x 7 training crop of every preset
(the crop on one thread, as in a data loader's worker), the mean crop of the segmenter's training,
the noise against a Python loop over ``pnoise2`` with the same octaves, and the peak memory of a
pair over the size of its tile. Another busy process changes all of them: compare rows of one run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable

import cv2
import numpy as np

from kumosan.datasets.sensors import sensor
from kumosan.datasets.tile import Tile
from kumosan.detection.train_config import SegmenterConfig, read_config
from kumosan.synthesis.composite import cloudify, generator
from kumosan.synthesis.landscape import landscape
from kumosan.synthesis.perlin import fractal_noise
from kumosan.synthesis.presets import PRESETS
from kumosan.synthesis.sampler import CloudSampler

BANDS = sensor("sentinel-2a").bands
CROP_BANDS = BANDS.select([1, 2, 3, 7, 8, 11, 12])
OCTAVES, PERIOD_PX, SIZE = 6, 64.0, 512


def main() -> int:
    args = parser().parse_args()
    scene = landscape((SIZE, SIZE), BANDS, np.random.default_rng(0))
    crop = landscape((128, 128), CROP_BANDS, np.random.default_rng(0))
    print("| preset | 512 x 512 x 13, ms | 128 x 128 x 7, ms |\n| --- | --- | --- |")
    for preset in PRESETS:
        row = []
        for tile, threads in ((scene, args.threads), (crop, 1)):
            cv2.setNumThreads(threads)
            row.append(pair_ms(tile, preset, args.repeats))
        print(f"| {preset} | {row[0]:.0f} | {row[1]:.1f} |", flush=True)
    print(f"\nA training crop, as the segmenter's training draws them: {training_ms(crop):.1f} ms")
    noise(args.repeats)
    memory(scene)
    return 0


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    out.add_argument("--repeats", type=int, default=9, help="runs a figure is the median of")
    out.add_argument("--threads", type=int, default=2, help="threads of OpenCV, scene only")
    return out


def milliseconds(work: Callable[[int], object], repeats: int) -> float:
    """Median wall time of ``work(0)``, ``work(1)``, ... after one run to warm up."""
    work(0)
    times = []
    for number in range(repeats):
        start = time.perf_counter()
        work(number)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def pair_ms(tile: Tile, preset: str, repeats: int) -> float:
    """Every run paints another cloud: the figure is of the preset, not of one seed."""
    repeats *= max(1, round(4e4 / tile.shape[0] / tile.shape[1]))
    return milliseconds(lambda n: cloudify(tile, generator(0, n), preset), repeats)


def training_ms(crop: Tile, number: int = 400) -> float:
    """Mean over crops whose presets are drawn as the packaged configuration weighs them."""
    config = read_config(SegmenterConfig, None, "segmenter")
    source = next(s for s in config.sources if s.kind == "painted")
    sampler = CloudSampler(source.presets, source.preset_weights)
    cv2.setNumThreads(1)
    start = time.perf_counter()
    for n in range(number):
        cloudify(crop, sampler, rng=generator(0, n))
    return 1e3 * (time.perf_counter() - start) / number


def noise(repeats: int) -> None:
    """The vectorised field against one call of ``pnoise2`` a pixel."""
    settings = {"offset": (3.3, 11.7), "octaves": OCTAVES}
    ours = milliseconds(lambda _: fractal_noise((SIZE, SIZE), PERIOD_PX, **settings), repeats)
    print(f"\nNoise, {SIZE} x {SIZE}, {OCTAVES} octaves: {ours:.1f} ms", end="")
    try:
        from noise import pnoise2
    except ImportError:
        print(" (no reference: pip install 'kumosan[noise]')")
        return

    def loop(_: int) -> list[list[float]]:
        axis = [k / PERIOD_PX for k in range(SIZE)]
        return [[pnoise2(11.7 + x, 3.3 + y, octaves=OCTAVES) for x in axis] for y in axis]

    reference = milliseconds(loop, 3)
    print(f"; loop over pnoise2: {reference:.0f} ms, {reference / ours:.0f} times as long")


def memory(tile: Tile) -> None:
    """Peak of what NumPy holds while a pair is painted, the pair itself included."""
    worst = ("", 0.0)
    for preset in PRESETS:
        tracemalloc.start()
        pair = cloudify(tile, generator(0, 0), preset)
        peak = tracemalloc.get_traced_memory()[1] / tile.data.nbytes
        tracemalloc.stop()
        del pair
        worst = max(worst, (preset, peak), key=lambda found: found[1])
    print(f"\nPeak memory: {worst[1]:.1f} times the tile ({worst[0]})")


if __name__ == "__main__":
    sys.exit(main())
