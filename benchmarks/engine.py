"""How fast a whole scene is masked by the network, and in how much memory.

    python benchmarks/engine.py [--weights FILE] [--side 5490] [--folder DIR] [--peers]
                                [--memory 10980 21960] [--runtime auto] [--json-out FILE]

Everything is measured side by side in one run. The scene is made: 13 bands of uint16 as a tiled
GeoTIFF, the drawn demo scene repeated as in a mirror, with fresh noise in every number so that it
compresses like a real one. Without weights the network is the shipped architecture with random
numbers, which takes the same time.

- total: `mask_scene`, file to file, against reading alone (the same windows, decoded) and the
  network alone (ready tensors, the same number of windows, as many side by side). The aim is at
  most 1.5 times the longer of the two. Where other programs take the cores, compare core-seconds.
- fmask-unet: `mask_scene` with the default detector, which looks at the scene twice.
- peers: ukis-csmask and s2cloudless on a part of the same scene in memory, on the same cores.
- memory: peak of the resident set (VmHWM) of a process of its own that masks a scene of each side.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CORES = len(os.sched_getaffinity(0))
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, str(CORES))

import numpy as np
import rasterio
from rasterio.windows import Window

from kumosan import detection
from kumosan.datasets import open_scene
from kumosan.datasets.bands import BandSet
from kumosan.datasets.raster_file import bounded_cache
from kumosan.datasets.sensors import sensor
from kumosan.datasets.weights import ModelCard, save_weights
from kumosan.datasets.windows import spans
from kumosan.datasets.write import write_tile
from kumosan.detection import NETWORKS, MaskSettings, mask_scene
from kumosan.detection.blending import batches
from kumosan.detection.engine import STREAM_CACHE
from kumosan.detection.model import load_model
from kumosan.detection.pixels import ScenePixels
from kumosan.detection.runtimes import (
    EXPORTED_PX,
    candidates,
    measured,
    runtime,
    speed,
    windows_at_a_time,
)
from kumosan.detection.segmenter import Segmenter
from kumosan.scripts.freed_memory import keep_freed_memory
from kumosan.synthesis.demo import demo_pair

BASE = 610
BLOCK = 512


def main() -> int:
    options = parsed()
    keep_freed_memory()  # as `kumosan mask` does
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        weights = options.weights or random_weights(folder / "random.safetensors")
        found: dict[str, Any] = {"cores": CORES}
        scene = made(folder / "scene.tif", options.side)
        found |= times(scene, weights, options.runtime, folder)
        if options.peers:
            found["peers"] = peers(scene, found["Mpix/s"])
        scene.unlink()
        for side in options.memory:
            scene = made(folder / f"{side}.tif", side)
            for name in NETWORKS:
                key = f"peak GB, {name}, side {side}"
                found[key] = peak_gb(scene, name, weights, options.runtime, folder)
            scene.unlink()
    for key, value in found.items():
        print(f"{key}: {value:.3g}" if isinstance(value, float) else f"{key}: {value}")
    if options.json_out:
        options.json_out.write_text(json.dumps(found, indent=1))
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--side", type=int, default=5490, help="pixels of the timed scene")
    parser.add_argument("--folder", type=Path, help="where the scenes are made")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--memory", type=int, nargs="*", default=[], help="sides in pixels")
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--json-out", type=Path)
    return parser.parse_args()


def random_weights(path: Path) -> Path:
    import torch

    from kumosan.datasets.configuration import as_json
    from kumosan.detection.network import NetworkConfig, SegmentationNet

    torch.manual_seed(0)
    config = NetworkConfig(thermal=True)  # as the one that ships
    card = ModelCard("segmenter", as_json(config), config.bands.names)
    save_weights(path, SegmentationNet(config).state_dict(), card)
    return path


def made(path: Path, side: int, bands: int = 13) -> Path:
    """The scene with the first so many of Sentinel-2's bands, written block row by block row."""
    base = path.with_name("base.tif")
    known = BandSet(tuple(sensor("sentinel-2a").bands)[:bands])
    tile = demo_pair(shape=(BASE, BASE), bands=known if bands < 13 else None).cloudy
    write_tile(base, tile, overwrite=True)
    rng = np.random.default_rng(0)
    with rasterio.open(base) as source:
        numbers = source.read()
        profile = source.profile | {
            "driver": "GTiff", "height": side, "width": side, "tiled": True, "blockxsize": BLOCK,
            "blockysize": BLOCK, "compress": "deflate", "zlevel": 1, "predictor": 2,
            "interleave": "pixel", "num_threads": CORES, "bigtiff": "YES",
        }  # fmt: skip
        across = mirrored(np.arange(side))
        with rasterio.open(path, "w", **profile) as out:
            out.update_tags(**source.tags())
            out.descriptions, out.scales = source.descriptions, source.scales
            out.offsets = source.offsets
            for i in source.indexes:
                out.update_tags(i, **source.tags(i))
            for top in range(0, side, BLOCK):
                rows = min(BLOCK, side - top)
                part = numbers[:, mirrored(np.arange(top, top + rows))][:, :, across]
                part = part + rng.integers(0, 16, part.shape, np.uint16)
                out.write(part, window=Window(0, top, side, rows))
    base.unlink()
    return path


def mirrored(places: np.ndarray) -> np.ndarray:
    """Places in the base tile, to and fro."""
    turn = places % (2 * BASE)
    return np.where(turn < BASE, turn, 2 * BASE - 1 - turn)


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def spent(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds, and core-seconds of all threads of this process."""
    began = time.process_time()
    return seconds(work), time.process_time() - began


def times(path: Path, weights: Path, name: str, folder: Path) -> dict[str, Any]:
    scene, segmenter = open_scene(path), Segmenter(weights, runtime=name)
    model, pixels = load_model(weights), scene.shape[0] * scene.shape[1]
    found: dict[str, Any] = {"side": scene.shape[1]}
    if name == "auto":
        names = candidates(EXPORTED_PX)  # all, though this scene would not be worth it
        found["Mpix/s of runtimes"] = {k: round(v, 3) for k, v in measured(model, names).items()}
    run = runtime(model, name, pixels)
    window = segmenter.window(scene.shape, scene.gsd_m)
    many = windows_at_a_time(run, window)
    found["window"] = window

    def read() -> None:
        source = ScenePixels(scene, model.bands)
        with bounded_cache(STREAM_CACHE):
            for _ in batches(source, window, segmenter.overlap_px, many, model.stride):
                pass

    found["reading s"], found["reading core s"] = spent(read)
    grid = [
        spans(n, k, segmenter.overlap_px, model.stride)
        for n, k in zip(scene.shape, window, strict=True)
    ]
    seen = len(grid[0]) * len(grid[1]) * window[0] * window[1] / 1e6
    found["network s"] = seen / speed(run, len(model.bands), window, rounds=5)
    images = np.random.default_rng(0).random((many, len(model.bands), *window), np.float32)
    once = spent(lambda: run(images, np.ones(len(model.bands), np.float32)))[1]
    found["network core s"] = once * seen / (images[:, 0].size / 1e6)
    settings = MaskSettings("unet", weights=weights, runtime=name)
    found["runtime"] = run.name
    found["total s"], found["total core s"] = spent(
        lambda: mask_scene(scene, folder / "mask.tif", settings)
    )
    found["total / longer"] = found["total s"] / max(found["reading s"], found["network s"])
    found["Mpix/s"] = pixels / 1e6 / found["total s"]
    both = MaskSettings("fmask-unet", weights=weights, runtime=name)
    found["fmask-unet s"], found["fmask-unet core s"] = spent(
        lambda: mask_scene(scene, folder / "both.tif", both)
    )
    found["fmask-unet Mpix/s"] = pixels / 1e6 / found["fmask-unet s"]
    return found


def peers(path: Path, ours: float) -> dict[str, Any]:
    """Speed of others on 512 x 512 pixels in memory; how many times as fast the whole mask is."""
    tile = open_scene(path).read(Window(0, 0, 512, 512))
    found: dict[str, Any] = {}
    for name in ("ukis", "s2cloudless"):
        detector = detection.get(name)
        detector.mask(tile)
        took = float(np.median([seconds(lambda d=detector: d.mask(tile)) for _ in range(3)]))
        speed = tile.data[0].size / 1e6 / took
        found[name] = {"Mpix/s": round(speed, 4), "times": round(ours / speed, 1)}
    return found


def peak_gb(path: Path, detector: str, weights: Path, runtime: str, folder: Path) -> float:
    code = f"""
from kumosan.datasets import open_scene
from kumosan.detection import NETWORKS, MaskSettings, mask_scene
from kumosan.scripts.freed_memory import keep_freed_memory
keep_freed_memory()
settings = MaskSettings({detector!r}, weights={str(weights)!r}, runtime={runtime!r}, overwrite=True)
mask_scene(open_scene({str(path)!r}), {str(folder / "peak.tif")!r}, settings)
print([l for l in open("/proc/self/status") if l.startswith("VmHWM")][0].split()[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 2**20


if __name__ == "__main__":
    sys.exit(main())
