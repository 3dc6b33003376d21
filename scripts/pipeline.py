"""Where the two halves of kumosan meet: read, detect, fill, and say what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import detection, gan
from ..datasets import CloudMask, FilledTile, Scene, Tile, open_scene
from ..datasets.errors import OutputError, UsageError
from ..datasets.opening import MAX_PIXELS
from ..datasets.quicklook import write_quicklook
from ..datasets.sensors import sensors
from ..datasets.tile import CLASS_NAMES, PROVENANCE_NAMES, UNFILLABLE
from ..datasets.write import write_confidence, write_filled, write_mask, write_provenance
from ..detection.mask_settings import MaskSettings, asked
from ..detection.postprocess import buffer, clean_up
from ..detection.runtimes import Choice
from .console import Console
from .options import Reading

REFERENCED = ("auto", "auto-far", *gan.DATED)
"""Fillers that use other dates."""


def stem(path: Path) -> str:
    """Name of a scene without its extension or product suffix."""
    return path.resolve().stem


def open_(path: Path, reading: Reading) -> Scene:
    """Open a scene with the options of the command line, without reading its pixels."""
    return open_scene(
        path,
        sensor=reading.sensor,
        bands=reading.bands,
        scale=reading.scale,
        offset=reading.offset,
        resolution_m=reading.resolution,
        max_pixels=reading.max_pixels or MAX_PIXELS,
    )


def understood(path: Path, reading: Reading, console: Console) -> Scene:
    """Open a scene and tell in one line how it was understood."""
    scene = open_(path, reading)
    console.note(f"{path.name}: {describe(scene)}")
    return scene


def whole(scene: Scene, console: Console) -> Tile:
    """Read all of a scene."""
    with console.phase("reading"):
        return scene.read()


def load(path: Path, reading: Reading, console: Console) -> Tile:
    """`understood`, then `whole`."""
    return whole(understood(path, reading, console), console)


def describe(seen: Tile | Scene) -> str:
    """One line: sensor, level, size, bands, scaling of the optical bands."""
    known = sensors().get(seen.acquired.sensor or "")
    height, width = seen.shape
    gsd = f" of {seen.gsd_m:.3g} m" if seen.gsd_m else ""
    optical = seen.bands.optical
    centers = [seen.bands[i].center_nm for i in optical]
    span = f", {min(centers):.0f}-{max(centers):.0f} nm" if centers else ""
    encoding = seen.encoding.of(optical)
    return "; ".join(
        [
            known.title if known else seen.acquired.sensor or "sensor not named",
            {"TOA": "top-of-atmosphere", "SR": "surface reflectance"}.get(
                seen.acquired.level or "", "level not named"
            ),
            f"{width} x {height} px{gsd}",
            f"{len(seen.bands)} bands{span}",
            f"{encoding.dtype} x {_range(encoding.scale)} + {_range(encoding.offset)}",
        ]
    )


def _range(values: Sequence[float]) -> str:
    if not values:
        return "-"
    low, high = min(values), max(values)
    return f"{low:.4g}" if low == high else f"{low:.4g}..{high:.4g}"


def detect(
    tile: Tile,
    detector: str,
    console: Console,
    *,
    weights: Path | None = None,
    runtime: Choice = "auto",
    min_area_m2: float | None = None,
    buffer_m: float | None = None,
    buffer_px: float = 0.0,
) -> tuple[str, CloudMask]:
    """Mask a tile with the detector called ``detector`` (``auto``: the best that fits).

    ``weights`` and ``runtime`` are for the network; weights choose it. ``buffer_px`` is used where
    no ``buffer_m`` is given.

    Returns:
        the name of the detector that ran, and its mask after morphological clean-up.
    """
    chosen = asked(MaskSettings(detector, weights=weights, runtime=runtime))
    name, found = detection.choose(tile, chosen[0], **chosen[1])
    console.explain(f"detectors that fit this scene: {', '.join(detection.fitting(tile))}")
    with console.phase(f"masking ({name})", tile.data[0].size):
        mask = found.mask(tile)
        mask = clean_up(mask, tile.gsd_m, min_area_m2=min_area_m2, buffer_m=buffer_m)
        if buffer_m is None:
            mask = replace(mask, classes=buffer(mask.classes, buffer_px))
    warn_of_emptiness(bool(mask.valid.any()), mask.cover()["clear"], console)
    return name, mask


def warn_of_emptiness(valid: bool, clear: float, console: Console) -> None:
    """Tell that nothing can come of a scene without valid, or without clear pixels."""
    if not valid:
        console.warn("no valid pixel: the scene holds nothing but nodata")
    elif clear == 0:
        console.warn("no clear pixel to learn from: thick cloud stays, thin cloud is hardly known")


def check_request(
    detector: str,
    filler: str | None,
    references: Sequence[Path] = (),
    fill_weights: Path | None = None,
) -> None:
    """Refuse names, settings and combinations that cannot work, before any pixel is read.

    Without a filler (None) none is looked at: making one imports its libraries.
    """
    if detector != "auto":
        detection.get(detector)
    if filler is None:
        return
    if references and filler not in REFERENCED:
        raise UsageError(
            f"--reference with --filler {filler}",
            "a filler that uses other dates",
            f"choose --filler {' or '.join(REFERENCED)}, or leave --reference out",
        )
    if fill_weights and filler != "gan":
        raise UsageError(
            f"--fill-weights with --filler {filler}",
            "the filler that is a network",
            "choose --filler gan, or leave --fill-weights out",
        )
    if not (references and filler in gan.DATED):  # it cannot be made without them
        gan.get(filler, **filler_settings(filler, 0, fill_weights))


def filler_settings(filler: str, seed: int, weights: Path | None = None) -> dict[str, Any]:
    """What a filler of that name is made with: the seed of those that draw, a network's weights."""
    settings: dict[str, Any] = {}
    if filler in ("adaptive", "auto", "auto-far", "regression"):
        settings["seed"] = seed
    if weights is not None:
        settings["weights"] = weights
    return settings


def refuse_inputs(outputs: Iterable[Path | str], inputs: Iterable[Path]) -> None:
    """Raise OutputError if an output is one of the inputs, whatever it is called."""
    for output in map(Path, outputs):
        if output.suffix.lower() not in ("", ".tif", ".tiff", ".png"):
            raise OutputError(f"{output} as an output", "a name that ends in .tif", "rename it")
        for given in inputs:
            if output.exists() and given.exists() and output.samefile(given):
                raise OutputError(
                    f"{output} is an input", "an output of its own", "choose another --output"
                )


def fill(
    tile: Tile,
    mask: CloudMask,
    filler: str,
    references: Sequence[Path],
    reading: Reading,
    console: Console,
    seed: int = 0,
    fill_weights: Path | None = None,
) -> FilledTile:
    """Fill what ``mask`` hides with the filler called ``filler``.

    References are masked by the detector that fits them best, with a buffer of 2 pixels: what
    is missed there would be pasted as ground.
    """
    settings = filler_settings(filler, seed, fill_weights)
    if references:
        dates = [load(path, reading, console) for path in references]
        if tile.path and any(Path(tile.path).samefile(path) for path in references):
            raise UsageError("the scene itself as --reference", "another date", "name another file")
        if any(t.crs is None for t in (tile, *dates)):
            console.warn("without a coordinate system nobody can check that dates show one place")
        masks = [detect(date, "auto", console, buffer_px=2)[1] for date in dates]
        settings |= {"references": dates, "reference_masks": masks}
    found = gan.get(filler, **settings)
    with console.phase(f"filling ({filler})", int(mask.contaminated.sum())):
        done = found.fill(tile, mask)
    lost = int((done.provenance == UNFILLABLE).sum())
    if lost:
        console.explain(f"{lost} pixels keep their cloudy values: nothing here knows the ground")
    return done


def clear_inputs(paths: Sequence[Path], reading: Reading) -> list[Scene]:
    """The clear scenes that clouds are to be painted on; none for landscapes.

    Raises:
        UsageError: options of reading, and nothing to read.
    """
    from ..synthesis.pairs import clear_files

    if not paths and reading != Reading():
        raise UsageError(
            "options of reading, and nothing to read",
            "clear scenes, or --bands-from alone for landscapes",
            "name the scenes, or leave the options out",
        )
    return [open_(path, reading) for path in clear_files(paths)]


def output_names(stem: str) -> dict[str, str]:
    """File names of what `write_outputs` writes, by kind."""
    rasters = {k: f"{stem}_{k}.tif" for k in ("mask", "clean", "provenance", "confidence")}
    return rasters | {"quicklook": f"{stem}_quicklook.png"}


def write_outputs(
    folder: Path, stem: str, tile: Tile, mask: CloudMask, filled: FilledTile, console: Console
) -> None:
    """Write mask, filled scene, provenance, confidence and quicklook into ``folder``."""
    names = output_names(stem)
    with console.phase("writing"):
        write_mask(folder / names["mask"], mask)
        write_filled(folder / names["clean"], filled)
        write_provenance(folder / names["provenance"], filled)
        write_confidence(folder / names["confidence"], filled)
        write_quicklook(folder / names["quicklook"], tile, mask, filled)


def cover_facts(cover: Mapping[str, float]) -> dict[str, float]:
    """Percentage of each class among the valid pixels, of shares from 0 to 1."""
    return {name: round(100 * share, 3) for name, share in cover.items()}


def fill_facts(filled: FilledTile) -> dict[str, int]:
    """Number of pixels by how they were come by."""
    return named_counts(np.bincount(filled.provenance.ravel(), minlength=256))


def named_counts(counts: NDArray[np.integer]) -> dict[str, int]:
    """The same of the number of pixels of each code."""
    return {name: int(counts[code]) for code, name in enumerate(PROVENANCE_NAMES)}


def shares_text(cover: Mapping[str, float]) -> str:
    """``clear 70.1 %, thick cloud 12.0 %, ...`` of shares from 0 to 1."""
    return ", ".join(f"{n.replace('_', ' ')} {100 * cover[n]:.1f} %" for n in CLASS_NAMES)


def fill_text(counts: Mapping[str, int]) -> str:
    """``spectral 41,000 px, spatial 10,000 px, unfillable 3 px`` of `fill_facts`."""
    told = [f"{name} {counts[name]:,} px" for name in PROVENANCE_NAMES[1:] if counts[name]]
    return ", ".join(told) or "nothing"
