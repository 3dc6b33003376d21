"""The scenes of an ablation: ground, the clouds on it, and the same ground on another date."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..datasets.band_order import some_bands, spectrometer
from ..datasets.catalog import Row, is_clear, read_catalog
from ..datasets.errors import GridError, UnfitError, UsageError
from ..datasets.read import read
from ..datasets.tile import CLEAR, CloudMask, Tile
from ..synthesis.composite import cloudify
from ..synthesis.landscape import LEAST, NOISE_FLOOR, SNR
from ..synthesis.landscapes import Landscapes
from ..synthesis.perlin import fractal_noise, random_offset
from ..synthesis.sampler import CloudSampler
from .ablation import Ablation, Ground
from .evaluation import middle

CLEAR_SHARE = 0.2
TRIES = 8
"""After so many the sky is taken as it is."""
PARCEL_PX = 24.0
"""Size of what changes between two dates, in pixels."""


@dataclass(frozen=True)
class Scene:
    """One sky over one piece of ground, in some or all of its bands."""

    clear: Tile
    cloudy: Tile
    mask: CloudMask
    other: Tile
    """The ground on another date, without clouds."""

    def with_bands(self, count: int) -> Scene:
        """The same scene in a set of ``count`` bands.

        Raises:
            UnfitError: it has fewer.
        """
        kept = some_bands(self.clear.bands, count)
        clear, cloudy, other = (few(t, kept) for t in (self.clear, self.cloudy, self.other))
        return Scene(clear, cloudy, self.mask, other)


def few(tile: Tile, kept: Sequence[int]) -> Tile:
    """The bands numbered ``kept`` of ``tile``, as reflectance only."""
    return Tile(
        tile.data[list(kept)], tile.bands.select(kept), tile.transform, tile.crs, tile.acquired
    )


def pieces(asked: Ablation, data: Path | None) -> dict[str, Callable[[], Tile]]:
    """Every piece of ground by name, read or drawn when it is called.

    Args:
        asked: what to compare.
        data: the catalogue, for ground of kind ``catalog`` or ``mosaic``.

    Raises:
        UsageError: no catalogue where one is needed, or two pieces of one name.
        FileError, ValueRangeError: see `read_catalog`.
        UnfitError: images that the catalogue's split does not have.
    """
    found: dict[str, Callable[[], Tile]] = {}
    for ground in asked.ground:
        for name, make in _pieces(ground, data):
            if name in found:
                raise UsageError(f"ground {name} twice", "each once", "correct [[ground]]")
            found[name] = make
    return found


def _pieces(ground: Ground, data: Path | None) -> Iterator[tuple[str, Callable[[], Tile]]]:
    if ground.kind == "landscape":
        made = Landscapes(ground.count, ground.size, ground.seed, spectrometer())
        for i in range(ground.count):
            yield f"landscape_{ground.seed}_{i}", partial(made.__getitem__, i)
        return
    if data is None:
        raise UsageError(
            f"ground of kind '{ground.kind}' without a catalogue", "a folder with catalog.json",
            "name it on the command line",
        )  # fmt: skip
    rows = {row.id: row for row in read_catalog(data) if row.split == ground.split}
    wanted = ground.images or tuple(name for line in ground.rows for name in line)
    lost = [name for name in wanted if name not in rows]
    if ground.kind == "catalog" and not wanted:
        wanted = tuple(name for name, row in rows.items() if is_clear(row))
    if lost or not wanted:
        raise UnfitError(
            f"images {', '.join(lost) or '(none)'} of split '{ground.split}'",
            "images that the catalogue has in this split", "correct [[ground]]",
        )  # fmt: skip
    if ground.kind == "mosaic":
        parts = [[rows[name] for name in line] for line in ground.rows]
        yield Path(wanted[0]).stem, partial(_mosaic, parts)
        return
    for name in wanted[: ground.count]:
        yield Path(name).stem, partial(_middle, rows[name], ground.size)


def _middle(row: Row, size: int) -> Tile:
    return middle(read(row.image), size)


def _mosaic(parts: Sequence[Sequence[Row]]) -> Tile:
    tiles = [[read(row.image) for row in line] for line in parts]
    first = tiles[0][0]
    if len({(tile.data.shape, tile.bands) for line in tiles for tile in line}) > 1:
        raise GridError(
            f"a mosaic that begins with {first.path}, of unlike images",
            "images of one size with the same bands", "correct rows",
        )  # fmt: skip
    data = np.concatenate([np.concatenate([t.data for t in line], axis=2) for line in tiles], 1)
    return Tile(data, first.bands, first.transform, first.crs, first.acquired)


def scene(asked: Ablation, name: str, ground: Tile, cloud: str, seed: int) -> Scene:
    """Clouds on ``ground``, the same whatever else is compared: they hang on the arguments only.

    A sky whose clouds and shadows leave less than `CLEAR_SHARE` of the ground is drawn again.
    """
    rng = np.random.default_rng([seed, zlib.crc32(f"{name}/{cloud}".encode())])
    sky, date = rng.spawn(2)
    sampler = CloudSampler((cloud,), cover=asked.cover)
    for _ in range(TRIES):
        pair = cloudify(ground, sampler, rng=sky)
        if np.mean(pair.mask.classes == CLEAR) >= CLEAR_SHARE:
            break
    return Scene(ground, pair.cloudy, pair.mask, another_date(ground, asked.change, date))


def another_date(tile: Tile, change: float, rng: np.random.Generator) -> Tile:
    """``tile`` as it might be on another day: brighter and darker parcels, and noise of its own.

    Reflectance is multiplied by exp(a + b s), with s from -1 at the shortest wavelength to 1 at
    the longest, and a and b smooth fields over the ground with standard deviation ``change``. How
    much real ground changes in a week or a season is not asked here: the figures of a method that
    sees it hang on ``change``.
    """
    optical = list(tile.bands.optical)
    nm = np.array([tile.bands[i].center_nm for i in optical])
    slope = 2 * (nm - nm.min()) / max(float(np.ptp(nm)), 1.0) - 1
    fields = []
    for _ in range(2):
        noise = fractal_noise(tile.shape, PARCEL_PX, offset=random_offset(rng))
        fields.append(noise * (change / max(float(noise.std()), 1e-9)))
    data = tile.data.copy()
    for i, s in zip(optical, slope, strict=True):
        plane = tile.data[i] * np.exp(fields[0] + s * fields[1])
        noise = rng.standard_normal(tile.shape, np.float32)
        plane = plane + noise * np.sqrt(NOISE_FLOOR**2 + (plane / SNR) ** 2)
        data[i] = np.clip(plane, LEAST, None)
    return replace(tile, data=data.astype(np.float32), stored=None)
