"""Augmentation: stated ranges, many bands, image and target alike, chance from the generator."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumosan.datasets.augment import Affine, Coarsen, FlipRotate
from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, SWIR1, THERMAL, BandSet
from kumosan.datasets.errors import ValueRangeError
from kumosan.datasets.radiometry import (
    BandDropout,
    LightingGradient,
    ReflectanceJitter,
    SensorNoise,
)
from kumosan.datasets.samples import CANONICAL_BANDS, Sample

BANDS = BandSet((BLUE, GREEN, RED, NIR, SWIR1, THERMAL))


def sample(size=32, bands=BANDS, seed=0, **more) -> Sample:
    rng = np.random.default_rng(seed)
    image = rng.random((len(bands), size, size), np.float32)
    return Sample(
        image=image,
        valid=np.ones((size, size), bool),
        present=np.ones(len(bands), bool),
        bands=bands,
        mask=rng.integers(0, 4, (size, size)).astype(np.uint8),
        target=image + np.float32(0.5),
        gsd_m=20.0,
        sun_azimuth_deg=30.0,
    ) if not more else replace(sample(size, bands, seed), **more)  # fmt: skip


ALL = (
    FlipRotate(), Affine(share=1), Coarsen(share=1), Coarsen(share=1, bands_apart=True),
    ReflectanceJitter(), SensorNoise(sigma=(0.001, 0.002)), BandDropout(share=1),
    LightingGradient((0.05, 0.1)),
)  # fmt: skip


@pytest.mark.parametrize("change", ALL, ids=repr)
@pytest.mark.parametrize("bands", [BANDS, CANONICAL_BANDS], ids=len)
def test_every_augmentation(change, bands):
    """Same generator, same result; the input is not touched; image and target stay in step."""
    s = sample(bands=bands)
    before = s.image.copy(), s.mask.copy(), s.target.copy()
    one, two = (change(s, np.random.default_rng(3)) for _ in range(2))
    for name in ("image", "target", "mask", "valid", "present"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    for old, new in zip(before, (s.image, s.mask, s.target), strict=True):
        np.testing.assert_array_equal(old, new)
    assert one.image.dtype == np.float32 and one.image.shape == s.image.shape
    assert one.mask.dtype == np.uint8 and one.valid.dtype == bool
    alone = change(replace(s, target=None, mask=None), np.random.default_rng(3))
    np.testing.assert_array_equal(alone.image, one.image)  # chance does not hang on the rest
    assert alone.target is None and alone.mask is None


def test_flips_and_turns_are_the_eight_of_the_square():
    s = sample(4)
    seen = {FlipRotate()(s, np.random.default_rng(i)).image.tobytes() for i in range(200)}
    assert len(seen) == 8


@given(st.integers(0, 10_000))
def test_the_sun_turns_with_the_picture(seed):
    """A bright pixel on the side of the sun stays on the side of the sun."""
    size = 9
    image = np.zeros((6, size, size), np.float32)
    image[:, 4, 8] = 1  # east of the centre: azimuth 90
    s = sample(size, image=image, target=None, sun_azimuth_deg=90.0)
    out = FlipRotate()(s, np.random.default_rng(seed))
    y, x = np.argwhere(out.image[0] == 1)[0] - 4
    assert np.rad2deg(np.arctan2(x, -y)) % 360 == pytest.approx(out.sun_azimuth_deg % 360)


@pytest.mark.parametrize("angle", [-40.0, 25.0])
def test_the_sun_turns_with_a_free_rotation(angle):
    image = np.zeros((6, 41, 41), np.float32)
    image[:, 20, 35] = 1
    s = sample(41, image=image, sun_azimuth_deg=90.0)
    out = Affine(1.0, (angle, angle), (1.0, 1.0), (0.0, 0.0))(s, np.random.default_rng(0))
    y, x = np.array(np.unravel_index(out.image[0].argmax(), (41, 41))) - 20
    assert np.rad2deg(np.arctan2(x, -y)) % 360 == pytest.approx(out.sun_azimuth_deg, abs=3)


def test_a_free_change_does_not_invent_ground():
    s = sample(64)
    out = Affine(1.0, (30, 30), (0.8, 0.8), (0, 0))(s, np.random.default_rng(0))
    assert not out.valid[0, 0] and out.valid[32, 32]
    assert (out.mask[0, :3] == 255).all()
    assert out.gsd_m == pytest.approx(25)
    assert set(np.unique(out.mask)) <= {0, 1, 2, 3, 255}
    inside = out.valid
    np.testing.assert_allclose((out.target - out.image)[:, inside], 0.5, atol=1e-5)


def test_share_zero_changes_nothing():
    s = sample()
    for change in (Affine(share=0), Coarsen(share=0), BandDropout(share=0)):
        assert change(s, np.random.default_rng(1)) is s


def test_coarsening_averages():
    """Pixels of 40 m on a 20 m grid: blocks of 2 x 2, interpolated back."""
    s = sample(8, image=np.tile(np.float32([0, 1]), (6, 8, 4)))
    out = Coarsen(1.0, (40.0, 40.0))(s, np.random.default_rng(0))
    np.testing.assert_allclose(out.image, 0.5)
    same = Coarsen(1.0, (10.0, 20.0))(s, np.random.default_rng(0))
    np.testing.assert_array_equal(same.image, s.image)  # nothing finer is made


def test_the_jitter_follows_its_formula_and_ranges():
    one = ReflectanceJitter((2, 2), (1, 1), (0.1, 0.1), (0, 0), (0.5, 0.5), (6, 6))
    s = sample()
    out = one(s, np.random.default_rng(0))
    for i, nm in enumerate((482, 560, 657, 842, 1610)):
        want = s.image[i] * 2 * (1 + 0.5 * (nm / 1000 - 1)) + 0.1
        np.testing.assert_allclose(out.image[i], want, rtol=1e-5)
    np.testing.assert_array_equal(out.image[5], s.image[5] + np.float32(6))  # thermal
    gains = [
        ReflectanceJitter(offset=(0, 0), band_offset=(0, 0), slope=(0, 0))(
            s, np.random.default_rng(i)
        ).image[0, 0, 0] / s.image[0, 0, 0]
        for i in range(300)
    ]  # fmt: skip
    assert 0.85 * 0.95 <= min(gains) < 0.87 and 1.13 < max(gains) <= 1.15 * 1.05


def test_clear_pixels_stay_equal_in_image_and_target():
    s = sample(target=sample().image.copy())
    for change in (ReflectanceJitter(), LightingGradient((0.1, 0.1)), BandDropout(1.0)):
        out = change(s, np.random.default_rng(2))
        np.testing.assert_array_equal(out.image, out.target)


def test_noise_has_its_deviation_and_spares_the_target():
    s = sample(128)
    out = SensorNoise((0.01, 0.01))(s, np.random.default_rng(0))
    deviation = (out.image - s.image).std(axis=(1, 2))
    np.testing.assert_allclose(deviation[:5], 0.01, rtol=0.03)
    assert deviation[5] == 0
    np.testing.assert_array_equal(out.target, s.target)


def test_band_dropout_keeps_a_triple_and_reaches_every_size():
    s = sample()
    counts = set()
    for i in range(300):
        out = BandDropout(1.0)(s, np.random.default_rng(i))
        counts.add(int(out.present.sum()))
        assert out.present[[0, 1, 2]].all() or out.present[[1, 2, 3]].all()
        assert not out.image[~out.present].any() and not out.target[~out.present].any()
        np.testing.assert_array_equal(out.image[out.present], s.image[out.present])
    assert counts == {3, 4, 5, 6}
    rgb = replace(s, present=np.array([1, 1, 1, 0, 0, 0], bool))
    assert BandDropout(1.0)(rgb, np.random.default_rng(0)).present.tolist() == rgb.present.tolist()
    nir = replace(s, present=np.array([0, 0, 0, 1, 1, 0], bool))
    assert BandDropout(1.0)(nir, np.random.default_rng(0)) is nir


@pytest.mark.parametrize(
    "make",
    [
        lambda: Affine(share=1.5),
        lambda: Affine(scale=(0, 1)),
        lambda: Coarsen(gsd_m=(60, 10)),
        lambda: ReflectanceJitter(gain=(-1, 1)),
        lambda: SensorNoise((0, float("inf"))),
        lambda: BandDropout(-0.1),
        lambda: LightingGradient((0, 1)),
    ],
)
def test_ranges_that_make_no_sense(make):
    with pytest.raises(ValueRangeError):
        make()
