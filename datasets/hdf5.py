"""Parts of an HDF5 (or netCDF-4) file: datasets, attributes and slabs, without surprises.

A dataset of HDF5 may lie in another file (external link, external storage, virtual dataset),
as a VRT may name one: such datasets are refused. Files are opened anew by every read, so a
source can be pickled and forked; h5py itself holds a lock around each call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import FileError, MissingExtraError

MAGIC = b"\x89HDF\r\n\x1a\n"
_CACHE_BYTES = 64 * 2**20
"""Chunk cache: neighbouring bands often share a compressed chunk."""


def is_hdf5(path: Path) -> bool:
    """Whether the file begins with the HDF5 signature."""
    try:
        with path.open("rb") as f:
            return f.read(8) == MAGIC
    except OSError:
        return False


@contextmanager
def open_hdf5(path: str | Path) -> Iterator[Any]:
    """Open a file for reading; yields the h5py.File.

    Raises:
        FileError: missing, of another kind, cut off or damaged (also in the body).
        MissingExtraError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError as e:  # pragma: no cover - depends on the installation
        raise MissingExtraError("reading HDF5 and netCDF-4 products", "hyperspectral") from e
    try:
        with h5py.File(Path(path).absolute(), "r", rdcc_nbytes=_CACHE_BYTES) as f:
            yield f
    except (OSError, RuntimeError) as e:
        reason = str(e).split("\n")[0]
        raise FileError(
            f"{path} is damaged or no HDF5 file ({reason})",
            "a complete product",
            "download or copy it again",
        ) from e


def dataset(f: Any, name: str, dims: int, path: Path) -> Any:
    """The dataset called ``name`` ("group/dataset") with ``dims`` axes.

    Raises:
        FileError: missing, of another rank, or stored in another file.
    """
    import h5py

    node = f
    for part in name.strip("/").split("/"):
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) else None
        if link is None:
            raise _absent(path, name)
        if not isinstance(link, h5py.HardLink):
            raise FileError(f"{path} has a link at {name}", "the data themselves", _AGAIN)
        node = node[part]
    if not isinstance(node, h5py.Dataset) or node.ndim != dims or node.size == 0:
        raise FileError(
            f"{path} has {name} of shape {getattr(node, 'shape', 'a group')}",
            f"{dims} axes", _AGAIN,
        )  # fmt: skip
    if node.is_virtual or node.external is not None:
        raise FileError(f"{path} keeps {name} in another file", "the data themselves", _AGAIN)
    return node


_AGAIN = "download the product again"


def _absent(path: Path, name: str) -> FileError:
    return FileError(f"{path} has no {name}", "a complete product of this kind", _AGAIN)


def attribute(f: Any, name: str, path: Path) -> Any:
    """An attribute of a file or group; text as str.

    Raises:
        FileError: there is none.
    """
    if name not in f.attrs:
        raise _absent(path, f"attribute {name}")
    value = f.attrs[name]
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def number(f: Any, name: str, path: Path) -> float:
    """A finite number among the attributes.

    Raises:
        FileError: missing, or no finite number.
    """
    value = attribute(f, name, path)
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = np.nan
    if not np.isfinite(found):
        raise FileError(f"{path} has {name} '{value}'", "a number", _AGAIN)
    return found


def runs(indices: Sequence[int]) -> list[tuple[int, int]]:
    """The distinct ``indices`` as ascending ranges [start, stop) of neighbours."""
    out: list[tuple[int, int]] = []
    for i in sorted(set(indices)):
        if out and out[-1][1] == i:
            out[-1] = (out[-1][0], i + 1)
        else:
            out.append((i, i + 1))
    return out


def planes(ds: Any, axis: int, rows: slice, cols: slice, bands: Sequence[int]) -> NDArray[Any]:
    """(len(bands), rows, cols) hyperslabs of a cube whose bands lie along ``axis``.

    One slab is read for each run of neighbouring bands, never the whole cube.
    """
    shape = (len(bands), rows.stop - rows.start, cols.stop - cols.start)
    out = np.empty(shape, ds.dtype)
    for start, stop in runs(bands):
        key = [rows, cols]
        key.insert(axis, slice(start, stop))
        slab = np.moveaxis(ds[tuple(key)], axis, 0)
        for place, b in enumerate(bands):
            if start <= b < stop:
                out[place] = slab[b - start]
    return out
