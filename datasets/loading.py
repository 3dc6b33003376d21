"""Order of the samples, and torch's DataLoader set up for them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .errors import ValueRangeError
from .mixed import MixedDataset
from .torch_data import CropDataset, Draw

if TYPE_CHECKING:
    from torch.utils.data import DataLoader


class DrawSampler:
    """The draws of one epoch after the other; each iteration is the next epoch.

    Args:
        tiles: number of tiles.
        draws: samples in an epoch, by default one for each tile.
        seed: of the order.
        shuffle: every tile equally often, in random order; else in order.
        weights: draw tiles at random in proportion to these instead (with ``shuffle``).

    Raises:
        ValueRangeError: no tiles, negative numbers, or weights that are not one for each tile.
    """

    def __init__(
        self,
        tiles: int,
        draws: int | None = None,
        *,
        seed: int = 0,
        shuffle: bool = True,
        weights: Sequence[float] | None = None,
    ) -> None:
        if tiles < 1 or (draws is not None and draws < 1):
            raise ValueRangeError(f"{draws} draws of {tiles} tiles", "1 or more", "correct them")
        share = None
        if weights is not None:
            share = np.asarray(weights, float)
            if share.shape != (tiles,) or not np.isfinite(share).all() or share.min() < 0:
                raise ValueRangeError(
                    f"weights of shape {share.shape}", f"{tiles} of 0 or more", "give one a tile"
                )
            if not shuffle or share.sum() == 0:
                raise ValueRangeError("weights", "shuffle, and one above 0", "correct them")
            share = share / share.sum()
        self.tiles, self.draws, self.seed = tiles, draws or tiles, seed
        self.shuffle, self.share, self.epoch = shuffle, share, 0

    def __len__(self) -> int:
        return self.draws

    def set_epoch(self, epoch: int) -> None:
        """The epoch of the next iteration (to resume a training)."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Draw]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        for number, item in enumerate(self._items(epoch)):
            yield Draw(epoch, number, int(item))

    def _items(self, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        if not self.shuffle:
            return np.arange(self.draws) % self.tiles
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, epoch]))
        if self.share is not None:
            return rng.choice(self.tiles, self.draws, p=self.share)
        rounds = -(-self.draws // self.tiles)
        return np.concatenate([rng.permutation(self.tiles) for _ in range(rounds)])[: self.draws]


def make_loader(
    dataset: CropDataset | MixedDataset,
    batch_size: int,
    *,
    sampler: DrawSampler | None = None,
    workers: int = 0,
    start: Literal["fork", "spawn", "forkserver"] | None = None,
    prefetch: int = 4,
    drop_last: bool = False,
    pin_memory: bool = False,
) -> DataLoader[dict[str, Any]]:
    """A DataLoader whose batches are the same for any number of workers and way to start them.

    Before workers are forked, the cache of ``dataset`` is filled, so that they share it, and
    OpenCV is set to one thread in this process: its threads do not survive a fork.

    Args:
        dataset: what to draw from.
        batch_size: samples in a batch.
        sampler: their order; by default every tile once, shuffled by the dataset's seed.
        workers: processes; 0 loads in this one. One for every two cores is a good start.
        start: how to start them; None is the platform's way. ``fork`` starts at once and shares
            the cache; ``spawn`` is safe beside threads that hold locks.
        prefetch: batches that each worker prepares ahead.
        drop_last: leave out a last batch that is not full.
        pin_memory: for GPUs.

    """
    from torch.utils.data import DataLoader

    start = start or multiprocessing.get_start_method()  # type: ignore[assignment]
    if workers and start == "fork":
        dataset.warm_up()
        _one_thread()  # before the fork: in a child it would wait for threads that are not there
    return DataLoader(
        dataset,  # type: ignore[arg-type]  # any object with a length and items
        batch_size=batch_size,
        sampler=sampler or DrawSampler(len(dataset), seed=dataset.seed),
        num_workers=workers,
        multiprocessing_context=start if workers else None,
        prefetch_factor=prefetch if workers else None,
        persistent_workers=workers > 0,
        worker_init_fn=_one_thread if workers and start != "fork" else None,
        drop_last=drop_last,
        pin_memory=pin_memory,
    )


def _one_thread(worker: int = 0) -> None:
    """OpenCV must not start a thread for every core in every worker."""
    import cv2

    cv2.setNumThreads(0)
