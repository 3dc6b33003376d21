"""Every detector and every filler on the same pixels: what each finds and takes, or why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from .. import detection, gan
from ..datasets import CloudMask, FilledTile, Tile
from ..datasets.errors import KumosanError, UnfitError, UsageError
from ..datasets.tile import THICK
from ..detection.model import load_model
from ..detection.postprocess import buffer, clean_up
from .console import Console
from .measured import measured, thawed
from .pipeline import REFERENCED, filler_settings

T = TypeVar("T")

TRUTH = "truth"
"""Name of the true mask where a detector's is asked for."""
BUFFER_PX = 2
"""By how much a detector's mask is grown before the fills, as ``clean`` does."""
_WARM_PX = 64


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What came of one method."""

    name: str
    result: T | None = None
    seconds: float | None = None
    memory_mb: float | None = None
    """See `measured.Measured`."""
    reason: str = ""
    """Why there is no result."""


@dataclass(frozen=True)
class Truth:
    """What is known to be true, on the grid of the scene."""

    mask: CloudMask | None = None
    clear: Tile | None = None
    """The scene without clouds."""


@dataclass(frozen=True)
class Settings:
    """What is compared, and how the methods are made."""

    detectors: tuple[str, ...] = ()
    """Names; none: all."""
    fillers: tuple[str, ...] = ()
    """Likewise."""
    mask_by: str | None = None
    """Whose mask is filled; None: the true one if there is one, else the first detector's."""
    weights: Path | None = None
    """Of the network, alone (``unet``) or with Fmask."""
    fill_weights: Path | None = None
    """Of the network ``gan``."""
    seed: int = 0

    def check(self, truth_mask: bool, references: bool) -> None:
        """Raise what is wrong with names, weights and their combination, before any work.

        Raises:
            UsageError: no such method, or what is given is of no use to those that are compared.
            WeightsError, FileError: weights of one's own that cannot be loaded.
        """
        for name in self.detectors:
            detection.get(name, **self._of_detector(name))
        for name in self.fillers:
            if not (references and name in REFERENCED):
                gan.get(name, **self._of_filler(name))
        if references and self.fillers and not set(self.fillers) & set(REFERENCED):
            raise UsageError(
                f"--reference with the fillers {', '.join(self.fillers)}",
                f"one that uses other dates: {' or '.join(REFERENCED)}",
                "add it, or leave --reference out",
            )
        wanted: tuple[tuple[str, tuple[str, ...], Path | None, tuple[str, ...]], ...] = (
            ("--weights", detection.NETWORKS, self.weights, self.detectors),
            ("--fill-weights", ("gan",), self.fill_weights, self.fillers),
        )
        for option, readers, given, names in wanted:
            if given and names and not set(readers) & set(names):
                any_of = " or ".join(readers)
                raise UsageError(
                    f"{option} without {any_of}", f"{any_of} among those that are compared",
                    f"add {readers[0]}, or leave {option} out",
                )  # fmt: skip
        if self.weights:
            load_model(self.weights)
        if self.fill_weights:
            gan.get("gan", weights=self.fill_weights)
        known = [*(self.detectors or detection.names()), *([TRUTH] if truth_mask else [])]
        if self.mask_by is not None and self.mask_by not in known:
            raise UsageError(
                f"--mask-by {self.mask_by}", f"one of {', '.join(known)}", "correct the name"
            )

    def _of_detector(self, name: str) -> dict[str, Any]:
        return {"weights": self.weights} if self.weights and name in detection.NETWORKS else {}

    def _of_filler(self, name: str) -> dict[str, Any]:
        return filler_settings(name, self.seed, self.fill_weights if name == "gan" else None)


@dataclass(frozen=True)
class Comparison:
    """What `compare` found."""

    tile: Tile
    truth: Truth
    masks: tuple[Outcome[CloudMask], ...]
    """As ``kumosan mask`` writes them: without specks, without a buffer."""
    hidden: CloudMask
    """What every filler was to fill."""
    hidden_by: str
    """Whose mask that is."""
    fills: tuple[Outcome[FilledTile], ...]
    settings: Settings = field(default_factory=Settings)

    @property
    def found(self) -> dict[str, CloudMask]:
        """Masks by detector, of those that gave one."""
        return {o.name: o.result for o in self.masks if o.result is not None}

    @property
    def filled(self) -> dict[str, FilledTile]:
        """Filled tiles by filler, of those that gave one."""
        return {o.name: o.result for o in self.fills if o.result is not None}


@thawed()
def compare(
    tile: Tile,
    settings: Settings,
    console: Console,
    truth: Truth | None = None,
    references: Mapping[str, Any] | None = None,
) -> Comparison:
    """Run all methods on one tile. One that fails or does not fit is told, and is not the end.

    Args:
        tile: the scene, or a part of it.
        settings: which methods.
        console: hears what is done.
        truth: what is known.
        references: settings of fillers that use other dates (``references``, their masks).

    Raises:
        UnfitError: no detector gave a mask and there is no true one: nothing can be filled.
    """
    truth = truth or Truth()
    masks = tuple(
        _detect(tile, name, settings, console) for name in settings.detectors or detection.names()
    )
    hidden, by = _hidden(masks, truth, settings.mask_by)
    fills = tuple(
        _fill(tile, hidden, name, settings, console, references or {})
        for name in settings.fillers or gan.names()
    )
    return Comparison(tile, truth, masks, hidden, by, fills, settings)


def _detect(tile: Tile, name: str, settings: Settings, console: Console) -> Outcome[CloudMask]:
    def ready() -> Callable[[Tile], CloudMask]:
        detector = detection.get(name, **settings._of_detector(name))
        detection.check(detector, tile)

        def mask(tile: Tile) -> CloudMask:
            found = detector.mask(tile)
            found.check_grid(tile)
            return clean_up(found, tile.gsd_m)

        with suppress(Exception):  # libraries are loaded before the clock starts
            mask(_corner(tile))
        return mask

    return _tried(name, f"masking ({name})", ready, (tile,), tile, console)


def _fill(
    tile: Tile,
    hidden: CloudMask,
    name: str,
    settings: Settings,
    console: Console,
    references: Mapping[str, Any],
) -> Outcome[FilledTile]:
    def ready() -> Callable[[Tile, CloudMask], FilledTile]:
        more = references if name in REFERENCED else {}
        filler = gan.get(name, **settings._of_filler(name), **more)
        with suppress(Exception):  # libraries are loaded before the clock starts
            corner = _corner(tile)
            hole = np.zeros(corner.shape, np.uint8)
            hole[8:12, 8:12] = THICK
            filler.fill(corner, CloudMask.like(corner, hole))
        return filler.fill

    return _tried(name, f"filling ({name})", ready, (tile, hidden), tile, console)


def _tried(
    name: str,
    told: str,
    ready: Callable[[], Callable[..., T]],
    given: tuple[Any, ...],
    tile: Tile,
    console: Console,
) -> Outcome[T]:
    """``ready()(*given)``, measured without what makes it ready; or why it did not come to be."""
    try:
        work = ready()
        with console.phase(told, tile.data[0].size):
            done = measured(lambda: work(*given))
    except UnfitError as error:
        console.explain(f"{name} does not fit: {error.got}")
        return Outcome(name, reason=f"{error.got}; expected {error.expected}")
    except KumosanError as error:
        console.explain(f"{name} is left out: {error}")
        return Outcome(name, reason=str(error))
    except Exception as error:  # a plug-in's or a peer's bug is no reason to lose the others
        console.warn(f"{name} failed: {type(error).__name__}: {error}")
        return Outcome(name, reason=f"failed with {type(error).__name__}: {error}")
    return Outcome(name, done.result, done.seconds, done.memory_mb)


def _hidden(
    masks: Sequence[Outcome[CloudMask]], truth: Truth, by: str | None
) -> tuple[CloudMask, str]:
    """The mask that is filled, and whose it is."""
    found = {o.name: o.result for o in masks if o.result is not None}
    if truth.mask is not None and by in (None, TRUTH):
        return truth.mask, TRUTH
    chosen = by or next(iter(found), "")
    if chosen in found:
        mask = found[chosen]
        return replace(mask, classes=buffer(mask.classes, BUFFER_PX)), chosen
    why = "; ".join(f"{o.name}: {o.reason}" for o in masks if by in (None, o.name))
    raise UnfitError(
        f"no mask of {by or 'any detector'} ({why})",
        "a mask that says what is to be filled",
        "name a detector that fits with --mask-by, or give a true mask with --truth",
    )


def _corner(tile: Tile) -> Tile:
    """A small part of a tile."""
    part = (slice(None), slice(0, _WARM_PX), slice(0, _WARM_PX))
    quality = tile.quality
    if quality is not None:
        quality = replace(quality, codes=quality.codes[part[1:]])
    return replace(tile, data=tile.data[part], stored=None, quality=quality)
