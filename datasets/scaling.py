"""Which scale and offset turn a file's numbers into reflectance and kelvin.

Decided from metadata, refused when ambiguous: 0 to 10000 without a scale could carry the
offset of Sentinel-2 baseline 04.00 or not, and an 8-bit picture is stretched for the eye.
Scale and offset that the file or the user declares are believed, and applied once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .bands import BandSet
from .encoding import Encoding
from .errors import BandError
from .families import Origin

Scaling = tuple[float, float]
"""(scale, offset): value = scale * stored + offset."""

LANDSAT_SR: Scaling = (2.75e-5, -0.2)
LANDSAT_ST: Scaling = (0.00341802, 149.0)
"""Landsat Collection 2 Level 2 (USGS LSDS-1619): reflectance and kelvin."""
_KELVIN = (100.0, 400.0)


def choose_encoding(
    dataset: Any,
    bands: BandSet,
    nodata: float | None,
    origin: Origin,
    scale: float | None = None,
    offset: float | None = None,
) -> Encoding:
    """The encoding of an open rasterio dataset.

    Args:
        dataset: for scales, offsets and tags. Its numbers are looked at, in a sample of
            windows, only if these do not say what the numbers mean.
        bands: one Band for each band of the dataset.
        nodata: the number that means no data.
        origin: the sensor, as far as it is known.
        scale: the user's scale for the optical bands; the file's is then left aside.
        offset: the user's offset for the optical bands (0 if only ``scale`` is given).

    Raises:
        BandError: nothing says what the numbers mean.
    """
    dtype = np.dtype(dataset.dtypes[0]).name
    declared = list(zip(dataset.scales, dataset.offsets, strict=True))
    optical = [i for i, b in enumerate(bands) if b.kind not in ("thermal", "other")]
    chosen = [(float(s), float(o)) for s, o in declared]
    raw = Encoding(dtype, nodata=nodata)
    if scale is not None:
        for i in optical:
            chosen[i] = (scale, offset or 0.0)
    elif all(declared[i] == (1.0, 0.0) for i in optical):
        sample = _sample(dataset, optical, raw)
        found = _from_metadata(dataset, bands, origin, dtype) or as_reflectance(sample, dtype)
        if found is None:
            raise _ambiguous(dataset.name, dtype, sample, origin)
        for i in optical:
            chosen[i] = found if offset is None else (found[0], offset)
    elif offset is not None:
        for i in optical:
            chosen[i] = (chosen[i][0], offset)
    for i in (i for i, b in enumerate(bands) if b.kind == "thermal"):
        if declared[i] == (1.0, 0.0):
            sample = _sample(dataset, [i], raw)
            chosen[i] = _thermal(bands[i].name, sample, dtype, dataset.name)
    scales, offsets = zip(*chosen, strict=True)
    return Encoding(dtype, scales, offsets, nodata)


def _sample(dataset: Any, planes: list[int], raw: Encoding) -> NDArray[np.float64]:
    """Valid numbers of ``planes``, at most about a million; none means that none was found.

    A small image is read whole. Of a large one 4 x 4 windows, spread evenly, are looked at,
    and 16 x 16 smaller ones if these hold no data: reading stays bounded whatever the size.
    """
    if not planes:
        return np.empty(0)
    for count in (4, 16):
        side = max(1, int(np.sqrt(1e6 / len(planes)) / count))
        values = []
        for window in _spread(dataset.height, dataset.width, count, side):
            stored = dataset.read([i + 1 for i in planes], window=window)
            values.append(stored[~raw.missing(stored)])
        if any(v.size for v in values):
            return np.concatenate(values).astype(np.float64)
    return np.empty(0)


def _spread(height: int, width: int, count: int, side: int) -> Iterator[Window]:
    """``count`` x ``count`` windows of ``side`` pixels, spread evenly; all, if that is less."""
    rows, cols = (
        [(0, n)]
        if n <= count * side
        else [(round(i * (n - side) / (count - 1)), side) for i in range(count)]
        for n in (height, width)
    )
    for top, h in rows:
        for left, w in cols:
            yield Window(left, top, w, h)


def _from_metadata(dataset: Any, bands: BandSet, origin: Origin, dtype: str) -> Scaling | None:
    """Scale and offset from the ENVI domain, or from a product whose scaling is published."""
    envi = {k.lower().replace(" ", "_"): v for k, v in dataset.tags(ns="ENVI").items()}
    try:
        return 1.0 / float(envi["reflectance_scale_factor"]), 0.0
    except (KeyError, ValueError, ZeroDivisionError):
        pass
    if dtype == "uint16" and origin.family in ("landsat-8/9", "landsat-4/5/7"):
        names = [b.name for b in bands if b.kind == "reflective"]
        if all(re.fullmatch(r"SR_B[1-7]", n, re.I) for n in names):
            return LANDSAT_SR
    tags = {k.upper(): v for k, v in dataset.tags().items()}
    if dtype == "uint16" and origin.family == "sentinel-2":
        baseline = re.match(r"(\d\d)\.\d\d$", tags.get("PROCESSING_BASELINE", ""))
        if baseline and int(baseline.group(1)) < 4:  # no offset existed before 04.00
            return 1e-4, 0.0
    return None


def as_reflectance(sample: NDArray[np.float64], dtype: str) -> Scaling | None:
    """(1, 0) if floating-point numbers can be reflectance: 99.5th percentile in [0, 2].

    The 0.5th percentile must not lie below -1, which backscatter in dB does.
    """
    if not dtype.startswith("float"):
        return None
    if not sample.size:
        return 1.0, 0.0
    low, high = np.percentile(sample, [0.5, 99.5])
    return (1.0, 0.0) if low >= -1 and 0 <= high <= 2 else None


def _thermal(name: str, sample: NDArray[np.float64], dtype: str, path: str) -> Scaling:
    """Scaling of a thermal band without metadata: published, or plain kelvin."""
    if dtype == "uint16" and name.upper() in ("ST_B10", "ST_B6"):
        return LANDSAT_ST
    if not sample.size or _KELVIN[0] <= np.median(sample) <= _KELVIN[1]:
        return 1.0, 0.0
    raise BandError(
        f"{path} has no scale for its thermal band {name} (median {np.median(sample):.4g})",
        "kelvin, or scale and offset metadata that give kelvin",
        "set the band's scale and offset, or name it 'other' in --bands",
    )


def _ambiguous(path: str, dtype: str, sample: NDArray[np.float64], origin: Origin) -> BandError:
    top = f"{np.max(sample):.6g}" if sample.size else "nodata only"
    got = f"{path} holds {dtype} numbers (largest {top}) without scale and offset"
    expected = "metadata that turn the numbers into reflectance, or floating-point reflectance"
    if dtype in ("uint8", "int8"):
        remedy = "give the original image, 8 bits are mostly a picture stretched for the eye; or"
        return BandError(got, expected, f"{remedy} pass --scale if you know the factor")
    remedy = "if the numbers are reflectance x 10000, pass --scale 1e-4"
    if origin.family in ("sentinel-2", None):
        remedy += (
            " (with --offset -0.1 for Sentinel-2 of baseline 04.00 or later, if not yet applied)"
        )
    return BandError(got, expected, remedy)
