"""What the air does to sunlight: scattering towards the sensor, sky light, vapour, ozone.

Closed formulas for one clear mid-latitude atmosphere, exact enough to paint with; no
replacement for a radiative transfer code.
"""

from __future__ import annotations

from functools import lru_cache
from math import cos, exp, radians

import numpy as np

from ..datasets.bands import Band

AEROSOL_550 = 0.1
"""Aerosol optical thickness of clear air at 550 nm."""
AEROSOL_ALPHA = 1.3
"""Its Angstrom exponent (continental haze)."""
VAPOUR_CM = 2.0
"""Water vapour above the sea where a tile does not tell, as a layer of water: mid-latitudes."""
VAPOUR_SCALE_M = 2000.0
"""Height in which water vapour falls to 1/e."""
_VAPOUR = {"vapour": 0.9, "cirrus": 10.0}
# Two-way absorption by ``VAPOUR_CM`` of water vapour, by band kind: about .4 is left at 945 nm
# and nothing at 1375 nm (Gao et al. 1993, Geophys. Res. Lett. 20).
_OZONE_NM = (420, 450, 482, 520, 560, 600, 655, 700, 750, 800, 850)
_OZONE = (0.0, 0.001, 0.006, 0.014, 0.031, 0.0385, 0.020, 0.007, 0.003, 0.001, 0.0)
# Vertical optical thickness of 300 Dobson units, the Chappuis bands smoothed to the width of an
# imager's: cross-sections of Gorshelev et al. 2014, Atmos. Meas. Tech. 7, times 8.07e18 per cm2.


def rayleigh_thickness(nm: float) -> float:
    """Optical thickness of the air's molecules at sea level (Hansen & Travis 1974, eq. 2.30)."""
    um = nm / 1000.0
    return 0.008569 / um**4 * (1 + 0.0113 / um**2 + 0.00013 / um**4)


def aerosol_thickness(nm: float) -> float:
    """Optical thickness of clear air's aerosol (Angstrom's law)."""
    return float(AEROSOL_550 * (nm / 550.0) ** -AEROSOL_ALPHA)


def path_reflectance(nm: float, sun_zenith_deg: float) -> float:
    """Reflectance of the molecules alone, seen from the zenith, single scattering.

    rho = tau_R * P(Theta) / (4 mu_s mu_v) with the Rayleigh phase function
    P = 3/4 (1 + cos^2 Theta), Theta = 180 deg - sun zenith (Vermote et al. 1997, 6S, sec. II).
    It is what makes a top-of-atmosphere image bluish.
    """
    mu = cos(radians(sun_zenith_deg))
    return rayleigh_thickness(nm) * 0.75 * (1 + mu * mu) / (4 * mu)


@lru_cache(maxsize=4096)
def sunlight(nm: float, sun_zenith_deg: float) -> tuple[float, float]:
    """Direct and diffuse light on the ground, as shares of the light above the air.

    Direct light falls by exp(-m (tau_R + tau_a)), m = 1 / cos(sun zenith). Of what is taken
    out, half of the molecules' part and three quarters of the aerosol's comes down as sky light
    (forward shares of the two phase functions).
    """
    m = 1 / cos(radians(sun_zenith_deg))
    molecules, aerosol = exp(-m * rayleigh_thickness(nm)), exp(-m * aerosol_thickness(nm))
    return molecules * aerosol, 0.5 * (1 - molecules) + 0.75 * molecules * (1 - aerosol)


def spherical_albedo(nm: float) -> float:
    """Share of the light leaving the ground in all directions that the air sends back down.

    What `sunlight` takes out and does not let through, along the mean path of diffuse light,
    5/3 of the vertical (Elsasser 1942). Over ground of reflectance rho light goes to and fro:
    1 / (1 - S rho) times as much arrives (Vermote et al. 1997, 6S, sec. I), a fifth more in
    the blue over snow, nothing over water.
    """
    molecules = exp(-5 / 3 * rayleigh_thickness(nm))
    aerosol = exp(-5 / 3 * aerosol_thickness(nm))
    return 0.5 * (1 - molecules) + 0.25 * molecules * (1 - aerosol)


def vapour_transmittance(band: Band, height_m: float, vapour_cm: float | None = None) -> float:
    """Two-way transmittance of the water vapour above ``height_m`` in ``band``.

    1 for bands outside the absorption bands (by kind). The vapour above a height falls as
    exp(-height / 2 km). In the cirrus band its lines are saturated and absorb as the root of its
    amount (strong-line limit, Goody & Yung 1989, ch. 4): low cloud is dark there, high cloud is
    seen, and even the highest keeps no more than half of its light. Over the dry air of an ice
    sheet (half a millimetre of water) a quarter of the light comes back from the ground itself.

    Args:
        band: what is looked through.
        height_m: above the ground.
        vapour_cm: above the ground, as a layer of water; None takes ``VAPOUR_CM``.
    """
    path = exp(-height_m / VAPOUR_SCALE_M) * (VAPOUR_CM if vapour_cm is None else vapour_cm)
    path /= VAPOUR_CM
    return exp(-_VAPOUR.get(band.kind, 0.0) * (path**0.5 if band.kind == "cirrus" else path))


def ozone_transmittance(nm: float, sun_zenith_deg: float, level: str | None) -> float:
    """Two-way transmittance of the ozone, which lies above all clouds; 1 unless ``level`` is TOA.

    exp(-m tau), m = 1 / cos(sun zenith) + 1, seen from the zenith. It takes up to 9 % of the
    green and red under a high sun and nothing of the infrared. Surface reflectance is corrected
    for it, clouds in it too.
    """
    if level != "TOA":
        return 1.0
    m = 1 / cos(radians(sun_zenith_deg)) + 1
    return exp(-m * _ozone_thickness(nm))


@lru_cache(maxsize=4096)
def _ozone_thickness(nm: float) -> float:
    return float(np.interp(nm, _OZONE_NM, _OZONE))
