"""Square patches of a scene as GeoTIFFs, with a manifest that lets a killed run go on.

A folder of patches holds

- ``manifest.json``: source, settings, bands kept and dropped, the outcome of the search and
  the place of every patch, written before the first patch;
- ``<stem>_<row>_<column>.tif``: stored numbers, scale, nodata, names and wavelengths as in the
  scene, bands of kind ``other`` (bad bands, classes) left out;
- ``manifest.jsonl``: one line a patch, appended once the patch lies whole in its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rasterio.windows import Window

from .atomic import AnyPath, atomic_file, refuse_existing
from .errors import BandError, OutputError
from .fingerprint import digest, file_facts
from .manifest import Journal, Record, read_lines
from .patch_folder import (
    HEADER,
    LINES,
    holds_files,
    read_header,
    remove_patches,
    search_facts,
    told,
)
from .scene import Scene
from .swath import Packing, pack_rows, pixels_needed
from .tile import Tile
from .validity import valid_rows
from .write import write_tile

_FORMAT = 1


@dataclass(frozen=True)
class PatchSettings:
    """What decides which patches are cut."""

    size: int = 256
    """Side of a patch in pixels."""
    min_valid: float = 1.0
    """Share of valid pixels that a patch must have, in (0, 1]."""

    def __post_init__(self) -> None:
        pixels_needed(self.size, self.min_valid)


@dataclass(frozen=True)
class PatchRun:
    """A scene to be cut into patches in a folder."""

    scene: Scene
    folder: Path
    settings: PatchSettings
    kept: tuple[int, ...]
    """Indices of the bands that the patches hold."""
    dropped: tuple[int, ...]
    """Indices of the bands of kind ``other``, left out."""
    identity: str
    """Hash of source and settings; equal in every run that makes the same patches."""

    @classmethod
    def of(cls, scene: Scene, folder: AnyPath, settings: PatchSettings) -> PatchRun:
        """Prepare a run; nothing is read or written yet.

        Raises:
            BandError: no optical band is left.
        """
        kept = tuple(i for i, b in enumerate(scene.bands) if b.kind != "other")
        if not scene.bands.optical:
            raise BandError(
                f"{scene.path} has no optical band that may be used",
                "at least one",
                "check the bad-band list, or name the bands with --bands",
            )
        dropped = tuple(i for i in range(len(scene.bands)) if i not in set(kept))
        folder = Path(folder)
        facts = {
            "format": _FORMAT,
            "settings": asdict(settings),
            "files": file_facts(scene.path, leave_out=folder),
            "scene": _scene_facts(scene),
        }
        return cls(scene, folder, settings, kept, dropped, digest(facts))

    def name(self, row: int, column: int) -> str:
        """File of the patch whose upper left pixel is (row, column) of the scene."""
        return f"{Path(self.scene.path).stem}_{row:05d}_{column:05d}.tif"

    def check(self, overwrite: bool) -> Record | None:
        """The header of an earlier run that this one may complete, or None for a new one.

        Raises:
            OutputError: the folder holds something else and ``overwrite`` is false, or it
                cannot be written.
        """
        refuse_existing(self.folder, overwrite=True)  # only whether it can be written
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(
                f"{self.folder} is a file", "the name of a folder", "choose another output"
            )
        if overwrite or not holds_files(self.folder):
            return None
        header = read_header(self.folder)
        if header is None:
            raise OutputError(
                f"{self.folder} holds files, and no {HEADER} of an earlier run",
                "a new or empty folder",
                "choose another output, or pass --overwrite",
            )
        if header.get("identity") != self.identity:
            raise OutputError(
                f"{self.folder} holds patches of {told(header)}",
                f"the same scene and settings to go on with ({told(self._header())})",
                "choose another output, or pass --overwrite to replace them",
            )
        return header

    def search(self) -> Packing:
        """Find where the patches lie; reads the whole scene once, in bounded memory.

        Raises:
            FileError: the scene is damaged.
            GridError: the scene is smaller than a patch.
        """
        size, share = self.settings.size, self.settings.min_valid
        return pack_rows(valid_rows(self.scene), self.scene.shape, size, share)

    def planned(self, packing: Packing) -> Record:
        """The header of a new run: what is cut, from what, and where."""
        return self._header() | {
            "search": search_facts(packing),
            "patches": [list(square) for square in packing.squares],
        }

    def _begin(self, header: Record, overwrite: bool) -> None:
        """Write the header, and remove the patches of the run that this one replaces."""
        self.folder.mkdir(exist_ok=True)
        if overwrite:
            remove_patches(self.folder)
        if not (self.folder / HEADER).exists():
            with atomic_file(self.folder / HEADER) as place:
                place.write_text(json.dumps(header, allow_nan=False) + "\n", "utf-8")

    def write(
        self,
        header: Record,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[int, int]:
        """Write the patches that the manifest does not prove done.

        Args:
            header: from `check`, or `planned` for a new run.
            overwrite: remove the patches and the manifest of an earlier run first. Files that
                its manifest does not list stay.
            progress: called with (patches done, patches in all) after every patch.

        Returns:
            (patches written, patches that were there already).

        Raises:
            FileError: the scene or the manifest is damaged.
            OutputError: a patch cannot be written.
        """
        self._begin(header, overwrite)
        squares = [(int(row), int(column)) for row, column in header["patches"]]
        done = {str(r["file"]) for r in self._done()}
        todo = [square for square in squares if self.name(*square) not in done]
        with Journal(self.folder / LINES) as journal:
            for count, (row, column) in enumerate(todo, 1):
                journal.append(self._write_one(row, column))
                if progress is not None:
                    progress(len(squares) - len(todo) + count, len(squares))
        return len(todo), len(squares) - len(todo)

    def _write_one(self, row: int, column: int) -> Record:
        size = self.settings.size
        tile = self.scene.read(Window(column, row, size, size), self.kept)
        path = self.folder / self.name(row, column)
        write_tile(path, _without_statistics(tile), overwrite=True)
        return {
            "file": path.name,
            "bytes": path.stat().st_size,
            "source": self.scene.path,
            "row": row,
            "col": column,
            "size": size,
            "transform": [float(v) for v in tile.transform[:6]],
            "crs": tile.crs.to_string() if tile.crs else None,
            "valid_share": float(tile.valid.mean()),
            **self._bands(),
            "identity": self.identity,
        }

    def _done(self) -> Iterator[Record]:
        """Lines of this run's manifest whose patch lies there in full."""
        for record in read_lines(self.folder / LINES):
            file, size = record.get("file"), record.get("bytes")
            if record.get("identity") != self.identity or not isinstance(file, str):
                continue
            with suppress(OSError):
                if (self.folder / file).stat().st_size == size:
                    yield record

    def _header(self) -> Record:
        return {
            "format": _FORMAT,
            "identity": self.identity,
            "source": self.scene.path,
            **asdict(self.settings),
            **self._bands(),
        }

    def _bands(self) -> Record:
        names = self.scene.bands.names
        return {
            "bands": [names[i] for i in self.kept],
            "dropped_bands": [names[i] for i in self.dropped],
        }


def _scene_facts(scene: Scene) -> Record:
    return {
        "bands": [asdict(b) for b in scene.bands],
        "encoding": asdict(scene.encoding),
        "shape": scene.shape,
        "transform": list(scene.grid.transform[:6]),
        "crs": scene.grid.crs.to_wkt() if scene.grid.crs else None,
    }


def _without_statistics(tile: Tile) -> Tile:
    """The tile less the STATISTICS_* tags of its bands: they are the whole scene's."""
    rows = tuple(
        {k: v for k, v in row.items() if not k.startswith("STATISTICS_")} for row in tile.band_tags
    )
    return replace(tile, band_tags=rows)
