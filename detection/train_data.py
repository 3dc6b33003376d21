"""The mixture that the segmenter learns from: labelled tiles, and clouds painted on clear ones.

Two things make shadows learnable from few labels. All samples have the sun in the east, as nearly
every satellite sees it (see `train_config.Source.sun_azimuth_deg`), so a shadow lies to the west
of its cloud. And what cannot be judged is not learnt: half-dark penumbra, the faintest veil, and
shadows that nobody drew (partial labels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.augment import turned
from ..datasets.augmentations import augmentations
from ..datasets.bands import CIRRUS
from ..datasets.catalog import (
    CatalogTiles,
    Row,
    check_grids,
    is_clear,
    made_by,
    read_catalog,
    rows_to_learn,
)
from ..datasets.errors import UnfitError
from ..datasets.labelled import ALL_CLASSES, LabelledTile
from ..datasets.labels.decisions import trusted
from ..datasets.loading import DrawSampler
from ..datasets.mixed import MixedDataset
from ..datasets.read import open_scene
from ..datasets.samples import Sample, sample_of
from ..datasets.splits import Fold
from ..datasets.tile import CLEAR, NODATA, SHADOW, THIN, CloudMask, Tile
from ..datasets.torch_data import CropDataset, SegmentationDataset
from ..synthesis.composite import cloudify
from ..synthesis.landscapes import Landscapes
from ..synthesis.sampler import CloudSampler
from .matched import with_matched_shadows
from .train_config import SegmenterConfig, Source

SHADOW_SURE, SHADOW_UNSURE = 0.80, 0.92
"""Painted shadow is learnt where less near-infrared light is left than the first, and nothing is
learnt up to the second."""
VEIL_UNSURE = (0.05, 0.3)
"""Optical thickness of painted cloud: thinner is clear, thicker is thin cloud, between is open."""


class PaintedDataset(CropDataset):
    """Clouds painted on crops of clear tiles, for the segmenter: ``image``, ``mask``.

    Args:
        tiles: clear tiles.
        source: what is painted, how often, under which sun.
        **settings: of `CropDataset`.
    """

    def __init__(
        self, tiles: Sequence[LabelledTile] | Sequence[Tile], source: Source, **settings: Any
    ) -> None:
        super().__init__(tiles, **settings)
        self.source = source
        self.sampler = CloudSampler(source.presets, source.preset_weights)

    def _sample(self, crop: LabelledTile, rng: np.random.Generator) -> Sample:
        tile = turned(crop.tile, rng)
        azimuth = float(rng.uniform(*self.source.sun_azimuth_deg))
        zenith = float(rng.uniform(*self.sampler.sun_zenith_deg))
        sun = replace(tile.acquired, sun_azimuth_deg=azimuth, sun_zenith_deg=zenith)
        tile = replace(tile, acquired=sun)
        if rng.random() < self.source.clear_share:
            clear = CloudMask.like(tile, np.full(tile.shape, CLEAR, np.uint8))
            return sample_of(tile, self.bands, mask=clear)
        pair = cloudify(tile, self.sampler, rng=rng)
        classes = pair.mask.classes.copy()
        tau, light = pair.optical_thickness, pair.shadow_factor
        faint = (classes == THIN) & (tau < VEIL_UNSURE[1])
        classes[faint] = np.where(tau[faint] < VEIL_UNSURE[0], CLEAR, NODATA)
        ground = (classes == CLEAR) | (classes == SHADOW)
        classes[ground & (light < SHADOW_UNSURE)] = NODATA
        classes[ground & (light < SHADOW_SURE)] = SHADOW
        mask = CloudMask(classes, tile.transform, tile.crs)
        return sample_of(pair.cloudy, self.bands, mask=mask)


@dataclass(frozen=True)
class Labels(Sequence[LabelledTile]):
    """Labelled tiles, their codes read in another meaning, shadows matched. Picklable.

    A tile without any cloud holds no cloud's shadow either, so its label is a full one even where
    the labellers did not draw shadows: ground that must not look like shadow.
    """

    rows: tuple[Row, ...]
    mapping: tuple[tuple[int, int], ...] = ()
    match_shadows: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: Any) -> Any:
        item = CatalogTiles(self.rows)[i]
        if is_clear(self.rows[i]):
            item = replace(item, labelled=ALL_CLASSES)
        if item.mask is not None and self.mapping:
            table = np.arange(256, dtype=np.uint8)
            for code, meaning in self.mapping:
                table[code] = meaning
            item = replace(item, mask=replace(item.mask, classes=table[item.mask.classes]))
        return with_matched_shadows(item) if self.match_shadows else item


@dataclass(frozen=True)
class Mixture:
    """Where samples come from: a data set, how often each of its tiles, and what is held out."""

    dataset: MixedDataset
    weights: tuple[float, ...]
    """Of every tile of ``dataset``."""
    held_out: tuple[Row, ...]
    """Labelled rows of the fold that is not trained on."""
    description: str

    def order(self, samples: int, seed: int) -> DrawSampler:
        """Samples drawn by weight, the same for the same seed and epoch."""
        return DrawSampler(len(self.dataset), samples, seed=seed, weights=self.weights)


@dataclass(frozen=True)
class MixtureBuilder:
    """Makes the mixture of a configuration.

    Raises:
        UsageError: a source names split ``test``, or finds no image.
        GridError: a label does not lie on its image's grid.
    """

    config: SegmenterConfig
    data: Path | None
    """Catalogue that sources without one of their own mean."""
    seed: int = 0
    fold: Fold | None = None

    def build(self) -> Mixture:
        parts, weights, told = [], [], []
        held: list[Row] = []
        for source in self.config.sources:
            part, own, words = getattr(self, f"_{source.kind}")(source, held)
            parts.append(part)
            weights += list(np.asarray(own) / np.sum(own) * source.weight)
            told.append(words)
        return Mixture(MixedDataset(parts), tuple(weights), tuple(held), "; ".join(told))

    @cached_property
    def _settings(self) -> dict[str, Any]:
        t = self.config.training
        return {
            "bands": self.config.network_config.bands, "size": t.crop, "seed": self.seed,
            "gsd_range_m": t.gsd_range_m, "augment": augmentations(self.config.augment),
            "cache_bytes": t.cache_mb * 2**20 // len(self.config.sources),
        }  # fmt: skip

    def _rows(self, source: Source) -> list[Row]:
        path = Path(source.catalog) if source.catalog else self.data
        rows = list(rows_to_learn(path, source.split))
        if source.decisions:
            everything = read_catalog(path) if path else ()
            kept = trusted((row.id for row in everything), source.decisions)
            rows = [row for row in rows if row.id in kept]
        return rows

    def _kept(self, row: Row) -> bool:
        return self.fold is None or not self.fold.holds(row.group)

    def _labelled(self, source: Source, held: list[Row]) -> tuple[CropDataset, list[float], str]:
        rows = [r for r in self._rows(source) if r.mask and made_by(r) in source.mask_kinds]
        held += [row for row in rows if not self._kept(row)]
        kept = tuple(row for row in rows if self._kept(row) and not _icy(row, source.max_cirrus))
        _require(kept, source)
        check_grids(kept)
        mapping = tuple((int(code), meaning) for code, meaning in source.mapping.items())
        tiles = Labels(kept, mapping, source.match_shadows)
        dataset = SegmentationDataset(tiles, **self._settings)
        shaded = [SHADOW in row.labelled for row in kept]
        if source.match_shadows:  # from the store, which keeps what is read
            found = (dataset.store[i].classes for i in range(len(kept)))
            shaded = [classes is not None and SHADOW in classes for classes in found]
        weights = [source.shadow_boost if is_shaded else 1.0 for is_shaded in shaded]
        return dataset, weights, f"{len(kept)} labelled tiles ({', '.join(source.mask_kinds)})"

    def _painted(self, source: Source, held: list[Row]) -> tuple[CropDataset, list[float], str]:
        rows = (row for row in self._rows(source) if self._kept(row) and is_clear(row))
        kept = tuple(row for row in rows if not _icy(row, source.max_cirrus))
        _require(kept, source)
        dataset = PaintedDataset(CatalogTiles(kept), source, **self._settings)
        return dataset, [1.0] * len(kept), f"clouds painted on {len(kept)} clear tiles"

    def _landscape(self, source: Source, held: list[Row]) -> tuple[CropDataset, list[float], str]:
        tiles = Landscapes(source.count, source.size, self.seed, self._settings["bands"])
        dataset = PaintedDataset(tiles, source, **self._settings)
        return dataset, [1.0] * source.count, f"clouds painted on {source.count} landscapes"


def _icy(row: Row, max_cirrus: float) -> bool:
    """Whether an image is called clear, and is brighter than that in its cirrus band."""
    if not is_clear(row):
        return False
    scene = open_scene(row.image)
    band = scene.bands.find(CIRRUS)
    return band is not None and float(np.nanmean(scene.read(bands=[band]).data)) > max_cirrus


def _require(rows: Sequence[Row], source: Source) -> None:
    if not rows:
        raise UnfitError(
            f"a {source.kind} source of split '{source.split}' without any image",
            "a catalogue with such rows",
            "correct the source's catalog, split or mask_kinds",
        )
