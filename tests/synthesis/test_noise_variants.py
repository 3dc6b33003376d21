"""Folds, tiles, backends and warps of the noise."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumosan.datasets.errors import MissingExtraError, UsageError, ValueRangeError
from kumosan.synthesis import warp
from kumosan.synthesis.perlin import fractal_noise, noise_grid
from kumosan.synthesis.warp import Field, WarpedPlane

FOLDS = ("none", "billow", "ridged")
PLACE = {"offset": (3.3, -4.4), "octaves": 4, "persistence": 0.6}


@pytest.mark.parametrize("repeat", [None, (3, 2)])
@pytest.mark.parametrize("fold", FOLDS)
def test_every_backend_draws_the_same(fold, repeat):
    pytest.importorskip("noise")
    settings = {**PLACE, "fold": fold, "repeat": repeat}
    ours = fractal_noise((20, 25), (7.0, 9.0), **settings)
    assert fractal_noise((20, 25), (7.0, 9.0), backend="noise", **settings) == pytest.approx(
        ours, abs=5e-5
    )


@pytest.mark.parametrize("repeat", [None, (3, 2)])
@pytest.mark.parametrize("fold", FOLDS)
def test_torch_draws_the_same_on_the_device(fold, repeat):
    import torch

    from kumosan.synthesis.perlin_torch import fractal_noise_torch

    settings = {**PLACE, "fold": fold, "repeat": repeat}
    drawn = fractal_noise_torch((33, 20), 6.5, device=torch.zeros(1).device, **settings)
    assert drawn.dtype == torch.float32 and tuple(drawn.shape) == (33, 20)
    assert drawn.numpy() == pytest.approx(fractal_noise((33, 20), 6.5, **settings), abs=2e-6)


@given(st.integers(1, 7), st.integers(1, 7), st.floats(-1e6, 1e6), st.sampled_from(FOLDS))
@settings(max_examples=30, deadline=None)
def test_tiles_have_no_seam(rows, cols, offset, fold):
    """Two periods of a field whose cells are 8 pixels: all four quarters are equal."""
    field = fractal_noise(
        (16 * rows, 16 * cols), 8.0, offset=(offset, -offset), octaves=3, fold=fold,
        repeat=(rows, cols),
    )  # fmt: skip
    quarter = field[: 8 * rows, : 8 * cols]
    assert np.tile(quarter, (2, 2)) == pytest.approx(field, abs=1e-5)


def test_folds_by_hand():
    plain = fractal_noise((8, 8), 5.0, offset=(0.3, 0.4), octaves=1)
    for fold, expected in (("billow", 2 * np.abs(plain) - 1), ("ridged", 1 - 2 * np.abs(plain))):
        found = fractal_noise((8, 8), 5.0, offset=(0.3, 0.4), octaves=1, fold=fold)
        assert found == pytest.approx(expected, abs=1e-6)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "noise", None)
    with pytest.raises(MissingExtraError, match=r"kumosan\[noise\]"):
        fractal_noise((4, 4), 2.0, backend="noise")


@pytest.mark.parametrize("wrong", [{"repeat": (0, 3)}, {"repeat": (2, 2), "lacunarity": 1.9}])
def test_impossible_tiles_are_refused(wrong):
    with pytest.raises(ValueRangeError, match="repeat"):
        fractal_noise((4, 4), 2.0, **wrong)


def test_unknown_backend_is_refused():
    with pytest.raises(UsageError, match="numpy or noise"):
        fractal_noise((4, 4), 2.0, backend="cuda")


def test_noise_grid_repeats():
    x = np.linspace(0.1, 2.9, 15)
    assert noise_grid(x + 3, x + 5, (5, 3)) == pytest.approx(noise_grid(x, x, (5, 3)), abs=1e-6)


def test_a_flat_plane_is_the_noise_itself():
    plane = WarpedPlane(12.0, heading_deg=90.0)  # along the rows: u = x, v = y
    found = plane.noise((3, 5, 20, 30), [Field(12.0, (1.0, 2.0), octaves=3)])
    expected = fractal_noise((20, 30), 12.0, octaves=3, offset=(1 + 3 / 12, 2 + 5 / 12))
    assert found == pytest.approx(expected, abs=1e-5)


def test_fields_add_up():
    plane = WarpedPlane(12.0, heading_deg=90.0)
    plain, ridged = Field(12.0, (1.0, 2.0)), Field(5.0, (7.0, 3.0), 4, 0.6, "ridged", 0.3)
    both = plane.noise((3, 5, 20, 30), [plain, ridged])
    apart = [plane.noise((3, 5, 20, 30), [one]) for one in (plain, ridged)]
    assert both == pytest.approx(apart[0] + apart[1], abs=1e-5)


def bent(reach: float = 0.3) -> WarpedPlane:
    drawn = WarpedPlane.drawn(np.random.default_rng(4), 60.0, reach)
    return replace(drawn, stretch=2.0, heading_deg=35.0)


def test_windows_of_a_bent_plane_agree():
    plane = bent()
    whole, part = plane.coordinates((0, 0, 80, 90)), plane.coordinates((17, 23, 40, 50))
    flat = WarpedPlane(60.0, stretch=2.0, heading_deg=35.0).coordinates((0, 0, 80, 90))
    for a, b, c, most in zip(whole, part, flat, (0.3 * 60 / 2, 0.3 * 60), strict=True):
        assert b == pytest.approx(a[17:57, 23:73], abs=1e-3)
        assert 0.2 * most < np.abs(a - c).max() <= most


def test_large_windows_are_drawn_in_blocks_without_a_seam(monkeypatch):
    plane, field = bent(), [Field(60.0, (1.0, 2.0))]
    whole = plane.noise((-3, 5, 70, 90), field)
    monkeypatch.setattr(warp, "BLOCK_PX", 32)
    assert plane.noise((-3, 5, 70, 90), field) == pytest.approx(whole, abs=1e-4)


@pytest.mark.parametrize("heading", [0.0, 45.0])
def test_a_scene_longer_than_opencv_reads_is_drawn(heading):
    """cv2.remap takes grids of up to 32767 pixels."""
    plane = replace(bent(), heading_deg=heading)
    assert np.isfinite(plane.noise((0, 0, 40_000, 2), [Field(60.0, (1.0, 2.0), octaves=1)])).all()
