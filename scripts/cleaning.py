"""What `clean` does to one scene; `batch` does the same to many."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..datasets import Scene
from ..datasets.atomic import atomic_folder
from ..datasets.fingerprint import digest
from ..datasets.quicklook import write_quicklook
from ..datasets.typical import Preview
from ..datasets.write import write_mask
from ..detection.mask_settings import MaskSettings
from ..detection.runtimes import Choice
from ..detection.weights import PACKAGED
from . import pipeline, windowed
from .console import Console
from .options import Reading
from .telling import TOLD, tell


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
    memory_gb: float = windowed.MEMORY_GB
    """Scenes that would take more are cleaned by windows."""
    reading: Reading = field(default_factory=Reading)

    def check(self) -> None:
        """Raise UsageError for names and combinations that cannot work."""
        filler = None if self.mask_only else self.filler
        pipeline.check_request(self.detector, filler, self.references, self.fill_weights)

    def identity(self) -> str:
        """Hash of the settings, of the weights' content and of kumosan's version."""
        files = [self.weights] if self.weights else sorted(PACKAGED.glob("*.safetensors"))
        files += [self.fill_weights] if self.fill_weights else []
        sums = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()]
        return digest({"job": asdict(self), "weights": sums, "version": __version__})

    def output_names(self, stem: str) -> dict[str, str]:
        """File names of the outputs of the scene called ``stem``, by kind."""
        names = pipeline.output_names(stem)
        return {"mask": names["mask"]} if self.mask_only else names | TOLD


Cleaned = tuple[dict[str, Any], str, tuple[str, ...]]
"""Facts for programs (sensor, level, detector, cover in %, pixels filled), lines of text for a
person, and the names of the files that were written (``.qml`` styles are among them)."""


def clean(
    scene: Scene, stem: str, folder: Path, job: Job, console: Console, overwrite: bool = False
) -> Cleaned:
    """Mask and fill a scene, and write the outputs into ``folder``: all of them or none.

    Args:
        scene: open, not read.
        stem: how the names of the files begin.
        folder: where they go.
        job: the settings.
        console: hears what is done.
        overwrite: replace files that are there.

    Raises:
        UnfitError: detector or filler does not fit the scene.
        UsageError: references for a scene that is cleaned by windows.
        OutputError: the folder holds files and ``overwrite`` is false, or cannot be written.
    """
    if windowed.needed(scene, job.memory_gb):
        return _clean_by_windows(scene, stem, folder, job, console, overwrite)
    return _clean_whole(scene, stem, folder, job, console, overwrite)


def _clean_whole(
    scene: Scene, stem: str, folder: Path, job: Job, console: Console, overwrite: bool
) -> Cleaned:
    tile = pipeline.whole(scene, console)
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
        "cover": pipeline.cover_facts(mask.cover()),
    }
    told = f"found:  {pipeline.shares_text(mask.cover())}"
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
        paths = {kind: new / name for kind, name in job.output_names(stem).items()}
        with console.phase("report"):
            tell(scene, stem, Preview(tile, mask, filled), paths, job, used)
        files = _names(new)
    counts = pipeline.fill_facts(filled)
    facts |= {"filler": job.filler, "filled": counts}
    return facts, f"{told}\nfilled: {pipeline.fill_text(counts)}", files


def _clean_by_windows(
    scene: Scene, stem: str, folder: Path, job: Job, console: Console, overwrite: bool
) -> Cleaned:
    windowed.refuse_references(scene, job.references)
    names = job.output_names(stem)
    with atomic_folder(folder, overwrite) as new:
        paths = {kind: new / name for kind, name in names.items()}
        settings = MaskSettings(
            job.detector,
            weights=job.weights,
            runtime=job.runtime,
            min_area_m2=job.min_area_m2,
            buffer_m=job.buffer_m or 0.0,
            buffer_px=2 if job.buffer_m is None else 0,
        )
        done = windowed.mask(scene, paths["mask"], settings, console)
        facts: dict[str, Any] = {
            "sensor": scene.acquired.sensor,
            "level": scene.acquired.level,
            "detector": done.detector,
            "mask_factor": done.factor,
            "cover": pipeline.cover_facts(done.cover),
        }
        told = f"found:  {pipeline.shares_text(done.cover)}"
        if not job.mask_only:
            outputs = {
                "filled": paths["clean"],
                "provenance": paths["provenance"],
                "confidence": paths["confidence"],
            }
            overview = windowed.Overview(scene)
            counts = windowed.fill(
                scene, paths["mask"], outputs, job.filler, job.seed, console,
                weights=job.fill_weights, seen=overview.add,
            )  # fmt: skip
            with console.phase("quicklook and report"):
                small = overview.preview(paths)
                write_quicklook(paths["quicklook"], small.scene, small.mask, small.filled)
                tell(scene, stem, small, paths, job, done.detector)
            facts |= {"filler": job.filler, "filled": counts}
            told += f"\nfilled: {pipeline.fill_text(counts)}"
        files = _names(new)
    return facts, told, files


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir()))
