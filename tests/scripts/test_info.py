"""``kumosan info`` on a scene of which some bands are not used and some pixels are empty."""

import json
from functools import partial

import numpy as np
import pytest
import rasterio
from affine import Affine

from kumosan.datasets.scene import Scene

from .running import run as kumosan

NM = (490, 560, 665, 1400)


run = partial(kumosan, "info")


@pytest.fixture
def scene(tmp_path):
    """600 x 40 pixels of 30 m in four bands and a mask layer; 60 of the 600 rows are empty."""
    data = np.full((5, 600, 40), 1500, np.uint16)
    data[:, 540:] = 0
    path = tmp_path / "scene.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=5, height=600, width=40, dtype="uint16", nodata=0,
        crs="EPSG:32633", transform=Affine(30, 0, 400_000, 0, -30, 5_000_000),
    ) as ds:  # fmt: skip
        ds.write(data)
        ds.scales, ds.offsets = (1e-4,) * 5, (0.0,) * 5
        ds.descriptions = (*(f"HC_{nm}" for nm in NM), "CLM")
        for i, nm in enumerate(NM, 1):
            bad = {"bbl": "0"} if nm == 1400 else {}
            ds.update_tags(i, wavelength=str(nm), wavelength_units="nm", **bad)
    return path


def test_the_valid_area_is_that_of_the_rows_that_hold_numbers(scene):
    told = json.loads(run(scene, "--json").stdout)
    assert told["valid_percent"] == pytest.approx(90)  # 540 of 600 rows
    assert told["valid_km2"] == pytest.approx(540 * 40 * 900 / 1e6)
    assert [b["kind"] for b in told["bands"]] == ["reflective"] * 3 + ["other"] * 2


def test_bands_that_nobody_uses_are_named_with_the_reason(scene):
    text = run(scene).stdout
    assert "bands not used   HC_1400: listed as bad\n" in text
    assert "bands not used   CLM: not spectral\n" in text


def test_no_more_than_a_pixel_is_decoded(scene, monkeypatch):
    read, sizes = Scene.read, []

    def spy(self, window=None, bands=None):
        height, width = self.shape if window is None else (window.height, window.width)
        sizes.append(height * width)
        return read(self, window, bands)

    monkeypatch.setattr(Scene, "read", spy)
    assert run(scene).exit_code == 0
    assert sizes == [1]


def test_max_pixels_refuses_a_larger_scene(scene):
    samples = 600 * 40 * 5
    assert run(scene, "--max-pixels", samples).exit_code == 0
    done = run(scene, "--max-pixels", samples - 1)
    assert done.exit_code == 3
    assert "--max-pixels" in done.stderr and done.stderr.count("\n") == 1


def test_progress_is_told_by_rows(scene, monkeypatch):
    from kumosan.scripts import console

    ticks = iter(range(0, 10_000, 11))  # every look at the clock is 11 s later
    monkeypatch.setattr(console.time, "perf_counter", lambda: next(ticks))
    lines = run(scene, "--log-format", "json").stderr.splitlines()
    rows = [(e["done"], e["total"]) for e in map(json.loads, lines) if "done" in e]
    assert rows == [(512, 600), (600, 600)]
