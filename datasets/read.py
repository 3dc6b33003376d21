"""One door for every product: ``read`` finds out what it is and calls its reader."""

from __future__ import annotations

from pathlib import Path

from .errors import BandError, FileError, UsageError
from .geotiff import read_geotiff
from .landsat import read_landsat
from .landsat_mtl import mtl_file
from .opening import MAX_PIXELS, open_raster
from .safe import read_safe
from .safe_metadata import product_file
from .tile import CloudMask, Tile


def read(
    path: str | Path,
    *,
    sensor: str | None = None,
    bands: str | None = None,
    scale: float | None = None,
    offset: float | None = None,
    resolution_m: float | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Tile:
    """Read a scene in reflectance, whatever its format.

    Args:
        path: GeoTIFF or JPEG 2000 file, Sentinel-2 ``.SAFE`` folder, Landsat Collection 2
            folder, or the MTD or MTL file in it.
        sensor: sensor key, for files that do not name their sensor.
        bands: ``"blue,green,red,nir"`` or ``"490,560,665,842"`` (nm), for files without
            wavelengths.
        scale: reflectance per stored number, for files without scaling metadata.
        offset: reflectance of the stored number 0.
        resolution_m: grid of a Sentinel-2 product: 10, 20 (default) or 60 metres.
        max_pixels: limit of width x height x bands.

    Raises:
        FileError: missing, damaged, too large, or of a kind that is not read.
        BandError: wavelengths or scaling are unknown or ambiguous.
        GridError: the bands of a product do not lie on one grid.
        UsageError: an option that this kind of product does not have.
    """
    path = Path(path)
    product = _sentinel2(path)
    if product is not None:
        _refuse(path, sensor=sensor, bands=bands, scale=scale, offset=offset)
        return read_safe(product, 20 if resolution_m is None else resolution_m, max_pixels)
    if resolution_m is not None:
        _refuse(path, resolution=resolution_m)
    scene = _landsat(path)
    if scene is not None:
        _refuse(path, sensor=sensor, bands=bands, scale=scale, offset=offset)
        return read_landsat(scene, max_pixels)
    return read_geotiff(
        path, sensor=sensor, bands=bands, scale=scale, offset=offset, max_pixels=max_pixels
    )


def _sentinel2(path: Path) -> Path | None:
    """The product's metadata file, if ``path`` is a Sentinel-2 product."""
    if path.is_dir():
        found = product_file(path)
        if found is None and path.suffix.upper() == ".SAFE":
            raise FileError(
                f"{path} has no MTD_MSIL1C.xml or MTD_MSIL2A.xml",
                "a Sentinel-2 L1C or L2A product",
                "download the product again",
            )
        return found
    return path if path.name in ("MTD_MSIL1C.xml", "MTD_MSIL2A.xml") else None


def _landsat(path: Path) -> Path | None:
    """The MTL file, if ``path`` is a Landsat scene."""
    if path.is_dir():
        return mtl_file(path)
    return path if path.stem.endswith("_MTL") else None


def _refuse(path: Path, **options: object) -> None:
    """Raise UsageError for options that contradict what the product itself declares."""
    given = [f"--{name}" for name, value in options.items() if value is not None]
    if given:
        raise UsageError(
            f"{', '.join(given)} for {path}",
            "products that need it: --resolution for Sentinel-2 folders, the others for "
            "single files",
            "leave it out",
        )


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
        if ds.count != 1:
            raise BandError(
                f"{path} has {ds.count} bands", "a mask of one band", "name the mask file"
            )
        mask = CloudMask(ds.read(1), ds.transform, ds.crs)
    if like is not None:
        mask.check_grid(like)
        if mask.crs is None or like.crs is None:
            return CloudMask(mask.classes, like.transform, like.crs)
    return mask
