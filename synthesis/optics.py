"""Light in one layer of cloud: what it reflects, lets through, and how dark it is in SWIR."""

from __future__ import annotations

from functools import lru_cache
from math import cos, radians

import numpy as np

from ..datasets.pair import CloudParams
from ..datasets.tile import FloatArray

_SWIR = {
    "water": ((1000, 1250, 1610, 1800, 2200, 2500), (1.0, 0.95, 0.60, 0.55, 0.45, 0.38)),
    "ice": ((900, 1250, 1375, 1500, 1610, 1900, 2200, 2500),
            (1.0, 0.78, 0.66, 0.27, 0.30, 0.16, 0.34, 0.10)),
    "aerosol": ((1000, 2500), (1.0, 1.0)),
}  # fmt: skip
# Reflectance over that in the visible: droplets and crystals absorb beyond 1 um, crystals and
# large ones most. Rounded from the curves of Nakajima & King (1990) and Dozier (1989); ice at
# 2.2 um is as in the Landsat 8 clouds of split ``train``, where it is 1.15 times that at 1.6 um
# (ice absorbs about as much at both: Warren & Brandt 2008, J. Geophys. Res. 113).


def thickness_at(tau_550: FloatArray, nm: float, alpha: float) -> FloatArray:
    """Optical thickness at ``nm``: tau_550 * (nm / 550)^-alpha (Angstrom's law)."""
    return tau_550 * np.float32((nm / 550.0) ** -alpha)


def reflectance(tau: FloatArray, asymmetry: float) -> FloatArray:
    """Reflectance of a layer that does not absorb, (1-g) tau / (2 + (1-g) tau).

    Conservative two-stream solution, e.g. Bohren (1987, Am. J. Phys. 55, eq. 14). The rest
    passes, mostly scattered.
    """
    scaled = np.float32(1 - asymmetry) * tau
    return np.asarray(scaled / (2 + scaled), np.float32)


def sharpness(tau: FloatArray, asymmetry: float) -> FloatArray:
    """Share of the light passing upwards that still forms an image of the surface.

    The forward peak f = g^2 counts as unscattered (delta-Eddington, Joseph et al. 1976), so
    exp(-(1-f) tau) goes straight; the rest of what passes shows only the surroundings' mean.
    """
    straight = np.exp(np.float32(asymmetry**2 - 1) * tau)
    return np.asarray(straight / (1 - reflectance(tau, asymmetry)), np.float32)


def transmittance(tau_550: FloatArray, nm: float, layer: CloudParams) -> FloatArray:
    """Two-way transmittance t of the layer at ``nm``: (1 - R)^2, sun to ground to sensor.

    Args:
        tau_550: optical thickness at 550 nm, any shape.
        nm: wavelength in nanometres.
        layer: the cloud.
    """
    passed = 1 - reflectance(thickness_at(tau_550, nm, layer.alpha), layer.asymmetry)
    return passed * passed


def cloud_reflectance(tau_550: FloatArray, nm: float, layer: CloudParams) -> FloatArray:
    """The layer's own reflectance at ``nm``, darker in the short-wave infrared by its phase."""
    white = reflectance(thickness_at(tau_550, nm, layer.alpha), layer.asymmetry)
    return white * np.float32(whiteness(nm, layer))


def whiteness(nm: float, layer: CloudParams) -> float:
    """Reflectance of the layer at ``nm`` over that of one that does not absorb.

    The table's value to the power of ``absorption``: the logarithm of a thick cloud's reflectance
    falls with the root of what a particle absorbs, which grows with its radius (Twomey &
    Bohren 1980, J. Atmos. Sci. 37).
    """
    return float(_usual_whiteness(nm, layer.phase) ** layer.absorption)


@lru_cache(maxsize=4096)
def _usual_whiteness(nm: float, phase: str) -> float:
    return float(np.interp(nm, *_SWIR[phase]))


def sun_transmittance(tau_550: FloatArray, layer: CloudParams) -> FloatArray:
    """Share T_c of the direct sun that reaches the shadow of the layer, at 550 nm.

    Along the slant path tau / cos(sun zenith): the straight part, and of the scattered part
    what does not leave through the sides of a heap (``side_loss``).
    """
    slant = tau_550 / np.float32(cos(radians(layer.sun_zenith_deg)))
    straight = np.exp(np.float32(layer.asymmetry**2 - 1) * slant)
    scattered = 1 - reflectance(slant, layer.asymmetry) - straight
    return np.asarray(straight + np.float32(1 - layer.side_loss) * scattered, np.float32)
