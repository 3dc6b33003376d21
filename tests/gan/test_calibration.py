"""Ninety per cent intervals: what they are, and that their share is counted rightly."""

import numpy as np
import pytest

from kumosan.datasets.bands import BLUE, NIR, BandSet
from kumosan.datasets.errors import GridError
from kumosan.datasets.tile import OBSERVED, SHADOW, SPECTRAL, THIN, FilledTile, Tile
from kumosan.gan.calibration import Z90, coverage, half_width
from kumosan.gan.relation import HALF_TRUST, confidence, expected_error, least_confidence

BANDS = BandSet((BLUE, NIR))


def filled(error, sure):
    """A row of pixels filled with errors (n,) in both bands, and their confidence."""
    truth = Tile(np.full((2, 1, len(error)), 0.2, np.float32), BANDS)
    data = truth.data + np.asarray(error, np.float32)
    provenance = np.full((1, len(error)), SPECTRAL, np.uint8)
    return truth, FilledTile(truth.with_data(data), provenance, np.float32([sure]))


def test_confidence_and_error_are_each_other():
    error = np.float32([0, 0.01, HALF_TRUST, 1])
    assert confidence(error)[2] == 0.5
    np.testing.assert_allclose(expected_error(confidence(error)), error, atol=1e-6)
    np.testing.assert_allclose(half_width(confidence(error)), Z90 * error, rtol=1e-5, atol=1e-6)


def test_normal_errors_of_the_promised_size_are_covered():
    rng = np.random.default_rng(0)
    expected = rng.uniform(0.005, 0.1, 20_000).astype(np.float32)
    truth, done = filled(rng.normal(0, 1, 20_000) * expected, confidence(expected))
    assert coverage(truth, done) == pytest.approx(0.9, abs=0.01)


def test_only_filled_pixels_count():
    truth, done = filled([0.5, 0.001, 0.001], [0.9, 0.9, 0.9])
    assert coverage(truth, done) == pytest.approx(2 / 3)
    done.provenance[0, 0] = OBSERVED
    assert coverage(truth, done) == 1
    done.provenance[:] = OBSERVED
    assert np.isnan(coverage(truth, done))


def test_other_bands_are_refused():
    truth, done = filled([0.1], [0.5])
    with pytest.raises(GridError):
        coverage(Tile(truth.data[:1], BANDS[:1]), done)


def test_shadow_is_left_at_half_the_confidence_of_cloud():
    classes = np.array([THIN, SHADOW], np.uint8)
    np.testing.assert_allclose(least_confidence(classes, 0.4), [0.4, 0.2])
