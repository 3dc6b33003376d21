"""Planes computed from the canonical bands that a network may get beside them.

An experiment switch: normalised differences, and masks of two rules. All work on torch tensors
(n, band, y, x) of reflectance, with ``present`` (n, band); where a band is lacking they are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..datasets.bands import BandSet

if TYPE_CHECKING:
    from torch import Tensor

_LEAST = 0.01
"""Added to denominators: keeps the noise of dark pixels small."""


def ndvi(red: Tensor, nir: Tensor) -> Tensor:
    """Vegetation, Rouse et al. 1974."""
    return (nir - red) / (nir + red).clamp(min=_LEAST)


def ndwi(green: Tensor, nir: Tensor) -> Tensor:
    """Water, McFeeters 1996."""
    return (green - nir) / (green + nir).clamp(min=_LEAST)


def ndsi(green: Tensor, swir1: Tensor) -> Tensor:
    """Snow, Hall et al. 1995."""
    return (green - swir1) / (green + swir1).clamp(min=_LEAST)


def braaten(green: Tensor, red: Tensor) -> Tensor:
    """Cloud by Braaten et al. 2015 (see `braaten.Braaten`), 0 or 1."""
    return (((green > 0.175) & (green > red)) | (green > 0.39)).to(green.dtype)


FEATURES: dict[str, tuple[tuple[str, ...], Callable[..., Tensor]]] = {
    "ndvi": (("red", "nir"), ndvi),
    "ndwi": (("green", "nir"), ndwi),
    "ndsi": (("green", "swir1"), ndsi),
    "braaten": (("green", "red"), braaten),
}
"""Name -> (names of the canonical bands, function of their planes)."""


def features(image: Tensor, present: Tensor, bands: BandSet, names: tuple[str, ...]) -> Tensor:
    """(n, len(names), y, x) planes; 0 in samples that lack one of a feature's bands."""
    import torch

    planes = []
    for name in names:
        needed, function = FEATURES[name]
        places = [bands.names.index(band) for band in needed]
        there = present[:, places].prod(dim=1)[:, None, None]
        planes.append(function(*(image[:, i] for i in places)) * there)
    return torch.stack(planes, dim=1)
