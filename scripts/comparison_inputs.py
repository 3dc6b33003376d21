"""What a comparison is given beside the scene: truths, other dates, points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, nan
from pathlib import Path
from typing import Any

from rasterio.windows import Window

from ..datasets import Scene, Tile
from ..datasets.errors import BandError, FileError, UsageError
from ..datasets.opening import open_raster
from ..datasets.read import open_mask
from .comparison import Truth
from .comparison_window import Pixel
from .console import Console
from .options import Reading
from .pipeline import detect, open_


@dataclass(frozen=True)
class Inputs:
    """Paths, sorted by what they are."""

    truth_mask: Path | None = None
    truth_clear: Path | None = None
    references: tuple[Path, ...] = ()
    pixels: tuple[Pixel, ...] = ()
    """Points that were named by pixel."""
    places: tuple[tuple[float, float], ...] = ()
    """Points that were named by map coordinates."""
    reading: Reading = field(default_factory=Reading)

    @classmethod
    def of(
        cls, truth: Sequence[Path], references: Sequence[Path], pixels: Sequence[str],
        places: Sequence[str], reading: Reading,
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
            tuple(pixel("--point", text) for text in pixels),
            tuple(_place(text) for text in places),
            reading,
        )

    def points(self, scene: Scene) -> list[Pixel]:
        """All points in pixels of the scene, in the order of the options.

        Raises:
            UsageError: a place lies left of or above the scene.
        """
        found = list(self.pixels)
        for x, y in self.places:
            column, row = ~scene.grid.transform @ (x, y)
            if column < 0 or row < 0:
                raise UsageError(
                    f"--map-point {x:.10g},{y:.10g}, which lies outside the scene",
                    f"coordinates within it, in {scene.grid.crs or 'its own system'}",
                    "correct it",
                )
            found.append((int(column), int(row)))
        return found

    def check(self, scene: Scene) -> None:
        """Raise what is wrong with the inputs, as far as it shows before any pixel is read."""
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
            scene.grid.check(
                open_(path, self.reading).grid, f"the reference {path}", "the scene",
                "resample the reference to the scene's grid",
            )  # fmt: skip
        if self.truth_mask is not None:
            with open_mask(self.truth_mask, scene):
                pass

    def read(
        self, scene: Scene, window: Window, console: Console
    ) -> tuple[Tile, Truth, dict[str, Any]]:
        """The scene, what is known of it, and other dates with their masks, in a window.

        Raises:
            ValueRangeError: the true mask holds codes that are no classes.
        """
        with console.phase("reading"):
            tile = replace(scene.read(window), path=Path(scene.path).name)
            mask = clear = None
            if self.truth_mask is not None:
                with open_mask(self.truth_mask, scene) as classes:
                    mask = classes(window)
            if self.truth_clear is not None:
                clear = open_(self.truth_clear, self.reading).read(window)
            dates = [open_(path, self.reading).read(window) for path in self.references]
        masks = [detect(date, "auto", console, buffer_px=2)[1] for date in dates]
        more = {"references": dates, "reference_masks": masks} if dates else {}
        return tile, Truth(mask, clear), more


def _one_band(path: Path) -> bool:
    try:
        with open_raster(path) as file:
            return bool(file.count == 1)
    except FileError:  # a product's folder; or a mistake, which its reader explains
        return False


def pixel(option: str, text: str) -> Pixel:
    """A pixel as it is typed.

    Raises:
        UsageError: it is none.
    """
    parts = text.split(",")
    if len(parts) != 2 or not all(p.strip().isdecimal() for p in parts):
        raise UsageError(
            f"{option} {text}",
            "COLUMN,ROW in whole pixels from 0, for example 120,85",
            "correct it",
        )
    return int(parts[0]), int(parts[1])


def _place(text: str) -> tuple[float, float]:
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        x = y = nan
    if not (isfinite(x) and isfinite(y)):
        raise UsageError(
            f"--map-point {text}", "X,Y in the scene's coordinate system", "correct it"
        )
    return x, y
