"""What `clean` does to one scene; `batch` does the same to many."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..datasets import Tile
from ..datasets.atomic import atomic_folder
from ..datasets.fingerprint import digest
from ..datasets.write import write_mask
from ..detection.runtimes import Choice
from ..detection.weights import PACKAGED
from . import pipeline
from .console import Console
from .options import Reading


@dataclass(frozen=True)
class Job:
    """Settings of `clean`: all that decides what its outputs are, beside the scene. Picklable."""

    detector: str = "auto"
    weights: Path | None = None
    """Weights of one's own for the network."""
    runtime: Choice = "auto"
    """What runs the network."""
    filler: str = "auto"
    references: tuple[Path, ...] = ()
    """Other dates on the same grid."""
    buffer_m: float | None = None
    """Metres by which the mask grows; None: 2 pixels."""
    min_area_m2: float | None = None
    """Specks below it are dropped; None: 4 pixels."""
    mask_only: bool = False
    """Write the mask, and neither fill nor look at fillers."""
    fill_weights: Path | None = None
    """Weights of the filler ``gan``."""
    seed: int = 0
    reading: Reading = field(default_factory=Reading)

    def check(self) -> None:
        """Raise UsageError for names and combinations that cannot work."""
        pipeline.check_request(self.detector, self.filler, self.references, self.fill_weights)

    def identity(self) -> str:
        """Hash of the settings, of the weights' content and of kumosan's version."""
        files = [self.weights] if self.weights else sorted(PACKAGED.glob("*.safetensors"))
        files += [self.fill_weights] if self.fill_weights else []
        sums = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()]
        return digest({"job": asdict(self), "weights": sums, "version": __version__})

    def output_names(self, stem: str) -> dict[str, str]:
        """File names of the outputs of the scene called ``stem``, by kind."""
        names = pipeline.output_names(stem)
        return {"mask": names["mask"]} if self.mask_only else names


def clean(
    tile: Tile, stem: str, folder: Path, job: Job, console: Console, overwrite: bool = False
) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """Mask and fill a tile, and write the outputs into ``folder``: all of them or none.

    Args:
        tile: the scene.
        stem: how the names of the files begin.
        folder: where they go.
        job: the settings.
        console: hears what is done.
        overwrite: replace files that are there.

    Returns:
        Facts for programs (sensor, level, detector, cover in %, pixels filled), lines of text for
        a person, and the names of the files that were written (``.qml`` styles are among them).

    Raises:
        UnfitError: detector or filler does not fit the tile.
        OutputError: the folder holds files and ``overwrite`` is false, or cannot be written.
    """
    used, mask = pipeline.detect(
        tile,
        job.detector,
        console,
        weights=job.weights,
        runtime=job.runtime,
        min_area_m2=job.min_area_m2,
        buffer_m=job.buffer_m,
        buffer_px=2,
    )
    facts: dict[str, Any] = {
        "sensor": tile.acquired.sensor,
        "level": tile.acquired.level,
        "detector": used,
        "cover": pipeline.cover_facts(mask),
    }
    told = f"found:  {pipeline.cover_text(mask)}"
    if job.mask_only:
        with atomic_folder(folder, overwrite) as new:
            write_mask(new / job.output_names(stem)["mask"], mask)
            files = _names(new)
        return facts, told, files
    filled = pipeline.fill(
        tile, mask, job.filler, job.references, job.reading, console, job.seed, job.fill_weights
    )
    with atomic_folder(folder, overwrite) as new:
        pipeline.write_outputs(new, stem, tile, mask, filled, console)
        files = _names(new)
    facts |= {"filler": job.filler, "filled": pipeline.fill_facts(filled)}
    return facts, f"{told}\nfilled: {pipeline.fill_text(filled)}", files


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir()))
