"""Numbers worked out by hand, and the same numbers from another implementation."""

import numpy as np
import pytest
from skimage.metrics import (
    mean_squared_error,
    peak_signal_noise_ratio,
    structural_similarity,
)

from kumosan.datasets.bands import BLUE, NIR, RED, THERMAL, BandSet
from kumosan.datasets.errors import GridError
from kumosan.datasets.tile import CloudMask, Tile
from kumosan.datasets.vision import torchvision
from kumosan.gan.metrics import (
    MEASURES,
    VIEWS,
    ergas,
    mae,
    mae_by_band,
    measures_by_class,
    ndvi_error,
    psnr,
    reflectances,
    rmse,
    rmse_by_band,
    rmse_by_class,
    sam_deg,
    ssim_map,
)

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


def test_errors_by_band_by_hand():
    a = np.array([[0.1, 0.1], [0.4, 0.4]])
    b = np.array([[0.2, 0.2], [0.4, 0.8]])
    np.testing.assert_allclose(mae_by_band(a, b), [0.1, 0.2])
    np.testing.assert_allclose(rmse_by_band(a, b), [0.1, np.sqrt(0.08)])
    # Shares 1 and sqrt(.08) / .4 of the means.
    assert ergas(a, b) == pytest.approx(100 * np.sqrt((1 + 0.5) / 2))
    assert np.isnan(rmse_by_band(a[:, :0], b[:, :0])).all() and np.isnan(ergas(a * 0, b))


def test_ndvi_error_by_hand():
    truth = np.array([[0.1, 0.2, 0.0], [0.3, 0.2, 0.0]])  # NDVI .5, 0, none
    made = np.array([[0.2, 0.1, 0.1], [0.2, 0.3, 0.1]])  # 0, .5, 0
    assert ndvi_error(truth, made) == pytest.approx(0.5)
    assert np.isnan(ndvi_error(truth[:, 2:], made[:, 2:]))


def pair(seed=0, side=24):
    rng = np.random.default_rng(seed)
    bands = BandSet((BLUE, RED, NIR))
    data = rng.uniform(0.1, 0.6, (3, side, side)).astype(np.float32)
    noise = rng.normal(0, 0.05, data.shape).astype(np.float32)
    return Tile(data, bands), Tile(data + noise, bands)


def test_similarity_agrees_with_scikit_image():
    truth, made = pair()
    inner = ssim_map(truth, made)[5:-5, 5:-5].mean()  # it leaves out the border in its mean
    expected = structural_similarity(
        truth.data.astype(float), made.data.astype(float), channel_axis=0, data_range=1,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    assert inner == pytest.approx(expected, abs=1e-9)
    assert (ssim_map(truth, truth) == 1).all()
    small = Tile(truth.data[:, :10, :10], truth.bands)
    assert np.isnan(ssim_map(small, small)).all()


def test_agrees_with_torchmetrics():
    torchvision()  # its cure must come before torchmetrics, which imports it
    pytest.importorskip("torchmetrics", reason="comes with lightning (extra 'train')")
    import torch
    from torchmetrics.functional import image

    truth, made = pair()
    a, b = (torch.from_numpy(t.data.astype(np.float64))[None] for t in (made, truth))
    x, y = reflectances(truth, made, np.ones(truth.shape, bool))
    assert ergas(x, y) == pytest.approx(
        image.error_relative_global_dimensionless_synthesis(a, b, ratio=1).item(), rel=1e-6
    )
    angle = image.spectral_angle_mapper(a, b).item()
    assert sam_deg(x, y) == pytest.approx(np.degrees(angle), rel=1e-6)
    assert psnr(x, y) == pytest.approx(
        image.peak_signal_noise_ratio(a, b, data_range=1.0).item(), rel=1e-6
    )
    _, similar = image.structural_similarity_index_measure(
        a, b, data_range=1.0, return_full_image=True
    )
    inner = (slice(5, -5), slice(5, -5))  # borders are continued in another way there
    np.testing.assert_allclose(ssim_map(truth, made)[inner], similar[0].mean(0)[inner], rtol=1e-9)


def test_measures_by_class_are_of_that_class():
    truth, made = pair()
    classes = np.zeros(truth.shape, np.uint8)
    classes[:8], classes[8:16] = 1, 3
    data = np.where(classes > 0, made.data, truth.data)
    found = measures_by_class(truth, truth.with_data(data), CloudMask(classes))
    assert list(found) == list(VIEWS) and all(list(f) == list(MEASURES) for f in found.values())
    assert found["clear"]["rmse"] == found["clear"]["ndvi"] == found["clear"]["ergas"] == 0
    assert found["clear"]["psnr"] == np.inf
    assert all(np.isnan(v) for v in found["thin"].values())
    for name, code in (("thick", 1), ("shadow", 3)):
        x, y = reflectances(truth, made, classes == code)
        assert found[name]["rmse"] == rmse(x, y) and found[name]["sam_deg"] == sam_deg(x, y)
        assert found[name]["ndvi"] == pytest.approx(ndvi_error(x[1:], y[1:]))
    assert found["thick"]["ssim"] < 0.99


def test_without_red_there_is_no_index():
    found = measures_by_class(tile(0.1, 0.3), tile(0.2, 0.3), MASK)
    assert np.isnan(found["all"]["ndvi"]) and found["all"]["rmse"] > 0
