"""How well a scene masked in windows agrees with the same scene in one window, and whether the
borders of the windows show.

    python benchmarks/seams.py DATA [--weights FILE] [--side 2000] [--json-out FILE]

Scenes of --side pixels, never of split ``test``:

- labelled: the tiles of split ``train`` that people labelled, side by side, some mirrored
- ground: the largest Sentinel-2 image of split ``train``, mirrored to and fro
- made: a drawn scene with clouds and shadows

Each is masked whole and in several ways. ``anywhere``: windows begin where even spacing puts them,
and weights fall linearly over all that is shared, as kumosan did before it knew better;
``aligned``: they begin at multiples of the network's stride; ``middle``: besides, they pass into
each other in the middle of what they share (what kumosan does). For each way:

- pixels seen, in times those of the scene
- share of pixels with the same class as in the whole scene; within 64 pixels of where two windows
  pass into each other; and beyond
- of those that differ, the share near a tie: the whole scene's two best probabilities differ by
  less than 0.1
- seam: the mean step of probability between neighbours where windows pass into each other, over
  that elsewhere, over the same ratio in the whole scene; 1 is invisible
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from affine import Affine

from kumosan.datasets.catalog import CatalogTiles, read_catalog
from kumosan.datasets.tile import BoolArray, FloatArray, Tile
from kumosan.datasets.windows import Span, spans
from kumosan.detection import blending, segmenter
from kumosan.detection.pixels import TilePixels
from kumosan.detection.segmenter import Segmenter
from kumosan.synthesis.demo import demo_pair

NEAR_PX, TIE = 64, 0.1
EVERYWHERE = 10_000
"""More than windows share."""
GROUND = "train/sia_aquileia_s2_20190416.tif"


@dataclass(frozen=True)
class Way:
    """How a scene is cut, and put together."""

    name: str
    window: int
    overlap: int
    step: int
    fade: int


def ways(side: int, stride: int) -> list[Way]:
    """Windows of 512 pixels, and the two along each side that share what they should."""
    found = [
        Way("anywhere", 512, 64, 1, EVERYWHERE),
        Way("aligned", 512, 64, stride, EVERYWHERE),
        *(Way("middle", 512, k, stride, blending.FADE_PX) for k in (64, 128, 192, 256)),
    ]
    for overlap in (64, 128, 192, 256):
        half = -(-(side + overlap) // (2 * stride)) * stride
        if overlap == 64:
            found.append(Way("anywhere", half, overlap, 1, EVERYWHERE))
        found.append(Way("middle", half, overlap, stride, blending.FADE_PX))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--side", type=int, default=2000, help="of the scenes, pixels")
    parser.add_argument("--json-out", type=Path)
    options = parser.parse_args()
    network, rows = Segmenter(options.weights, runtime="torch"), []
    stride = network.model().stride
    for scene, tile in scenes(options.data, options.side):
        whole = predicted(tile, network, Way("whole", options.side + stride, 0, stride, 1))
        for way in ways(options.side, stride):
            p = predicted(tile, network, way)
            row = {"scene": scene, "way": way.name, "window": way.window, "overlap": way.overlap}
            rows.append(row | compared(p, whole, way, network))
            print(*(f"{k} {v:.5g}," if isinstance(v, float) else v for k, v in rows[-1].items()))
            sys.stdout.flush()
    if options.json_out:
        options.json_out.write_text(json.dumps(rows, indent=1))
    return 0


def scenes(data: Path, side: int) -> Iterator[tuple[str, Tile]]:
    yield "labelled", labelled(data, side)
    rows = tuple(r for r in read_catalog(data) if r.split == "train" and r.id == GROUND)
    tile = CatalogTiles(rows)[0].tile
    pad = [(0, 0), *((0, max(side - n, 0)) for n in tile.shape)]
    yield "ground", on_grid(np.pad(tile.data, pad, mode="symmetric")[:, :side, :side], tile)
    yield "made", demo_pair(shape=(side, side)).cloudy


def labelled(data: Path, side: int) -> Tile:
    """Every second row of tiles upside down, every second column left to right."""
    rows = [r for r in read_catalog(data) if r.split == "train" and r.mask_kind == "human"]
    tiles = [item.tile for item in CatalogTiles(tuple(rows))]
    rng, many = np.random.default_rng(0), -(-side // tiles[0].shape[0])
    order = np.concatenate([rng.permutation(len(tiles)) for _ in range(many**2)])
    lines = [
        [tiles[order[y * many + x]].data[:, :: 1 - 2 * (y % 2), :: 1 - 2 * (x % 2)]
         for x in range(many)]
        for y in range(many)
    ]  # fmt: skip
    return on_grid(np.block(lines)[:, :side, :side], tiles[0])


def on_grid(data: FloatArray, like: Tile) -> Tile:
    return Tile(data.copy(), like.bands, Affine(30, 0, 0, 0, -30, 0))


def predicted(tile: Tile, network: Segmenter, way: Way) -> FloatArray:
    """(4, y, x) probabilities."""

    def stepped(pixels: Any, size: Any, _overlap: int, many: int, _step: float) -> Any:
        return blending.batches(pixels, size, way.overlap, many, way.step)

    with ExitStack() as changed:
        changed.enter_context(patch.object(Segmenter, "window", lambda *_: (way.window,) * 2))
        changed.enter_context(patch.object(segmenter, "batches", stepped))
        changed.enter_context(patch.object(blending, "FADE_PX", way.fade))
        pixels = TilePixels(tile, network.model().bands)
        return np.concatenate(list(network.probabilities(pixels)), axis=1)


def compared(p: FloatArray, whole: FloatArray, way: Way, network: Segmenter) -> dict[str, float]:
    cuts = [spans(n, way.window, way.overlap, way.step) for n in p.shape[1:]]
    near = [within(n, cut, NEAR_PX) for n, cut in zip(p.shape[1:], cuts, strict=True)]
    border = near[0][:, None] | near[1]
    differs = network.classes(p) != network.classes(whole)
    best = np.sort(whole, axis=0)
    tie = (best[-1] - best[-2] < TIE)[differs]
    return {
        "seen": float(np.prod([len(cut) * way.window for cut in cuts]) / differs.size),
        "agree %": 100 * float(1 - differs.mean()),
        "near %": 100 * float(1 - differs[border].mean()),
        "beyond %": 100 * float(1 - differs[~border].mean()),
        "of these near a tie %": 100 * float(tie.mean()) if tie.size else 100.0,
        "largest |dp|": float(np.abs(p - whole).max()),
        "seam": seam(p, whole, cuts, way.fade),
    }


def within(n: int, cut: tuple[Span, ...], wide: int) -> BoolArray:
    """(n,) bool: so near the middle of what two windows share."""
    near = np.zeros(n, bool)
    for span in cut[1:]:
        middle, half = span.start + span.before / 2, min(wide, max(span.before, 2) / 2)
        near[max(round(middle - half), 0) : round(middle + half)] = True
    return near


def seam(p: FloatArray, whole: FloatArray, cuts: list[tuple[Span, ...]], fade: int) -> float:
    ratios = []
    for axis, cut in zip((1, 2), cuts, strict=True):
        across = within(p.shape[axis], cut, fade / 2 + 1)[1:]
        steps, own = (np.abs(np.diff(q, axis=axis)).mean(axis=(0, 3 - axis)) for q in (p, whole))
        there, elsewhere = (steps[part].mean() / own[part].mean() for part in (across, ~across))
        ratios.append(there / elsewhere)
    return float(np.mean(ratios))


if __name__ == "__main__":
    sys.exit(main())
