"""Surface spectra: what every user of a spectral index expects of them."""

import numpy as np
import pytest

from kumosan.datasets.bands import Band, BandSet
from kumosan.datasets.errors import BandError
from kumosan.synthesis.spectra import GRID_NM, Endmember, endmembers, response, spectra

from .conftest import S2


def of(surface: str) -> dict[str, float]:
    return dict(zip(S2.names, spectra((surface,), S2)[:, 0].tolist(), strict=True))


def test_control_points_are_ascending_shares():
    for e in endmembers().values():
        assert np.all(np.diff(e.nm) > 0), e.name
        assert e.nm[0] <= 400 and e.nm[-1] >= 2500, e.name
        assert min(e.reflectance) > 0 and max(e.reflectance) < 1, e.name
        assert 250 < e.kelvin < 330, e.name


def test_curves_pass_their_points_without_overshoot():
    e = Endmember("step", (400, 500, 501, 900), (0.1, 0.1, 0.5, 0.5), 300)
    curve = e.at(GRID_NM)
    assert curve.min() == pytest.approx(0.1) and curve.max() == pytest.approx(0.5)
    assert e.at(np.array([380.0, 500.0, 2550.0])) == pytest.approx([0.1, 0.1, 0.5])


def test_response_is_a_gaussian_of_the_fwhm():
    row = response(BandSet((Band("x", 800, 100),)))[0]
    at = dict(zip(GRID_NM.tolist(), row.tolist(), strict=True))
    assert row.sum() == pytest.approx(1)
    assert at[850.0] / at[800.0] == pytest.approx(0.5)  # half of the maximum at half the width


def test_surfaces_look_as_they_should():
    crop, wood, water, snow = of("green_crop"), of("broadleaf"), of("clear_water"), of("snow")
    for plant in (crop, wood):
        assert 0.3 < plant["B08"] < 0.5 and 0.015 < plant["B04"] < 0.06
        assert 0.13 < plant["B11"] < 0.27
        assert plant["B03"] > plant["B02"] and plant["B03"] > plant["B04"]  # green
    assert water["B08"] < 0.05 and water["B11"] < 0.01
    assert snow["B03"] > 0.8 and snow["B11"] < 0.15
    soil = of("bright_soil")
    assert soil["B02"] < soil["B03"] < soil["B04"] < soil["B08"] < soil["B11"]


def test_every_band_set_is_served(bands):
    seen = spectra(tuple(endmembers()), bands)
    assert seen.shape == (len(bands), len(endmembers())) and seen.dtype == np.float32
    assert (seen > 0).all() and (seen < 1).all()


def test_thermal_is_kelvin_other_is_nan_and_beyond_is_refused():
    odd = BandSet((Band("t", 11000, 600, kind="thermal"), Band("o", 500, 1, kind="other")))
    seen = spectra(("snow", "asphalt"), odd)
    assert seen[0].tolist() == [269, 311] and np.isnan(seen[1]).all()
    with pytest.raises(BandError, match="380"):
        spectra(("snow",), BandSet((Band("x", 2900, 10),)))


def test_water_in_leaves_and_soil_darkens_the_short_wave_infrared():
    for series in (("lush_grass", "grass", "dry_grass"), ("wet_soil", "dark_soil", "bright_soil"),
                   ("green_crop", "stressed_crop", "dry_crop")):  # fmt: skip
        seen = [of(name) for name in series]
        for band in ("B11", "B12"):
            values = [s[band] for s in seen]
            assert values == sorted(values), (series, band)
    ice, snow = of("ice"), of("snow")
    assert ice["B8A"] < ice["B02"] and ice["B8A"] < snow["B8A"]
