"""Running an ablation: every cell that is not there yet, and its scores."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..datasets.band_order import VISIBLE, band_windows, spectrometer
from ..datasets.errors import OutputError, UnfitError
from ..datasets.pace import Pace
from ..datasets.protocols import Filler
from ..datasets.tile import Tile
from . import DATED
from .ablation import TRAINED, Ablation, Cell, filler
from .ablation_results import RESULTS, Score, judged, read_scores, write_scores
from .ablation_scenes import Scene, pieces, scene

FACTS = "ablation.json"
"""In the folder of an ablation: what its cells depend on."""

Step = tuple[str, str, int]
"""A piece of ground, a kind of cloud, a seed: the scene that a step of a run is about."""
Tell = Callable[[str, int, int, float | None], None]
"""Called with what begins, its number (from 1), of how many, and the seconds left if known."""


def steps(asked: Ablation, data: Path | None) -> list[Step]:
    """The scenes of an ablation; all ground of one seed before the next.

    Raises:
        KumosanError: see `pieces`.
    """
    return _steps(asked, pieces(asked, data))


def _steps(asked: Ablation, names: Iterable[str]) -> list[Step]:
    return [(name, cloud, seed) for seed in asked.seeds for name in names for cloud in asked.clouds]


def run(
    asked: Ablation,
    data: Path | None,
    out: Path,
    tell: Tell = lambda what, number, total, left: None,
    overwrite: bool = False,
) -> Path:
    """Measure all that ``out`` does not hold yet; returns the CSV of results.

    One process at a time may work in ``out``. Results are written after each scene; a training of
    `TRAINED` that was stopped goes on.

    Args:
        asked: what to compare.
        data: the catalogue, where ground or trainings are of one.
        out: the ablation's folder.
        tell: told when a scene or a training begins.
        overwrite: throw away results that lie there of another ablation.

    Raises:
        OutputError: such results lie there, and ``overwrite`` is false.
        KumosanError: see `pieces`, and the fillers.
    """
    ground = pieces(asked, data)
    todo = _steps(asked, ground)
    _prepare(out, asked, overwrite)
    scores = read_scores(out / RESULTS)
    known = {s.cell for s in scores}
    weights = {}
    if TRAINED in asked.methods:
        weights = _trained(asked, data, out, tell)
    pace = Pace()
    held: tuple[str, Tile] | None = None
    for number, step in enumerate(todo, 1):
        cells = [c for c in _cells(asked, step) if c not in known]
        if not cells:
            continue
        name, cloud, seed = step
        tell(
            f"{cloud} on {name}, seed {seed}", number, len(todo), pace.left(len(todo) - number + 1)
        )
        if held is None or held[0] != name:
            held = name, ground[name]()
        painted = scene(asked, name, held[1], cloud, seed)
        for cell in cells:
            scores += _measured(asked, cell, painted, weights)
        write_scores(out / RESULTS, _in_order(scores, asked))
        pace.done += 1
    return out / RESULTS


def _cells(asked: Ablation, step: Step) -> list[Cell]:
    return [Cell(*step, bands, method) for bands in asked.bands for method in asked.methods]


def _in_order(scores: list[Score], asked: Ablation) -> list[Score]:
    """As the ablation names sets and methods, whatever was measured first; others at the end."""

    def place(value: Any, values: tuple[Any, ...]) -> int:
        return values.index(value) if value in values else len(values)

    return sorted(
        scores,
        key=lambda s: (
            place(s.seed, asked.seeds), s.ground, place(s.cloud, asked.clouds),
            place(s.bands, asked.bands), place(s.method, asked.methods),
        ),
    )  # fmt: skip


def _measured(
    asked: Ablation, cell: Cell, painted: Scene, weights: Mapping[tuple[int, int], Path]
) -> list[Score]:
    """The scores of a cell; none where the ground has too few bands, or the filler needs others."""
    try:
        shown = painted.with_bands(cell.bands)
        method = _method(asked, cell, shown, weights)
        begin = time.perf_counter()
        done = method.fill(shown.cloudy, shown.mask)
    except UnfitError:
        return []
    return judged(cell, shown, done, time.perf_counter() - begin)


def _method(
    asked: Ablation, cell: Cell, shown: Scene, weights: Mapping[tuple[int, int], Path]
) -> Filler:
    more: dict[str, Any] = {}
    if cell.method == TRAINED:
        windows = band_windows(spectrometer(), cell.bands)
        more = {"weights": weights[cell.bands, cell.seed], "windows": windows}
    if cell.method in DATED:
        more = {"references": (shown.other,)}
    return filler(asked, cell.method, cell.seed, **more)


def _trained(
    asked: Ablation, data: Path | None, out: Path, tell: Tell
) -> dict[tuple[int, int], Path]:
    """Weights by number of bands and seed: networks that differ in what they read only.

    All learn blue, green and red, by the same samples in the same order; those that lie there are
    not trained again.
    """
    from ..datasets.fitting import WEIGHTS
    from .training import Run

    if asked.gan is None:  # pragma: no cover - read_ablation refuses it
        raise UnfitError("no training", "a table [gan]", "add it")
    found = {}
    wanted = [(bands, seed) for seed in asked.seeds for bands in asked.bands]
    for number, (bands, seed) in enumerate(wanted, 1):
        folder = out / TRAINED / f"{bands}_bands" / f"s{seed}"
        if not (folder / WEIGHTS).exists():
            tell(f"training on {bands} bands, seed {seed}", number, len(wanted), None)
            windows = band_windows(spectrometer(), bands)
            Run(
                asked.gan, folder, data, seed, windows=windows, n_wanted=len(VISIBLE),
                drawn=spectrometer(),
            ).train()  # fmt: skip
        found[bands, seed] = folder / WEIGHTS
    return found


def _prepare(out: Path, asked: Ablation, overwrite: bool) -> None:
    """Refuse, or with ``overwrite`` remove, results of another ablation."""
    path = out / FACTS
    if path.exists() and json.loads(path.read_text("utf-8")) != asked.facts:
        if not overwrite:
            raise OutputError(
                f"{out} holds another ablation", "one with the same ground, clouds and training",
                "choose another -o, or --overwrite",
            )  # fmt: skip
        (out / RESULTS).unlink(missing_ok=True)
        shutil.rmtree(out / TRAINED, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asked.facts, indent=1) + "\n", "utf-8")
