"""How far a filled tile is from the truth, in reflectance, told apart by what was hidden.

A metric over the whole image hides the cloud: every number here is of chosen pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.bands import NIR, RED
from ..datasets.errors import GridError
from ..datasets.tile import CLEAR, SHADOW, THICK, THIN, BoolArray, CloudMask, Tile

CLASSES: dict[str, tuple[int, ...]] = {
    "all": (THICK, THIN, SHADOW),
    "thick": (THICK,),
    "thin": (THIN,),
    "shadow": (SHADOW,),
}
"""Mask classes whose pixels a score is taken over."""
VIEWS: dict[str, tuple[int, ...]] = CLASSES | {"clear": (CLEAR,)}
"""The same, and the clear pixels, whose error has to be exactly 0."""
MEASURES = ("rmse", "mae", "psnr", "ssim", "sam_deg", "ergas", "ndvi")
"""Names of what `measures_by_class` gives."""
_SSIM_PX = 11

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


def measures_by_class(truth: Tile, filled: Tile, mask: CloudMask) -> dict[str, dict[str, float]]:
    """All of MEASURES for all of VIEWS; NaN where a class is absent or a band is lacking.

    Args:
        truth: the scene without clouds.
        filled: the result, with the same bands on the same grid.
        mask: what was cloudy; pixels that are nodata in any of the three do not count.

    Raises:
        GridError: the three do not share bands and grid.
    """
    mask.check_grid(truth)
    alike = ssim_map(truth, filled)
    red, nir = (truth.bands.find(window) for window in (RED, NIR))
    out = {}
    for name, codes in VIEWS.items():
        where = np.isin(mask.classes, codes) & truth.valid & filled.valid
        true, made = reflectances(truth, filled, where)
        out[name] = {
            "rmse": rmse(true, made),
            "mae": mae(true, made),
            "psnr": psnr(true, made),
            "ssim": float(np.mean(alike[where])) if where.any() else float("nan"),
            "sam_deg": sam_deg(true, made),
            "ergas": ergas(true, made),
            "ndvi": float("nan"),
        }
        if red is not None and nir is not None:
            both = [np.stack([t.data[i][where] for i in (red, nir)]) for t in (truth, filled)]
            out[name]["ndvi"] = ndvi_error(*(b.astype(np.float64) for b in both))
    return out


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
    at = np.flatnonzero(chosen)

    def spectra(tile: Tile) -> Spectra:
        values = [tile.data[i].ravel()[at] for i in bands]
        return np.array(values, np.float64).reshape(len(bands), at.size)

    return spectra(truth), spectra(filled)


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


def rmse_by_band(truth: Spectra, filled: Spectra) -> NDArray[np.float64]:
    """(band,) root mean square errors; NaN without pixels."""
    if not truth.size:
        return np.full(len(truth), np.nan)
    return np.asarray(np.sqrt(np.mean((filled - truth) ** 2, axis=1)))


def mae_by_band(truth: Spectra, filled: Spectra) -> NDArray[np.float64]:
    """(band,) mean absolute errors; NaN without pixels."""
    if not truth.size:
        return np.full(len(truth), np.nan)
    return np.asarray(np.mean(np.abs(filled - truth), axis=1))


def ergas(truth: Spectra, filled: Spectra, ratio: float = 1.0) -> float:
    """Relative error over all bands, 100 / ratio * sqrt(mean((RMSE_b / mean_b)^2)), in percent.

    Bands whose true mean is not above 0 are left out; NaN without pixels or bands.

    Source: Wald (2000), Quality of high resolution synthesised images: is there a simple
    criterion?, Fusion of Earth Data. ``ratio`` is that of the pixel sizes there, 1 for fills.
    """
    if not truth.size:
        return float("nan")
    level = truth.mean(axis=1)
    known = level > 0
    if not known.any():
        return float("nan")
    share = rmse_by_band(truth, filled)[known] / level[known]
    return float(100 / ratio * np.sqrt(np.mean(share**2)))


def ndvi_error(truth: Spectra, filled: Spectra) -> float:
    """Root mean square error of NDVI = (nir - red) / (nir + red); NaN without pixels.

    Args:
        truth: (2, n) red and near infrared reflectance; pixels with a sum of 0 have no NDVI.
        filled: likewise.
    """

    def ndvi(pair: Spectra) -> NDArray[np.float64]:
        total = pair.sum(axis=0)
        return np.where(total > 0, (pair[1] - pair[0]) / np.where(total > 0, total, 1), np.nan)

    off = ndvi(filled) - ndvi(truth)
    off = off[np.isfinite(off)]
    return float(np.sqrt(np.mean(off**2))) if off.size else float("nan")


def ssim_map(truth: Tile, filled: Tile) -> NDArray[np.float64]:
    """(y, x) structural similarity, the mean over the reflective bands; reflectance 1 is the range.

    Its mean over chosen pixels is their masked SSIM. Windows of 11 pixels weighted by a Gaussian
    of 1.5; tiles that are smaller give NaN. Pixels that are not valid in both count as equal.

    Source: Wang, Bovik, Sheikh, Simoncelli (2004), Image quality assessment, IEEE Trans. Image
    Process. 13.
    """
    from skimage import metrics

    compare: Any = metrics.structural_similarity  # not typed there
    bands = [i for i, b in enumerate(truth.bands) if b.kind == "reflective"]
    if min(truth.shape) < _SSIM_PX or not bands:
        return np.full(truth.shape, np.nan)
    both = truth.valid & filled.valid
    total = np.zeros(truth.shape)
    for i in bands:
        planes = (np.where(both, t.data[i], 0).astype(np.float64) for t in (truth, filled))
        settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        total += compare(*planes, data_range=1, full=True, **settings)[1]
    return total / len(bands)
