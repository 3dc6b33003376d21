"""What `clean` tells beside the rasters: a page for people, a STAC item for catalogues."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..datasets import Scene
from ..datasets.clean_report import Told, clean_report
from ..datasets.footprint import footprint
from ..datasets.outcome import outcome
from ..datasets.sensors import sensors
from ..datasets.stac_item import KINDS, stac_item
from ..datasets.tile import LEVELS
from ..datasets.typical import Preview, typical_pixels
from ..datasets.weights import ModelCard, read_card
from ..detection import NETWORKS
from ..detection.segmenter import DEFAULT_WEIGHTS

if TYPE_CHECKING:
    from .cleaning import Job

TOLD = {"report": "report.html", "item": "item.json"}


def tell(
    scene: Scene, stem: str, preview: Preview, paths: Mapping[str, Path], job: Job, detector: str
) -> None:
    """Write the report and the item.

    Args:
        scene: as it came.
        stem: its name.
        preview: for the pictures and the outline.
        paths: of the outputs by kind: rasters that are there, and the two to write.
        job: the settings.
        detector: the one that ran.
    """
    seen = outcome(paths)
    files = {kind: paths[kind].name for kind in KINDS}
    beside = (*(file for kind, file in files.items() if kind != "report"), paths["item"].name)
    told = Told(stem, _scene(scene), _settings(job, detector), beside, _cards(job, detector))
    pixels = typical_pixels(scene, preview, paths)
    paths["report"].write_text(clean_report(told, preview, seen, pixels), "utf-8")
    place = footprint(scene.grid, preview.mask.valid, preview.factor)
    lineage = (
        f"Clouds and shadows of {Path(scene.path).name} found by {detector}, filled by "
        f"{job.filler}, with kumosan clean"
    )
    item = stac_item(stem, scene, files, seen.cloud_cover, place, lineage)
    paths["item"].write_text(json.dumps(item, indent=2, allow_nan=False) + "\n", "utf-8")


def _scene(scene: Scene) -> dict[str, object]:
    acquired, (height, width) = scene.acquired, scene.shape
    known = sensors().get(acquired.sensor or "")
    return {
        "sensor": known.title if known else acquired.sensor or "not named by the file",
        "level": LEVELS.get(acquired.level or "", "not named by the file"),
        "acquired": acquired.time.strftime("%Y-%m-%d %H:%M UTC") if acquired.time else "not known",
        "size": f"{width} x {height} pixels" + (f" of {scene.gsd_m:.3g} m" if scene.gsd_m else ""),
        "bands": ", ".join(scene.bands.names) if len(scene.bands) <= 15 else len(scene.bands),
        "coordinate system": scene.grid.crs.to_string() if scene.grid.crs else "none",
    }


def _settings(job: Job, detector: str) -> dict[str, object]:
    asked = "" if job.detector == detector else f" (asked for: {job.detector})"
    return {
        "detector": f"{detector}{asked}",
        "weights": job.weights.name if job.weights else None,
        "filler": job.filler,
        "weights of the filler": job.fill_weights.name if job.fill_weights else None,
        "other dates": ", ".join(p.name for p in job.references) or None,
        "mask grown by": "2 pixels" if job.buffer_m is None else f"{job.buffer_m:g} m",
        "specks dropped below": (
            "4 pixels" if job.min_area_m2 is None else f"{job.min_area_m2:g} m²"
        ),
        "seed": job.seed,
    }


def _cards(job: Job, detector: str) -> dict[str, ModelCard]:
    cards = {}
    if detector in NETWORKS:
        cards["found the clouds"] = read_card(job.weights or DEFAULT_WEIGHTS)
    if job.filler == "gan":
        from ..gan.network_filler import PACKAGED

        cards["filled them"] = read_card(job.fill_weights or PACKAGED)
    return cards
