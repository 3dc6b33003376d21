"""What a comparison is given beside the scene: truths, other dates, points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..datasets import Scene, Tile, read_mask
from ..datasets.errors import BandError, FileError, UsageError
from ..datasets.opening import open_raster
from .comparison import Truth
from .console import Console
from .options import Reading
from .pipeline import detect, open_, whole


@dataclass(frozen=True)
class Inputs:
    """Paths, sorted by what they are."""

    truth_mask: Path | None = None
    truth_clear: Path | None = None
    references: tuple[Path, ...] = ()
    points: tuple[tuple[int, int], ...] = ()
    """(column, row) in pixels of the scene."""
    reading: Reading = field(default_factory=Reading)

    @classmethod
    def of(
        cls, truth: Sequence[Path], references: Sequence[Path], points: Sequence[str],
        reading: Reading,
    ) -> Inputs:  # fmt: skip
        """Tell masks from images: a file of one band is a mask.

        Raises:
            UsageError: two true masks, two clear images, or a point that is none.
        """
        masks = [path for path in truth if _one_band(path)]
        images = [path for path in truth if path not in masks]
        for kind, found in (("masks", masks), ("images", images)):
            if len(found) > 1:
                names = " and ".join(str(p) for p in found)
                raise UsageError(
                    f"two true {kind} ({names})", "one mask, one clear image, or one of each",
                    "leave one of them out",
                )  # fmt: skip
        return cls(
            masks[0] if masks else None,
            images[0] if images else None,
            tuple(references),
            tuple(_point(text) for text in points),
            reading,
        )

    def check(self, scene: Scene) -> None:
        """Raise what is wrong with the inputs, as far as it shows before any pixel is read."""
        height, width = scene.shape
        for column, row in self.points:
            if column >= width or row >= height:
                raise UsageError(
                    f"--point {column},{row}",
                    f"a column below {width} and a row below {height}",
                    "correct it",
                )
        if self.truth_clear is not None:
            clear = open_(self.truth_clear, self.reading)
            scene.grid.check(
                clear.grid, "the clear image", "the scene", "resample it to the scene's grid"
            )
            if clear.bands.names != scene.bands.names:
                raise BandError(
                    f"{self.truth_clear} with bands {', '.join(clear.bands.names)}",
                    f"the scene's {', '.join(scene.bands.names)}",
                    "give the same product of the clear date",
                )
        for path in self.references:
            if Path(scene.path).exists() and path.exists() and path.samefile(scene.path):
                raise UsageError(
                    "the scene itself as --reference", "another date", "name another file"
                )
            open_(path, self.reading)

    def read(self, scene: Scene, console: Console) -> tuple[Tile, Truth, dict[str, Any]]:
        """The scene, what is known of it, and other dates with their masks.

        Raises:
            GridError: a mask is not on the grid of the scene.
        """
        tile = whole(scene, console)
        mask = read_mask(self.truth_mask, like=tile) if self.truth_mask else None
        clear = open_(self.truth_clear, self.reading).read() if self.truth_clear else None
        dates = [open_(path, self.reading).read() for path in self.references]
        masks = [detect(date, "auto", console, buffer_px=2)[1] for date in dates]
        more = {"references": dates, "reference_masks": masks} if dates else {}
        return tile, Truth(mask, clear), more


def _one_band(path: Path) -> bool:
    try:
        with open_raster(path) as file:
            return bool(file.count == 1)
    except FileError:  # a product's folder; or a mistake, which its reader explains
        return False


def _point(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(p.strip().isdecimal() for p in parts):
        raise UsageError(
            f"--point {text}", "COLUMN,ROW in whole pixels from 0, for example 120,85", "correct it"
        )
    return int(parts[0]), int(parts[1])
