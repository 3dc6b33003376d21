"""Real clear ground to paint clouds on: clear images, and the clear parts of cloudy ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from ..datasets.catalog import CatalogTiles, Row, is_clear, rows_to_learn
from ..datasets.errors import UnfitError
from ..datasets.labelled import LabelledTile
from ..datasets.read import read_mask
from ..datasets.tile import CLEAR, NODATA

MARGIN_PX = 8
"""Clear pixels this near to drawn cloud are left out too: its edges are soft."""


@dataclass(frozen=True)
class ClearParts(Sequence[LabelledTile]):
    """Images of a catalogue without what people called cloudy in them: such pixels are nodata.

    Shadows that nobody drew stay. Picklable.
    """

    rows: tuple[Row, ...]

    @classmethod
    def of(cls, data: Path | None, split: str, least_clear: float = 1.0) -> ClearParts:
        """The images of ``split`` that the catalogue calls clear; with ``least_clear`` below 1
        also those of which people called as large a share clear.

        Raises:
            UsageError, FileError: see `rows_to_learn`.
            UnfitError: there is none.
        """
        rows = rows_to_learn(data, split)
        found = tuple(r for r in rows if is_clear(r) or _clear_share(r) >= least_clear)
        if not found:
            raise UnfitError(
                f"a source of split '{split}' without any clear image",
                "rows with role 'clear', or with a mask drawn by people that holds no cloud",
                "correct the source's catalog or split",
            )
        return cls(found)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: Any) -> Any:
        found = CatalogTiles(self.rows)[i]
        if found.mask is None or is_clear(self.rows[i]):
            return found
        hidden = (found.mask.classes != CLEAR) & (found.mask.classes != NODATA)
        hidden = ndimage.binary_dilation(hidden, iterations=MARGIN_PX)
        data = np.where(hidden, np.float32(np.nan), found.tile.data)
        return replace(found, tile=found.tile.with_data(data), mask=None)

    def told(self, count: int) -> str:
        """What a card says of ``count`` of them."""
        return f"clouds painted on {count} clear tiles"

    def stamps(self) -> Any:
        """What tells these images from others; see `CatalogTiles.stamps`."""
        return CatalogTiles(self.rows).stamps()


def _clear_share(row: Row) -> float:
    """Share of clear pixels by people's masks; -1 for others."""
    if row.mask is None or row.mask_kind != "human":
        return -1.0
    return read_mask(row.mask).cover()["clear"]
