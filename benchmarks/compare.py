"""How long a whole comparison takes: 8 detectors and 8 fillers on 512 x 512 pixels in 13 bands.

    python benchmarks/compare.py [--side 512] [--detector NAME ...] [--filler NAME ...]
                                 [--json-out FILE]

The scene is the drawn demo scene, its clear view the other date, both truths are given. ``kumosan
compare`` runs in a process of its own, from start to finished page; wall clock and CPU seconds of
all its threads are told, and what each method took. Should be below 60 s on 2 cores without a GPU.
Two of the detectors are peers (extra ``peers``); those that are not installed are told.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kumosan.datasets.write import write_mask, write_tile
from kumosan.synthesis.demo import demo_pair

CORES = len(os.sched_getaffinity(0))
PEERS = {"s2cloudless": "s2cloudless", "ukis": "ukis_csmask"}
DETECTORS = ("fmask", "hot", "ltk", "hollstein", "braaten", "unet", *PEERS)
FILLERS = (
    "auto", "adaptive", "regression", "idw", "telea", "navier-stokes", "biharmonic", "temporal",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=512, help="pixels")
    parser.add_argument("--detector", nargs="+", default=DETECTORS)
    parser.add_argument("--filler", nargs="+", default=FILLERS)
    parser.add_argument("--json-out", type=Path)
    options = parser.parse_args()
    lost = [n for n in options.detector if n in PEERS and find_spec(PEERS[n]) is None]
    if lost:
        print(f"not installed, left out: {', '.join(lost)}")
    detectors = [n for n in options.detector if n not in lost]
    with tempfile.TemporaryDirectory() as name:
        found = compared(Path(name), options.side, detectors, options.filler)
    print(
        f"{CORES} cores, {options.side} x {options.side} x 13: {len(detectors)} detectors and "
        f"{len(options.filler)} fillers in {found['s']:.1f} s ({found['CPU s']:.1f} s of CPU), "
        f"report.html {found['page MB']:.2f} MB"
    )
    for kind in ("detectors", "fillers"):
        for row in found[kind]:
            took = f"{row['seconds']:.2f} s" if row["reason"] is None else row["reason"]
            print(f"  {row['name']:14} {took}")
    if options.json_out:
        options.json_out.write_text(json.dumps(found, indent=1))
    return 0


def compared(folder: Path, side: int, detectors: list[str], fillers: list[str]) -> dict[str, Any]:
    """Seconds, size of the page, and the rows of the report."""
    pair = demo_pair(shape=(side, side))
    scene, clear, truth = (folder / f"{n}.tif" for n in ("scene", "clear", "truth"))
    write_tile(scene, pair.cloudy)
    write_tile(clear, pair.clear)
    write_mask(truth, pair.mask)
    words: list[str | Path] = ["compare", scene, "-o", folder / "out", "--json"]
    words += ["--truth", truth, "--truth", clear, "--reference", clear]
    words += [w for name in detectors for w in ("--detector", name)]
    words += [w for name in fillers for w in ("--filler", name)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "kumosan.scripts", *map(str, words)],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = json.loads(done.stdout)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "cores": CORES,
        "s": told["seconds"],
        "CPU s": round(used, 1),
        "page MB": (folder / "out" / "report.html").stat().st_size / 1e6,
        "detectors": told["detectors"],
        "fillers": told["fillers"],
    }


if __name__ == "__main__":
    sys.exit(main())
