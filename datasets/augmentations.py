"""Augmentations by name, as configurations write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .augment import Affine, Coarsen, FlipNorthSouth, FlipRotate
from .configuration import with_tuples
from .errors import UsageError
from .radiometry import BandDropout, LightingGradient, ReflectanceJitter, SensorNoise
from .samples import Augmentation

AUGMENTATIONS: dict[str, Callable[..., Augmentation]] = {
    "flip": FlipNorthSouth,
    "turn": FlipRotate,
    "affine": Affine,
    "coarsen": Coarsen,
    "jitter": ReflectanceJitter,
    "lighting": LightingGradient,
    "noise": SensorNoise,
    "dropout": BandDropout,
}
"""By name. ``turn`` and ``affine`` lose the sun in the east."""


def augmentations(wanted: dict[str, dict[str, Any]]) -> tuple[Augmentation, ...]:
    """Augmentations by name with their settings.

    Raises:
        UsageError: there is no such augmentation, or it has no such setting.
    """
    out = []
    for name, settings in wanted.items():
        if name not in AUGMENTATIONS:
            raise UsageError(
                f"augmentation '{name}'", f"one of {', '.join(AUGMENTATIONS)}", "correct [augment]"
            )
        try:
            out.append(AUGMENTATIONS[name](**with_tuples(settings)))
        except TypeError as error:
            raise UsageError(
                f"augmentation '{name}' ({error})", "its own settings", "correct [augment]"
            ) from error
    return tuple(out)
