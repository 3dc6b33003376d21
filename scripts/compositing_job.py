"""A composite from the command line: which scenes, which masks, what is told in the end."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import gan
from ..datasets import Scene, open_scene
from ..datasets.atomic import refuse_existing
from ..datasets.errors import UsageError
from ..datasets.read import open_mask
from ..datasets.reviews import Reviews, read_reviews
from ..gan.compositing import Method
from . import windowed
from .compositing import Made, make_masks, write_composite
from .console import Console
from .options import Reading
from .pipeline import check_request, fill_text, refuse_inputs, understood
from .series import Series, check_together, series

_READY = "ready"


@dataclass(frozen=True)
class CompositeJob:
    """What was asked for; see `composite.command`."""

    scenes: tuple[Path, ...]
    output: Path
    method: Method
    detector: str | None
    decisions: Path | None
    date: datetime | None
    align: bool
    fill: str | None
    memory_gb: float
    seed: int
    reading: Reading
    overwrite: bool

    @property
    def outputs(self) -> dict[str, Path]:
        """Paths by kind."""
        kinds = ["dates", "count", *(("provenance", "confidence") if self.fill else ())]
        beside = {k: self.output.with_name(f"{self.output.stem}_{k}.tif") for k in kinds}
        return {"composite": self.output} | beside

    def chosen(self) -> list[Path]:
        """The scenes without the masks that a pattern such as ``*.tif`` caught with them.

        Raises:
            UsageError: fewer than two, or one twice.
        """
        masks = {_beside(path).absolute() for path in self.scenes}
        paths = [p for p in self.scenes if p.absolute() not in masks]
        names = [p.resolve() for p in paths]
        if len(paths) < 2 or len(set(names)) < len(names):
            raise UsageError(
                f"{len(set(names))} different scenes in {len(paths)}",
                "two or more dates of one place, each once", "name each scene once",
            )  # fmt: skip
        return paths


def _beside(scene: Path) -> Path:
    return scene.with_name(f"{scene.stem}_mask.tif")


def run(job: CompositeJob, console: Console, dry_run: bool) -> tuple[dict[str, Any], str]:
    """Make the composite; facts for programs, and lines for a person.

    Raises:
        UsageError: names or combinations that cannot work, or every scene is rejected.
        GridError, BandError: scenes that do not fit together.
        OutputError: an output exists, or cannot be written.
    """
    if job.fill in gan.DATED:
        raise UsageError(
            f"--fill {job.fill}, which takes values from other dates",
            "a filler of one date: the composite holds all dates there are",
            "choose auto, regression or idw",
        )
    check_request(job.detector or "auto", job.fill)
    outputs = job.outputs
    paths = job.chosen()
    refuse_inputs(outputs.values(), paths)
    for path in outputs.values():
        refuse_existing(path, job.overwrite)
    reviews = read_reviews(job.decisions) if job.decisions else None
    rejected = [p for p in paths if reviews is not None and reviews.of(p).rejected]
    kept = [p for p in paths if p not in rejected]
    if not kept:
        raise UsageError(
            f"{job.decisions} rejects every scene", "one that is not", "give other scenes"
        )
    scenes = [understood(path, job.reading, console) for path in kept]
    check_together(scenes, job.align)
    masks = [_given(path, scene, job) for path, scene in zip(kept, scenes, strict=True)]
    for path, mask in zip(kept, masks, strict=True):
        console.explain(f"{path.name}: mask {mask.name if mask else job.detector or 'auto'}")
    for path in rejected:
        console.note(f"{path.name}: rejected by {job.decisions}")
    known = {
        "outputs": outputs, "method": job.method, "rejected": rejected,
        "masks": {str(p): m or job.detector or "auto" for p, m in zip(kept, masks, strict=True)},
    }  # fmt: skip
    if dry_run:
        return {**known, "dry_run": True}, "\n".join(map(str, outputs.values()))
    with tempfile.TemporaryDirectory(prefix=".kumosan-", dir=job.output.parent) as scratch:
        of, made, filled = _made(job, scenes, masks, reviews, Path(scratch), console)
        _move(Path(scratch, _READY), job.output)
    return {**known, **_facts(of, made, kept), "filled": filled}, _told(of, made, filled, job)


def _move(folder: Path, output: Path) -> None:
    """All files to their place, the composite last: where it is, everything is."""
    for file in sorted(folder.iterdir(), key=lambda f: f.name == output.name):
        file.replace(output.with_name(file.name))


def _given(path: Path, scene: Scene, job: CompositeJob) -> Path | None:
    """The mask beside a scene, unless another is asked for; checked to fit."""
    mask = _beside(path)
    if job.detector is not None or not mask.is_file():
        return None
    with open_mask(mask, scene):
        return mask


def _made(
    job: CompositeJob, scenes: Sequence[Scene], given: Sequence[Path | None],
    reviews: Reviews | None, scratch: Path, console: Console,
) -> tuple[Series, Made, dict[str, int] | None]:  # fmt: skip
    masks = make_masks(scenes, given, job.detector or "auto", scratch, console)
    of = series(scenes, masks, reviews, job.date)
    ready, rest = scratch / _READY, scratch / "rest"
    ready.mkdir()
    rest.mkdir()
    outputs = {kind: ready / path.name for kind, path in job.outputs.items()}
    pixels = scenes[0].shape[0] * scenes[0].shape[1]
    left = {kind: rest / f"{kind}.tif" for kind in ("composite", "mask")}
    with console.phase(f"compositing ({job.method}) and writing", pixels * len(scenes)):
        given_on = left if job.fill else None
        made = write_composite(of, job.method, outputs, job.memory_gb, console, given_on)
    if job.fill is None:
        return of, made, None
    outputs["filled"] = outputs.pop("composite")
    return of, made, windowed.fill(
        open_scene(left["composite"]), left["mask"], outputs, job.fill, job.seed, console,
        keep_cloudy=False,
    )  # fmt: skip


def _facts(of: Series, made: Made, paths: Sequence[Path]) -> dict[str, Any]:
    rows = [
        {
            "index": k,
            "scene": path,
            "time": time.isoformat() if (time := date.scene.acquired.time) else None,
            "clear_pixels": clear,
            "used_pixels": used,
            "regions": len(date.regions),
        }
        for k, (path, date, clear, used) in enumerate(
            zip(paths, of.dates, made.clear, made.used, strict=True), 1
        )
    ]
    return {"dates": rows, "pixels": made.pixels, "never_clear_pixels": made.never}


def _told(of: Series, made: Made, filled: dict[str, int] | None, job: CompositeJob) -> str:
    names = list(of.table.values())[1:]
    width = max(map(len, names))
    total = max(made.pixels, 1)
    lines = [f"{'date':{width}}  clear   used"]
    lines += [
        f"{name:{width}} {100 * clear / total:5.1f} % {100 * used / total:5.1f} %"
        for name, clear, used in zip(names, made.clear, made.used, strict=True)
    ]
    lines.append(f"never clear: {made.never:,} of {made.pixels:,} px")
    if filled is not None:
        lines.append(f"filled: {fill_text(filled)}")
    return "\n".join([*lines, f"-> {job.output}"])
