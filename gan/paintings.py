"""Painted samples kept for the next time: in memory, and on disk until the training is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.atomic import atomic_file
from ..datasets.bands import BandSet
from ..datasets.fingerprint import digest
from ..datasets.samples import Sample

FOLDER = "paintings"
"""Folder in that of the run."""
_FLOATS = ("image", "target", "prior")
"""Kept as float16."""


class Paintings:
    """Samples by number, each made once.

    A training that is stopped and goes on finds on disk what was painted before.

    Args:
        folder: where they are kept; None keeps them in memory only.
        bands: those of the samples.
        facts: all else that decides what is painted, the ground among it; other facts, other files.
    """

    def __init__(self, folder: Path | None, bands: BandSet, facts: Any) -> None:
        name = digest({"facts": facts, "bands": repr(bands)})
        self.folder, self.bands = None if folder is None else folder / name, bands
        self._made: dict[int, Sample] = {}

    def get(self, number: int, make: Callable[[], Sample]) -> Sample:
        """Sample ``number`` with float32 planes of its own; ``make`` makes it the first time."""
        if number not in self._made:
            self._made[number] = self._read(number) or self._write(number, make())
        return _as(self._made[number], np.float32)

    def _read(self, number: int) -> Sample | None:
        if self.folder is None or not (path := self.folder / f"{number}.npz").exists():
            return None
        with np.load(path) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        numbers = {k: float(v) for k, v in found.items() if v.ndim == 0}
        return Sample(**{**found, **numbers, "bands": self.bands})

    def _write(self, number: int, sample: Sample) -> Sample:
        sample = _as(sample, np.float16)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            known = {f.name: getattr(sample, f.name) for f in fields(sample) if f.name != "bands"}
            path = self.folder / f"{number}.npz"
            with atomic_file(path, overwrite=True) as part, part.open("wb") as file:
                np.savez(file, **{k: v for k, v in known.items() if v is not None})
        return sample


def _as(sample: Sample, dtype: type[np.floating[Any]]) -> Sample:
    planes = {name: getattr(sample, name) for name in _FLOATS}
    return replace(sample, **{k: v.astype(dtype) for k, v in planes.items() if v is not None})
