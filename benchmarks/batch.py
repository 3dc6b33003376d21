"""How a batch scales from one worker to two, and what it costs when workers are killed.

    python benchmarks/batch.py [--scenes 200] [--size 256] [--kill-every 20]

Made-up scenes are cleaned (``hot``, ``idw``) by ``kumosan batch`` in processes of its own: with one
worker, with two, and with two of which one is killed (SIGKILL) every so many seconds. Seconds
include the start of the processes; "working" counts from the first scene recorded to the last.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import numpy as np
import psutil
from affine import Affine

from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, BandSet
from kumosan.datasets.manifest import read_lines
from kumosan.datasets.tile import Tile
from kumosan.datasets.write import write_tile


def make_scenes(folder: Path, n: int, size: int) -> None:
    """Dark, rough ground with one bright square each."""
    for i in range(n):
        rng = np.random.default_rng(i)
        data = 0.05 + 0.05 * rng.random((4, size, size), np.float32)
        top, left = rng.integers(0, size // 2, 2)
        data[:, top : top + size // 4, left : left + size // 4] = 0.6
        bands = BandSet((BLUE, GREEN, RED, NIR))
        write_tile(folder / f"s{i:03d}.tif", Tile(data, bands, Affine(30, 0, 5e5, 0, -30, 5e6)))


def kill_one(process: subprocess.Popen[bytes], rng: np.random.Generator) -> bool:
    """Kill one worker process of a batch; False where there is none at the moment."""
    family = psutil.Process(process.pid).children(recursive=True)
    # On Linux they are children of a process that imported for them; else of the batch itself.
    workers = [
        p for p in family if p.ppid() != process.pid or "spawn_main" in " ".join(p.cmdline())
    ]
    if not workers:
        return False
    os.kill(int(rng.choice([p.pid for p in workers])), signal.SIGKILL)
    return True


def run(scenes: Path, out: Path, workers: int, kill_every_s: float = 0) -> dict[str, float]:
    """Seconds of one batch, and what its manifest tells."""
    words = ["batch", scenes, "-o", out, "--workers", workers, "--detector", "hot"]
    words += ["--filler", "idw", "--retries", 10]
    begin, killed, rng = time.perf_counter(), 0, np.random.default_rng(0)
    command = [sys.executable, "-m", "kumosan.scripts", *map(str, words)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    following = begin + kill_every_s
    while process.poll() is None:
        time.sleep(0.1)
        if kill_every_s and time.perf_counter() > following:
            following += kill_every_s
            killed += kill_one(process, rng)
    seconds = time.perf_counter() - begin
    done = [r for r in read_lines(out / "manifest.jsonl") if r["state"] == "done"]
    times = [datetime.fromisoformat(r["time"]).timestamp() for r in done]
    return {
        "exit": process.returncode,
        "seconds": seconds,
        "working": max(times) - min(times),
        "killed": killed,
        "done": len({r["scene"] for r in done}),
        "twice": sum(n > 1 for n in Counter(r["scene"] for r in done).values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--kill-every", type=float, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scenes = Path(name, "scenes")
        scenes.mkdir()
        make_scenes(scenes, asked.scenes, asked.size)
        one = run(scenes, Path(name, "one"), 1)
        two = run(scenes, Path(name, "two"), 2)
        hurt = run(scenes, Path(name, "hurt"), 2, asked.kill_every)
    print("| run | exit | seconds | working | killed | done | done twice |")
    print("|---|---|---|---|---|---|---|")
    for label, facts in (("1 worker", one), ("2 workers", two), ("2, killed", hurt)):
        print(f"| {label} | " + " | ".join(f"{value:g}" for value in facts.values()) + " |")
    print(f"\ntwo workers / one: {one['seconds'] / two['seconds']:.2f} x")


if __name__ == "__main__":
    main()
