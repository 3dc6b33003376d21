"""What was under the cloud: fillers."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from ..datasets.protocols import Filler, available, create

__all__ = ["DATED", "FILLERS", "get", "names"]


def _lazy(module: str, factory: str) -> Callable[..., Filler]:
    """A factory whose module (and its heavy imports) is loaded on the first call."""

    def make(**settings: Any) -> Filler:
        return cast(Filler, getattr(import_module(module, __name__), factory)(**settings))

    make.__name__ = factory
    return make


FILLERS: dict[str, Callable[..., Filler]] = {
    "auto": _lazy(".cascade", "Cascade"),
    "auto-far": _lazy(".cascade", "everywhere"),
    "adaptive": _lazy(".adaptive", "Adaptive"),
    "regression": _lazy(".regression", "Regression"),
    "idw": _lazy(".weighted", "InverseDistance"),
    "idw-far": _lazy(".weighted", "far"),
    "identity": _lazy(".identity", "Identity"),
    "nearest": _lazy(".weighted", "Nearest"),
    "telea": _lazy(".inpaint", "Telea"),
    "navier-stokes": _lazy(".inpaint", "NavierStokes"),
    "biharmonic": _lazy(".inpaint", "Biharmonic"),
    "dark-object": _lazy(".dark_object", "DarkObject"),
    "hot": _lazy(".haze_transform", "HazeTransform"),
    "dark-channel": _lazy(".dark_channel", "DarkChannel"),
    "homomorphic": _lazy(".homomorphic", "Homomorphic"),
    "cirrus": _lazy(".cirrus", "CirrusCorrection"),
    "temporal": _lazy(".temporal", "Temporal"),
    "least-cloudy": _lazy(".temporal", "LeastCloudy"),
    "median": _lazy(".temporal", "Median"),
    "spectral-fit": _lazy(".spectral_fit", "ClosestSpectralFit"),
    "nspi": _lazy(".nspi", "NeighbourhoodSimilarPixels"),
    "gan": _lazy(".network_filler", "NetworkFiller"),
}
"""Built-in fillers by name; the settings are the fields of the dataclass that is made."""

DATED = ("temporal", "least-cloudy", "median", "spectral-fit", "nspi")
"""Those that need ``references``; ``auto`` and ``auto-far`` take them too."""


GROUP = "kumosan.fillers"
"""Entry points of plug-ins."""


def names() -> list[str]:
    """All fillers: the built-in ones in their order, then plug-ins."""
    return [*FILLERS, *sorted(set(available(FILLERS, GROUP)) - set(FILLERS))]


def get(name: str, **settings: Any) -> Filler:
    """The filler called ``name``, built-in or from a plug-in (entry point ``kumosan.fillers``).

    Args:
        name: a key of FILLERS or of a plug-in.
        settings: fields of that filler, for example ``get("telea", max_distance_m=300)``.

    Raises:
        UsageError: there is no such filler, or one of DATED without references.
    """
    return create(FILLERS, GROUP, name, **settings)
