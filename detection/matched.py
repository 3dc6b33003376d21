"""Labels of shadows, checked against the image: where do the drawn clouds fall on dark ground?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..datasets.bands import NIR, SWIR1
from ..datasets.labelled import LabelledTile
from ..datasets.tile import CLEAR, NODATA, SHADOW, THICK, THIN, BoolArray, FloatArray
from .fmask_shadow import cast_shadow, potential_shadow

_WATER_NIR, _WATER_SWIR1 = 0.05, 0.03
"""Reflectance that water stays below, which is dark without any shadow: land in shadow is brighter
in one of the two."""
_BRIGHT = 0.92
"""Share of the median near infrared of clear ground from which on ground is in no shadow."""


def with_matched_shadows(item: LabelledTile) -> LabelledTile:
    """The tile, its label of shadows completed, or doubted where it cannot be right.

    Fmask's matching (`fmask_shadow.cast_shadow`) tells which dark ground the drawn clouds shade;
    with clouds that a person drew it is more reliable than with those that a rule found.

    - Where nobody drew shadows, matched ground becomes shadow, other dark basins 255, and the rest
      is clear indeed.
    - Where shadows were drawn, the drawing counts, and pixels on which it cannot be right become
      255: drawn shadow as bright as clear ground (drawings are often shifted or too large),
      and matched ground that was not drawn.

    A tile without near infrared or without drawn cloud is returned as it is.
    """
    nir, mask = item.tile.find(NIR), item.mask
    if mask is None or nir is None:
        return item
    classes = mask.classes
    clear, cloud = classes == CLEAR, (classes == THICK) | (classes == THIN)
    if not cloud.any() or not clear.any():
        return item
    land = clear & _land(item, nir)
    found = cast_shadow(item.tile, nir, cloud, land)
    changed = classes.copy()
    if SHADOW in item.labelled:
        changed[found | ((classes == SHADOW) & _bright(nir, clear & item.tile.valid))] = NODATA
    elif found.any():
        changed[potential_shadow(nir, land)] = NODATA
        changed[found] = SHADOW
        item = replace(item, labelled=item.labelled | {SHADOW})
    return replace(item, mask=replace(mask, classes=changed))


def _land(item: LabelledTile, nir: FloatArray) -> BoolArray:
    swir1 = item.tile.find(SWIR1)
    water = nir < _WATER_NIR
    if swir1 is not None:
        water &= swir1 < _WATER_SWIR1
    land: BoolArray = item.tile.valid & ~water
    return land


def _bright(nir: FloatArray, clear: BoolArray) -> BoolArray:
    out: BoolArray = nir > _BRIGHT * np.nanmedian(nir[clear])
    return out
