"""One door for every product: the first reader that knows it opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from rasterio.windows import Window

from .errors import BandError, UsageError
from .opening import MAX_PIXELS, open_raster
from .regrid import Grid
from .scene import Scene
from .tile import CloudMask, Tile


class Reader(NamedTuple):
    """Where a kind of product is read; its module is imported when it is first asked."""

    module: str
    """Has ``matches(path) -> bool``, which looks at names and first bytes only."""
    function: str
    """``open_...(path, *, max_pixels, ...) -> Scene``."""
    options: tuple[str, ...] = ()
    """Options of `open_scene` that it takes beside ``max_pixels``; the others are refused."""

    def matches(self, path: Path) -> bool:
        return bool(import_module(self.module, __package__).matches(path))

    def open(self, path: Path, **options: Any) -> Scene:
        opener: Callable[..., Scene] = getattr(
            import_module(self.module, __package__), self.function
        )
        return opener(path, **options)


_UNSAID = ("sensor", "bands", "scale", "offset")
"""What files may fail to say of themselves."""

READERS: tuple[Reader, ...] = (
    Reader(".safe", "open_safe", ("resolution_m",)),
    Reader(".landsat", "open_landsat"),
    Reader(".enmap", "open_enmap"),
    Reader(".desis", "open_desis"),
    Reader(".prisma", "open_prisma"),
    Reader(".emit", "open_emit"),
    Reader(".satellogic", "open_satellogic", ("scale", "offset")),
    Reader(".planet", "open_planet"),
    Reader(".stac", "open_stac", ("resolution_m",)),
    Reader(".envi", "open_envi", _UNSAID),
    Reader(".geotiff", "open_geotiff", _UNSAID),  # last: it takes every file
)
"""Asked in this order."""


def open_scene(
    path: str | Path,
    *,
    sensor: str | None = None,
    bands: str | None = None,
    scale: float | None = None,
    offset: float | None = None,
    resolution_m: float | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Scene:
    """Open a scene without reading its pixels, whatever its format.

    Args:
        path: GeoTIFF or JPEG 2000 file; Sentinel-2 ``.SAFE`` folder or ZIP; Landsat Collection 2
            folder or TAR; the MTD or MTL file in it; or another product that `READERS` lists.
        sensor: sensor key, for files that do not name their sensor.
        bands: ``"blue,green,red,nir"`` or ``"490,560,665,842"`` (nm), for files without
            wavelengths.
        scale: reflectance per stored number, for files without scaling metadata.
        offset: reflectance of the stored number 0.
        resolution_m: grid of a Sentinel-2 product: 10, 20 (default) or 60 metres.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        FileError: missing, damaged, or of a kind that is not read.
        BandError: wavelengths or scaling are unknown or ambiguous.
        GridError: the bands of a product do not lie on one grid.
        UsageError: an option that this kind of product does not have.
    """
    path = Path(path)
    options = {
        "sensor": sensor, "bands": bands, "scale": scale, "offset": offset,
        "resolution_m": resolution_m,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    reader = next(r for r in READERS if r.matches(path))
    _refuse(path, [name for name in given if name not in reader.options])
    return reader.open(path, max_pixels=max_pixels, **given)


def read(
    path: str | Path,
    *,
    window: Window | None = None,
    select: Sequence[int | str] | None = None,
    sensor: str | None = None,
    bands: str | None = None,
    scale: float | None = None,
    offset: float | None = None,
    resolution_m: float | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Tile:
    """Read a scene, or a part of it, in reflectance: `open_scene`, then ``Scene.read``.

    Args:
        path: see `open_scene`, as for the options that are not listed here.
        window: integer pixel window inside the scene; the whole scene by default.
        select: bands to read by index (from 0) or name, in the wanted order; all by default.

    Raises:
        FileError: missing, damaged, too large, or of a kind that is not read.
        BandError: wavelengths or scaling are unknown or ambiguous; no band of that name.
        GridError: the bands of a product do not lie on one grid, or the window reaches outside.
        UsageError: an option that this kind of product does not have.
    """
    scene = open_scene(
        path, sensor=sensor, bands=bands, scale=scale, offset=offset,
        resolution_m=resolution_m, max_pixels=max_pixels,
    )  # fmt: skip
    return scene.read(window, None if select is None else [_index(scene, b) for b in select])


def _index(scene: Scene, band: int | str) -> int:
    known = range(len(scene.bands)) if isinstance(band, int) else scene.bands.names
    if band not in known:
        raise BandError(
            f"no band '{band}' in {scene.path}",
            f"an index below {len(scene.bands)}, or one of {', '.join(scene.bands.names)}",
            "correct the selection",
        )
    return known.index(band)  # type: ignore[arg-type]


def _refuse(path: Path, names: list[str]) -> None:
    """Raise UsageError for options that contradict what the product itself declares."""
    if names:
        given = ", ".join(f"--{n.removesuffix('_m')}" for n in names)
        raise UsageError(
            f"{given} for {path}",
            "products that need it: --resolution for Sentinel-2 products, the others for "
            "single files",
            "leave it out",
        )


@contextmanager
def open_mask(path: str | Path, scene: Scene) -> Iterator[Callable[[Window], CloudMask]]:
    """Yield what reads windows of a class mask that lies on the grid of a scene.

    Raises:
        FileError: the file cannot be read.
        BandError: more than one band.
        GridError: not the grid of ``scene``.
        ValueRangeError: another dtype, or codes that are no classes; when they are read.
    """
    with open_raster(path) as ds:
        _one_band(path, ds)
        scene.grid.check(Grid.of(ds), "a mask", "the scene", "resample it to the scene's grid")

        def read_window(window: Window) -> CloudMask:
            place = scene.grid.at(top=window.row_off, left=window.col_off)
            return CloudMask(ds.read(1, window=window), place, scene.grid.crs)

        yield read_window


def _one_band(path: str | Path, ds: Any) -> None:
    if ds.count != 1:
        raise BandError(f"{path} has {ds.count} bands", "a mask of one band", "name the mask file")


def read_mask(path: str | Path, like: Tile | None = None) -> CloudMask:
    """Read a class mask: one band of uint8, 0 clear 1 thick 2 thin 3 shadow 255 nodata.

    Args:
        path: GeoTIFF.
        like: the scene whose grid the mask must lie on.

    Raises:
        FileError: the file cannot be read.
        BandError: more than one band.
        ValueRangeError: another dtype, or codes that are no classes.
        GridError: not the grid of ``like``.
    """
    with open_raster(path) as ds:
        _one_band(path, ds)
        mask = CloudMask(ds.read(1), ds.transform, ds.crs)
    if like is not None:
        mask.check_grid(like)
        if mask.crs is None or like.crs is None:
            return CloudMask(mask.classes, like.transform, like.crs)
    return mask
