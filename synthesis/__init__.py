"""Clouds and shadows painted on clear tiles: a clear Tile goes in, a CloudyPair comes out.

Names are loaded on first use, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..datasets.pair import CloudParams, CloudyPair
    from .composite import cloudify, cloudify_all
    from .demo import demo_pair
    from .landscape import landscape
    from .perlin import fractal_noise
    from .presets import PRESETS, CloudPreset, sample_clouds
    from .sampler import CloudSampler
    from .spectra import endmembers, spectra

__all__ = [
    "PRESETS",
    "CloudParams",
    "CloudPreset",
    "CloudSampler",
    "CloudyPair",
    "cloudify",
    "cloudify_all",
    "demo_pair",
    "endmembers",
    "fractal_noise",
    "landscape",
    "sample_clouds",
    "spectra",
]

_HOMES = {
    "CloudParams": "..datasets.pair",
    "CloudyPair": "..datasets.pair",
    "PRESETS": ".presets",
    "CloudPreset": ".presets",
    "CloudSampler": ".sampler",
    "cloudify": ".composite",
    "cloudify_all": ".composite",
    "demo_pair": ".demo",
    "endmembers": ".spectra",
    "fractal_noise": ".perlin",
    "landscape": ".landscape",
    "sample_clouds": ".presets",
    "spectra": ".spectra",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
