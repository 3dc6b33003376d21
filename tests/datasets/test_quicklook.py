"""Pictures: which bands, how bright, what colours, and what stands in the panel."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kumosan.datasets import read, read_mask
from kumosan.datasets.bands import Band, BandSet
from kumosan.datasets.errors import GridError, OutputError
from kumosan.datasets.legend import CONFIDENCE_LEGEND, MASK_LEGEND, NODATA_GREY
from kumosan.datasets.quicklook import mask_colours, panel, write_quicklook
from kumosan.datasets.stretch import Stretch, find_stretch, stretch_rgb
from kumosan.datasets.tile import CloudMask, FilledTile, Tile


def tile_of(*bands: Band, shape: tuple[int, int] = (60, 80), seed: int = 0) -> Tile:
    data = np.random.default_rng(seed).uniform(0.02, 0.3, (len(bands), *shape))
    return Tile(data.astype(np.float32), BandSet(bands))


B2, B3, B4 = Band("B2", 492, 66), Band("B3", 560, 36), Band("B4", 665, 31)
B8, B11 = Band("B8", 833, 106), Band("B11", 1614, 91)
CIRRUS, TIR = Band("B9", 1375, 20, kind="cirrus"), Band("T", 10895, 590, kind="thermal")
QA = Band("QA", float("nan"), float("nan"), kind="other")


@pytest.mark.parametrize(
    ("bands", "expected", "name"),
    [
        ((QA, B2, B3, B4, B8), (3, 2, 1), "RGB (B4, B3, B2)"),
        ((B3, B4, B8), (2, 1, 0), "NIR, red, green (B8, B4, B3)"),
        ((B11, B3, TIR, B8), (0, 3, 1), "false colour (B11, B8, B3)"),
        ((TIR, CIRRUS, B11), (2, 2, 2), "grey (B11)"),
        ((TIR,), (0, 0, 0), "grey (T)"),
    ],
)
def test_bands_by_wavelength(bands, expected, name: str) -> None:
    found = find_stretch(tile_of(*bands))
    assert (found.bands, found.name) == (expected, name)


def test_clouds_do_not_darken_the_ground() -> None:
    tile = tile_of(B2, B3, B4)
    data = tile.data.copy()
    data[:, :30] = 0.9
    data[:, :3, :3] = np.nan
    cloudy = tile.with_data(data)
    mask = CloudMask.like(cloudy, np.where(data[0] > 0.5, 1, 0))
    blind, seeing = find_stretch(cloudy), find_stretch(cloudy, mask)
    assert min(blind.high) > 0.8
    assert max(seeing.high) < 0.31
    ground = np.s_[30:]
    dark, bright = stretch_rgb(cloudy)[ground], stretch_rgb(cloudy, mask=mask)[ground]
    assert bright.mean() > 1.5 * dark.mean()
    assert (stretch_rgb(cloudy, seeing)[:3, :3] == NODATA_GREY).all()
    # Clouds are brighter than all ground, and not yet white.
    cloud = stretch_rgb(cloudy, seeing)[10:30]
    assert bright.max() < cloud.min() <= cloud.max() < 255


def test_shadow_keeps_its_texture() -> None:
    tile = tile_of(B2, B3, B4)
    data = tile.data.copy()
    data[:, :20] *= 0.1
    mask = CloudMask.like(tile, np.where(np.indices(tile.shape)[0] < 20, 3, 0))
    picture = stretch_rgb(tile.with_data(data), mask=mask)
    assert len(np.unique(picture[:20])) > 10


def test_tone_by_hand() -> None:
    data = np.array([[[0.0, 0.1, 0.2, 0.3, 0.5]]], np.float32)
    stretch = Stretch((0, 0, 0), (0.1,) * 3, (0.3,) * 3, "grey")
    got = stretch_rgb(Tile(data, BandSet((B4,))), stretch)[0, :, 0].tolist()
    # 0.82 x 0.5 ** (1 / 1.2) = 0.4602; one range above: 0.82 + 0.18 (1 - exp(-1 / 2)) = 0.8908
    assert got == [0, 0, 117, 209, 227]


@pytest.mark.parametrize("value", [0.2, np.nan])
def test_flat_or_empty_tile(value: float) -> None:
    tile = tile_of(B2, B3, B4)
    flat = tile.with_data(np.full_like(tile.data, value))
    picture = stretch_rgb(flat)
    assert picture.shape == (60, 80, 3)
    assert np.unique(picture).tolist() == [128 if np.isnan(value) else 117]
    mask = CloudMask.like(flat, np.ones(tile.shape))
    assert panel(flat, mask).size[0] > 2 * 384


def test_mask_colours() -> None:
    mask = CloudMask(np.array([[0, 1, 2, 3, 255]], np.uint8))
    colours = mask_colours(mask)
    assert colours.shape == (1, 5, 4)
    assert colours[0, :, 3].tolist() == [0, 255, 255, 255, 0]
    assert tuple(colours[0, 1, :3]) == MASK_LEGEND[1].rgb


def scene(shape: tuple[int, int]) -> tuple[Tile, CloudMask, FilledTile]:
    tile = tile_of(B2, B3, B4, shape=shape)
    codes = np.zeros(shape, np.uint8)
    codes[: shape[0] // 2] = 1
    mask = CloudMask.like(tile, codes)
    provenance = np.where(codes == 1, 1, 0).astype(np.uint8)
    provenance[: shape[0] // 4] = 4
    filled = tile.with_data(np.where(provenance == 1, np.float32(0.3), tile.data))
    return tile, mask, FilledTile(filled, provenance, np.ones(shape, np.float32))


def test_panel_shows_scene_mask_and_fill() -> None:
    tile, mask, filled = scene((400, 400))
    sheet = np.asarray(panel(tile, mask, filled))
    top, left = 34, [12 + k * 412 for k in range(4)]
    before, over, after, sure = (sheet[top : top + 400, x : x + 400].astype(int) for x in left)
    expected = stretch_rgb(tile, mask=mask)
    assert (before == expected).all()
    assert (over[201:] == before[201:]).all()  # clear ground is not tinted
    assert over[50, 50] == pytest.approx((before[50, 50] + MASK_LEGEND[1].rgb) / 2, abs=1)
    assert tuple(over[200, 100]) == MASK_LEGEND[1].rgb or (over[200] == before[200]).all()
    assert (after[201:] == before[201:]).all()
    hatched = (after[:100] == (40, 40, 40)).all(axis=-1).mean()
    assert 0.2 < hatched < 0.3  # 2 of 8 diagonals
    assert len(np.unique(after[101:199].reshape(-1, 3), axis=0)) == 1
    assert (sure[101:199] == CONFIDENCE_LEGEND[5].rgb).all()  # all are sure
    assert (sure[201:] == CONFIDENCE_LEGEND[0].rgb).all()
    assert 0.2 < (sure[:100] == (40, 40, 40)).all(axis=-1).mean() < 0.3


def test_confidence_is_shown_in_steps() -> None:
    tile, mask, filled = scene((400, 400))
    sure = np.linspace(0, 1, 400, dtype=np.float32)[None].repeat(400, 0)
    sheet = np.asarray(panel(tile, mask, replace(filled, confidence=sure)))
    row = sheet[34 + 150, 12 + 3 * 412 : 412 * 4]
    seen = [tuple(colour) for colour in row[[10, 100, 200, 300, 390]]]
    assert seen == [e.rgb for e in CONFIDENCE_LEGEND[1:]]


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((256, 256), (512, 512)),
        ((2000, 3000), (1200, 800)),
        ((1, 1), (384, 384)),
        ((5000, 3), (1, 1200)),
        ((600, 500), (500, 600)),
    ],
)
def test_panel_sizes(shape: tuple[int, int], size: tuple[int, int]) -> None:
    tile, mask, filled = scene(shape)
    sheet = panel(tile, mask, filled)
    assert sheet.width == 4 * (size[0] + 12) + 12
    assert sheet.height >= 34 + size[1] + 26
    assert panel(tile, mask).width == 2 * (size[0] + 12) + 12


def test_averaged_by_area() -> None:
    """A fine chequerboard becomes its mean, not one of its colours."""
    tile = tile_of(B2, B3, B4, shape=(2400, 2400))
    flip = np.random.default_rng(0).integers(0, 2, (1200, 1200)).repeat(2, 0).repeat(2, 1)
    bright = (np.indices((2400, 2400)).sum(axis=0) + flip) % 2  # two of four pixels
    tile = replace(tile, data=np.stack([bright.astype(np.float32) * np.float32(0.3)] * 3))
    mask = CloudMask.like(tile, np.zeros((2400, 2400)))
    picture = np.asarray(panel(tile, mask))[34:1234, 12:1212]
    high = stretch_rgb(tile, mask=mask).max()
    assert np.abs(picture.astype(int) - high // 2).max() <= 1


def test_other_grid_is_refused() -> None:
    mask = scene((30, 30))[1]
    with pytest.raises(GridError):
        panel(tile_of(B2, B3, B4, shape=(30, 31)), mask)


def test_png(tmp_path: Path) -> None:
    tile, mask, filled = scene((100, 90))
    path = tmp_path / "q.png"
    write_quicklook(path, tile, mask, filled)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.size == panel(tile, mask, filled).size
    with pytest.raises(OutputError):
        write_quicklook(path, tile, mask)
    write_quicklook(path, tile, mask, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["q.png"]


def test_pillow_is_imported_only_for_pictures() -> None:
    import subprocess
    import sys

    code = "import sys, kumosan.datasets, kumosan.datasets.quicklook; print('PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_real_images(data: Path, catalog) -> None:
    for row in [r for r in catalog if r["split"] == "train" and r.get("mask")][::7]:
        tile = read(data / row["image"])
        mask = read_mask(data / row["mask"], tile)
        picture = stretch_rgb(tile, mask=mask)
        clear = mask.valid & ~mask.contaminated
        if clear.any():
            assert 40 < np.median(picture[clear]) < 215, row["image"]
            assert (np.ptp(picture[clear], axis=0) > 150).all() or "Barren_00" in row["image"]
