"""ENVI rasters (a binary in BSQ, BIL or BIP order and its ``.hdr``) to Scene.

Verified on a real EnMAP tile that was written as ENVI, and on files made to the published
header format (all interleaves, data types, byte orders, rotated map info).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from .acquisition import from_tags
from .badbands import BandTags, spectral_bands
from .bands import BandSet
from .encoding import Encoding
from .envi_header import DTYPES, EnviHeader, read_header
from .envi_pixels import EnviPixels, Interleave
from .errors import BandError, FileError
from .families import Origin, origin
from .opening import MAX_PIXELS, damage_named
from .regrid import Grid
from .scaling import choose_encoding
from .scene import Scene
from .wavelengths import read_bands

_EXTENSIONS = ("", ".bsq", ".bil", ".bip", ".dat", ".img", ".raw", ".bin", ".envi")
_KNOWN = (b"II*", b"MM\x00", b"II+", b"\x89HDF", b"PK\x03\x04", b"\x00\x00\x00\x0cjP", b"<")
_GZIP = b"\x1f\x8b"


def matches(path: Path) -> bool:
    """Whether ``path`` is an ENVI header or the binary beside one."""
    if not path.is_file():
        return False
    head = _head(path)
    if path.suffix.lower() == ".hdr":
        return head.startswith(b"ENVI")
    return not head.startswith(_KNOWN) and _header_of(path) is not None


def open_envi(
    path: Path,
    *,
    sensor: str | None = None,
    bands: str | None = None,
    scale: float | None = None,
    offset: float | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Scene:
    """Open an ENVI raster by its binary or its header.

    Wavelengths, widths, ``bbl``, gains, offsets and the reflectance scale factor are taken from
    the header; what it lacks is found, or refused, as for a GeoTIFF. Rotated map info is kept.

    Args:
        path: the binary or the ``.hdr``.
        sensor: key of the sensor, where the header has no wavelengths.
        bands: names or wavelengths of the bands, which replace those of the header.
        scale: reflectance per stored number.
        offset: reflectance of the stored number 0.
        max_pixels: limit of width x height x bands of one read.

    Raises:
        FileError: a file of the pair is missing, compressed, cut off or damaged.
        BandError: wavelengths or scaling are unknown or contradictory; complex numbers.
    """
    binary, header = _pair(path)
    pixels = _pixels(binary, header)
    dtype = np.dtype(pixels.dtype).name
    with damage_named(binary), _open(binary) as ds:
        count, grid = ds.count, Grid.of(ds)
        _same(binary, header, (ds.width, ds.height, count))
        tags = {k.replace(" ", "_"): header.text(k) or "" for k in header.entries}
        found = origin(tags, binary.stem, header.texts("band names"), sensor)
        band_set, band_tags = _bands(ds, header, count, found, bands)
        encoding = _encoding(ds, header, dtype, band_set, found, scale, offset)
    keep = ("description", "sensor_type", "acquisition_time", "sun_elevation", "sun_azimuth")
    return Scene(
        path=str(binary),
        grid=grid,
        bands=band_set,
        encoding=encoding,
        source=pixels,
        acquired=from_tags(tags, found, band_set.names),
        tags={k: tags[k] for k in keep if tags.get(k)},
        band_tags=band_tags,
        max_pixels=max_pixels,
    )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            return f.read(16)
    except OSError:
        return b""


def _header_of(binary: Path) -> Path | None:
    """The ENVI header beside ``binary``: ``scene.hdr``, else ``scene.bsq.hdr``, as GDAL does."""
    if binary.suffix.lower() == ".gz":  # so that it can be refused for what it is
        binary = binary.with_suffix("")
    stems = (binary.stem, binary.name)
    names = [f"{s}{e}" for s in stems for e in (".hdr", ".HDR")]
    places = [binary.with_name(n) for n in names]
    return next((p for p in places if p.is_file() and _head(p).startswith(b"ENVI")), None)


def _pair(path: Path) -> tuple[Path, EnviHeader]:
    """The binary and its parsed header."""
    if path.suffix.lower() != ".hdr":
        header = _header_of(path)
        if header is None:
            raise FileError(
                f"{path} has no ENVI header beside it", f"{path.stem}.hdr", "copy it too"
            )
        return path, read_header(header)
    header_text = read_header(path)
    names = [f"{path.stem}{e}" for x in _EXTENSIONS for e in {x, x.upper()}]
    found = sorted({p for n in names if (p := path.with_name(n)).is_file() and p != path})
    packed = sorted(path.parent.glob(f"{path.stem}*.gz"))
    if not found and packed:
        raise _compressed(packed[0])
    if len(found) != 1:
        raise FileError(
            f"{path} has {len(found)} binaries beside it ({', '.join(p.name for p in found)})",
            f"one, such as {path.stem}.bsq",
            "name the binary itself, or copy it beside the header",
        )
    return found[0], header_text


def _open(binary: Path) -> Any:
    """The rasterio dataset, by GDAL's ENVI driver and no other: the bytes have no magic."""
    with warnings.catch_warnings():  # a file without map info is fine
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(binary.absolute(), driver="ENVI")


def _pixels(binary: Path, header: EnviHeader) -> EnviPixels:
    """Where the numbers are, after the size that the header declares was found in the file."""
    samples, lines, bands = (header.integer(k) for k in ("samples", "lines", "bands"))
    code = header.integer("data type")
    if code not in DTYPES:
        raise BandError(
            f"{header.path} declares data type {code}" + (" (complex)" if code in (6, 9) else ""),
            f"one of {', '.join(f'{k} ({v})' for k, v in DTYPES.items())}",
            "convert the file",
        )
    if _head(binary).startswith(_GZIP) or header.integer("file compression", 0):
        raise _compressed(binary)
    if not samples * lines * bands:
        raise FileError(
            f"{header.path} declares {samples} x {lines} pixels in {bands} bands",
            "at least one of each", "correct the header",
        )  # fmt: skip
    order = (header.text("interleave") or "").lower()
    if order not in ("bsq", "bil", "bip"):
        raise FileError(
            f"{header.path} has interleave '{order}'", "bsq, bil or bip", "correct the header"
        )
    if any(header.numbers("major frame offsets", 2) or ()):
        raise FileError(
            f"{header.path} has major frame offsets", "lines without gaps", "convert the file"
        )
    dtype = np.dtype(DTYPES[code]).newbyteorder(">" if header.integer("byte order", 0) else "<")
    offset = header.integer("header offset", 0)
    declared = offset + samples * lines * bands * dtype.itemsize
    size = binary.stat().st_size
    if size < declared:
        raise FileError(
            f"{binary} is damaged (its header declares {declared} bytes, it has {size})",
            "a complete file",
            "copy it again, or correct samples, lines, bands and data type in the header",
        )
    shape = (bands, lines, samples)
    return EnviPixels(binary.absolute(), shape, dtype.str, cast(Interleave, order), offset)


def _same(binary: Path, header: EnviHeader, opened: tuple[int, int, int]) -> None:
    """Raise FileError if GDAL chose another header than we did."""
    ours = tuple(header.integer(k) for k in ("samples", "lines", "bands"))
    if ours != opened:
        raise FileError(
            f"{binary} has several headers ({ours} and {opened} samples, lines, bands)",
            "one header beside each binary",
            "remove the others",
        )


def _compressed(path: Path) -> FileError:
    return FileError(
        f"{path} is a compressed ENVI raster, of which no window can be read alone",
        "an uncompressed binary",
        "unpack it (gunzip) and set 'file compression = 0' in its header",
    )


def _bands(
    ds: Any, header: EnviHeader, count: int, found: Origin, bands: str | None
) -> tuple[BandSet, BandTags]:
    known = None if bands is not None else header.wavelengths_nm(count)
    if known is None or not any(known[0]):
        return read_bands(ds, found, bands), ()
    flags = header.numbers("bbl", count)
    good = None if flags is None else [f != 0 for f in flags]
    return spectral_bands(header.path, _names(header, count), *known, good=good)


def _names(header: EnviHeader, count: int) -> Sequence[str]:
    """``band names``; ``band_001`` where they are missing or not unique."""
    names = header.texts("band names")
    if len(names) == count == len(set(names)) and all(names):
        return names
    return [f"band_{i:03d}" for i in range(1, count + 1)]


def _encoding(
    ds: Any,
    header: EnviHeader,
    dtype: str,
    bands: BandSet,
    found: Origin,
    scale: float | None,
    offset: float | None,
) -> Encoding:
    """The user's scale, else the header's, else what the numbers of floats suggest."""
    n = len(bands)
    nodata = _nodata(header)
    gains, offsets = (header.numbers(f"data {k} values", n) for k in ("gain", "offset"))
    factor = header.text("reflectance scale factor")
    if scale is None and gains is None and not offsets and factor:
        value = header.numbers("reflectance scale factor", 1) or [0.0]
        if value[0] <= 0:
            raise BandError(
                f"{header.path} has reflectance scale factor '{factor}'",
                "a positive number", "correct the header or pass --scale",
            )  # fmt: skip
        return Encoding(dtype, (1 / value[0],) * n, (offset or 0.0,) * n, nodata)
    if scale is None and gains is not None:
        given = (offset,) * n if offset is not None else tuple(offsets or [0.0] * n)
        return Encoding(dtype, tuple(gains), given, nodata)
    return choose_encoding(ds, bands, nodata, found, scale, offset)


def _nodata(header: EnviHeader) -> float | None:
    text = header.text("data ignore value")
    if text is None or not re.fullmatch(r"[-+]?(\d+(\.\d*)?([eE][-+]?\d+)?|nan|inf)", text, re.I):
        return None
    return float(text)
