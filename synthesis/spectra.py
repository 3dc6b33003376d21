"""Reflectance spectra of surfaces (``endmembers.toml``), seen through the bands of any sensor."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from ..datasets.bands import BandSet
from ..datasets.errors import BandError
from ..datasets.tile import FloatArray

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - Python 3.10
    import tomli as tomllib

GRID_NM: NDArray[np.float64] = np.arange(380.0, 2551.0)
"""(2171,) wavelengths on which spectra are tabulated; constant beyond their control points."""


@dataclass(frozen=True)
class Endmember:
    """A surface that scenes are mixed from."""

    name: str
    nm: tuple[float, ...]
    """Ascending wavelengths of the control points, nanometres."""
    reflectance: tuple[float, ...]
    """Reflectance at the control points."""
    kelvin: float
    """Daytime temperature, for thermal bands."""

    def at(self, nm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Reflectance at ``nm``: monotone cubic between control points (PCHIP: no overshoot)."""
        from scipy.interpolate import PchipInterpolator

        curve = PchipInterpolator(self.nm, self.reflectance)
        return np.asarray(curve(np.clip(nm, self.nm[0], self.nm[-1])), np.float64)


@cache
def endmembers() -> Mapping[str, Endmember]:
    """All surfaces by name."""
    text = files(__package__).joinpath("endmembers.toml").read_text("utf-8")
    table = {}
    for name, row in tomllib.loads(text).items():
        nm, reflectance = zip(*row["points"], strict=True)
        table[name] = Endmember(name, nm, reflectance, float(row["kelvin"]))
    return table


def response(bands: BandSet) -> NDArray[np.float64]:
    """(band, wavelength) weights on GRID_NM: Gaussians of each band's FWHM, sum 1.

    Bands without a spectral response here (thermal, kind ``other``) get a row of zeros.

    Raises:
        BandError: a reflective band outside 380-2550 nm.
    """
    weights = np.zeros((len(bands), GRID_NM.size))
    for i, band in enumerate(bands):
        if band.kind in ("thermal", "other"):
            continue
        if not GRID_NM[0] <= band.center_nm <= GRID_NM[-1]:
            raise BandError(
                f"band {band} of kind {band.kind}",
                f"a centre between {GRID_NM[0]:g} and {GRID_NM[-1]:g} nm",
                "leave that band out, or correct its wavelength",
            )
        sigma = max(band.fwhm_nm, 1.0) / (2 * sqrt(2 * log(2)))
        weights[i] = np.exp(-0.5 * ((GRID_NM - band.center_nm) / sigma) ** 2)
        weights[i] /= weights[i].sum()
    return weights


def spectra(names: tuple[str, ...], bands: BandSet) -> FloatArray:
    """What a sensor sees of pure surfaces.

    Args:
        names: endmembers, keys of ``endmembers()``.
        bands: the sensor's bands; any number between 380 and 2550 nm, and thermal ones.

    Returns:
        (band, name) float32: reflectance; kelvin in thermal bands; NaN in bands of kind
        ``other``, which show no spectrum.
    """
    table = endmembers()
    curves = np.stack([table[name].at(GRID_NM) for name in names], axis=1)
    seen = response(bands) @ curves
    for i, band in enumerate(bands):
        if band.kind == "thermal":
            seen[i] = [table[name].kelvin for name in names]
        elif band.kind == "other":
            seen[i] = np.nan
    return seen.astype(np.float32)
