"""Several dates of one place, checked to fit together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from ..datasets import Scene
from ..datasets.acquisition import utc
from ..datasets.dates import Date
from ..datasets.encoding import Encoding
from ..datasets.errors import BandError, GridError
from ..datasets.reviews import Reviews
from ..datasets.tile import LEVELS
from ..gan.dates import same_band


@dataclass(frozen=True)
class Series:
    """The dates of a composite, in the order in which they were given."""

    dates: tuple[Date, ...]
    first: Scene
    """Its grid, bands and encoding are those of the composite."""
    encoding: Encoding
    """That of the first scene, with a number for pixels without data."""
    target: datetime | None
    """The day that `best` wants, and that leftovers are chosen by."""

    @property
    def days(self) -> list[float | None]:
        """From the target to each date; None where either is not known."""
        return [_days(d.scene, self.target) for d in self.dates]

    @property
    def table(self) -> dict[str, str]:
        """What the numbers of the raster of dates stand for, as tags ``date_1`` and so on."""
        rows = {"date_0": "no date is clear here"}
        for k, d in enumerate(self.dates, 1):
            time = d.scene.acquired.time
            day = f"{utc(time):%Y-%m-%d} " if time else ""
            rows[f"date_{k}"] = f"{day}{Path(d.scene.path).name}"
        return rows


def check_together(scenes: Sequence[Scene], align: bool) -> None:
    """Raise unless scenes can make one composite.

    Raises:
        GridError: a scene on another grid than the first, without ``align``, or no place to align.
        BandError: a scene lacks a band of the first, or is of another level.
    """
    first = scenes[0]
    for scene in scenes[1:]:
        if not align:
            first.grid.check(
                scene.grid, scene.path, first.path,
                "pass --align, or bring it there with gdalwarp (-t_srs, -te, -tr)",
            )  # fmt: skip
        elif first.grid.crs is None or scene.grid.crs is None:
            raise GridError(
                f"{first.path} and {scene.path} without a coordinate system",
                "scenes that say where they lie", "leave --align out if they have one grid",
            )  # fmt: skip
        levels = (scene.acquired.level, first.acquired.level)
        if None not in levels and levels[0] != levels[1]:
            raise BandError(
                f"{scene.path} with {LEVELS[str(levels[0])]}",
                f"{LEVELS[str(levels[1])]} like {first.path}", "give scenes of one level",
            )  # fmt: skip
        _bands(first, scene)


def series(
    scenes: Sequence[Scene],
    masks: Sequence[Path],
    reviews: Reviews | None,
    target: datetime | None,
) -> Series:
    """The dates; the target is the middle one of all unless it is given."""
    first = scenes[0]
    known = sorted(utc(s.acquired.time) for s in scenes if s.acquired.time)
    dates = tuple(
        Date(
            scene, mask, _bands(first, scene), first.grid,
            reviews.of(scene.path).regions if reviews else (),
        )
        for scene, mask in zip(scenes, masks, strict=True)
    )  # fmt: skip
    middle = known[len(known) // 2] if known else None
    return Series(dates, first, _encoding(first.encoding), target or middle)


def _bands(first: Scene, scene: Scene) -> tuple[int, ...]:
    found = [same_band(band, scene.bands) for band in first.bands]
    missing = [str(b) for b, i in zip(first.bands, found, strict=True) if i is None]
    if missing:
        raise BandError(
            f"{scene.path} has no band {', '.join(missing)}", f"all bands of {first.path}",
            "give the scene with the fewest bands first, or leave this one out",
        )  # fmt: skip
    return tuple(i for i in found if i is not None)


def _encoding(encoding: Encoding) -> Encoding:
    """With a number for pixels that no date sees: 0, the lowest, or NaN where none is declared."""
    if encoding.nodata is not None:
        return encoding
    dtype = np.dtype(encoding.dtype)
    return replace(encoding, nodata=np.nan if dtype.kind == "f" else float(np.iinfo(dtype).min))


def _days(scene: Scene, target: datetime | None) -> float | None:
    time = scene.acquired.time
    if time is None or target is None:
        return None
    return (utc(time) - utc(target)).total_seconds() / 86_400
