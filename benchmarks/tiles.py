"""Patches of rotated swaths: how many are found, how fast, and in how much memory.

    python benchmarks/tiles.py [--side 12000] [--big 20000] [--no-big] [--json-out FILE]

1. The search in a rotated mask of 12,000 x 12,000 pixels: median seconds, and the number of
   patches beside the plain grid, the best grid with one offset, and the bound that no packing
   passes (valid pixels / pixels of a patch).
2. ``kumosan tiles`` on a raster of 30 bands, 20,000 x 20,000 pixels of uint16 (24 GB), as a
   sparse GeoTIFF and as a raw ENVI file with holes, in a process of its own: seconds and peak
   resident memory (Linux only). A small rotated strip of it is valid.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window

from kumosan.datasets.swath import pack

BANDS, SIZE = 30, 256
STRIP = (7_000, 9_000, 1_600, 2_400)
"""First row and column, height and width in pixels of the window that holds the valid strip."""
CHILD = """
import sys
from pathlib import Path
from typer.testing import CliRunner
from kumosan.scripts.main import app
done = CliRunner().invoke(app, sys.argv[1:])
print(done.output, end="")
status = Path("/proc/self/status")  # getrusage would count what the parent held, too
lines = status.read_text().splitlines() if status.exists() else []
peak = next((int(l.split()[1]) for l in lines if l.startswith("VmHWM")), -1)
print(f"PEAK {peak}")
sys.exit(done.exit_code)
"""


def main() -> int:
    args = parser().parse_args()
    report: dict[str, Any] = {"search": search(args.side, args.repeats)}
    if not args.no_big:
        report["end_to_end"] = end_to_end(args.big)
    if args.json_out:
        args.json_out.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    out.add_argument("--side", type=int, default=12_000, help="pixels of the mask's side")
    out.add_argument("--repeats", type=int, default=5)
    out.add_argument("--big", type=int, default=20_000, help="pixels of the big raster's side")
    out.add_argument("--no-big", action="store_true")
    out.add_argument("--json-out", type=Path)
    return out


def swath(side: int, degrees: float, share: float) -> NDArray[np.bool_]:
    """(side, side) bool: a rotated rectangle, ``share`` of the side wide and 0.9 of it long."""
    y, x = (v.astype(np.float32) - side / 2 for v in np.ogrid[:side, :side])
    cos, sin = np.float32(np.cos(np.deg2rad(degrees))), np.float32(np.sin(np.deg2rad(degrees)))
    across, along = x * cos + y * sin, y * cos - x * sin
    out: NDArray[np.bool_] = (abs(across) < side * share / 2) & (abs(along) < side * 0.45)
    return out


def search(side: int, repeats: int) -> list[dict[str, Any]]:
    """Time and outcome of the search for several angles and widths."""
    print(f"Search for {SIZE} x {SIZE} patches in {side} x {side} pixels, median of {repeats}\n")
    print("| angle | width | seconds | patches | plain grid | one offset | bound | direction |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for share in (0.15, 0.6):
        for degrees in (3, 12, 20, 30, 45, 70):
            valid = swath(side, degrees, share)
            seconds = []
            for _ in range(repeats):
                began = time.perf_counter()
                found = pack(valid, SIZE)
                seconds.append(time.perf_counter() - began)
            row = {
                "degrees": degrees,
                "width": round(share * side),
                "seconds": round(statistics.median(seconds), 2),
                "patches": len(found.squares),
                "plain_grid": found.plain,
                "one_offset": found.one_offset,
                "bound": found.bound,
                "direction": found.direction,
            }
            rows.append(row)
            print(f"| {' | '.join(str(v) for v in row.values())} |", flush=True)
    return rows


def end_to_end(side: int) -> list[dict[str, Any]]:
    """Time and memory of the command on a big raster of each kind."""
    print(f"\n{BANDS} bands of {side} x {side} uint16, ``kumosan tiles --size {SIZE}``\n")
    print("| raster | seconds | patches | peak MB |\n|---|---|---|---|")
    kinds: dict[str, Callable[[Path, int], Path]] = {
        "GeoTIFF, tiled 256, deflate, band-interleaved": sparse_geotiff,
        "ENVI, BSQ": raw_envi,
    }
    rows = []
    for kind, make in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder), side)
            began = time.perf_counter()
            words = ["tiles", str(path), "-o", str(Path(folder) / "out"), "--json"]
            done = subprocess.run(
                [sys.executable, "-c", CHILD, *words], capture_output=True, text=True, check=False
            )
            seconds = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(f"{kind}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        *_, facts, peak = done.stdout.strip().splitlines()
        row = {
            "raster": kind,
            "seconds": round(seconds, 1),
            "patches": json.loads(facts)["patches"],
            "peak_mb": round(int(peak.split()[1]) * 1024 / 1e6),
        }
        rows.append(row)
        print(f"| {' | '.join(str(v) for v in row.values())} |", flush=True)
    return rows


def pixels(height: int, width: int) -> NDArray[np.uint16]:
    """(band, height, width) numbers of a strip turned by 12 degrees, 0 outside."""
    y, x = np.ogrid[:height, :width]
    turn = np.deg2rad(12)
    strip = abs((x - width / 2) * np.cos(turn) + (y - height / 2) * np.sin(turn)) < width / 3
    data = np.random.default_rng(0).integers(500, 4000, (BANDS, height, width))
    return np.where(strip, data, 0).astype(np.uint16)


def wavelengths() -> list[float]:
    return np.linspace(450, 830, BANDS).round(1).tolist()


def placed(side: int) -> Window:
    """`STRIP`, moved into a raster that is smaller than usual."""
    top, left, height, width = STRIP
    return Window(min(left, side - width), min(top, side - height), width, height)


def sparse_geotiff(folder: Path, side: int) -> Path:
    path = folder / "big.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=BANDS, height=side, width=side, dtype="uint16",
        nodata=0, crs="EPSG:32633", transform=Affine(25, 0, 3e5, 0, -25, 5e6), compress="deflate",
        tiled=True, interleave="band", SPARSE_OK=True, BIGTIFF="YES",
    ) as ds:  # fmt: skip
        ds.scales, ds.offsets = (1e-4,) * BANDS, (0.0,) * BANDS
        for i, nm in enumerate(wavelengths(), 1):
            ds.update_tags(i, wavelength=str(nm), wavelength_units="nm")
        window = placed(side)
        ds.write(pixels(int(window.height), int(window.width)), window=window)
    return path


def raw_envi(folder: Path, side: int) -> Path:
    path = folder / "big.bsq"
    window = placed(side)
    height, width = int(window.height), int(window.width)
    data = pixels(height, width)
    with path.open("wb") as f:
        for band, plane in enumerate(data):
            for row, line in enumerate(plane):
                y = window.row_off + row
                f.seek(((band * side + y) * side + window.col_off) * 2)
                f.write(line.astype("<u2").tobytes())
    os.truncate(path, BANDS * side * side * 2)
    listed = ", ".join(str(nm) for nm in wavelengths())
    path.with_suffix(".hdr").write_text(
        f"ENVI\nsamples = {side}\nlines = {side}\nbands = {BANDS}\nheader offset = 0\n"
        "file type = ENVI Standard\ndata type = 12\ninterleave = bsq\nbyte order = 0\n"
        "data ignore value = 0\nreflectance scale factor = 10000\n"
        f"wavelength units = Nanometers\nwavelength = {{{listed}}}\n"
    )
    return path


if __name__ == "__main__":
    sys.exit(main())
