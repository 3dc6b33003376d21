"""Numbers worked out by hand, and the same numbers from another implementation."""

import numpy as np
import pytest
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

from kumosan.datasets.bands import BLUE, NIR, RED, THERMAL, BandSet
from kumosan.datasets.errors import GridError
from kumosan.datasets.tile import CloudMask, Tile
from kumosan.gan.metrics import mae, psnr, reflectances, rmse, rmse_by_class, sam_deg

BANDS = BandSet((BLUE, NIR, THERMAL))
#                  clear thick thin shadow nodata
MASK = CloudMask(np.array([[0, 1, 2, 3, 255]], np.uint8))


def tile(blue, nir, kelvin=290.0):
    planes = [np.broadcast_to(np.asarray(v, np.float32), (1, 5)) for v in (blue, nir, kelvin)]
    return Tile(np.stack(planes), BANDS)


def test_rmse_by_class_by_hand():
    truth = tile(0.1, 0.3)
    # thick: errors .3 and .4; thin: 0 and .2; shadow: exact. Clear and nodata are far off.
    filled = tile([0.9, 0.4, 0.1, 0.1, 0.9], [0.9, 0.7, 0.5, 0.3, 0.9], kelvin=100.0)
    found = rmse_by_class(truth, filled, MASK)
    assert found["thick"] == pytest.approx(np.sqrt((0.09 + 0.16) / 2), abs=1e-7)
    assert found["thin"] == pytest.approx(np.sqrt(0.04 / 2), abs=1e-7)
    assert found["shadow"] == 0
    assert found["all"] == pytest.approx(np.sqrt((0.09 + 0.16 + 0.04) / 6), abs=1e-7)


def test_absent_class_is_nan():
    mask = CloudMask(np.array([[0, 0, 2, 2, 0]], np.uint8))
    found = rmse_by_class(tile(0.1, 0.3), tile(0.2, 0.3), mask)
    assert np.isnan(found["thick"]) and np.isnan(found["shadow"])
    assert found["thin"] == found["all"] == pytest.approx(np.sqrt(0.01 / 2), abs=1e-7)


def test_invalid_pixels_do_not_count():
    truth = tile([0.1, np.nan, 0.1, 0.1, 0.1], 0.3)
    filled = tile([0.1, 0.5, 0.2, np.nan, 0.1], 0.3)
    found = rmse_by_class(truth, filled, MASK)
    assert np.isnan(found["thick"]) and np.isnan(found["shadow"])
    assert found["all"] == pytest.approx(np.sqrt(0.01 / 2), abs=1e-7)


def test_mae_and_psnr_by_hand():
    a, b = np.zeros((2, 2)), np.array([[0.1, -0.1], [0.1, 0.1]])
    assert mae(a, b) == pytest.approx(0.1)
    assert psnr(a, b) == pytest.approx(20.0)
    assert psnr(a, a) == np.inf
    none = np.zeros((2, 0))
    assert np.isnan(
        [mae(none, none), rmse(none, none), psnr(none, none), sam_deg(none, none)]
    ).all()


def test_spectral_angle_by_hand():
    a = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    b = np.array([[0.0, 2.0, 1.0], [1.0, 2.0, 1.0]])
    # 90 degrees, 0 degrees (only brighter), and a black pixel that has no angle.
    assert sam_deg(a, b) == pytest.approx(45.0, abs=1e-6)


def test_agrees_with_scikit_image():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 4, 50))
    assert rmse(a, b) ** 2 == pytest.approx(mean_squared_error(a, b))
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=1))


def test_other_grids_and_bands_are_refused():
    truth = tile(0.1, 0.3)
    other = Tile(truth.data, BandSet((BLUE, RED, THERMAL)))
    with pytest.raises(GridError, match="bands"):
        rmse_by_class(truth, other, MASK)
    with pytest.raises(GridError, match="mask"):
        rmse_by_class(truth, truth, CloudMask(np.zeros((2, 2), np.uint8)))
    with pytest.raises(GridError, match="choice"):
        reflectances(truth, truth, np.ones((2, 2), bool))
