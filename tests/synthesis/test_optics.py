"""Light in clouds and air, against numbers computed by hand."""

import itertools
from math import exp

import numpy as np
import pytest

from kumosan.datasets.bands import Band
from kumosan.synthesis import atmosphere, optics
from kumosan.synthesis.composite import cloudify
from kumosan.synthesis.shadows import shadow_factor

from .conftest import S2, flat, layer


def f32(*values):
    return np.array(values, np.float32)


def test_two_stream_reflectance():
    taus = f32(0, 1, 3, 5, 10, 20, 40)
    expected = [0, 0.15 / 2.15, 0.45 / 2.45, 0.75 / 2.75, 1.5 / 3.5, 3 / 5, 6 / 8]
    assert optics.reflectance(taus, 0.85) == pytest.approx(np.array(expected), rel=1e-6)


def test_angstrom_law():
    tau = optics.thickness_at(f32(0.5), 1100, 1.3)
    assert tau[0] == pytest.approx(0.5 * 2**-1.3)
    assert optics.thickness_at(f32(0.5), 1100, 0.0)[0] == 0.5


def test_transmittance_grows_with_wavelength_for_haze_and_is_grey_for_droplets():
    nm = [b.center_nm for b in S2]
    haze = [
        float(optics.transmittance(f32(0.5), w, layer(alpha=1.3, asymmetry=0.7))[0]) for w in nm
    ]
    grey = [float(optics.transmittance(f32(0.5), w, layer())[0]) for w in nm]
    assert all(a < b for a, b in itertools.pairwise(haze))
    assert len(set(grey)) == 1 and grey[0] == pytest.approx((2 / 2.075) ** 2)


def test_nothing_changes_without_cloud():
    zero = f32(0)
    assert optics.transmittance(zero, 550, layer())[0] == 1
    assert optics.sharpness(zero, 0.85)[0] == 1
    assert optics.cloud_reflectance(zero, 550, layer())[0] == 0
    assert optics.sun_transmittance(zero, layer())[0] == 1


@pytest.mark.parametrize("phase, swir1, swir2", [("water", 0.60, 0.45), ("ice", 0.30, 0.34)])
def test_clouds_are_darker_in_swir(phase, swir1, swir2):
    cloud = layer(phase=phase)
    visible = optics.cloud_reflectance(f32(20), 560, cloud)
    assert visible[0] == pytest.approx(0.6)
    assert optics.cloud_reflectance(f32(20), 1610, cloud) / visible == pytest.approx(swir1)
    assert optics.cloud_reflectance(f32(20), 2200, cloud) / visible == pytest.approx(swir2)


@pytest.mark.parametrize("phase", ["water", "ice"])
def test_larger_particles_are_darker_in_swir_only(phase):
    small, large = layer(phase=phase, absorption=0.6), layer(phase=phase, absorption=1.5)
    assert optics.whiteness(660, small) == optics.whiteness(660, large) == 1
    for nm in (1610, 2200):
        usual = optics.whiteness(nm, layer(phase=phase))
        assert optics.whiteness(nm, large) == pytest.approx(usual**1.5)
        assert optics.whiteness(nm, large) < usual < optics.whiteness(nm, small) < 1


def test_the_surface_blurs_before_it_vanishes():
    tau = f32(0, 0.5, 1, 2, 4, 8, 16)
    sharp = optics.sharpness(tau, 0.85)
    assert (np.diff(sharp) < 0).all() and (sharp > 0).all()
    assert sharp[2] == pytest.approx(exp(0.85**2 - 1) / (1 - 0.15 / 2.15), rel=1e-5)


def test_shadow_spectrum_table():
    """T_c = .1, tau_a = .1, sun zenith 40: the table of published formulas, two digits."""
    table = {492.7: 0.28, 559.9: 0.23, 664.6: 0.19, 832.8: 0.16, 1613.7: 0.12, 2202.4: 0.11}
    for nm, expected in table.items():
        assert float(shadow_factor(f32(0.1), nm, 40.0)[0]) == pytest.approx(expected, abs=0.006)


def test_rayleigh():
    assert atmosphere.rayleigh_thickness(550) == pytest.approx(0.0973, abs=3e-4)
    assert atmosphere.rayleigh_thickness(443) == pytest.approx(0.2357, abs=1e-3)
    # sun in the zenith: back-scatter, P = 3/4 * 2
    expected = atmosphere.rayleigh_thickness(550) * 1.5 / 4
    assert atmosphere.path_reflectance(550, 0.0) == pytest.approx(expected)


def test_vapour_hides_what_is_low():
    cirrus, vapour = Band("c", 1375, 30, kind="cirrus"), Band("v", 945, 20, kind="vapour")
    assert atmosphere.vapour_transmittance(cirrus, 0) == pytest.approx(exp(-10))
    assert atmosphere.vapour_transmittance(cirrus, 1000) < 0.01
    # the root of exp(-4.5): lines are saturated
    assert atmosphere.vapour_transmittance(cirrus, 9000) == pytest.approx(exp(-10 * exp(-2.25)))
    assert atmosphere.vapour_transmittance(cirrus, 0, 0.02) == pytest.approx(exp(-1))
    assert 0.3 < atmosphere.vapour_transmittance(vapour, 0) < 0.5
    assert atmosphere.vapour_transmittance(Band("r", 660, 30), 0) == 1


def test_ozone_takes_green_and_red_from_above_and_spares_the_infrared():
    """Air mass 1 / cos 60 + 1 = 3: exp(-3 * .031) at 560 nm."""
    assert atmosphere.ozone_transmittance(560, 60.0, "TOA") == pytest.approx(exp(-0.093))
    assert atmosphere.ozone_transmittance(560, 60.0, "SR") == 1
    assert atmosphere.ozone_transmittance(400, 60.0, "TOA") == 1
    assert atmosphere.ozone_transmittance(865, 60.0, "TOA") == 1


def test_a_cloud_is_redder_than_white_at_the_top_of_the_atmosphere_only():
    ratios = {}
    for level in ("TOA", "SR"):
        tile = flat(S2, 32, level=level)
        pair = cloudify(tile, layer(cover=1.0, tau_550=60.0, kind="stratus"))
        core = np.median(pair.cloudy.data, (1, 2))
        ratios[level] = float(core[S2.names.index("B8A")] / core[S2.names.index("B03")])
    m = 1 / 0.5**0.5 + 1
    assert ratios["TOA"] / ratios["SR"] == pytest.approx(exp(0.031 * m), abs=0.01)


def test_air_sends_more_light_back_in_the_blue_and_some_of_it_only():
    nm = (450, 560, 660, 860, 1610)
    shares = [atmosphere.spherical_albedo(n) for n in nm]
    assert shares == sorted(shares, reverse=True)
    assert 0.12 < shares[0] < 0.2 and shares[-1] < 0.02  # 6S: about .16 at 450 nm, clear air
