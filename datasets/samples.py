"""What a network is trained on: a crop in canonical bands, and everything known about it.

Canonical bands are wavelength windows: one order for every sensor. A window that the tile has
no band for is a plane of zeros with ``present`` False.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import nan

import numpy as np

from .bands import BLUE, CIRRUS, GREEN, NIR, RED, SWIR1, SWIR2, THERMAL, BandSet
from .errors import UnfitError
from .labelled import ALL_CLASSES, meanings
from .tile import NODATA, BoolArray, ByteArray, CloudMask, FloatArray, Tile

CANONICAL_BANDS = BandSet((BLUE, GREEN, RED, NIR, SWIR1, SWIR2, CIRRUS))
"""What one model for many sensors reads."""
WITH_THERMAL = BandSet((*CANONICAL_BANDS, THERMAL))
"""What a segmenter reads that was trained to look at temperature too: cloud over snow is cold."""
UNKNOWN_K = 280.0
"""Stands for a temperature that nobody measured, in an image that has some."""


@dataclass(frozen=True)
class Sample:
    """One crop in NumPy; augmentations return a changed copy, the arrays are never shared."""

    image: FloatArray
    """(band, y, x) float32 reflectance, kelvin in a thermal band; 0 where ``valid`` or ``present``
    is False."""
    valid: BoolArray
    """(y, x) bool."""
    present: BoolArray
    """(band,) bool: the tile has this band."""
    bands: BandSet
    """The windows that the planes stand for."""
    mask: ByteArray | None = None
    """(y, x) uint8 classes, 255 where nothing may be learnt."""
    target: FloatArray | None = None
    """(band, y, x) float32: the image without clouds."""
    prior: FloatArray | None = None
    """(band, y, x) float32: a first guess of ``target``; made after all augmentations. Two guesses
    one after the other, (2 band, y, x); behind them may come a plane of errors for each."""
    meanings: BoolArray = field(default_factory=lambda: meanings(ALL_CLASSES))
    """(4, 4) bool: which classes a code of ``mask`` may stand for (see `labelled.meanings`)."""
    gsd_m: float = nan
    """Pixel size in metres, NaN where unknown."""
    sun_azimuth_deg: float = nan
    """Direction of the sun, degrees clockwise from the top of the crop, NaN where unknown."""


Augmentation = Callable[[Sample, np.random.Generator], Sample]
"""A small object that changes a sample; all its chance comes from the generator."""


def sample_of(
    tile: Tile,
    bands: BandSet,
    *,
    mask: CloudMask | None = None,
    target: Tile | None = None,
    labelled: frozenset[int] = ALL_CLASSES,
) -> Sample:
    """The sample of a tile: its bands in canonical order, invalid pixels 0 and not to learn from.

    A thermal band does not decide what is valid; its gaps become UNKNOWN_K.

    Args:
        tile: reflectance.
        bands: the canonical windows.
        mask: classes on the tile's grid.
        target: the tile without clouds, same bands and grid.
        labelled: classes that the mask's makers drew.

    Raises:
        UnfitError: no window has a band in the tile.
    """
    found = [tile.bands.find(w) for w in bands]
    places = [(slot, i) for slot, i in enumerate(found) if i is not None]
    if not places:
        raise UnfitError(
            f"{tile.path or 'a tile'} with bands {', '.join(tile.bands.names)}",
            f"at least one of {', '.join(bands.names)}",
            "leave it out of this data set",
        )
    valid = np.ones(tile.shape, bool)
    for slot, i in places:
        if bands[slot].kind == "thermal":
            continue
        valid &= np.isfinite(tile.data[i])
        if target is not None:
            valid &= np.isfinite(target.data[i])
    planes = []
    for source in (tile, target):
        if source is None:
            continue
        plane = np.zeros((len(bands), *tile.shape), np.float32)
        for slot, i in places:
            seen = source.data[i]
            seen = temperature(seen) if bands[slot].kind == "thermal" else seen
            np.copyto(plane[slot], seen, where=valid)
        planes.append(plane)
    azimuth = tile.acquired.sun_azimuth_deg
    gsd_m = tile.gsd_m
    return Sample(
        image=planes[0],
        valid=valid,
        present=np.array([i is not None for i in found]),
        bands=bands,
        mask=None if mask is None else np.where(valid, mask.classes, NODATA).astype(np.uint8),
        target=planes[1] if target is not None else None,
        meanings=meanings(labelled),
        gsd_m=nan if gsd_m is None else gsd_m,
        sun_azimuth_deg=nan if azimuth is None else azimuth,
    )


def temperature(kelvin: FloatArray) -> FloatArray:
    """``kelvin`` (y, x) with UNKNOWN_K in its gaps; what is read by windows must not differ."""
    return np.where(kelvin > 0, kelvin, np.float32(UNKNOWN_K))


def cleaned(sample: Sample) -> Sample:
    """``sample`` after its changes: zeros, and 255 in the mask, wherever nothing is known.

    Works in place on the arrays of ``sample``.
    """
    lost = ~sample.valid
    for planes in (sample.image, sample.target):
        if planes is not None:
            planes[~sample.present] = 0
            if lost.any():
                planes[:, lost] = 0
    if sample.mask is not None:
        sample.mask[lost] = NODATA
    return sample
