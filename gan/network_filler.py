"""The filler ``gan``: a trained generator, window by window, on the bands that it knows.

Clear pixels leave bit for bit. Bands that the network does not know (red edge, the hundreds of a
spectrometer) come from the filler that makes its first guess, and a pixel that this one cannot fill
is left as it was: no pixel is filled in some bands and cloudy in others. What the network adds to
that first guess is carried over to them, band by band, as the bands of clear pixels go together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..datasets.bands import GREEN, RED, BandSet
from ..datasets.errors import UsageError
from ..datasets.fingerprint import changed_ns
from ..datasets.protocols import Filler, learnt
from ..datasets.samples import CANONICAL_BANDS
from ..datasets.tile import (
    SPATIAL,
    SPECTRAL,
    THICK,
    BoolArray,
    CloudMask,
    FilledTile,
    FloatArray,
    Tile,
)
from ..datasets.weights import ModelCard, load_network, misfit
from ..datasets.windows import Span, grid, ramp
from .cascade import Cascade
from .common import Area, assemble, fillable_bands, untouched
from .lifting import Lifting
from .relation import confidence, doubts, expected_error

if TYPE_CHECKING:
    from .restorer import Restorer

PACKAGED = Path(__file__).with_name("weights") / "generator.safetensors"
"""The generator that comes with kumosan."""


@dataclass(frozen=True)
class NetworkFiller:
    """Fills thin cloud, shadow and thick cloud by a generator of ``kumosan train gan``.

    The network sees each window as it is and upside down; the mean is written. The error to expect
    is that of the first guess, or half the difference of the two views (the mean over the bands)
    where that is larger. Provenance is that of the first guess; where it is the cloudy image
    itself, spectral under thin cloud and in shadow, spatial under thick cloud.

    Raises:
        WeightsError, FileError: see `load_restorer`.
    """

    weights: Path = PACKAGED
    """File written by ``kumosan train gan``."""
    prior: Filler | None = None
    """Makes the first guess; None: the filler that the weights were trained with, which is the
    cloudy image itself where their card names none."""
    second: Filler | None = None
    """Makes the second guess of a network that mixes two; None: as in training."""
    others: Filler | None = None
    """Fills bands that the network does not know; None: what makes the first guess, ``auto`` where
    that is the cloudy image itself."""
    window_px: int = 256
    """Side of what the network sees at once."""
    overlap_px: int = 64
    """Shared by neighbouring windows, which are blended there."""

    windows: BandSet = CANONICAL_BANDS
    """What the network reads, if it was trained for other bands than the canonical ones."""

    bands: BandSet = BandSet((GREEN, RED))  # noqa: RUF009 (immutable)

    def __post_init__(self) -> None:
        load_restorer(self.weights, self.windows)

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Fill what is cloudy or shadowed.

        Without any clear pixel the first guess is all there is.

        Raises:
            GridError: ``mask`` is not on the grid of ``tile``.
            UnfitError: the tile lacks green or red.
        """
        area = Area.of(tile, mask)
        tile.bands.locate(self.bands)
        if not area.todo.any():
            return untouched(tile, area)
        net = load_restorer(self.weights, self.windows)[1]
        found = ((k, tile.bands.find(window)) for k, window in enumerate(self.windows))
        slots = [(k, i) for k, i in found if i is not None]
        known = [i for _, i in slots]

        image = self._planes(tile, slots, area.valid)
        guess, second = self._guesses()
        first = untouched(tile, area) if guess is None else guess.fill(tile, mask)
        if not area.clear.any():
            return first
        guesses = [first] if second is None else [first, second.fill(tile, mask)]
        prior = np.concatenate([self._planes(g.tile, slots, area.valid) for g in guesses])
        if net.config.doubts:
            prior = np.concatenate([prior, np.stack([doubts(g) for g in guesses])])
        ground, spread = self._ground(net, image, prior, [k for k, _ in slots], mask, area)

        values, todo = tile.data[:, area.todo].copy(), area.todo
        rest = set(fillable_bands(tile)) - set(known)
        if rest:
            fit = self.others is None and guess is not None
            other = first if fit else (self.others or Cascade()).fill(tile, mask)
            values[:] = other.tile.data[:, todo]
            if fit:
                values += _carried(tile, area, dict(slots), prior, ground)
            todo = todo & other.filled
        values[known] = ground[[k for k, _ in slots]][:, area.todo]
        error = np.where(first.filled, expected_error(first.confidence), 0)
        sure = confidence(np.maximum(error, spread))
        keep = todo[area.todo]
        done = assemble(tile, area, todo, values[:, keep], sure[todo], SPECTRAL)
        provenance = done.provenance.copy()
        provenance[done.filled & (mask.classes == THICK)] = SPATIAL
        known_from = done.filled & first.filled
        provenance[known_from] = first.provenance[known_from]
        return replace(done, provenance=provenance)

    def learn(self, tile: Tile, mask: CloudMask) -> Filler:
        """The same with a first guess that has learnt from ``tile``, where it is one that learns;
        for any part of the scene that ``tile`` is of."""
        guess, second = self._guesses()
        return replace(
            self,
            prior=None if guess is None else learnt(guess, tile, mask),
            second=None if second is None else learnt(second, tile, mask),
        )

    def _guesses(self) -> tuple[Filler | None, Filler | None]:
        """What makes the first guess, and the second; None for none."""
        card, net = load_restorer(self.weights, self.windows)
        second = (self.second or _named(card, "second")) if net.config.mixed else None
        return self.prior or _named(card, "prior"), second

    def _ground(
        self,
        net: Restorer,
        image: FloatArray,
        prior: FloatArray,
        there: list[int],
        mask: CloudMask,
        area: Area,
    ) -> tuple[FloatArray, FloatArray]:
        """(window, y, x) reflectance, and (y, x) half the difference of the two views.

        Both are 0 outside of the windows that hold something to fill.
        """
        total = np.zeros_like(image)
        spread, weight = np.zeros((2, *mask.classes.shape), np.float32)
        classes = np.where(area.valid, mask.classes, 255).astype(np.uint8)
        present = np.isin(np.arange(len(image)), there)
        for rows, columns in self._windows(area.todo):
            y, x = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
            views = _two_views(net, image[:, y, x], prior[:, y, x], classes[y, x], present)
            share = ramp(rows)[:, None] * ramp(columns)
            total[:, y, x] += share * views.mean(axis=0)
            half = np.abs(views[0] - views[1])[there].mean(axis=0) / 2
            spread[y, x] += share * half
            weight[y, x] += share
        weight[weight == 0] = 1
        return total / weight, spread / weight

    def _planes(self, tile: Tile, slots: list[tuple[int, int]], valid: BoolArray) -> FloatArray:
        """(window, y, x) reflectance, 0 where there is none."""
        out = np.zeros((len(self.windows), *tile.shape), np.float32)
        for slot, i in slots:
            np.copyto(out[slot], tile.data[i], where=valid & np.isfinite(tile.data[i]))
        return out

    def _windows(self, todo: BoolArray) -> Iterator[tuple[Span, Span]]:
        """Those that hold something to fill."""
        height, width = todo.shape
        for rows, columns in grid((height, width), self.window_px, self.overlap_px):
            if todo[rows.start : rows.stop, columns.start : columns.stop].any():
                yield rows, columns


def load_restorer(
    path: str | Path, windows: BandSet = CANONICAL_BANDS
) -> tuple[ModelCard, Restorer]:
    """The generator in a file, which reads ``windows``; kept as long as the file does not change.

    Raises:
        FileError, WeightsError: see `weights.load_weights`.
        WeightsError: other bands, or tensors that do not fit the card.
    """
    path = Path(path)
    return _loaded(path, changed_ns(path), windows)


@lru_cache(maxsize=2)
def _loaded(path: Path, changed_ns: int, windows: BandSet) -> tuple[ModelCard, Restorer]:
    import torch

    from .restorer import NetworkConfig, Restorer

    def build(facts: Mapping[str, Any]) -> Restorer:
        try:
            return Restorer(NetworkConfig.of(facts), len(windows))
        except (RuntimeError, TypeError, UsageError) as error:
            raise misfit(path) from error

    net, card = load_network(path, "generator", build, (windows,))
    return card, net.to(memory_format=torch.channels_last)


def _named(card: ModelCard, guess: str) -> Filler | None:
    """The filler that made the ``prior``, or the ``second`` guess, in training; None for none."""
    from . import get

    name = str(card.training.get(guess, ""))
    return get(name) if name else None


def _carried(
    tile: Tile, area: Area, bands: dict[int, int], before: FloatArray, after: FloatArray
) -> FloatArray:
    """(band, n) what the other reflective bands change by, at the n pixels to fill, where those
    that the network knows go from ``before`` to ``after``: see `Lifting`.

    Args:
        bands: of the tile, by the window that the network knows them as.
        before, after: (window, y, x).
    """
    known = {k: i for k, i in bands.items() if tile.bands[i].kind == "reflective"}
    rest = [i for i, b in enumerate(tile.bands) if b.kind == "reflective"]
    rest = sorted(set(rest) - set(known.values()))
    out = np.zeros((len(tile.bands), np.count_nonzero(area.todo)), np.float32)
    rng = np.random.default_rng(0)
    lifting = Lifting.fit(tile, area.clear, list(known.values()), rest, rng) if rest else None
    if lifting is not None:
        both = np.zeros((len(tile.bands), 2, out.shape[1]), np.float32)
        for k, i in known.items():
            both[i] = before[k][area.todo], after[k][area.todo]
        lifting.apply(both, np.ones(both.shape[1:], bool))
        out[lifting.lifted] = both[lifting.lifted, 1] - both[lifting.lifted, 0]
    return out


def _two_views(
    net: Restorer, image: FloatArray, prior: FloatArray, classes: np.ndarray, present: BoolArray
) -> FloatArray:
    """(2, band, y, x) what the network makes of a window as it is, and upside down (put right).

    Sides are mirrored up to multiples of the network's stride.
    """
    import torch

    from .restorer import one_hot

    height, width = classes.shape
    pad = ((0, -height % net.config.stride), (0, -width % net.config.stride))
    planes = np.pad(np.concatenate([image, prior]), ((0, 0), *pad), mode="symmetric")
    both = torch.from_numpy(np.stack([planes, planes[:, ::-1]]).astype(np.float32))
    codes = np.pad(classes, pad, mode="symmetric").astype(np.int64)
    cloud = one_hot(torch.from_numpy(np.stack([codes, codes[::-1]])))
    there = torch.from_numpy(np.tile(present.astype(np.float32), (2, 1)))
    n = len(image)
    with torch.inference_mode():
        out = net(both[:, :n], there, cloud, both[:, n:]).numpy()
    return np.stack([out[0], out[1, :, ::-1]])[:, :, :height, :width]
