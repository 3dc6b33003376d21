"""Real pairs to learn from: a cloudy image, and the same place clear on another date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..datasets.catalog import CatalogTiles, Row, check_grids, rows_to_learn
from ..datasets.errors import BandError, UnfitError
from ..datasets.fingerprint import file_facts
from ..datasets.labelled import LabelledTile
from ..datasets.read import open_scene, read_mask
from ..datasets.tile import CLEAR, BoolArray, CloudMask, Tile
from .common import MIN_CLEAR, Area, fillable_bands
from .dates import fit_guide


class DatePair(NamedTuple):
    """Two rows of a catalogue: one place, cloudy and clear."""

    cloudy: Row
    clear: Row

    @property
    def group(self) -> str:
        """That of both."""
        return self.cloudy.group

    def check(self) -> None:
        """Refuse images that cannot be laid one upon the other. No pixel is read.

        Raises:
            GridError: the images are not on one grid.
            BandError: they have other bands.
            FileError: one cannot be opened.
        """
        cloudy, clear = open_scene(self.cloudy.image), open_scene(self.clear.image)
        remedy = f"resample it to the grid of {self.cloudy.id}"
        cloudy.grid.check(clear.grid, self.clear.id, self.cloudy.id, remedy)
        if cloudy.bands.names != clear.bands.names:
            raise BandError(
                f"{self.clear.id} with bands {', '.join(clear.bands.names)}",
                f"those of {self.cloudy.id}, {', '.join(cloudy.bands.names)}",
                "write both with the same bands, or give them other groups",
            )


def date_pairs(rows: Iterable[Row]) -> tuple[DatePair, ...]:
    """Each row of role ``cloudy`` with each of role ``clear`` of its group."""
    rows = tuple(rows)
    cloudy, clear = (
        [r for r in rows if r.more.get("role") == role] for role in ("cloudy", "clear")
    )
    return tuple(DatePair(a, b) for a in cloudy for b in clear if a.group == b.group)


def matched(tile: Tile, mask: CloudMask, other: Tile, seen: BoolArray) -> Tile | None:
    """``other`` in the radiometry of ``tile``: what it would be without clouds, nearly.

    A robust straight line a band, fitted where both are clear (see `dates.fit_relation`). Ground
    that changed between the dates stays changed.

    Args:
        tile: the cloudy date.
        mask: its classes.
        other: the clear date, on the same grid and with the same bands.
        seen: (y, x) bool where it is clear.

    Returns:
        NaN in bands that could not be compared; those of kind ``other`` as they were; None where
        fewer than 200 pixels are clear in both.
    """
    bands = fillable_bands(tile)
    guide = fit_guide(tile, other, {i: i for i in bands}, Area.of(tile, mask), seen)
    if guide is None:
        return None
    data = other.data.copy()
    for i in bands:
        data[i] = guide.band(i) if i in guide.relations else np.nan
    return tile.with_data(data)


@dataclass(frozen=True)
class RealPairs(Sequence[LabelledTile]):
    """Cloudy images with their masks; ``clear`` is the other date in their radiometry.

    ``clear`` is NaN where nothing is known: the other date is not clear, or the mask is nodata.
    Picklable; images are read when they are asked for.
    """

    rows: tuple[DatePair, ...]
    left_out: int = 0
    """Pairs of which fewer than 200 pixels are clear in both, by their masks."""

    @classmethod
    def of(cls, data: Path | None, split: str) -> RealPairs:
        """The pairs of ``split``. Masks are read, images are not.

        Raises:
            UsageError, FileError: see `rows_to_learn`.
            UnfitError: there is none, one has no mask, or none has clear ground in common.
            GridError, BandError: see `DatePair.check`; a mask is not on its image's grid.
        """
        pairs = date_pairs(rows_to_learn(data, split))
        if not pairs:
            raise UnfitError(
                f"a source of split '{split}' without any pair of dates",
                "a row of role 'cloudy' and one of role 'clear' in the same group",
                "correct the catalogue, or the source's catalog or split",
            )
        for pair in pairs:
            if pair.cloudy.mask is None:
                raise _without_mask(pair.cloudy)
            pair.check()
            check_grids(pair)
        kept = tuple(pair for pair in pairs if _clear_in_both(pair) >= MIN_CLEAR)
        if not kept:
            raise UnfitError(
                f"{len(pairs)} pairs of dates, none with {MIN_CLEAR} pixels clear in both",
                "clear ground in common, by which the dates are compared",
                "add images that are cloudy in part",
            )
        return cls(kept, len(pairs) - len(kept))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return RealPairs(self.rows[i])
        cloudy, clear = CatalogTiles(self.rows[i])
        if cloudy.mask is None:
            raise _without_mask(self.rows[i].cloudy)
        seen = clear.tile.valid
        if clear.mask is not None:
            seen = seen & (clear.mask.classes == CLEAR)
        truth = matched(cloudy.tile, cloudy.mask, clear.tile, seen)
        if truth is None:
            raise UnfitError(
                f"{cloudy.id} and {clear.id} with data in fewer than {MIN_CLEAR} pixels that are "
                "clear in both",
                "clear ground in common, by which the dates are compared",
                "leave the pair out of the catalogue",
            )
        known = np.where(seen & cloudy.mask.valid, truth.data, np.float32(np.nan))
        return replace(cloudy, clear=truth.with_data(known))

    def told(self, count: int) -> str:
        """What a card says of ``count`` of them."""
        more = f" ({self.left_out} more without clear ground in common)" if self.left_out else ""
        return f"{count} pairs of dates{more}"

    def stamps(self) -> Any:
        """What tells these images and masks from others; see `CatalogTiles.stamps`."""
        files = [f for pair in self.rows for row in pair for f in (row.image, row.mask) if f]
        return [(str(file.resolve()), file_facts(file)) for file in files]


def _without_mask(row: Row) -> UnfitError:
    return UnfitError(
        f"{row.id}, the cloudy image of a pair, without a mask",
        "a mask of its clouds and shadows in the catalogue",
        "make one with `kumosan mask`, look at it, and name it in the row",
    )


def _clear_in_both(pair: DatePair) -> int:
    """Pixels that no mask of the two calls anything but clear."""
    masks = [read_mask(row.mask) for row in pair if row.mask is not None]
    return int(np.count_nonzero(np.logical_and.reduce([m.classes == CLEAR for m in masks])))
