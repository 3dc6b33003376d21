"""Where the classifier's patches come from: a catalogue's mixture, or patches with labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..datasets.augmentations import augmentations
from ..datasets.catalog import Row
from ..datasets.errors import UnfitError, UsageError
from ..datasets.mixed import MixedDataset
from ..datasets.read import read
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.splits import Fold
from ..datasets.tile import Tile
from ..datasets.tile_store import TileStore
from ..datasets.torch_data import CropDataset
from .classifier_config import ClassifierConfig
from .patch_labels import LabelledPatches, PatchLabel, PatchLabelDataset, read_patch_labels
from .patch_truth import truth
from .train_data import Labels, MixtureBuilder


@dataclass(frozen=True)
class Examples:
    """What one training draws from, and what it is judged by."""

    dataset: CropDataset | MixedDataset
    weights: tuple[float, ...]
    """How often each item of ``dataset`` comes."""
    sizes: tuple[int, ...]
    """See `ClassifierConfig.sizes`."""
    held_out: tuple[Row, ...] | tuple[PatchLabel, ...]
    """What the fold keeps from the training."""
    description: str


def examples(config: ClassifierConfig, data: Path, seed: int, fold: Fold | None) -> Examples:
    """The examples in ``data``: a catalogue, a CSV file of labels, or clear/ and cloudy/.

    Raises:
        UsageError: it is none of them, crops are smaller than the patches to cut them into, or
            see `train_data.MixtureBuilder`.
        UnfitError: a class is missing, or the fold leaves nothing to train on.
    """
    if data.suffix.lower() == ".csv" or (data / "clear").is_dir() or (data / "cloudy").is_dir():
        return _of_labels(config, read_patch_labels(data), seed, fold)
    if not config.sources:
        raise UsageError(
            f"{data} and a configuration without [[sources]]",
            "a folder with clear/ and cloudy/, a CSV file, or sources in a catalogue",
            "correct the path, or add sources",
        )
    if config.sizes and max(config.sizes) > config.training.crop:
        raise UsageError(
            f"crops of {config.training.crop} pixels, cut into patches of {max(config.sizes)}",
            "crops at least as large", "correct crop or sizes",
        )  # fmt: skip
    mixture = MixtureBuilder(config.mixture, data, seed, fold).build()
    return Examples(
        mixture.dataset, mixture.weights, config.sizes, mixture.held_out, mixture.description
    )


def _of_labels(
    config: ClassifierConfig, labels: tuple[PatchLabel, ...], seed: int, fold: Fold | None
) -> Examples:
    kept = tuple(p for p in labels if fold is None or not fold.holds(p.group))
    held = tuple(p for p in labels if fold is not None and fold.holds(p.group))
    clear = sum(p.clear for p in kept)
    if clear in (0, len(kept)):
        raise UnfitError(
            f"{clear} clear patches among {len(kept)} once a part of the places is left out",
            "both classes among the rest",
            "give patches of more places, or pass --folds 0 for no calibration",
        )
    t = config.training
    dataset = PatchLabelDataset(
        LabelledPatches(kept), size=t.crop, seed=seed, augment=augmentations(config.augment),
        cache_bytes=t.cache_mb * 2**20,
    )  # fmt: skip
    weights = tuple(0.5 / clear if p.clear else 0.5 / (len(kept) - clear) for p in kept)
    return Examples(dataset, weights, (), held, f"{len(kept)} labelled patches, {clear} clear")


def judged(
    held_out: tuple[Row, ...] | tuple[PatchLabel, ...], side: int
) -> Iterator[tuple[Tile, bool]]:
    """Patches, and whether they are clear: labelled ones whole, masks cut to ``side`` pixels.

    Where nobody drew shadows, only cloud makes a patch cloudy. Patches of which less than half is
    known are left out.
    """
    for item in held_out:
        if isinstance(item, PatchLabel):
            yield read(item.image), item.clear
        else:
            yield from patches_of(item, side)


def patches_of(row: Row, side: int) -> Iterator[tuple[Tile, bool]]:
    """The labelled image of ``row`` in patches of ``side`` pixels, those at the far edges left."""
    packed = TileStore(Labels((row,)), CANONICAL_BANDS)[0]
    height, width = packed.shape
    for top in range(0, height - side + 1, side):
        for left in range(0, width - side + 1, side):
            cut = packed.cut(top, left, side, side)
            clear = None if cut.mask is None else truth(cut.mask.classes)
            if clear is not None:
                yield cut.tile, clear
