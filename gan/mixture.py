"""Where the samples of a training come from: its sources, each with its share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets.augmentations import augmentations
from ..datasets.bands import BandSet
from ..datasets.errors import UnfitError
from ..datasets.loading import DrawSampler
from ..datasets.mixed import MixedDataset
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.splits import Fold
from ..synthesis.landscapes import Landscapes
from . import get
from .clear_parts import ClearParts
from .real_pairs import RealPairs
from .train_config import GanConfig
from .train_data import DatedPairs, PaintedPairs, TaughtPairs


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
        fold: Fold | None = None,
        keep: Path | None = None,
    ) -> Mixture:
        """The mixture of a configuration.

        Args:
            config: the sources.
            data: catalogue that sources without one of their own mean.
            seed: of all chance.
            windows: what samples hold.
            drawn: bands of procedural landscapes; None: the windows.
            fold: groups that are left out; None: none are.
            keep: folder for samples that are to come again; None: they stay in memory.

        Raises:
            UsageError: a source names split ``test``, or there is no such filler as a guess.
            UnfitError: a source finds no image, or no pair; see `ClearParts`, `RealPairs`.
            GridError, BandError: a pair of images does not fit together.
        """
        t = config.training
        guesses = [name for name in (config.prior, config.second) if name]
        settings: dict[str, Any] = {
            "bands": windows, "size": t.crop, "seed": seed, "gsd_range_m": t.gsd_range_m,
            "enlarge": t.enlarge, "augment": augmentations(config.augment),
            "cache_bytes": t.cache_mb * 2**20 // len(config.sources),
            "guesses": [get(name) for name in guesses], "canvas": t.canvas, "keep": keep,
        }  # fmt: skip
        facts = [guesses, t.canvas or t.crop, t.gsd_range_m, t.enlarge, seed]
        parts, weights, told = [], [], []
        for source in config.sources:
            tiles: Any
            ground: Any
            made: type[TaughtPairs] = PaintedPairs
            if source.kind == "landscape":
                tiles = Landscapes(source.count, source.size, seed, drawn or windows)
                ground, used = repr(tiles), [True] * len(tiles)
                told.append(f"clouds painted on {len(tiles)} landscapes")
            else:
                catalog = Path(source.catalog) if source.catalog else data
                if source.kind == "pairs":
                    tiles, made = RealPairs.of(catalog, source.split), DatedPairs
                else:
                    tiles = ClearParts.of(catalog, source.split, source.least_clear)
                ground = tiles.stamps()
                used = [not (fold and fold.holds(row.group)) for row in tiles.rows]
                told.append(tiles.told(sum(used)))
            if not any(used):
                raise UnfitError(
                    f"all images of split '{source.split}' for a source of kind '{source.kind}' "
                    "in the fold that is left out",
                    "images of other places", "choose another --fold",
                )  # fmt: skip
            parts.append(made(tiles, source, facts=[*facts, ground], **settings))
            # What is left out is never drawn, and whoever paints for one fold has painted for all.
            weights += [source.weight / sum(used) if use else 0.0 for use in used]
        return cls(MixedDataset(parts), tuple(weights), "; ".join(told))

    def order(self, samples: int, seed: int) -> DrawSampler:
        """Samples drawn by weight, the same for the same seed and epoch."""
        return DrawSampler(len(self.dataset), samples, seed=seed, weights=self.weights)
