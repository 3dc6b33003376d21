"""How fast a window of 13 bands is filled, learning apart from applying, class by class.

    python benchmarks/fill_speed.py [--side 1280] [--fillers auto auto-far regression idw idw-far]
                                    [--rounds 3] [--profile]

The window is made: the drawn demo scene (Sentinel-2, a third of it cloud or shadow) repeated as in
a mirror, masked by its truth, as ``clean`` works on a whole scene. "learning" is what a filler
takes once a scene, from as much ground as ``clean`` gathers: the first fill with it less the next.
"all" is a fill of the window, "core s" the time of processors that it takes, which other programs
on the machine change less, and "Mpix/s" the pixels that it filled by its time: everything but
reading and writing. The other columns are of windows in which one class alone is masked as it is,
the other cloud being nodata. Medians of so many rounds. ``--profile`` tells which functions the
time of one fill with ``auto`` goes to, on one thread.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import sys
import time
from dataclasses import replace

import cv2
import numpy as np
from engine import BASE, CORES, mirrored
from threadpoolctl import threadpool_limits

from kumosan import gan
from kumosan.datasets.protocols import Filler, learnt
from kumosan.datasets.tile import NODATA, SHADOW, THICK, THIN, CloudMask, Tile
from kumosan.synthesis.demo import demo_pair

CLASSES = {"thin": THIN, "shadow": SHADOW, "thick": THICK}
GROUND_PX = (4 * 4 * 448, 384)
"""About what `gan.ground.clear_ground` gathers from a scene of any size."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1280, help="pixels; 1280 is a window of clean")
    parser.add_argument(
        "--fillers", nargs="+", default=["auto", "auto-far", "regression", "idw", "idw-far"]
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    tile, mask = window((options.side, options.side))
    if options.profile:
        profile(tile, mask)
        return 0
    share = {name: float((mask.classes == code).mean()) for name, code in CLASSES.items()}
    print(f"{options.side} x {options.side} x {len(tile.bands)}, {CORES} cores; masked: "
          + ", ".join(f"{name} {100 * part:.0f} %" for name, part in share.items()))  # fmt: skip
    heads = [
        "learning s",
        "all s",
        "all core s",
        "all Mpix/s",
        *(f"{name} Mpix/s" for name in CLASSES),
    ]
    print(f"\n| filler | {' | '.join(heads)} |" + "\n|---" * 1 + "|---" * len(heads) + "|")
    for name in options.fillers:
        told = measured(gan.get(name), tile, mask, options.rounds)
        print(f"| {name} | " + " | ".join(told) + " |", flush=True)
    return 0


def window(shape: tuple[int, int]) -> tuple[Tile, CloudMask]:
    """A part of the made scene, and its true mask."""
    pair = demo_pair(shape=(BASE, BASE))
    rows, columns = (mirrored(np.arange(n)) for n in shape)
    data = np.ascontiguousarray(pair.cloudy.data[:, rows][:, :, columns])
    tile = Tile(data, pair.cloudy.bands, pair.cloudy.transform, pair.cloudy.crs,
                pair.cloudy.acquired)  # fmt: skip
    return tile, CloudMask.like(tile, pair.mask.classes[rows][:, columns])


def measured(filler: Filler, tile: Tile, mask: CloudMask, rounds: int) -> list[str]:
    """The cells of a filler's line."""
    ready = learnt(filler, *window(GROUND_PX))
    corner = (slice(0, 512), slice(0, 512))
    part = replace(tile, data=tile.data[(slice(None), *corner)])
    its = CloudMask.like(part, mask.classes[corner])
    first, again = (timed(ready, part, its, 1)[0] for _ in range(2))
    took, cores, filled = timed(ready, tile, mask, rounds)
    cells = [f"{max(first - again, 0):.1f}", f"{took:.2f}", f"{cores:.2f}"]
    cells.append(f"{filled / 1e6 / took:.2f}")
    for code in CLASSES.values():
        other = mask.contaminated & (mask.classes != code)
        alone = CloudMask.like(tile, np.where(other, NODATA, mask.classes).astype(np.uint8))
        took, _, filled = timed(ready, tile, alone, rounds)
        cells.append(f"{filled / 1e6 / took:.2f}" if filled else "-")
    return cells


def timed(filler: Filler, tile: Tile, mask: CloudMask, rounds: int) -> tuple[float, float, int]:
    """Median seconds of a fill, also those of all cores together, and the pixels it fills."""
    found, filled = [], 0
    for _ in range(rounds):
        began = time.perf_counter(), time.process_time()
        done = filler.fill(tile, mask)
        found.append((time.perf_counter() - began[0], time.process_time() - began[1]))
        filled = int(done.filled.sum())
    wall, cores = np.median(found, axis=0)
    return float(wall), float(cores), filled


def profile(tile: Tile, mask: CloudMask) -> None:
    """Print the functions that most of the time of one fill is spent in."""
    os.environ["OMP_NUM_THREADS"] = "1"  # what works two at a time now works in this thread
    cv2.setNumThreads(1)
    ready = learnt(gan.get("auto"), *window(GROUND_PX))
    for name in ("first, with learning", "next"):
        print(name)
        with cProfile.Profile(time.thread_time) as seen, threadpool_limits(1):
            ready.fill(tile, mask)
        pstats.Stats(seen, stream=sys.stdout).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    sys.exit(main())
