"""Map-style datasets for torch: the same crops under a seed, whatever the number of workers.

Sample number ``number`` of epoch ``epoch`` depends on (seed, epoch, number) and its tile only:
its generator is ``SeedSequence([seed, epoch, number])``. A `DrawSampler` hands these numbers to
the workers, so they may live as long as the training does. torch itself is imported on use;
``torch.utils.data.DataLoader`` takes any object with a length and items.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import cos, exp, isfinite, log, radians, sin
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from .bands import BandSet
from .errors import UnfitError, ValueRangeError
from .labelled import LabelledTile
from .pair import CloudyPair
from .samples import CANONICAL_BANDS, Augmentation, Sample, cleaned, sample_of
from .tile import NODATA, Tile
from .tile_store import TileStore, resized

if TYPE_CHECKING:
    from torch import Tensor

Cloudify = Callable[[Tile, np.random.Generator], CloudyPair]
"""Paints clouds on a clear tile; `synthesis.cloudify` is one. Must be picklable for ``spawn``."""

_TRIES = 8
"""Crops drawn to find one with enough valid pixels; then the best of them is taken."""
_FINEST = 1 / 3
"""A crop is enlarged by no more than this (a 30 m tile as 10 m): beyond, it is only blur."""


class Draw(NamedTuple):
    """Which sample is asked for."""

    epoch: int
    number: int
    """Position in the epoch; the chance of the crop and of the augmentation hang on it."""
    item: int
    """Index of the tile."""


def generator(seed: int, draw: Draw) -> np.random.Generator:
    """The source of all chance in one sample."""
    return np.random.default_rng(np.random.SeedSequence([seed, draw.epoch, draw.number]))


class CropDataset(ABC):
    """Random crops of tiles in canonical bands; the base of the datasets below.

    Args:
        tiles: labelled or plain tiles, or a sequence that reads them on demand.
        bands: canonical windows; what a tile lacks is zero and not ``present``.
        size: side of the crops in pixels; None takes whole tiles (one size, or batches of 1).
        seed: of all chance.
        augment: changes to each sample, in this order.
        gsd_range_m: (finest, coarsest) pixel size in metres to resample crops to, drawn evenly
            in the logarithm; as far as the tile is large enough, and where its size is known.
        cache_bytes: memory in each process to keep tiles in as float16.
        min_valid: share of valid pixels that a crop should have.
        enlarge: a crop is of so many pixels less, and enlarged: 286 / 256 is pix2pix's jitter.

    Raises:
        ValueRangeError: a parameter out of range, or no tiles.
    """

    def __init__(
        self,
        tiles: Sequence[LabelledTile] | Sequence[Tile],
        bands: BandSet = CANONICAL_BANDS,
        size: int | None = 256,
        *,
        seed: int = 0,
        augment: Sequence[Augmentation] = (),
        gsd_range_m: tuple[float, float] | None = None,
        cache_bytes: int = 0,
        min_valid: float = 0.5,
        enlarge: float = 1.0,
    ) -> None:
        if size is not None and size < 1:
            raise ValueRangeError(f"crops of {size} pixels", "1 or more", "correct the size")
        if seed < 0:
            raise ValueRangeError(f"seed {seed}", "0 or more", "correct it")
        if gsd_range_m is not None and not 0 < gsd_range_m[0] <= gsd_range_m[1]:
            raise ValueRangeError(
                f"pixel sizes {gsd_range_m} m", "two positive numbers in order", "correct them"
            )
        if not enlarge >= 1:
            raise ValueRangeError(f"crops enlarged by {enlarge}", "1 or more", "correct it")
        self.store = TileStore(tiles, bands, cache_bytes)
        self.bands, self.size, self.seed = bands, size, seed
        self.augment, self.gsd_range_m, self.min_valid = tuple(augment), gsd_range_m, min_valid
        self.enlarge, self.epoch = enlarge, 0

    def __len__(self) -> int:
        return len(self.store)

    def set_epoch(self, epoch: int) -> None:
        """For plain integer indices; a `DrawSampler` brings the epoch along."""
        self.epoch = epoch

    def __getitem__(self, key: int | Draw) -> dict[str, Tensor]:
        return to_tensors(self.sample(key))

    def sample(self, key: int | Draw) -> Sample:
        """The sample before it becomes tensors."""
        draw = key if isinstance(key, Draw) else Draw(self.epoch, int(key), int(key))
        if not 0 <= draw.item < len(self):
            raise IndexError(draw.item)  # ends a plain ``for`` over the dataset
        rng = generator(self.seed, draw)
        sample = self._sample(self._crop(draw.item, rng), rng)
        for change in self.augment:
            sample = change(sample, rng)
        return cleaned(sample)

    @abstractmethod
    def _sample(self, crop: LabelledTile, rng: np.random.Generator) -> Sample:
        """The crop as a sample; its arrays must not be used elsewhere."""

    def warm_up(self) -> None:
        """Fill the cache now, before workers are forked: they then share its memory."""
        self.store.warm_up()

    def _crop(self, i: int, rng: np.random.Generator) -> LabelledTile:
        packed = self.store[i]
        if self.size is None:
            return packed.cut(0, 0, *packed.shape)
        factor = self._factor(packed.item.tile.gsd_m, packed.shape, rng) / self.enlarge
        side = max(1, round(self.size * factor))
        best, best_share = None, -1.0
        for _ in range(_TRIES):
            top, left = (int(rng.integers(0, max(n - side, 0) + 1)) for n in packed.shape)
            crop = packed.cut(top, left, side, side)
            share = float(np.isfinite(crop.tile.data).all(axis=0).mean())
            if share > best_share:
                best, best_share = crop, share
            if share >= self.min_valid or max(packed.shape) <= side:
                break
        if best is None:  # pragma: no cover - the loop runs at least once
            raise UnfitError("no crop", "one", "report this")
        return resized(best, (self.size, self.size))

    def _factor(
        self, gsd_m: float | None, shape: tuple[int, int], rng: np.random.Generator
    ) -> float:
        """Source pixels for one of the crop; always draws once, so that seeds stay aligned."""
        chance = float(rng.random())
        if self.gsd_range_m is None or gsd_m is None or self.size is None:
            return 1.0
        room = max(min(shape) / self.size, 1.0)
        low = min(max(self.gsd_range_m[0] / gsd_m, _FINEST), room)
        high = max(min(self.gsd_range_m[1] / gsd_m, room), low)
        return exp(log(low) + chance * (log(high) - log(low)))


class PatchDataset(CropDataset):
    """Images only: ``image``, ``present``, ``valid``."""

    def _sample(self, crop: LabelledTile, rng: np.random.Generator) -> Sample:
        return sample_of(crop.tile, self.bands)


class SegmentationDataset(CropDataset):
    """Images with their masks: ``image``, ``mask``, and ``meanings`` of the mask's codes.

    Args:
        tiles: labelled tiles, each with a mask.
        unlabelled: what happens to pixels in which a class that the data set does not label may
            hide (see `labelled.meanings`): ``"partial"`` keeps their code, and the loss may use
            ``meanings``; ``"ignore"`` makes them 255, the ignore index.
        **settings: of `CropDataset`.
    """

    def __init__(
        self,
        tiles: Sequence[LabelledTile],
        bands: BandSet = CANONICAL_BANDS,
        size: int | None = 256,
        *,
        unlabelled: Literal["partial", "ignore"] = "partial",
        **settings: Any,
    ) -> None:
        if unlabelled not in ("partial", "ignore"):
            raise ValueRangeError(
                f"unlabelled = {unlabelled!r}", "'partial' or 'ignore'", "correct it"
            )
        super().__init__(tiles, bands, size, **settings)
        self.unlabelled = unlabelled

    def _sample(self, crop: LabelledTile, rng: np.random.Generator) -> Sample:
        if crop.mask is None:
            raise UnfitError(f"{crop.id} without a mask", "a labelled tile", "leave it out")
        sample = sample_of(crop.tile, self.bands, mask=crop.mask, labelled=crop.labelled)
        if self.unlabelled == "ignore" and sample.mask is not None:
            for code in np.flatnonzero(sample.meanings.sum(axis=1) > 1):
                sample.mask[sample.mask == code] = NODATA
        return sample


class PairedDataset(CropDataset):
    """Painted pairs: ``image`` is cloudy, ``target`` clear, ``mask`` says where they differ.

    Args:
        clear_tiles: tiles without clouds.
        cloudify: paints the clouds, with the sample's own generator.
        **settings: of `CropDataset`.
    """

    def __init__(
        self,
        clear_tiles: Sequence[LabelledTile] | Sequence[Tile],
        cloudify: Cloudify,
        bands: BandSet = CANONICAL_BANDS,
        size: int | None = 256,
        **settings: Any,
    ) -> None:
        super().__init__(clear_tiles, bands, size, **settings)
        self.cloudify = cloudify

    def _sample(self, crop: LabelledTile, rng: np.random.Generator) -> Sample:
        pair = self.cloudify(crop.tile, rng)
        return sample_of(pair.cloudy, self.bands, mask=pair.mask, target=pair.clear)


class ObservedPairDataset(CropDataset):
    """Pairs of two dates: ``image`` is cloudy, ``target`` another, clear date (RICE, SEN12MS-CR).

    The ground may have changed between the dates.
    """

    def _sample(self, crop: LabelledTile, rng: np.random.Generator) -> Sample:
        if crop.clear is None:
            raise UnfitError(f"{crop.id} without a clear view", "a pair", "leave it out")
        return sample_of(crop.tile, self.bands, mask=crop.mask, target=crop.clear)


def to_tensors(sample: Sample) -> dict[str, Tensor]:
    """The sample as torch tensors.

    Returns:
        ``image`` (band, y, x) float32; ``present`` (band,) float32; ``valid`` (y, x) bool;
        ``mask`` (y, x) int64 and ``meanings`` (4, 4) float32, if labelled; ``target`` and
        ``prior`` (band, y, x) float32, if paired; ``gsd_m`` () float32; ``sun`` (3,) float32: sine
        and cosine of the sun's azimuth, and 1 (0, 0, 0 where it is unknown).
    """
    import torch

    azimuth = radians(sample.sun_azimuth_deg) if isfinite(sample.sun_azimuth_deg) else None
    sun = (0.0, 0.0, 0.0) if azimuth is None else (sin(azimuth), cos(azimuth), 1.0)
    out = {
        "image": torch.from_numpy(np.ascontiguousarray(sample.image)),
        "present": torch.from_numpy(sample.present.astype(np.float32)),
        "valid": torch.from_numpy(np.ascontiguousarray(sample.valid)),
        "gsd_m": torch.tensor(sample.gsd_m, dtype=torch.float32),
        "sun": torch.tensor(sun, dtype=torch.float32),
    }
    if sample.mask is not None:
        out["mask"] = torch.from_numpy(sample.mask.astype(np.int64))
        out["meanings"] = torch.from_numpy(sample.meanings.astype(np.float32))
    for name in ("target", "prior"):
        planes = getattr(sample, name)
        if planes is not None:
            out[name] = torch.from_numpy(np.ascontiguousarray(planes))
    return out


def with_presence(image: Tensor, present: Tensor) -> Tensor:
    """(n, 2 band, y, x): the image, and a plane of 0 or 1 for each band (n, band) that is there."""
    import torch

    planes = present[:, :, None, None].expand_as(image)
    return torch.cat([image, planes], dim=1)
