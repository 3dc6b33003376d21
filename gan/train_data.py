"""Samples to learn from: clear ground under painted clouds, and real clouds with another date.

Two cloud models paint: `synthesis`, with all its kinds of cloud, and `veil`, with optics drawn at
random, so that the network does not learn one painter's hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.augment import FlipRotate, turned
from ..datasets.bands import BandSet
from ..datasets.errors import UnfitError
from ..datasets.labelled import LabelledTile
from ..datasets.protocols import Filler
from ..datasets.samples import Sample, sample_of
from ..datasets.tile import CLEAR, SHADOW, THICK, THIN, CloudMask, FloatArray, Tile
from ..datasets.torch_data import CropDataset, Draw, generator
from ..synthesis.composite import cloudify
from ..synthesis.sampler import CloudSampler
from .paintings import Paintings
from .relation import doubts
from .train_config import Source
from .veil import VeilKind, draw_veil

_TRIES, _ENOUGH = 4, 0.2
"""Places looked at to cut a sample from a canvas, and the share of it to be hidden."""
_BLOCK = 6
"""Paintings of a tile whose numbers follow each other, so that more leave the first as they are."""
VEIL_LEAST = 0.05
"""Largest optical thickness (or share of light lost) over the bands that still counts as clear."""


class TaughtPairs(CropDataset):
    """``image`` under clouds, ``target`` without, ``mask`` between them, and a ``prior``.

    Args:
        tiles: what crops are cut from.
        source: where they are from.
        size: side of the samples.
        guesses: make the guesses of each sample in this order, behind which come the errors that
            they expect; none makes no prior.
        canvas: side of what is painted and guessed at once; 0: ``size``.
        keep: folder for the samples of a source with ``paintings``; None keeps them in memory.
        facts: what else decides how these are.
        **settings: of `CropDataset`.
    """

    def __init__(
        self,
        tiles: Sequence[LabelledTile] | Sequence[Tile],
        source: Source,
        size: int,
        guesses: Sequence[Filler] = (),
        canvas: int = 0,
        keep: Path | None = None,
        facts: Any = None,
        **settings: Any,
    ) -> None:
        super().__init__(tiles, size=canvas or size, **settings)
        self.source, self.guesses, self.cut = source, tuple(guesses), size
        painted = replace(source, weight=1.0, paintings=0)  # those made count for any number
        self.paintings = Paintings(keep, self.bands, [repr(self.augment), repr(painted), facts])

    def sample(self, key: int | Draw) -> Sample:
        """See `CropDataset.sample`; the prior sees what the augmentations left."""
        draw = key if isinstance(key, Draw) else Draw(self.epoch, int(key), int(key))
        count, rng = self.source.paintings, generator(self.seed, draw)
        if not count:
            return _part(self._guessed(draw), self.cut, rng)
        block, k = divmod(draw.number % count, _BLOCK)
        number = (block * len(self) + draw.item) * _BLOCK + k
        made = self.paintings.get(number, lambda: self._guessed(Draw(0, number, draw.item)))
        sample = _part(made, self.cut, rng)
        return FlipRotate()(sample, rng) if self.source.turn else sample

    def _guessed(self, draw: Draw) -> Sample:
        sample = super().sample(draw)
        if not self.guesses:
            return sample
        guesses, errors = zip(*(guessed(sample, f) for f in self.guesses), strict=True)
        return replace(sample, prior=np.concatenate([*guesses, np.stack(errors)]))


class PaintedPairs(TaughtPairs):
    """Clear ground on which clouds are painted; see `TaughtPairs`."""

    def __init__(
        self,
        tiles: Sequence[LabelledTile] | Sequence[Tile],
        source: Source,
        size: int,
        **settings: Any,
    ) -> None:
        super().__init__(tiles, source, size, **settings)
        self.sampler = CloudSampler(source.presets, source.preset_weights)

    def _sample(self, crop: LabelledTile, rng: np.random.Generator) -> Sample:
        tile = turned(crop.tile, rng) if self.source.turn else crop.tile
        azimuth = float(rng.uniform(0, 360))
        zenith = float(rng.uniform(*self.sampler.sun_zenith_deg))
        sun = replace(tile.acquired, sun_azimuth_deg=azimuth, sun_zenith_deg=zenith)
        tile = replace(tile, acquired=sun)
        if rng.random() < self.source.veil_share:
            cloudy, mask = veiled(tile, rng)
        else:
            pair = cloudify(tile, self.sampler, rng=rng)
            cloudy, mask = pair.cloudy, pair.mask
        return sample_of(cloudy, self.bands, mask=mask, target=tile)


class DatedPairs(TaughtPairs):
    """Real clouds, and in their place another, clear date; see `TaughtPairs` and `RealPairs`.

    Clear pixels are their own target: nothing is learnt from how the ground changed there.
    """

    def _sample(self, crop: LabelledTile, rng: np.random.Generator) -> Sample:
        if crop.mask is None or crop.clear is None:
            raise UnfitError(f"{crop.id} without a mask or a clear date", "both", "leave it out")
        clear = crop.mask.classes == CLEAR
        target = crop.tile.with_data(np.where(clear, crop.tile.data, crop.clear.data))
        sample = sample_of(crop.tile, self.bands, mask=crop.mask, target=target)
        return FlipRotate()(sample, rng) if self.source.turn else sample


def guessed(sample: Sample, filler: Filler) -> tuple[FloatArray, FloatArray]:
    """(band, y, x) what ``filler`` makes of the image of a sample, and (y, x) the error of
    reflectance that it expects (see `doubts`)."""
    there = np.flatnonzero(sample.present)
    data = np.where(sample.valid, sample.image[there], np.float32(np.nan))
    gsd_m = None if np.isnan(sample.gsd_m) else sample.gsd_m
    bands = sample.bands.select(there)
    tile = Tile(data, BandSet(tuple(replace(band, gsd_m=gsd_m) for band in bands)))
    classes = np.asarray(sample.mask, np.uint8)
    out = sample.image.copy()
    done = filler.fill(tile, CloudMask(classes, tile.transform))
    out[there] = np.where(sample.valid, done.tile.data, 0)
    return out, doubts(done)


def _part(sample: Sample, side: int, rng: np.random.Generator) -> Sample:
    """``side`` pixels of a sample; of a few places, the first where much is hidden."""
    height, width = sample.valid.shape
    if (height, width) == (side, side):
        return sample
    hidden = np.isin(np.asarray(sample.mask), (THICK, THIN, SHADOW))
    best, most = (..., slice(0, side), slice(0, side)), -1.0
    for _ in range(_TRIES):
        top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        place = (..., slice(top, top + side), slice(left, left + side))
        share = float(hidden[place].mean())
        if share > most:
            best, most = place, share
        if share >= _ENOUGH:
            break
    names = ("image", "target", "prior", "valid", "mask")
    planes = {name: getattr(sample, name) for name in names}
    cut: dict[str, Any] = {
        k: np.ascontiguousarray(v[best]) for k, v in planes.items() if v is not None
    }
    return replace(sample, **cut)


def veiled(tile: Tile, rng: np.random.Generator) -> tuple[Tile, CloudMask]:
    """``tile`` under thin cloud or shadow of random optics, and where; the rest bit for bit."""
    kind: VeilKind = "thin" if rng.random() < 0.6 else "shadow"
    veil = draw_veil(kind, tile, tile.shape, rng)
    bands = [i for i, band in enumerate(tile.bands) if band.kind != "other"]
    strongest = float(np.max(veil.exponent[bands], initial=0))
    under = tile.valid & (veil.strength * strongest > VEIL_LEAST)
    data = tile.data.copy()
    data[bands] = np.where(under, veil.over(tile.data[bands], bands), data[bands])
    code = THIN if kind == "thin" else SHADOW
    classes = np.where(under, code, CLEAR).astype(np.uint8)
    return tile.with_data(data), CloudMask.like(tile, classes)
