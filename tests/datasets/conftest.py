"""Writers of small rasters for the tests of reading."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

MakeTif = Callable[..., Path]
UTM = Affine(30, 0, 300_000, 0, -30, 5_000_000)


@pytest.fixture
def make_tif(tmp_path: Path) -> MakeTif:
    """A function that writes a (band, y, x) array as a GeoTIFF below ``tmp_path``."""

    def make(
        data: Any,
        name: str = "scene.tif",
        *,
        names: list[str] | None = None,
        nm: list[float] | None = None,
        units: str | None = "nm",
        scale: float | list[float] | None = None,
        offset: float | list[float] = 0.0,
        tags: dict[str, str] | None = None,
        band_tags: list[dict[str, str]] | None = None,
        envi: dict[str, str] | None = None,
        **profile: Any,
    ) -> Path:
        data = np.asarray(data)
        n, height, width = data.shape
        options = {"driver": "GTiff", "crs": "EPSG:32633", "transform": UTM} | profile
        path = tmp_path / name
        with rasterio.open(
            path, "w", count=n, height=height, width=width, dtype=data.dtype, **options
        ) as ds:
            ds.write(data)
            if names:
                ds.descriptions = names
            if scale is not None:
                ds.scales = scale if isinstance(scale, list) else [scale] * n
                ds.offsets = offset if isinstance(offset, list) else [offset] * n
            for i in range(n):
                if nm is not None:
                    ds.update_tags(i + 1, wavelength=str(nm[i]))
                    if units:
                        ds.update_tags(i + 1, wavelength_units=units)
                if band_tags:
                    ds.update_tags(i + 1, **band_tags[i])
            ds.update_tags(**(tags or {}))
            if envi:
                ds.update_tags(ns="ENVI", **envi)
        return path

    return make


MakeSafe = Callable[..., Path]
L2A_SIZES = {
    10: ("B02", "B03", "B04", "B08"),
    20: ("B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12"),
    60: (
        *("B01", "B02", "B03", "B04", "B05", "B06", "B07"),
        *("B8A", "B09", "B11", "B12"),
    ),
}
"""Bands that an L2A product holds, by pixel size in metres."""
L1C_SIZES = {
    "B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20,
    "B08": 10, "B8A": 20, "B09": 60, "B10": 60, "B11": 20, "B12": 20,
}  # fmt: skip


def write_jp2(path: Path, data: Any, size_m: float, corner=(300_000, 7_400_040), epsg=32601):
    """Write (y, x) integers as lossless JPEG 2000."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="JP2OpenJPEG", count=1, height=data.shape[0], width=data.shape[1],
        dtype=data.dtype, crs=f"EPSG:{epsg}", QUALITY=100, REVERSIBLE="YES",
        transform=Affine(size_m, 0, corner[0], 0, -size_m, corner[1]),
    ) as ds:  # fmt: skip
        ds.write(data, 1)


@pytest.fixture
def make_safe(data: Path, tmp_path: Path) -> MakeSafe:
    """A function that gives a real product's metadata small pixels of 120 m x 240 m.

    Band number k of BAND_IDS holds 1000 + 100 k everywhere, unless ``planes`` says otherwise
    or ``rng`` fills all bands with noise.
    """

    def make(
        pattern: str,
        planes: dict[tuple[str, int], Any] | None = None,
        blocks: tuple[int, int] = (2, 4),
        rng: np.random.Generator | None = None,
    ) -> Path:
        source = next((data / "raw_formats" / "sentinel2_safe").glob(f"*{pattern}*"))
        folder = tmp_path / source.name
        shutil.copytree(source, folder, copy_function=shutil.copyfile)
        for f in (folder, *folder.rglob("*")):
            f.chmod(0o755 if f.is_dir() else 0o644)
        granule = next(folder.glob("GRANULE/*"))
        names = list(L1C_SIZES)
        level2 = "MSIL2A" in source.name
        sizes = L2A_SIZES if level2 else {}
        wanted = [(b, s) for s, bands in sizes.items() for b in bands] or list(L1C_SIZES.items())
        wanted += [("SCL", 20), ("SCL", 60)] if level2 else []
        for band, size in wanted:
            shape = (blocks[0] * 60 // size, blocks[1] * 60 // size)
            value = 4 if band == "SCL" else 1000 + 100 * names.index(band)
            dtype = np.uint8 if band == "SCL" else np.uint16
            constant = np.full(shape, value, dtype)
            if rng is not None:  # few values: nodata (0) and blocks of nodata occur
                constant = (rng.integers(0, 4, shape) * (3 if band == "SCL" else 997)).astype(dtype)
            plane = (planes or {}).get((band, size), constant)
            place = granule / "IMG_DATA"
            name = f"T01XXX_20230625T234621_{band}"
            if level2:
                place, name = place / f"R{size}m", f"{name}_{size}m"
            write_jp2(place / f"{name}.jp2", plane, size)
        return folder

    return make


@pytest.fixture
def landsat(data: Path, tmp_path: Path) -> Path:
    """A copy of a real Landsat 8 Collection 2 Level 2 scene that a test may damage."""
    source = next((data / "raw_formats" / "landsat_c2l2").iterdir())
    folder = tmp_path / source.name
    folder.mkdir()
    for f in source.iterdir():
        shutil.copyfile(f, folder / f.name)
    return folder


class Maker:
    """Makes bad inputs below a temporary folder."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.request = request
        self.folder: Path = request.getfixturevalue("tmp_path")

    def tif(self, *args: Any, **options: Any) -> Path:
        return self.request.getfixturevalue("make_tif")(*args, **options)

    def safe(self, pattern: str = "N0509", *args: Any, **options: Any) -> Path:
        return self.request.getfixturevalue("make_safe")(pattern, *args, **options)

    def landsat(self) -> Path:
        return self.request.getfixturevalue("landsat")

    def mask(self, data: Any, **options: Any) -> Path:
        return self.tif(data, "mask.tif", **options)

    def bytes(self, content: bytes, name: str = "scene.tif") -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def edit(self, path: Path, old: str, new: str, root: Path | None = None) -> Path:
        """Replace text in ``path``; returns ``root`` (default: the file's folder)."""
        text = path.read_text("utf-8")
        assert old in text, f"{old} is not in {path}"
        path.write_text(text.replace(old, new), "utf-8")
        return root or path.parent

    def without(self, folder: Path, pattern: str) -> Path:
        """``folder`` after the files that match ``pattern`` are gone."""
        gone = list(folder.rglob(pattern))
        assert gone, pattern
        for f in gone:
            f.unlink()
        return folder

    def cut(self, path: Path, share: float) -> Path:
        """Keep the first ``share`` of the file only, at least one byte less."""
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share) - 1])
        return path

    def cut_one(self, folder: Path, pattern: str) -> Path:
        """``folder`` after the file that matches ``pattern`` is cut in half."""
        self.cut(next(folder.rglob(pattern)), 0.5)
        return folder


@pytest.fixture
def maker(request: pytest.FixtureRequest) -> Maker:
    return Maker(request)


@pytest.fixture
def flat_date():
    """Makes a `Date` of one band: values (a number or a plane) and classes, written to files."""
    import numpy as np

    from kumosan.datasets import open_scene
    from kumosan.datasets.bands import RED, BandSet
    from kumosan.datasets.dates import Date
    from kumosan.datasets.encoding import Encoding
    from kumosan.datasets.tile import CloudMask, Tile
    from kumosan.datasets.write import write_mask, write_tile

    def make(path, grid, values, classes=None, series=None, regions=()):
        data = np.broadcast_to(np.asarray(values, np.float32), (1, *grid.shape)).copy()
        encoding = Encoding("uint16", (1e-4,), (0.0,), 0.0)
        tile = Tile(data, BandSet((RED,)), grid.transform, grid.crs, encoding=encoding)
        write_tile(path, tile)
        codes = np.zeros(grid.shape, np.uint8) if classes is None else classes
        mask = path.with_name(f"{path.stem}_mask.tif")
        write_mask(mask, CloudMask.like(tile, codes))
        return Date(open_scene(path), mask, (0,), series or grid, regions)

    return make
