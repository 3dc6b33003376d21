"""Several data sets drawn from as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from .errors import ValueRangeError
from .samples import Sample
from .torch_data import CropDataset, Draw, to_tensors

if TYPE_CHECKING:
    from torch import Tensor


class MixedDataset:
    """The tiles of several data sets one after the other; each makes its samples its own way.

    For a batch, all must make samples with the same entries.

    Args:
        parts: data sets of one crop size.

    Raises:
        ValueRangeError: there is none, or their sizes or seeds differ.
    """

    def __init__(self, parts: Sequence[CropDataset]) -> None:
        if len({(part.size, part.seed) for part in parts}) != 1:
            raise ValueRangeError(
                f"{len(parts)} data sets of sizes {sorted({str(p.size) for p in parts})}",
                "at least one, of one crop size and seed", "make them alike",
            )  # fmt: skip
        self.parts, self.seed = tuple(parts), parts[0].seed
        self._ends = list(accumulate(len(part) for part in parts))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, draw: Draw) -> dict[str, Tensor]:
        return to_tensors(self.sample(draw))

    def sample(self, draw: Draw) -> Sample:
        """The sample before it becomes tensors; ``draw.item`` counts through all parts."""
        if not 0 <= draw.item < len(self):
            raise IndexError(draw.item)
        k = bisect_right(self._ends, draw.item)
        first = self._ends[k] - len(self.parts[k])
        return self.parts[k].sample(draw._replace(item=draw.item - first))

    def warm_up(self) -> None:
        """Fill the caches of all parts."""
        for part in self.parts:
            part.warm_up()
