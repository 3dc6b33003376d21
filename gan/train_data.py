"""Pairs to learn from: clear tiles and landscapes, and the same under painted clouds.

Two cloud models paint: `synthesis`, with all its kinds of cloud, and `veil`, with optics drawn at
random, so that the network does not learn one painter's hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.augment import FlipRotate, turned
from ..datasets.augmentations import augmentations
from ..datasets.bands import BandSet
from ..datasets.catalog import CatalogTiles, is_clear, rows_to_learn
from ..datasets.errors import UnfitError
from ..datasets.labelled import LabelledTile
from ..datasets.loading import DrawSampler
from ..datasets.mixed import MixedDataset
from ..datasets.protocols import Filler
from ..datasets.samples import CANONICAL_BANDS, Sample, sample_of
from ..datasets.tile import CLEAR, SHADOW, THIN, CloudMask, Tile
from ..datasets.torch_data import CropDataset, Draw, generator
from ..synthesis.composite import cloudify
from ..synthesis.landscapes import Landscapes
from ..synthesis.sampler import CloudSampler
from . import get
from .train_config import GanConfig, Source
from .veil import VeilKind, draw_veil

VEIL_LEAST = 0.05
"""Largest optical thickness (or share of light lost) over the bands that still counts as clear."""


class PaintedPairs(CropDataset):
    """``image`` under clouds, ``target`` without, ``mask`` between them, and a ``prior``.

    Args:
        tiles: clear tiles.
        source: what is painted.
        prior: makes the first guess of each sample; None leaves it out.
        **settings: of `CropDataset`.
    """

    def __init__(
        self,
        tiles: Sequence[LabelledTile] | Sequence[Tile],
        source: Source,
        prior: Filler | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(tiles, **settings)
        self.source, self.prior = source, prior
        self._made: dict[int, Sample] = {}
        self.sampler = CloudSampler(source.presets, source.preset_weights)

    def sample(self, key: int | Draw) -> Sample:
        """See `CropDataset.sample`; the prior sees what the augmentations left."""
        draw = key if isinstance(key, Draw) else Draw(self.epoch, int(key), int(key))
        paintings = self.source.paintings
        if not paintings:
            return self._guessed(draw)
        place = draw.item * paintings + draw.number % paintings
        if place not in self._made:
            self._made[place] = _halved(self._guessed(Draw(0, place, draw.item)), np.float16)
        sample = _halved(self._made[place], np.float32)
        return FlipRotate()(sample, generator(self.seed, draw)) if self.source.turn else sample

    def _guessed(self, draw: Draw) -> Sample:
        sample = super().sample(draw)
        if self.prior is None:
            return sample
        there = np.flatnonzero(sample.present)
        data = np.where(sample.valid, sample.image[there], np.float32(np.nan))
        tile = Tile(data, self.bands.select(there))
        classes = np.asarray(sample.mask, np.uint8)
        guess = self.prior.fill(tile, CloudMask(classes, tile.transform)).tile.data
        prior = sample.image.copy()
        prior[there] = np.where(sample.valid, guess, 0)
        return replace(sample, prior=prior)

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


def _halved(sample: Sample, dtype: type[np.floating[Any]]) -> Sample:
    """``sample`` with planes of ``dtype``: float16 to keep, float32 to use."""
    planes = {name: getattr(sample, name) for name in ("image", "target", "prior")}
    return replace(sample, **{k: v.astype(dtype) for k, v in planes.items() if v is not None})


def veiled(tile: Tile, rng: np.random.Generator) -> tuple[Tile, CloudMask]:
    """``tile`` under thin cloud or shadow of random optics, and where; the rest bit for bit."""
    kind: VeilKind = "thin" if rng.random() < 0.6 else "shadow"
    veil = draw_veil(kind, tile.shape, tile.bands, rng, tile.acquired.level != "SR")
    bands = [i for i, band in enumerate(tile.bands) if band.kind != "other"]
    strongest = float(np.max(veil.exponent[bands], initial=0))
    under = tile.valid & (veil.strength * strongest > VEIL_LEAST)
    data = tile.data.copy()
    data[bands] = np.where(under, veil.over(tile.data[bands], veil.strength, bands), data[bands])
    code = THIN if kind == "thin" else SHADOW
    classes = np.where(under, code, CLEAR).astype(np.uint8)
    return tile.with_data(data), CloudMask.like(tile, classes)


@dataclass(frozen=True)
class Mixture:
    """Where samples come from: a data set, and how often each of its tiles is drawn."""

    dataset: MixedDataset
    weights: tuple[float, ...]
    description: str

    @classmethod
    def of(
        cls,
        config: GanConfig,
        data: Path | None,
        seed: int,
        windows: BandSet = CANONICAL_BANDS,
        drawn: BandSet | None = None,
    ) -> Mixture:
        """The mixture of a configuration.

        Args:
            config: the sources.
            data: catalogue that sources without one of their own mean.
            seed: of all chance.
            windows: what samples hold.
            drawn: bands of procedural landscapes; None: the windows.

        Raises:
            UsageError: a source names split ``test``, or there is no such filler as ``prior``.
            UnfitError: a source finds no image.
        """
        t = config.training
        settings: dict[str, Any] = {
            "bands": windows, "size": t.crop, "seed": seed, "gsd_range_m": t.gsd_range_m,
            "enlarge": t.enlarge, "augment": augmentations(config.augment),
            "cache_bytes": t.cache_mb * 2**20 // len(config.sources),
            "prior": get(config.prior) if config.prior else None,
        }  # fmt: skip
        parts, weights, told = [], [], []
        for source in config.sources:
            tiles: Any
            if source.kind == "landscape":
                tiles = Landscapes(source.count, source.size, seed, drawn or windows)
                told.append(f"clouds painted on {len(tiles)} landscapes")
            else:
                tiles = _clear_tiles(source, data)
                told.append(f"clouds painted on {len(tiles)} clear tiles")
            parts.append(PaintedPairs(tiles, source, **settings))
            weights += [source.weight / len(tiles)] * len(tiles)
        return cls(MixedDataset(parts), tuple(weights), "; ".join(told))

    def order(self, samples: int, seed: int) -> DrawSampler:
        """Samples drawn by weight, the same for the same seed and epoch."""
        return DrawSampler(len(self.dataset), samples, seed=seed, weights=self.weights)


def _clear_tiles(source: Source, data: Path | None) -> CatalogTiles:
    rows = rows_to_learn(Path(source.catalog) if source.catalog else data, source.split)
    clear = tuple(row for row in rows if is_clear(row))
    if not clear:
        raise UnfitError(
            f"a source of split '{source.split}' without any clear image",
            "rows with role 'clear', or with a mask drawn by people that holds no cloud",
            "correct the source's catalog or split",
        )
    return CatalogTiles(clear)
