"""How far a filled tile is from the truth, in reflectance, told apart by what was hidden.

A metric over the whole image hides the cloud: every number here is of chosen pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import GridError
from ..datasets.tile import SHADOW, THICK, THIN, BoolArray, CloudMask, Tile

CLASSES: dict[str, tuple[int, ...]] = {
    "all": (THICK, THIN, SHADOW),
    "thick": (THICK,),
    "thin": (THIN,),
    "shadow": (SHADOW,),
}
"""Mask classes whose pixels a score is taken over."""

Spectra = NDArray[np.float64]
"""(band, n) reflectance of n pixels, float64 so that sums of millions of squares stay exact."""


def rmse_by_class(truth: Tile, filled: Tile, mask: CloudMask) -> dict[str, float]:
    """Root mean square error of reflectance over all reflective bands, by mask class.

    Args:
        truth: the scene without clouds.
        filled: the result, with the same bands on the same grid.
        mask: what was cloudy; pixels that are nodata in any of the three do not count.

    Returns:
        One number for each key of CLASSES; NaN where the class is absent.

    Raises:
        GridError: the three do not share bands and grid.
    """
    mask.check_grid(truth)
    return {
        name: rmse(*reflectances(truth, filled, np.isin(mask.classes, codes)))
        for name, codes in CLASSES.items()
    }


def reflectances(truth: Tile, filled: Tile, where: BoolArray) -> tuple[Spectra, Spectra]:
    """(band, n) values of both tiles in the reflective bands, at the pixels of ``where``.

    Args:
        where: (y, x) bool; pixels that are not valid in both tiles are left out.

    Raises:
        GridError: the tiles differ in bands or shape, or ``where`` has another shape.
    """
    if truth.shape != filled.shape or truth.bands.names != filled.bands.names:
        raise GridError(
            f"a filled tile of {len(filled.bands)} bands and shape {filled.shape}",
            f"the truth's {len(truth.bands)} bands and shape {truth.shape}",
            "compare tiles of one scene",
        )
    if where.shape != truth.shape:
        raise GridError(
            f"a choice of pixels of shape {where.shape}", f"{truth.shape}", "use the tiles' grid"
        )
    bands = [i for i, b in enumerate(truth.bands) if b.kind == "reflective"]
    chosen = where & truth.valid & filled.valid
    return (
        truth.data[bands][:, chosen].astype(np.float64),
        filled.data[bands][:, chosen].astype(np.float64),
    )


def rmse(truth: Spectra, filled: Spectra) -> float:
    """Root mean square error over all bands and pixels; NaN without pixels."""
    return float(np.sqrt(np.mean((filled - truth) ** 2))) if truth.size else float("nan")


def mae(truth: Spectra, filled: Spectra) -> float:
    """Mean absolute error over all bands and pixels; NaN without pixels."""
    return float(np.mean(np.abs(filled - truth))) if truth.size else float("nan")


def psnr(truth: Spectra, filled: Spectra) -> float:
    """Peak signal-to-noise ratio 20 log10(1 / RMSE) in dB, the peak being reflectance 1.

    Infinite where both agree, NaN without pixels.
    """
    error = rmse(truth, filled)
    return float("inf") if error == 0 else float(-20 * np.log10(error))


def sam_deg(truth: Spectra, filled: Spectra) -> float:
    """Mean spectral angle in degrees, arccos(a.b / (|a| |b|)); blind to brightness.

    Pixels whose spectrum is zero in either have no angle and are left out; NaN without pixels.

    Source: Kruse et al. (1993), The spectral image processing system (SIPS), Remote Sens.
    Environ. 44, equation 2.
    """
    lengths = np.linalg.norm(truth, axis=0) * np.linalg.norm(filled, axis=0)
    known = lengths > 0
    if not known.any():
        return float("nan")
    cosine = (truth * filled).sum(axis=0)[known] / lengths[known]
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean())
