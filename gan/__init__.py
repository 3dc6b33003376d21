"""What was under the cloud: fillers."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from ..datasets.protocols import Filler, create

__all__ = ["FILLERS", "get"]


def _lazy(module: str, factory: str) -> Callable[..., Filler]:
    """A factory whose module (and its heavy imports) is loaded on the first call."""

    def make(**settings: Any) -> Filler:
        return cast(Filler, getattr(import_module(module, __name__), factory)(**settings))

    make.__name__ = factory
    return make


FILLERS: dict[str, Callable[..., Filler]] = {
    "auto": _lazy(".cascade", "Cascade"),
    "adaptive": _lazy(".adaptive", "Adaptive"),
    "regression": _lazy(".regression", "Regression"),
    "identity": _lazy(".identity", "Identity"),
    "idw": _lazy(".weighted", "InverseDistance"),
    "telea": _lazy(".inpaint", "Telea"),
    "biharmonic": _lazy(".inpaint", "Biharmonic"),
    "temporal": _lazy(".temporal", "Temporal"),
    "gan": _lazy(".network_filler", "NetworkFiller"),
}
"""Built-in fillers by name; the settings are the fields of the dataclass that is made."""


def get(name: str, **settings: Any) -> Filler:
    """The filler called ``name``, built-in or from a plug-in (entry point ``kumosan.fillers``).

    Args:
        name: a key of FILLERS or of a plug-in.
        settings: fields of that filler, for example ``get("telea", max_distance_m=300)``.

    Raises:
        UsageError: there is no such filler, or ``temporal`` without references.
    """
    return create(FILLERS, "kumosan.fillers", name, **settings)
