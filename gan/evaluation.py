"""Paint clouds on clear images, fill them again, and compare with what was there."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..datasets.bands import BandSet
from ..datasets.catalog import Row, is_clear
from ..datasets.errors import UnfitError, UsageError
from ..datasets.pair import CloudyPair
from ..datasets.protocols import Filler
from ..datasets.read import read
from ..datasets.tile import FilledTile, Tile
from ..datasets.weights import WeightsError
from ..synthesis.composite import cloudify
from ..synthesis.sampler import CloudSampler
from .calibration import coverage
from .evaluation_pictures import Sight, take
from .metrics import mae_by_band, measures_by_class, reflectances, rmse_by_band

UNKNOWN_GSD_M = 20.0
"""Pixel size that clouds are painted with where none is known; it only sets their scale."""
PICTURES = 3
"""Images that are kept as pictures: those with the largest errors."""


@dataclass(frozen=True)
class Score:
    """One filler on one image under one sky."""

    row: Row
    sky: int
    """Number of the sky, from 0."""
    measures: Mapping[str, Mapping[str, float]]
    """By view, then by measure: see `metrics.measures_by_class`."""
    bands: Mapping[str, tuple[float, float]]
    """RMSE and MAE of the hidden pixels by reflective band."""
    filled: float
    """Share of the hidden pixels that was filled; the others count as they were."""
    coverage: float
    """See `calibration.coverage`."""
    seconds: float
    """Time that the filler took."""


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found."""

    rows: tuple[Row, ...]
    skies: int
    scores: Mapping[str, tuple[Score, ...]]
    """By filler, in the order of rows and skies; images that it does not fit are left out."""
    unfit: Mapping[str, tuple[Row, ...]]
    """By filler: the images that it does not fit."""
    sights: tuple[Sight, ...] = field(default=(), repr=False)
    """The images with the largest errors."""


def evaluate(
    rows: Iterable[Row],
    fillers: Mapping[str, Filler],
    seed: int = 0,
    skies: int = 1,
    size_px: int = 256,
    tell: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Compare what fillers make of painted clouds with the clear images below.

    The sky over an image depends on the image's name, the number of the sky and the seed, so all
    fillers see the same, and so they do in every run. The mask is the true one. What a filler
    leaves counts as it is.

    Args:
        rows: clear images, as `clear_rows` gives them.
        fillers: by the name to show.
        seed: of the skies.
        skies: number of skies over each image.
        size_px: side of the middle part of an image that is used.
        tell: called with the numbers of images done and in all.

    Raises:
        FileError: an image cannot be read.
        BandError: a band has no wavelength.
        WeightsError: a network's weights are damaged or made for something else.
    """
    rows = tuple(rows)
    scores: dict[str, list[Score]] = {name: [] for name in fillers}
    unfit: dict[str, list[Row]] = {name: [] for name in fillers}
    sights: list[Sight] = []
    for number, row in enumerate(rows, 1):
        clear = middle(read(row.image), size_px)
        for sky in range(skies):
            pair = paint(clear, row.id, seed, sky)
            done: dict[str, FilledTile] = {}
            for name, filler in fillers.items():
                begin = time.perf_counter()
                try:
                    filled = filler.fill(pair.cloudy, pair.mask)
                except WeightsError:  # no image is to blame for them
                    raise
                except UnfitError:
                    if row not in unfit[name]:
                        unfit[name].append(row)
                    continue
                seconds = time.perf_counter() - begin
                scores[name].append(_score(row, sky, pair, filled, seconds))
                done[name] = filled
            errors = {name: scores[name][-1].measures["all"]["rmse"] for name in done}
            if pair.mask.contaminated.any():
                sights.append(take(row, pair, done, errors))
                sights = sorted(sights, key=lambda s: -s.worst)[:PICTURES]
        if tell:
            tell(number, len(rows))
    return Evaluation(
        rows,
        skies,
        {name: tuple(s) for name, s in scores.items()},
        {name: tuple(r) for name, r in unfit.items()},
        tuple(sights),
    )


def clear_rows(rows: Iterable[Row], split: str) -> tuple[Row, ...]:
    """The clear images of a split: see `catalog.is_clear`.

    Raises:
        UsageError: the split does not exist, or holds none.
        FileError, BandError, ValueRangeError: a mask cannot be read.
    """
    rows = tuple(rows)
    ours = [row for row in rows if row.split == split]
    found = tuple(row for row in ours if is_clear(row))
    if not found:
        splits = ", ".join(sorted({r.split for r in rows})) or "none"
        raise UsageError(
            f"split '{split}' with {len(ours)} images, none of them clear",
            f'images with "role": "clear" or a mask without cloud (the splits are {splits})',
            "choose another --split, or mark clear images in the catalogue",
        )
    return found


def middle(tile: Tile, size_px: int) -> Tile:
    """The middle of a tile, at most ``size_px`` a side."""
    height, width = tile.shape
    top, left = max(height - size_px, 0) // 2, max(width - size_px, 0) // 2
    part = (slice(None), slice(top, top + size_px), slice(left, left + size_px))
    return replace(
        tile,
        data=np.ascontiguousarray(tile.data[part]),
        stored=None,
        quality=None,
        transform=tile.grid.at(top=top, left=left),
    )


def paint(clear: Tile, name: str, seed: int, sky: int) -> CloudyPair:
    """``clear`` under a sky of `synthesis`, decided by name, seed and number."""
    if clear.gsd_m is None:
        bands = BandSet(tuple(replace(b, gsd_m=UNKNOWN_GSD_M) for b in clear.bands))
        clear = replace(clear, bands=bands)
    rng = np.random.default_rng([seed, sky, zlib.crc32(name.encode())])
    return cloudify(clear, CloudSampler(), rng=rng)


def _score(row: Row, sky: int, pair: CloudyPair, done: FilledTile, seconds: float) -> Score:
    hidden = pair.mask.contaminated
    true, made = reflectances(pair.clear, done.tile, hidden)
    names = [b.name for b in pair.clear.bands if b.kind == "reflective"]
    pairs: Sequence[tuple[float, float]] = [
        (float(r), float(m))
        for r, m in zip(rmse_by_band(true, made), mae_by_band(true, made), strict=True)
    ]
    count = np.count_nonzero(hidden)
    return Score(
        row,
        sky,
        measures_by_class(pair.clear, done.tile, pair.mask),
        dict(zip(names, pairs, strict=True)),
        float(np.count_nonzero(done.filled) / count) if count else float("nan"),
        coverage(pair.clear, done),
        seconds,
    )
