"""What the cells of an ablation reached: a tidy CSV, a line for each cell and what was hidden."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ..datasets.atomic import atomic_file
from ..datasets.band_order import VISIBLE
from ..datasets.errors import FileError
from ..datasets.tile import FilledTile
from .ablation import Cell
from .ablation_scenes import Scene
from .metrics import CLASSES, mae, rmse, sam_deg

RESULTS = "results.csv"
"""In the folder of an ablation."""
Measure = Literal["rmse", "mae", "sam_deg"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
"""All of blue, green and red; smaller is better."""


@dataclass(frozen=True)
class Score:
    """One cell, judged on the pixels that one class of the mask hid."""

    ground: str
    cloud: str
    seed: int
    bands: int
    method: str
    hidden: str
    """Key of `metrics.CLASSES`."""
    pixels: int
    """Judged; what the filler left as it was counts as it is."""
    filled: float
    """Share of them that the filler filled."""
    rmse: float
    """Of reflectance in blue, green and red; NaN without pixels, as the next two."""
    mae: float
    sam_deg: float
    """Spectral angle of the three."""
    seconds: float
    """Of the whole fill, in all bands of the set."""

    @property
    def cell(self) -> Cell:
        return Cell(self.ground, self.cloud, self.seed, self.bands, self.method)


def judged(cell: Cell, scene: Scene, done: FilledTile, seconds: float) -> list[Score]:
    """The scores of a fill of ``scene``, one for each class."""
    clear = scene.clear
    visible = list(clear.bands.locate(VISIBLE))
    known = clear.valid & done.tile.valid
    scores = []
    for name, codes in CLASSES.items():
        where = known & np.isin(scene.mask.classes, codes)
        pixels = int(where.sum())
        truth, made = (t.data[visible][:, where].astype(np.float64) for t in (clear, done.tile))
        filled = float(done.filled[where].mean()) if pixels else float("nan")
        figures = rmse(truth, made), mae(truth, made), sam_deg(truth, made)
        scores.append(Score(*cell, name, pixels, filled, *figures, seconds))
    return scores


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write the CSV, whole or not at all, in place of an older one."""
    with atomic_file(path, overwrite=True) as part, part.open("w", newline="") as file:
        out = csv.DictWriter(file, [f.name for f in fields(Score)], lineterminator="\n")
        out.writeheader()
        for score in scores:
            line = asdict(score)
            out.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in line.items()})


def read_scores(path: Path) -> list[Score]:
    """The scores in a CSV; none where there is no file.

    Raises:
        FileError: it is not what `write_scores` writes.
    """
    if not path.exists():
        return []
    kinds = {"str": str, "int": int, "float": float}
    try:
        with path.open(newline="") as file:
            return [
                Score(**{f.name: kinds[str(f.type)](line[f.name]) for f in fields(Score)})
                for line in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"{path} cannot be read ({error!r})",
            "results as 'kumosan ablation run' writes them", "remove the file and run again",
        ) from error  # fmt: skip
