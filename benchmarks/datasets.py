"""Measure the reading of scenes: speed against plain rasterio, and memory.

    python benchmarks/datasets.py [reading] [memory] [--size 10980] [--json-out FILE]

reading: windows of a tiled, compressed 4-band uint16 GeoTIFF to reflectance, against rasterio's
windowed reads of the same file in the same process. Both read the same windows in the same
order, in turns; each pass opens the file anew. The figure is the median over the passes of the
time of rasterio divided by ours (1 would mean that decoding costs nothing).

memory: peak resident memory of a process that streams a scene through ``Scene.windows``: that
file, and sparse 30-band uint16 rasters of 20,000 x 20,000 pixels, BigTIFF and ENVI (Linux only).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window

from kumosan.datasets import open_scene

NM = (492.7, 559.9, 664.6, 832.8)
BLOCK = 512
GRID = {"crs": "EPSG:32633", "transform": Affine(10, 0, 600_000, 0, -10, 5_000_000)}


def main() -> int:
    args = parser().parse_args()
    sections: dict[str, Callable[..., dict[str, Any]]] = {"reading": reading, "memory": memory}
    report = {}
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        for name in args.sections or sections:
            report[name] = sections[name](Path(folder), args)
            print(f"{name}\n" + "\n".join(f"  {k}: {v}" for k, v in report[name].items()))
    if args.json_out:
        args.json_out.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    out.add_argument("sections", nargs="*", choices=["reading", "memory"], metavar="SECTION")
    out.add_argument("--size", type=int, default=10_980, help="pixels along a side (reading)")
    out.add_argument("--window", type=int, default=1024, help="pixels along a side of a window")
    out.add_argument("--compress", default="deflate", help="of the file that is made (reading)")
    out.add_argument("--every", type=int, default=1, help="read every n-th window only")
    out.add_argument("--passes", type=int, default=5)
    out.add_argument("--folder", type=Path, help="where the files are made (default: temporary)")
    out.add_argument("--json-out", type=Path)
    return out


def reading(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Windows per second of `Scene.read` and of rasterio, aligned to the blocks and not."""
    path = whole_scene(folder, args.size, args.compress)
    out: dict[str, Any] = {
        "file": f"{args.size} x {args.size} x {len(NM)} uint16, {args.compress}, "
        f"{path.stat().st_size / 1e6:.0f} MB, blocks of {BLOCK}"
    }
    for title, overlap in (("side by side", 0), ("overlapping by 64", 64)):
        windows = list(open_scene(path).windows(args.window, overlap))[:: args.every]
        pixels = sum(w.width * w.height for w in windows) * len(NM)
        times: dict[str, list[float]] = {"rasterio": [], "kumosan": []}
        for _ in range(args.passes):
            for name, run in (("rasterio", by_rasterio), ("kumosan", by_kumosan)):
                start = time.perf_counter()
                run(path, windows)
                times[name].append(time.perf_counter() - start)
        ratio = median(a / b for a, b in zip(*times.values(), strict=True))
        speed = {k: f"{pixels / median(v) / 1e6:.0f} Msamples/s" for k, v in times.items()}
        what = f"{len(windows)} windows of {args.window}, {title}"
        shown = ", ".join(f"{k} {v}" for k, v in speed.items())
        out[what] = f"{ratio:.0%} of rasterio's speed ({shown}; {args.passes} passes)"
    return out


def by_rasterio(path: Path, windows: list[Window]) -> None:
    with rasterio.open(path) as ds:
        for window in windows:
            ds.read(window=window)


def by_kumosan(path: Path, windows: list[Window]) -> None:
    scene = open_scene(path)
    for window in windows:
        scene.read(window)


def memory(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Peak resident memory of streaming, each scene in a process of its own."""
    scenes = {
        f"{args.size} x {args.size} x {len(NM)}": whole_scene(folder, args.size, args.compress),
        "20000 x 20000 x 30, sparse BigTIFF": sparse_scene(folder, 20_000, 30),
        "20000 x 20000 x 30, sparse ENVI (bil)": sparse_envi(folder, 20_000, 30),
    }
    out = {}
    for name, path in scenes.items():
        command = [sys.executable, __file__, "--stream", str(path), str(args.window)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peak, imports, seconds = map(float, done.stdout.split())
        out[name] = f"peak {peak:.2f} GB ({imports:.2f} GB after the imports), {seconds:.0f} s"
    return out


def stream(path: str, size: str) -> None:
    """What the subprocess of `memory` does: prints peak GB, GB before reading, and seconds."""

    def peak() -> float:  # not ru_maxrss: it starts at the parent's
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        return int(found[1]) * 1024 / 1e9 if found else float("nan")

    before, start = peak(), time.perf_counter()
    scene = open_scene(path)
    for window in scene.windows(int(size)):
        scene.read(window)
    print(peak(), before, time.perf_counter() - start)


def whole_scene(folder: Path, size: int, compress: str) -> Path:
    """A file of smooth reflectance with sensor noise and an empty corner (made once)."""
    path = folder / f"whole_{size}_{compress}.tif"
    if path.exists():
        return path
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 15, (BLOCK, size)).astype(np.float32)
    x = np.arange(size, dtype=np.float32)
    with new_file(path, size, len(NM), compress=compress, predictor=2, num_threads=2) as ds:
        for top in range(0, size, BLOCK):
            y = np.arange(top, min(top + BLOCK, size), dtype=np.float32)[:, None]
            for i in range(len(NM)):
                smooth = 2500 + 900 * np.sin(x / (131 + 40 * i)) * np.cos(y / 173) + 200 * i
                band = np.rint(smooth + np.roll(noise[: len(y)], 31 * i + top, 1))
                band[x[None] + y < size // 4] = 0
                ds.write(band.astype(np.uint16), i + 1, window=Window(0, top, size, len(y)))
    return path


def sparse_scene(folder: Path, size: int, count: int) -> Path:
    """A file without any block on disk; every sample is read as 0."""
    path = folder / f"sparse_{size}_{count}.tif"
    with new_file(path, size, count, BIGTIFF="YES", SPARSE_OK="TRUE"):
        pass
    return path


def sparse_envi(folder: Path, size: int, count: int) -> Path:
    """An ENVI raster (header and binary), of which no byte is on disk."""
    path = folder / f"sparse_{size}_{count}.img"
    path.touch()
    os.truncate(path, size * size * count * 2)
    nm = ", ".join(str(450 + 15 * i) for i in range(count))
    path.with_suffix(".hdr").write_text(
        f"ENVI\nsamples = {size}\nlines = {size}\nbands = {count}\nheader offset = 0\n"
        "file type = ENVI Standard\ndata type = 12\ninterleave = bil\nbyte order = 0\n"
        "map info = {UTM, 1, 1, 600000, 5000000, 10, 10, 33, North, WGS-84}\n"
        "reflectance scale factor = 10000\nwavelength units = Nanometers\n"
        f"wavelength = {{{nm}}}\n"
    )
    return path


@contextmanager
def new_file(path: Path, size: int, count: int, **options: Any) -> Iterator[Any]:
    """A tiled uint16 GeoTIFF with wavelengths and the scale of surface reflectance."""
    with rasterio.open(
        path, "w", driver="GTiff", width=size, height=size, count=count, dtype="uint16",
        nodata=0, tiled=True, blockxsize=BLOCK, blockysize=BLOCK, interleave="band",
        **GRID, **options,
    ) as ds:  # fmt: skip
        ds.scales, ds.offsets = (1e-4,) * count, (-0.1,) * count
        for i in range(count):
            nm = NM[i] if count == len(NM) else 450 + 15 * i
            ds.update_tags(i + 1, wavelength=str(nm), wavelength_units="nm")
        yield ds


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stream"]:
        stream(*sys.argv[2:4])
    else:
        sys.exit(main())
