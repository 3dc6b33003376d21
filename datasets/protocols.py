"""The two protocols: nothing else is what a new method has to meet, and how it is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, Protocol, TypeVar, runtime_checkable

from .bands import BandSet
from .errors import UsageError
from .tile import CloudMask, FilledTile, Tile


@runtime_checkable
class Detector(Protocol):
    """Finds clouds and shadows. Rules, networks and suppliers' masks are detectors."""

    @property
    def bands(self) -> BandSet:
        """Windows of the bands that it cannot do without."""
        ...

    def mask(self, tile: Tile) -> CloudMask:
        """Classify every valid pixel. Raises UnfitError if the tile lacks what is needed."""
        ...


@runtime_checkable
class Filler(Protocol):
    """Fills what clouds hide. Regressions, inpainting, other dates and GANs are fillers."""

    @property
    def bands(self) -> BandSet:
        """Windows of the bands that it cannot do without."""
        ...

    def fill(self, tile: Tile, mask: CloudMask) -> FilledTile:
        """Replace contaminated pixels; every other value of ``tile.data`` stays as it is.

        What comes back is ``tile.data`` itself, where nothing was filled, or the caller's to
        change.
        """
        ...


@runtime_checkable
class Learner(Filler, Protocol):
    """A filler that learns from clear ground before it fills.

    Scenes that are too large to hold are filled window by window: such a filler is shown ground
    from all over the scene once, and what it returns fills all windows alike.
    """

    def learn(self, tile: Tile, mask: CloudMask) -> Filler:
        """What fills any part of the scene that ``tile`` shows ground of."""
        ...


def learnt(filler: Filler, tile: Tile, mask: CloudMask) -> Filler:
    """``filler`` after it has learnt from ``tile``, or itself if it does not learn."""
    return filler.learn(tile, mask) if isinstance(filler, Learner) else filler


T = TypeVar("T")


def available(builtin: Mapping[str, Callable[..., T]], group: str) -> dict[str, Callable[..., T]]:
    """The built-in factories and those that plug-ins register under the entry point ``group``."""
    found: dict[str, Callable[..., T]] = dict(builtin)
    for point in entry_points(group=group):
        found.setdefault(point.name, _Deferred(point.load))
    return found


def create(builtin: Mapping[str, Callable[..., T]], group: str, name: str, **settings: Any) -> T:
    """Make the method called ``name``.

    Raises:
        UsageError: there is no such method (the message lists those there are), or it has no
            such setting.
    """
    # Looking for plug-ins costs milliseconds, and none displaces a built-in method.
    found = builtin if name in builtin else available(builtin, group)
    kind = group.rsplit(".", 1)[-1].rstrip("s")
    if name not in found:
        raise UsageError(
            f"no {kind} called '{name}'", f"one of {', '.join(sorted(found))}", "correct the name"
        )
    try:
        return found[name](**settings)
    except TypeError as error:
        if not settings:
            raise
        raise UsageError(
            f"{kind} '{name}' with {', '.join(settings)}",
            "settings that it has",
            f"leave out what it does not have ({error})",
        ) from error


class _Deferred:
    """A factory whose module is imported on its first call."""

    def __init__(self, load: Callable[[], Callable[..., Any]]) -> None:
        self._load = load

    def __call__(self, **settings: Any) -> Any:
        return self._load()(**settings)
