"""Scenes too large to hold: `clean` and `fill` by windows, as by the whole; nothing half-done."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window
from rio_cogeo.cogeo import cog_validate
from scipy import ndimage

from kumosan.datasets import open_scene
from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, SWIR1, SWIR2, BandSet
from kumosan.datasets.coarse import averaged
from kumosan.datasets.encoding import Encoding
from kumosan.datasets.tile import Tile
from kumosan.datasets.write import write_tile
from kumosan.gan.windows import Cut
from kumosan.scripts import cleaning, windowed

from .running import answer, run

KINDS = ("mask", "clean", "provenance", "confidence")
BANDS = BandSet((BLUE, GREEN, RED, NIR, SWIR1, SWIR2))


def scene_at(path, shape=(300, 340)):
    rng = np.random.default_rng(4)
    ground = ndimage.gaussian_filter(rng.standard_normal(shape), 6)
    ground = 0.08 + 0.02 * ground / ground.std()
    data = np.stack([ground * k for k in (0.7, 0.9, 1.0, 3.0, 2.0, 1.4)])
    height = ndimage.gaussian_filter(rng.standard_normal(shape), 12)
    height /= height.std()
    data[:, height > 1.3] = 0.5
    data[:, :7, :9] = np.nan
    encoding = Encoding("uint16", (1e-4,), (0.0,), 0.0)
    stored = encoding.encode(data.astype(np.float32))
    write_tile(
        path,
        Tile(
            encoding.decode(stored), BANDS, Affine(20, 0, 5e5, 0, -20, 5e6), CRS.from_epsg(32633),
            encoding=encoding, stored=stored,
        ),
    )  # fmt: skip
    return path


def arrays(folder):
    return {k: rasterio.open(folder / f"s_{k}.tif").read() for k in KINDS}


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(Cut, "fitting", classmethod(lambda *_: Cut(128, 64, 16)))


def test_clean_by_windows_is_clean(tmp_path):
    scene = scene_at(tmp_path / "s.tif")
    words = ("clean", scene, "--detector", "hot", "--filler", "idw")
    held = answer(*words, "-o", tmp_path / "held")
    told = answer(*words, "-o", tmp_path / "windows", "--memory-gb", 0)
    assert told["filled"] == held["filled"] and told["cover"] == held["cover"]
    assert told["filled"]["spatial"] > 1000 and told["filled"]["unfillable"] > 100
    one, other = arrays(tmp_path / "held"), arrays(tmp_path / "windows")
    for kind in ("mask", "provenance", "confidence"):
        assert np.array_equal(one[kind], other[kind])
    clear = one["mask"][0] == 0
    source = rasterio.open(scene).read()
    assert other["clean"][:, clear].tobytes() == source[:, clear].tobytes()
    difference = np.abs(one["clean"].astype(int) - other["clean"])[:, ~clear]
    assert difference.mean() < 10  # 0.001 of reflectance: windows leave out other sources
    for kind in KINDS:
        a, b = (rasterio.open(tmp_path / n / f"s_{kind}.tif") for n in ("held", "windows"))
        assert a.profile == b.profile and a.descriptions == b.descriptions and a.units == b.units
        assert [a.tags(i) for i in a.indexes] == [b.tags(i) for i in b.indexes]
        assert a.tags() == b.tags() and a.colorinterp == b.colorinterp
        assert cog_validate(tmp_path / "windows" / f"s_{kind}.tif", strict=True)[0]
    items = [json.loads((tmp_path / n / "item.json").read_text()) for n in ("held", "windows")]
    assert items[0]["bbox"] == pytest.approx(items[1]["bbox"], abs=1e-5)
    assert items[0]["properties"] == items[1]["properties"]
    assert {p.name for p in (tmp_path / "windows").iterdir()} == {
        p.name for p in (tmp_path / "held").iterdir()
    }


def test_pictures_of_a_large_scene_are_of_its_averages(tmp_path, monkeypatch):
    """Before and after, by 4 x 4 pixels, gathered on the way."""
    monkeypatch.setattr(windowed, "MAX_WIDTH", 70)
    seen = []
    monkeypatch.setattr(cleaning, "write_quicklook", lambda path, *shown: seen.extend(shown))
    scene = scene_at(tmp_path / "s.tif")
    answer("clean", scene, "-o", tmp_path / "out", "--memory-gb", 0, "--detector", "hot")
    before, mask, filled = seen
    for shown, path in ((before, scene), (filled.tile, tmp_path / "out" / "s_clean.tif")):
        expected = averaged(open_scene(path), 4, [0, 1, 2])
        assert shown.bands.names == expected.bands.names and shown.grid == expected.grid
        np.testing.assert_allclose(shown.data, expected.data, atol=1e-4)
    assert mask.classes.shape == filled.provenance.shape == before.shape == (75, 85)
    assert (filled.provenance[mask.classes == 1] != 0).any()
    with rasterio.open(tmp_path / "out" / "s_confidence.tif") as file:
        percent = file.read(1, out_shape=before.shape)
    assert np.array_equal(np.rint(100 * filled.confidence[percent != 255]), percent[percent != 255])
    assert len(np.unique(percent)) > 10 and not filled.confidence[percent == 255].any()


def test_fill_by_windows_is_fill(tmp_path):
    scene = scene_at(tmp_path / "s.tif")
    answer("mask", scene, "-o", tmp_path / "m.tif", "--detector", "braaten")
    words = ("fill", scene, tmp_path / "m.tif", "--filler", "idw")
    held = answer(*words, "-o", tmp_path / "a.tif")
    told = answer(*words, "-o", tmp_path / "b.tif", "--memory-gb", 0)
    assert told["filled"] == held["filled"] and told["filled"]["spatial"] > 1000
    for end in ("_provenance.tif", "_confidence.tif"):
        a, b = (rasterio.open(tmp_path / f"{n}{end}").read() for n in "ab")
        assert np.array_equal(a, b)
    assert not list(tmp_path.glob(".kumosan-*"))


def test_a_mask_of_another_place_is_refused(tmp_path):
    scene = scene_at(tmp_path / "s.tif")
    answer("mask", scene_at(tmp_path / "t.tif", (300, 330)), "-o", tmp_path / "m.tif")
    done = run("fill", scene, tmp_path / "m.tif", "-o", tmp_path / "f.tif", "--memory-gb", 0)
    assert (done.exit_code == 3 and "grid" in done.stderr) or "330 x 300" in done.stderr
    assert not (tmp_path / "f.tif").exists()


def test_rules_see_a_coarser_scene_and_say_so(tmp_path, monkeypatch):
    scene = scene_at(tmp_path / "s.tif")
    monkeypatch.setattr(windowed, "WHOLE_SAMPLES", 300 * 340 * 6 // 4 + 1000)
    words = ("clean", scene, "--filler", "idw", "--detector", "fmask")
    held = answer(*words, "-o", tmp_path / "held")
    done = run(*words, "-o", tmp_path / "windows", "--memory-gb", 0)
    assert done.exit_code == 0 and "2 x 2" in done.stderr and "unet" in done.stderr
    one, other = (arrays(tmp_path / n)["mask"][0] for n in ("held", "windows"))
    assert ((one == 255) == (other == 255)).all()
    cloud, found = ((m == 1) | (m == 2) for m in (one, other))
    assert held["cover"]["thick_cloud"] > 3
    assert (found & cloud).sum() > 0.99 * cloud.sum()  # the buffer grows with the pixel
    grown = ndimage.binary_dilation(cloud, iterations=4)
    assert (found & ~grown).sum() < 0.01 * cloud.sum()


def test_references_are_refused(tmp_path):
    scene = scene_at(tmp_path / "s.tif")
    other = scene_at(tmp_path / "t.tif")
    done = run(
        "clean", scene, "--reference", other, "-o", tmp_path / "out", "--memory-gb", 0,
        "--detector", "hot",
    )  # fmt: skip
    assert done.exit_code == 2 and "--memory-gb" in done.stderr
    assert done.stderr.strip().splitlines()[-1].count(".") >= 1
    assert not (tmp_path / "out").exists()


class Boom(Exception):
    pass


@pytest.mark.parametrize(
    "place",
    [
        "kumosan.datasets.coarse._means",
        "kumosan.gan.windows._merged",
        "kumosan.gan.windows._cropped",
        "kumosan.gan.weighted.InverseDistance.fill",
        "kumosan.datasets.write_parts.filled_numbers",
        "kumosan.datasets.cog_parts._verify",
        "kumosan.scripts.cleaning.write_quicklook",
        "kumosan.scripts.telling.clean_report",
    ],
)
def test_a_failure_anywhere_leaves_nothing(tmp_path, monkeypatch, place):
    def explode(*_args, **_options):
        raise Boom

    scene = scene_at(tmp_path / "s.tif")
    monkeypatch.setattr(place, explode)
    done = run(
        "clean", scene, "-o", tmp_path / "out", "--memory-gb", 0, "--detector", "hot",
        "--filler", "idw",
    )  # fmt: skip
    assert done.exit_code == 1 and "Boom" in done.stderr
    assert not [t for t in threading.enumerate() if t.name == "kumosan-ahead"]
    assert [p.name for p in tmp_path.iterdir()] == ["s.tif"]


def test_the_estimate_grows_with_pixels_bands_and_their_type(tmp_path):
    scene = open_scene(scene_at(tmp_path / "s.tif"))
    assert not windowed.needed(scene, 3.0)
    assert windowed.needed(scene, 0.4)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_scene(tmp_path):
    """The highest memory of `clean` in a process of its own, of scenes of 6 and 25 Mpx.

    GDAL's cache, full in any larger scene, is made so small that it is full in both. Held whole,
    the larger scene would take 2.3 GB more than the smaller one; what the allocator keeps differs
    by some hundredths of that from run to run.
    """
    peaks = [_peak_gb(tmp_path, rows) for rows in (2048, 8192)]
    assert peaks[1] - peaks[0] < 0.2
    assert peaks[1] < 0.7


def _peak_gb(folder, rows, side=3072):
    path = folder / f"{rows}.tif"
    profile = {
        "driver": "GTiff", "height": rows, "width": side, "count": 4, "dtype": "uint16",
        "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "zlevel": 1,
        "transform": Affine(10, 0, 5e5, 0, -10, 5e6), "crs": "EPSG:32633", "nodata": 0,
    }  # fmt: skip
    rng = np.random.default_rng(0)
    block = rng.integers(500, 900, (4, 1024, 1024), np.uint16)
    cloudy = block.copy()
    cloudy[:, 700:760, 300:400] = 6000
    with rasterio.open(path, "w", **profile) as out:
        out.scales, out.offsets = [1e-4] * 4, [0.0] * 4
        out.descriptions = ("blue", "green", "red", "nir")
        for k, nm in enumerate((490, 560, 665, 842), 1):
            out.update_tags(k, wavelength=nm, wavelength_units="nm")
        for n, (top, left) in enumerate(np.ndindex(rows // 1024, side // 1024)):
            part = cloudy if n % 6 == 0 else block
            out.write(part, window=Window(left * 1024, top * 1024, 1024, 1024))
    code = (
        "from kumosan.scripts.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        # not ru_maxrss: that of a child begins with its parent's
        "print([l for l in open('/proc/self/status') if 'VmHWM' in l][0].split()[1])\n"
    )
    words = ("clean", path, "-o", folder / f"{rows}", "--memory-gb", 0, "--detector", "hot",
             "--filler", "idw", "--json")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"GDAL_CACHEMAX": "32"},
    )
    told = json.loads(done.stdout.splitlines()[0])
    assert told["filled"]["spatial"] > 1000
    return int(done.stdout.split()[-1]) / 2**20
